import numpy as np
import pytest
from fitting_cases import config_of, normal, objective_of, split_of
from sklearn.decomposition import PCA
from training_cases import PLAIN

from skae import noise
from skae._data.corruption import Binarization
from skae._data.dataset import Dataset
from skae._data.source import PairSource
from skae._fitting.split import TrainingSplit
from skae._nn.latents import SparseLatent
from skae._pca import decomposition

N = 300


@pytest.fixture(scope="module")
def table(curved):
    return curved(400)


def anchors_of(table, *corruptions, **options):
    """Return an anchor of the first samples for each corruption of the inputs."""
    return [
        split_of(table, config_of(corruption=c, **options), N).anchor(2)
        for c in corruptions
    ]


@pytest.mark.parametrize("n_components", [2, 0.9, None])
def test_split_has_pca_of_its_training_samples(table, n_components):
    split = split_of(table, config_of(n_components=n_components), N)
    pca = PCA().fit(table[:N])
    assert (len(split.train), len(split.validation)) == (N, 100)
    np.testing.assert_allclose(split.eigen.components, pca.components_)
    anchor = split.anchor(2)
    np.testing.assert_allclose(anchor.mean, pca.mean_)
    np.testing.assert_allclose(anchor.components, pca.components_[:2])
    unexplained = pca.explained_variance_[2:].sum() * (N - 1) / N
    assert anchor.residual_variance == pytest.approx(unexplained)


def test_split_weighs_its_training_samples(table):
    weight = np.arange(N) % 3 + 1
    weighted = Dataset(table[:N], None, weight.astype(float))
    repeated = Dataset(table[:N].repeat(weight, axis=0))
    one, other = (
        TrainingSplit(data, data, config_of()).anchor(2)
        for data in (weighted, repeated)
    )
    np.testing.assert_allclose(one.mean, other.mean)
    np.testing.assert_allclose(one.components, other.components)
    np.testing.assert_allclose(one.residual_scale, other.residual_scale)


def test_split_has_zero_components_without_an_anchor(table):
    anchor = split_of(table, config_of(), N).anchor(2, anchored=False)
    assert not anchor.components.any()
    np.testing.assert_allclose(anchor.residual_scale, table[:N].std(axis=0))


def test_split_samples_large_data(monkeypatch, table):
    monkeypatch.setattr(decomposition, "EXACT_PRODUCTS", 0)
    monkeypatch.setattr(decomposition, "SAMPLE_ROWS", 200)
    split = split_of(table, config_of(), N)
    sample = split._sample.to_array()
    assert len(sample) == 200
    np.testing.assert_allclose(split.anchor(2).mean, sample.mean(axis=0))
    np.testing.assert_allclose(
        np.abs(split.anchor(2).components @ PCA(2).fit(sample).components_.T),
        np.eye(2),
        atol=1e-4,
    )


# -- noise that is to be removed -------------------------------------------------------


def test_noise_widens_the_scale_of_the_inputs(table):
    clean, noisy = anchors_of(table, None, noise.Gaussian(0.5))
    np.testing.assert_array_equal(noisy.mean, clean.mean)
    np.testing.assert_array_equal(noisy.components, clean.components)
    np.testing.assert_array_equal(noisy.column_range, clean.column_range)
    expected = np.sqrt(table[:N].var(axis=0) + 0.25)
    np.testing.assert_allclose(noisy.scale, expected, rtol=0.1)
    assert (np.ptp(noisy.input_range * noisy.scale, axis=0) > 1.2).all()


def test_noise_is_in_the_residual_of_the_anchor(table):
    clean, noisy = anchors_of(table, None, noise.Gaussian(0.5))
    # PCA of noisy samples adds the noise that is in the plane of the components.
    expected = clean.residual_variance + 2 * 0.25
    assert noisy.residual_variance == pytest.approx(expected, rel=0.1)
    assert noisy.residual_scale.sum() > clean.residual_scale.sum()


def test_noise_makes_an_exact_anchor_inexact():
    rng = np.random.default_rng(0)
    table = rng.normal(size=(400, 2)) @ rng.normal(size=(2, 6))
    clean, noisy = anchors_of(table, None, noise.Gaussian(0.5))
    assert clean.is_exact
    assert not noisy.is_exact


def test_pairs_have_the_noise_of_their_inputs(table):
    added = 1 + np.random.default_rng(1).normal(size=table.shape)
    pairs = Dataset(PairSource(table, table + added))
    config = config_of(corruption=noise.Masking(0.5))
    found = TrainingSplit(pairs, pairs, config).anchor(2)
    clean = TrainingSplit(Dataset(table), Dataset(table), config_of()).anchor(2)
    np.testing.assert_array_equal(found.mean, clean.mean)
    np.testing.assert_array_equal(found.components, clean.components)
    np.testing.assert_array_equal(found.code_range, clean.code_range)
    noisy = table + added
    np.testing.assert_allclose(found.scale, noisy.std(axis=0))
    limits = (np.stack([noisy.min(0), noisy.max(0)]) - clean.mean) / found.scale
    np.testing.assert_allclose(found.input_range, limits)
    plane = clean.components.T @ clean.components
    residual = table - clean.mean - (noisy - clean.mean) @ plane
    expected = np.square(residual).mean(axis=0).sum()
    assert found.residual_variance == pytest.approx(expected)


def test_noise_is_drawn_once(table):
    split = split_of(table, config_of(corruption=noise.Gaussian(0.5)), N)
    first, second = split.anchor(2), split.anchor(2)
    np.testing.assert_array_equal(first.scale, second.scale)
    np.testing.assert_array_equal(first.residual_scale, second.residual_scale)


def test_noise_that_is_modelled_leaves_the_anchor_as_it_is(table):
    low, high = table.min(axis=0), table.max(axis=0)
    clean, binary = anchors_of((table - low) / (high - low), None, Binarization())
    np.testing.assert_array_equal(binary.scale, clean.scale)
    np.testing.assert_array_equal(binary.residual_scale, clean.residual_scale)


# -- probabilistic anchors -------------------------------------------------------------


@pytest.mark.parametrize("anchored", [True, False])
def test_anchor_of_codes_with_a_prior_is_probabilistic(table, anchored):
    config = config_of(normal(anchored=anchored))
    anchor = split_of(table, config, N).anchor(2, anchored=anchored)
    pca = PCA(2).fit(table[:N])
    assert anchor.noise_variance == pytest.approx(pca.noise_variance_, rel=0.01)
    shrinkage = 1 - pca.noise_variance_ / pca.explained_variance_
    np.testing.assert_allclose(anchor.shrinkage, shrinkage if anchored else np.ones(2))


@pytest.mark.parametrize(
    "objective", [PLAIN, objective_of(latent=SparseLatent())], ids=["plain", "sparse"]
)
def test_anchor_of_other_codes_is_not_probabilistic(table, objective):
    anchor = split_of(table, config_of(objective), N).anchor(2)
    assert anchor.noise_variance == 0
    np.testing.assert_array_equal(anchor.shrinkage, np.ones(2))
