"""A warm start goes on with the network of the fit before."""

import numpy as np
import pytest
from sklearn.base import clone

from skae import (
    VAE,
    AutoencoderTransformer,
    ContractiveAutoencoder,
    ConvolutionalAutoencoder,
    SparseAutoencoder,
)

QUICK = {"hidden_layer_sizes": (8,), "max_iter": 60, "random_state": 0}


def test_warm_start_continues_training(learner, curved, n_samples):
    X = curved(n_samples)
    learner.set_params(warm_start=True, max_iter=100).fit(X)
    first = learner.score(X)
    codes = learner.transform(X)
    learner.set_params(learning_rate_init=1e-12).fit(X)
    np.testing.assert_allclose(learner.transform(X), codes, atol=1e-5)
    learner.set_params(learning_rate_init="auto", max_iter=400).fit(X)
    assert learner.score(X) > first


@pytest.mark.parametrize("params", [{"anchor": None}, {"early_stopping": False}])
def test_warm_start_continues_in_every_mode(learner, X_large, params):
    learner.set_params(warm_start=True, max_iter=100, **params).fit(X_large)
    first = learner.score(X_large)
    learner.set_params(max_iter=400).fit(X_large)
    assert learner.score(X_large) > first


def test_warm_start_from_pca_starts_anew(learner, linear, curved):
    learner.set_params(warm_start=True, max_iter=200).fit(linear(700))
    assert learner.pca_ratio_ == 1.0
    assert learner.fit(curved(700)).pca_ratio_ < 1


def test_warm_start_may_find_nothing_better(learner, X_large):
    learner.set_params(warm_start=True).fit(X_large)
    codes, ratios = learner.transform(X_large), learner.explained_variance_ratio_
    ratio = learner.pca_ratio_
    learner.set_params(max_iter=1, learning_rate_init=1e-12).fit(X_large)
    np.testing.assert_allclose(learner.transform(X_large), codes, atol=1e-5)
    np.testing.assert_allclose(learner.explained_variance_ratio_, ratios, atol=0.02)
    assert learner.pca_ratio_ == pytest.approx(ratio, abs=0.01)
    assert learner.best_step_ == 0


# -- what may not change ---------------------------------------------------------------

CHANGES = [
    (AutoencoderTransformer(2, **QUICK), {"n_components": 3}),
    (AutoencoderTransformer(2, **QUICK), {"hidden_layer_sizes": (9,)}),
    (AutoencoderTransformer(2, **QUICK), {"activation": "relu"}),
    (AutoencoderTransformer(2, **QUICK), {"anchor": None}),
    (AutoencoderTransformer(2, **QUICK), {"loss": "huber"}),
    (ContractiveAutoencoder(2, **QUICK), {"contraction": 0.2}),
    (SparseAutoencoder(2, **QUICK), {"sparsity": 0.2}),
    (SparseAutoencoder(2, **QUICK), {"penalty": "topk"}),
    (SparseAutoencoder(2, **QUICK), {"sparsity_weight": 1.0}),
    (VAE(2, anchor=None, **QUICK), {"beta": 0.5}),
    (VAE(2, anchor=None, **QUICK), {"likelihood": "bernoulli"}),
    (
        ConvolutionalAutoencoder(
            (2, 3), channels=(4,), n_components=2, anchor=None, max_iter=20
        ),
        {"channels": (5,)},
    ),
]


@pytest.fixture(scope="module")
def unit(curved):
    """Features in [0, 1], which some likelihoods need."""
    X = curved(300)
    return (X - X.min(axis=0)) / np.ptp(X, axis=0)


@pytest.mark.parametrize(("model", "change"), CHANGES, ids=str)
def test_warm_start_needs_the_same_objective_and_network(unit, model, change):
    model = clone(model).set_params(warm_start=True, early_stopping=False).fit(unit)
    codes = model.transform(unit)
    model.set_params(**change)
    with pytest.raises(ValueError, match=r"warm_start=True goes on .* Set warm_start="):
        model.fit(unit)
    np.testing.assert_array_equal(model.transform(unit), codes)
    model.set_params(warm_start=False).fit(unit)


def test_warm_start_needs_the_same_features(unit):
    model = AutoencoderTransformer(2, warm_start=True, early_stopping=False, **QUICK)
    model.fit(unit)
    with pytest.raises(ValueError, match="warm_start=True goes on"):
        model.fit(unit[:, :5])
    assert model.transform(unit).shape == (300, 2)


def test_warm_start_may_change_the_optimizer(unit):
    model = ContractiveAutoencoder(
        2, contraction=0.1, warm_start=True, early_stopping=False, **QUICK
    ).fit(unit)
    first = model.score(unit)
    model.set_params(alpha=0.1, batch_size=32, max_iter=200).fit(unit)
    assert model.score(unit) > first


# -- other units -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "columns"),
    [
        (lambda X: X * 2, "columns 0, 1, 2, 3, 4 and 1 more"),
        (lambda X: X * np.array([1, 1, 4, 1, 1, 0.25]), "columns 2, 5"),
        (lambda X: X + np.array([0, 9, 0, 0, 0, 0]), "column 1"),
    ],
)
def test_warm_start_in_other_units_is_said(learner, curved, change, columns):
    learner.set_params(warm_start=True, max_iter=60).fit(curved(700))
    with pytest.warns(UserWarning, match=f"others now in {columns};"):
        learner.fit(change(curved(700)))


@pytest.mark.parametrize("n_rows", [40, 700])
def test_warm_start_with_new_samples_of_the_same_kind_is_silent(
    learner, curved, n_rows
):
    learner.set_params(warm_start=True, max_iter=60).fit(curved(700))
    learner.fit(curved(n_rows, seed=1))
    learner.fit(curved(700)[:n_rows])


def test_warm_start_on_heavy_tails_is_silent():
    rng = np.random.default_rng(0)
    model = AutoencoderTransformer(2, warm_start=True, **QUICK)
    for _ in range(5):
        model.fit(rng.standard_t(3, size=(400, 8)))


def test_warm_start_on_rare_values_is_silent():
    rng = np.random.default_rng(0)
    model = AutoencoderTransformer(2, warm_start=True, **QUICK)
    table = rng.normal(size=(600, 4))
    table[:, 2:] = rng.random((600, 2)) < 0.01
    model.fit(table[:300]).fit(table[300:])
    table[:, 2:] = 0
    model.fit(table)


def test_warm_start_far_from_a_heavy_tailed_range_is_said(learner, curved):
    table = curved(700)
    table[:, 3] = 0.02 * np.random.default_rng(0).standard_t(2, size=700)
    learner.set_params(warm_start=True, max_iter=200).fit(table)
    assert learner.pca_ratio_ < 1
    table[:, 3] += 1e6
    with pytest.warns(UserWarning, match="others now in column 3;"):
        learner.fit(table)
