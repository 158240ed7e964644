from dataclasses import replace

import numpy as np
import pytest
import torch
from fitting_cases import config_of, objective_of, split_of
from sklearn.base import clone
from sklearn.decomposition import PCA
from training_cases import PLAIN, randomized

from skae._data.dataset import Dataset
from skae._fitting.postprocessing import with_decoder_range, with_whitening
from skae._model.inference import Codec
from skae._training.trainer import Trainer

CPU = torch.device("cpu")


def model_of(table, objective=PLAIN, k=3):
    """Return a model with random weights."""
    config = config_of(objective, n_components=k, hidden_layer_sizes=(8,))
    anchor = split_of(table, config).anchor(k, anchored=objective.anchored)
    return Trainer(randomized(config.network([anchor]))).to_model()


def encode(model, table):
    return Codec(model, np.dtype(np.float64), CPU).encode(table)


def reconstruct(model, table):
    return Codec(model, np.dtype(np.float64), CPU).reconstruct(table)


def subspaces_agree(a, b, atol):
    """Return whether the columns of two tables span the same space."""
    a, b = (np.linalg.qr(table - table.mean(axis=0))[0] for table in (a, b))
    return np.allclose(a @ (a.T @ b), b, atol=atol)


# -- range of the decoder --------------------------------------------------------------


def test_decoder_range_holds_the_codes_of_the_samples(curved):
    table = curved(500)
    model = model_of(table)
    low, high = with_decoder_range(model, Dataset(table), CPU).decoder_range
    z = encode(model, table) / model.anchor.score_std
    pca_low, pca_high = model.anchor.code_range
    np.testing.assert_allclose(low, 1.1 * np.minimum(z.min(axis=0), pca_low), rtol=1e-4)
    np.testing.assert_allclose(
        high, 1.1 * np.maximum(z.max(axis=0), pca_high), rtol=1e-4
    )
    assert not np.allclose(z.min(axis=0), pca_low)  # the network moves codes


def test_decoder_range_does_not_depend_on_the_one_before(curved):
    table = curved(500)
    once = with_decoder_range(model_of(table), Dataset(table), CPU)
    twice = with_decoder_range(once, Dataset(table), CPU)
    np.testing.assert_array_equal(once.decoder_range, twice.decoder_range)


def test_decoder_range_does_not_depend_on_blocks(monkeypatch, curved):
    table = curved(500)
    model = model_of(table)
    expected = with_decoder_range(model, Dataset(table), CPU).decoder_range
    monkeypatch.setattr("skae._data.dataset.BLOCK_ROWS", 64)
    found = with_decoder_range(model, Dataset(table), CPU).decoder_range
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_decoder_range_is_for_anchored_networks_only(curved):
    table = curved(500)
    pca = replace(model_of(table), architecture=None, weights=None)
    plain = model_of(table, objective_of(anchored=False))
    for model in (pca, plain):
        assert with_decoder_range(model, Dataset(table), CPU) is model


# -- whitening -------------------------------------------------------------------------


@pytest.mark.parametrize("anchored", [True, False])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("block_rows", [64, 4096])
def test_whitened_codes_have_unit_covariance(
    monkeypatch, curved, anchored, weighted, block_rows
):
    monkeypatch.setattr("skae._data.dataset.BLOCK_ROWS", block_rows)
    table = curved(500)
    weight = np.arange(500) % 3 if weighted else np.ones(500)
    kept = weight > 0
    data = Dataset(table, np.flatnonzero(kept), weight[kept].astype(float))
    model = model_of(table, objective_of(anchored=anchored))
    codes = encode(with_whitening(model, data, CPU), table)
    counts = weight.astype(int)
    mean = np.average(codes, axis=0, weights=counts)
    np.testing.assert_allclose(mean, 0, atol=1e-9)
    np.testing.assert_allclose(np.cov(codes.T, fweights=counts), np.eye(3), atol=1e-6)


def test_whitening_with_weights_that_are_no_counts_divides_by_their_sum(curved):
    table = curved(500)
    weight = np.random.default_rng(0).uniform(0.1, 2, size=500)
    codes = encode(
        with_whitening(model_of(table), Dataset(table, None, weight), CPU), table
    )
    covariance = np.cov(codes.T, aweights=weight, bias=True)
    np.testing.assert_allclose(covariance, np.eye(3), atol=1e-6)


def test_whitening_changes_neither_reconstruction_nor_span(curved):
    table = curved(500)
    plain = model_of(table)
    white = with_whitening(plain, Dataset(table), CPU)
    np.testing.assert_allclose(
        reconstruct(white, table), reconstruct(plain, table), atol=1e-9
    )
    before, after = encode(plain, table), encode(white, table)
    assert np.triu(white.whitening[1], 1).max() == 0
    for m in (1, 2, 3):
        assert subspaces_agree(before[:, :m], after[:, :m], atol=1e-6)


def test_whitening_keeps_a_constant_code_finite(model):
    X = np.random.default_rng(0).normal(size=(50, 1)) @ np.ones((1, 4))
    codes = model.set_params(whiten=True).fit_transform(X)
    assert codes[:, 0].std(ddof=1) == pytest.approx(1)
    np.testing.assert_allclose(codes[:, 1], 0, atol=1e-6)


# -- estimators ------------------------------------------------------------------------


@pytest.mark.parametrize("anchor", ["pca", None])
@pytest.mark.parametrize("weighted", [False, True])
def test_whitened_codes_of_an_estimator_have_unit_covariance(
    learner, curved, anchor, n_rows, weighted
):
    X = curved(n_rows)
    weight = np.arange(n_rows) % 3 if weighted else np.ones(n_rows, dtype=int)
    learner.set_params(n_components=3, whiten=True, anchor=anchor, max_iter=100)
    codes = learner.fit(X, sample_weight=weight).transform(X)
    mean = np.average(codes, axis=0, weights=weight)
    np.testing.assert_allclose(mean, 0, atol=1e-6)
    covariance = np.cov(codes.T, fweights=weight)
    np.testing.assert_allclose(covariance, np.eye(3), atol=1e-6)


def test_whitening_does_not_change_an_estimator_otherwise(fitted, curved, n_rows):
    X, plain = curved(n_rows), fitted("curved", n_rows, n_components=3)
    white = clone(plain).set_params(whiten=True).fit(X)
    np.testing.assert_allclose(white.reconstruct(X), plain.reconstruct(X), atol=1e-6)
    before, after = plain.transform(X), white.transform(X)
    for m in (1, 2, 3):
        assert subspaces_agree(before[:, :m], after[:, :m], atol=1e-6)


def test_whitened_pca_is_that_of_scikit_learn(model, linear, n_rows):
    X, new = linear(n_rows), linear(40, seed=1)
    model.set_params(whiten=True, learning_rate_init=1e-12).fit(X)
    pca = PCA(2, whiten=True).fit(X)
    assert model.pca_ratio_ == 1.0
    np.testing.assert_allclose(model.transform(new), pca.transform(new), atol=1e-5)
