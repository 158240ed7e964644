"""How many latent codes explain a share of the variance."""

from types import SimpleNamespace

import numpy as np
import pytest
from fitting_cases import config_of, objective_of, split_of
from hypothesis import given
from hypothesis import strategies as st
from sklearn.decomposition import PCA

from skae import AutoencoderTransformer
from skae._autoencoders.configuration import fit_parameters
from skae._data.dataset import Dataset
from skae._fitting import n_components
from skae._fitting.n_components import (
    explained_variance_curve,
    n_components_for_share,
    n_components_to_train,
    smallest_satisfying,
    split_errors,
)
from skae._nn.latents import PlainLatent
from skae._pca.explained_variance import SquaredErrors
from skae._training.evaluation import ValidationBatches
from skae.metrics import reconstruction_r2

ORDERED = objective_of(latent=PlainLatent.ordered())


def validation_of(split, config, k):
    """Return validation batches of an untrained network, which is PCA."""
    network = config.network([split.anchor(k)])
    return ValidationBatches.from_parts(network, [split.validation])


def pca_curve(train, samples, weight, k):
    """Return the share of the variance that the first m components explain."""
    pca = PCA(k).fit(train)
    total = weight @ ((samples - pca.mean_) ** 2).sum(axis=1)
    scores = pca.transform(samples)
    return np.cumsum(weight @ scores**2) / total


# -- bisection -------------------------------------------------------------------------


@given(st.integers(1, 40), st.integers(1, 50))
def test_smallest_satisfying_is_found_by_bisection(k, needed):
    asked = []

    def holds(m):
        asked.append(m)
        return m >= needed

    assert smallest_satisfying(holds, k) == min(needed, k)
    assert len(asked) <= np.ceil(np.log2(k))


# -- shares of new samples -------------------------------------------------------------


@pytest.mark.parametrize("k", [1, 4, 12])
def test_explained_variance_curve_is_that_of_each_number_of_codes(k):
    rng = np.random.default_rng(0)
    table = rng.normal(size=(400, 12)) @ rng.normal(size=(12, 12))
    config = config_of(n_features=12)
    split = split_of(table, config, 300)
    validation = validation_of(split, config, k)
    expected = pca_curve(table[:300], table[300:], split.validation.weight, k)
    found = explained_variance_curve(validation, k)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_explained_variance_curve_of_many_codes_is_interpolated():
    rng = np.random.default_rng(0)
    table = rng.normal(size=(400, 60)) @ rng.normal(size=(60, 60))
    config = config_of(n_features=60)
    split = split_of(table, config, 300)
    validation = validation_of(split, config, 50)
    n_measured = []
    measure = validation.first().squared_errors
    validation.first = lambda: SimpleNamespace(
        total_squares=validation.total_squares,
        squared_errors=lambda m: n_measured.append(m) or measure(m),
    )
    found = explained_variance_curve(validation, 50)
    assert len(found) == 50
    assert 15 < len(n_measured) < 35
    expected = pca_curve(table[:300], table[300:], split.validation.weight, 50)
    np.testing.assert_allclose(found, expected, atol=0.02)
    at = np.array(n_measured) - 1
    np.testing.assert_allclose(found[at], expected[at], atol=1e-5)


def test_split_errors_are_those_of_all_validation_samples(curved):
    table, config = curved(300), config_of()
    splits = [split_of(table, config, n) for n in (200, 250)]
    total, errors = split_errors(splits, 3)
    assert errors.shape == (3, 150)
    np.testing.assert_array_equal(
        total.weight, np.r_[np.arange(1.0, 101), np.arange(1.0, 51)]
    )
    for split, at in zip(splits, (slice(0, 100), slice(100, 150)), strict=True):
        pca = PCA(2).fit(split.train.to_array())
        samples = split.validation.to_array()
        residual = samples - pca.inverse_transform(pca.transform(samples))
        np.testing.assert_allclose(errors[1, at], (residual**2).sum(axis=1))
        np.testing.assert_allclose(
            total.base[at], ((samples - pca.mean_) ** 2).sum(axis=1)
        )


# -- codes to train --------------------------------------------------------------------


@pytest.mark.parametrize("given", [1, 5])
def test_n_components_to_train_is_what_is_given(curved, given):
    config = config_of(n_components=given)
    assert n_components_to_train([split_of(curved(200), config)], config) == given


def test_n_components_to_train_is_what_pca_needs_for_95_percent(curved):
    config, table = config_of(n_components=None), curved(280)
    expected = PCA(0.95, svd_solver="full").fit(table[:200]).n_components_
    assert n_components_to_train([split_of(table, config)], config) == expected


