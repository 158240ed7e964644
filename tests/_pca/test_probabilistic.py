import numpy as np
import pytest
from pca_cases import anchor_of, as_dataset, eigen_of, graded
from sklearn.decomposition import PCA

from skae._pca.probabilistic import (
    FALLBACK_WEIGHT,
    mixture_log_density,
    posterior_log_variance,
    to_probabilistic,
    with_noise_variance,
)

TABLES = {
    "tall": graded(60, 6),
    "wide": graded(8, 20),
    "large": 1e6 + 1e3 * graded(60, 6),
    "small": 1e-6 * graded(60, 6),
}


def probabilistic_of(table, k, weight=None):
    data = as_dataset(table, weight)
    return to_probabilistic(anchor_of(data, k), data)


@pytest.mark.parametrize("k", [1, 3])
@pytest.mark.parametrize("name", TABLES)
def test_noise_and_signal_are_scikit_learn_s(name, k):
    table = TABLES[name]
    anchor, pca = probabilistic_of(table, k), PCA(k, svd_solver="full").fit(table)
    noise, variances = pca.noise_variance_, pca.explained_variance_
    assert anchor.noise_variance == pytest.approx(noise)
    signal = variances - noise
    np.testing.assert_allclose(anchor.score_std, np.sqrt(signal))
    np.testing.assert_allclose(anchor.shrinkage, signal / variances)
    np.testing.assert_allclose(
        posterior_log_variance(anchor), np.log(noise / variances), atol=1e-6
    )
    covariance = anchor.components.T * anchor.score_std**2 @ anchor.components
    covariance += anchor.noise_variance * np.eye(table.shape[1])
    np.testing.assert_allclose(
        covariance, pca.get_covariance(), rtol=1e-6, atol=1e-7 * variances.max()
    )


def test_weights_that_are_counts_are_copies():
    table = graded(20, 5)
    weight = np.arange(20) % 3 + 1
    one = probabilistic_of(table, 2, weight.astype(float))
    many = probabilistic_of(table.repeat(weight, axis=0), 2)
    assert one.noise_variance == pytest.approx(many.noise_variance)
    np.testing.assert_allclose(one.score_std, many.score_std)


def test_code_range_holds_the_prior_and_the_training_codes():
    table = graded(60, 6)
    table[0] += 100 * (table[0] - table.mean(0))
    anchor = probabilistic_of(table, 2)
    scores = (table - table.mean(0)) @ anchor.components.T
    codes = anchor.shrinkage * scores / anchor.score_std
    low, high = anchor.code_range
    assert (low <= -4).all()
    assert (high >= 4).all()
    assert (low <= codes.min(0) + 1e-9).all()
    assert (high >= codes.max(0) - 1e-9).all()
    assert np.abs(anchor.code_range).max() > 4


@pytest.mark.parametrize("k", [2, 4])
def test_noise_of_a_table_that_pca_explains_is_positive(k):
    rng = np.random.default_rng(0)
    table = rng.normal(size=(50, 2)) @ rng.normal(size=(2, 4))
    anchor = probabilistic_of(table, k)
    assert 0 < anchor.noise_variance < 1e-6 * table.var(0).sum()
    assert (anchor.score_std > 0).all()
    assert np.isfinite(posterior_log_variance(anchor)).all()


def test_noise_of_a_constant_table_is_one():
    assert probabilistic_of(np.ones((9, 3)), 1).noise_variance == 1


@pytest.mark.parametrize("anchored", [True, False])
def test_noise_to_start_from_is_pca_s(anchored):
    table = graded(60, 6)
    data, eigen = as_dataset(table), eigen_of(table)
    anchor = anchor_of(data, 2, anchored=anchored)
    found = with_noise_variance(anchor, data, eigen, anchored=anchored)
    pca = PCA(2).fit(table)
    assert found.noise_variance == pytest.approx(pca.noise_variance_, rel=0.02)
    assert (found.shrinkage < 1).all() == anchored


def test_noise_to_start_from_is_not_too_small_without_an_anchor():
    rng = np.random.default_rng(0)
    table = rng.normal(size=(50, 1)) @ rng.normal(size=(1, 4))
    for X, expected in ((table, 1e-2 * table.var(0).sum() / 4), (0 * table, 1.0)):
        data, eigen = as_dataset(X), eigen_of(X)
        anchor = anchor_of(data, 1, anchored=False)
        found = with_noise_variance(anchor, data, eigen, anchored=False)
        assert found.noise_variance == pytest.approx(expected)


def test_mixture_is_that_of_the_densities():
    losses, pca = np.random.default_rng(0).normal(size=(2, 50))
    density = (1 - FALLBACK_WEIGHT) * np.exp(-losses) + FALLBACK_WEIGHT * np.exp(-pca)
    np.testing.assert_allclose(mixture_log_density(losses, pca), -np.log(density))


def test_mixture_costs_little_where_pca_fails_and_pca_little_where_the_network_does():
    found = mixture_log_density(np.array([1.0, 1e9]), np.array([1e9, 1.0]))
    np.testing.assert_allclose(found, [1 - np.log(0.99), 1 - np.log(0.01)])