@pytest.mark.parametrize("share", [0.5, 0.8, 0.99])
def test_n_components_to_train_explain_the_share_of_all_samples(curved, share):
    config, table = config_of(ORDERED, n_components=share), curved(300, noise=0.1)
    splits = [split_of(table, config, n) for n in (200, 250)]
    k = n_components_to_train(splits, config)
    for split in splits:
        train = split.train.to_array()
        assert k >= PCA(share, svd_solver="full").fit(train).n_components_
    total, errors = split_errors(splits, 6)
    assert total.explains(errors[k - 1], share) or k == 6


def test_n_components_to_train_are_no_more_than_there_are():
    table = np.random.default_rng(0).normal(size=(9, 30))
    config = config_of(ORDERED, n_components=0.99, n_features=30)
    assert n_components_to_train([split_of(table, config, 6)], config) <= 6


@pytest.mark.parametrize(
    ("given", "latent"),
    [(0.9, PlainLatent.ordered()), (3, PlainLatent()), (None, PlainLatent())],
    ids=str,
)
def test_codes_are_ordered_where_their_number_is_to_be_found(curved, given, latent):
    assert PlainLatent.ordered().nested > 0
    model = AutoencoderTransformer(given)
    objective = fit_parameters(model, Dataset(curved(50))).objective
    assert objective.latent == latent


# -- codes to keep ---------------------------------------------------------------------


@pytest.mark.parametrize("share", [0.3, 0.7, 0.9])
def test_n_components_for_share_is_the_fewest_that_explain_it(linear, share):
    config = config_of(ORDERED, n_components=share)
    split = split_of(linear(700), config)
    validation = validation_of(split, config, 6)
    k = n_components_for_share(validation, [split], config, 6)
    total, errors = split_errors([split], 6)
    explains = [total.explains(error, share) for error in errors]
    assert k >= explains.index(True) + 1  # the training samples must agree
    assert k <= explains.index(True) + 2


def test_n_components_for_share_is_what_was_trained_if_none_explains_it(linear):
    config = config_of(ORDERED, n_components=0.999)
    split = split_of(linear(700), config)
    validation = validation_of(split, config, 3)
    assert n_components_for_share(validation, [split], config, 3) == 3


@pytest.mark.parametrize("far_error", [0.0, 100.0])
def test_n_components_for_share_gives_no_credit_far_from_the_mean(
    monkeypatch, linear, far_error
):
    """The errors of PCA, not of the network, count in the farthest hundredth."""
    ones, far = np.ones(1000), np.arange(1000) >= 990
    measured = SimpleNamespace(
        total_squares=lambda: SquaredErrors(ones, ones),
        squared_norms=lambda: np.arange(1000.0),
        squared_errors=lambda m, correction=True: np.where(
            far & (not correction), far_error, 0.01 * ones
        ),
    )
    monkeypatch.setattr(
        n_components,
        "ValidationBatches",
        SimpleNamespace(from_parts=lambda network, parts: measured),
    )
    config = config_of(ORDERED, n_components=0.9)
    split = split_of(linear(200), config)
    validation = SimpleNamespace(**vars(measured), network=None)
    k = n_components_for_share(validation, [split], config, 8)
    assert k == (8 if far_error else 1)


# -- estimators ------------------------------------------------------------------------


def test_none_takes_what_pca_needs_for_95_percent(model, curved, n_rows):
    X = curved(n_rows)
    expected = PCA(0.95, svd_solver="full").fit(X).n_components_
    model.set_params(n_components=None).fit(X)
    assert abs(model.n_components_ - expected) <= 1
    assert model.transform(X).shape[1] == model.n_components_


@pytest.mark.parametrize("share", [0.5, 0.8, 0.9])
def test_share_is_explained_of_new_samples(fitted, curved, n_rows, share):
    model = fitted("noisy", n_rows, n_components=share)
    assert reconstruction_r2(model, curved(500, seed=1, noise=0.1)) >= share - 0.02
    X = curved(n_rows, noise=0.1)
    fewest = PCA(share, svd_solver="full").fit(X).n_components_
    assert model.n_components_ <= fewest + 1


def test_share_needs_fewer_codes_than_pca(learner, curved):
    X = curved(700, noise=0.02)
    learner.set_params(n_components=0.9, max_iter=800).fit(X)
    assert learner.n_components_ < PCA(0.9, svd_solver="full").fit(X).n_components_


@pytest.mark.parametrize("params", [{}, {"anchor": None}, {"early_stopping": False}])
def test_share_works_in_every_mode(model, curved, n_rows, params):
    X = curved(n_rows)
    model.set_params(n_components=0.8, **params).fit(X)
    assert 1 <= model.n_components_ <= 6
    assert len(model.explained_variance_ratio_) == model.n_components_


@pytest.mark.parametrize("seed", range(5))
def test_every_code_of_a_chosen_number_has_its_share(seed):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(30, 12)) * np.linspace(1, 3, 12)
    model = AutoencoderTransformer(max_iter=20, random_state=seed).fit(X)
    assert len(model.explained_variance_ratio_) == model.n_components_
    assert model.n_components_ == PCA(0.95, svd_solver="full").fit(X).n_components_
