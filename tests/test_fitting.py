"""The recipe: PCA where nothing better is found, and what is better where it is."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.decomposition import PCA

from skae import AutoencoderTransformer
from skae._pca import decomposition as _anchor
from skae._data.dataset import Dataset
from skae._fitting.config import FitConfig
from skae._fitting.fit import AnchoredFit
from skae._sklearn.constraints import ACTIVATIONS, LOSSES
from skae.metrics import reconstruction_error, reconstruction_r2

# -- the gate --------------------------------------------------------------------------


@pytest.mark.parametrize("n_components", [1, 2, 4, None, 0.9])
def test_linear_tables_get_pca_itself(model, linear, n_rows, n_components):
    X, new = linear(n_rows), linear(200, seed=1)
    model.set_params(n_components=n_components, max_iter=60)
    fits = [clone(model).set_params(random_state=seed).fit(X) for seed in range(6)]
    # A gate of one standard error lets chance pass once in a while, at next to no cost.
    kept = [fit for fit in fits if fit.pca_ratio_ == 1.0]
    assert len(kept) >= 3
    for fit in fits:
        pca = PCA(fit.n_components_).fit(X)
        assert reconstruction_error(fit, new) < 1.03 * reconstruction_error(pca, new)
    for fit in kept:
        pca, codes = PCA(fit.n_components_).fit(X), fit.transform(new)
        np.testing.assert_allclose(codes, pca.transform(new), atol=1e-5)
        np.testing.assert_allclose(
            fit.inverse_transform(codes), pca.inverse_transform(codes), atol=1e-5
        )
        np.testing.assert_allclose(fit.mean_, pca.mean_, atol=1e-12)
        np.testing.assert_allclose(fit.components_, pca.components_, atol=1e-5)


@pytest.mark.parametrize("loss", ["squared_error", "absolute_error", "huber"])
def test_curved_tables_get_something_better(learner, curved, n_rows, loss):
    X, new = curved(n_rows), curved(500, seed=1)
    learner.set_params(loss=loss).fit(X)
    pca = PCA(2).fit(X)
    assert learner.pca_ratio_ < 0.8
    ratio = reconstruction_error(learner, new) / reconstruction_error(pca, new)
    assert ratio < 0.8
    if loss == "squared_error":
        assert ratio == pytest.approx(learner.pca_ratio_, abs=0.2)


def test_scale_and_place_of_the_table_do_not_matter_to_the_gain(learner, curved):
    X = curved(700)
    ratio = learner.fit(X).pca_ratio_
    assert learner.fit(1000 * X + 500).pca_ratio_ == pytest.approx(ratio, abs=0.1)


def test_tables_of_low_rank_need_no_training(model, n_rows):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n_rows, 2)) @ rng.normal(size=(2, 5))
    model.fit(X)
    assert model.pca_ratio_ == 1.0
    assert model.n_iter_ == 1
    np.testing.assert_allclose(model.reconstruct(X), X, atol=1e-9)


def test_large_tables_are_trained_on_a_sampled_anchor(monkeypatch, learner, curved):
    monkeypatch.setattr(_anchor, "EXACT_PRODUCTS", 0)
    monkeypatch.setattr(_anchor, "SAMPLE_ROWS", 200)
    X, new = curved(700), curved(300, seed=1)
    learner.fit(X)
    pca = PCA(2).fit(X)
    assert reconstruction_error(learner, new) < 0.8 * reconstruction_error(pca, new)
    learner.set_params(learning_rate_init=1e-12).fit(X)  # PCA of all rows, in the end
    np.testing.assert_allclose(learner.transform(new), pca.transform(new), atol=1e-5)


def test_a_recipe_needs_no_estimator(curved, n_rows):
    settings = FitConfig(n_components=2, hidden=(8,), n_steps=200)
    outcome = AnchoredFit(Dataset(curved(n_rows)), settings).fit()
    assert outcome.ratio < 1
    assert outcome.model.n_components == 2


# -- the number of codes ---------------------------------------------------------------


def test_none_takes_what_pca_needs_for_95_percent(model, curved, n_rows):
    X = curved(n_rows)
    expected = PCA(0.95, svd_solver="full").fit(X).n_components_
    model.set_params(n_components=None).fit(X)
    assert abs(model.n_components_ - expected) <= 1
    assert model.transform(X).shape[1] == model.n_components_


@pytest.mark.parametrize("share", [0.5, 0.8, 0.9])
def test_a_share_is_reached_on_new_rows(learner, curved, n_rows, share):
    X, new = curved(n_rows, noise=0.1), curved(500, seed=1, noise=0.1)
    learner.set_params(n_components=share).fit(X)
    assert reconstruction_r2(learner, new) >= share - 0.02
    fewest = PCA(share, svd_solver="full").fit(X).n_components_
    assert learner.n_components_ <= fewest + 1


def test_a_share_needs_fewer_codes_than_pca(learner, curved):
    X = curved(700, noise=0.02)
    learner.set_params(n_components=0.9, max_iter=800).fit(X)
    assert learner.n_components_ < PCA(0.9, svd_solver="full").fit(X).n_components_


@pytest.mark.parametrize("params", [{}, {"anchor": None}, {"early_stopping": False}])
def test_a_share_works_in_every_mode(model, curved, n_rows, params):
    X = curved(n_rows)
    model.set_params(n_components=0.8, **params).fit(X)
    assert 1 <= model.n_components_ <= 6
    assert len(model.explained_variance_ratio_) == model.n_components_


# -- what held-out rows say ------------------------------------------------------------


@pytest.mark.parametrize("n_components", [3, 0.9])
@pytest.mark.parametrize("table", ["curved", "linear"])
def test_explained_variance_adds_up_to_r2_on_new_rows(
    learner, request, table, n_components, n_rows
):
    make = request.getfixturevalue(table)
    X, new = make(n_rows), make(1000, seed=5)
    learner.set_params(n_components=n_components).fit(X)
    ratios = learner.explained_variance_ratio_
    assert ratios.shape == (learner.n_components_,)
    assert ratios.sum() == pytest.approx(reconstruction_r2(learner, new), abs=0.05)


def test_explained_variance_of_pca_is_pca_s(model, linear):
    X = linear(5000)
    model.fit(X)
    pca = PCA(2).fit(X)
    np.testing.assert_allclose(
        model.explained_variance_ratio_, pca.explained_variance_ratio_, atol=0.02
    )


def test_curves_start_at_pca_and_end_where_the_ratio_is(learner, curved, n_rows):
    learner.fit(curved(n_rows))
    assert learner.validation_curve_[0] == pytest.approx(1.0)
    assert min(learner.validation_curve_) == pytest.approx(learner.pca_ratio_, abs=0.05)
    assert len(learner.loss_curve_) == len(learner.validation_curve_) - 1
    assert learner.loss_curve_[-1] < learner.loss_curve_[0] < 1.2


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"max_iter": 100},
        {"max_iter": 1000, "n_iter_no_change": 20},
        {"anchor": None},
        {"n_components": 0.8},
    ],
)
@pytest.mark.parametrize("table", ["curved", "linear"])
def test_curves_are_measured_at_known_steps(model, request, table, params, n_rows):
    model.set_params(**params).fit(request.getfixturevalue(table)(n_rows))
    steps = model.curve_steps_
    assert all(type(step) is int for step in steps)
    assert len(steps) == len(model.validation_curve_) == len(model.loss_curve_) + 1
    assert len(steps) > 1
    assert steps[0] == 0
    assert (np.diff(steps) > 0).all()
    assert steps[-1] <= model.n_iter_
    assert steps[-1] <= model.max_iter


@pytest.mark.parametrize("anchor", ["pca", None])
def test_curves_without_held_out_rows_have_steps_too(model, curved, n_rows, anchor):
    model.set_params(early_stopping=False, anchor=anchor, max_iter=50)
    model.fit(curved(n_rows))
    steps = model.curve_steps_
    assert len(steps) == len(model.loss_curve_) + 1
    assert steps[0] == 0
    assert (np.diff(steps) > 0).all()
    assert steps[-1] == model.n_iter_ == 50


def test_the_step_that_is_kept_has_the_lowest_loss(learner, curved, n_rows):
    learner.fit(curved(n_rows))
    assert learner.pca_ratio_ < 1
    best = int(np.argmin(learner.validation_curve_))
    assert learner.best_step_ == learner.curve_steps_[best] > 0


def test_no_step_is_kept_where_pca_is(learner, linear, n_rows):
    assert learner.fit(linear(n_rows)).pca_ratio_ == 1.0
    assert learner.best_step_ == 0


def test_the_last_step_is_kept_without_held_out_rows(model, X_large):
    model.set_params(early_stopping=False).fit(X_large)
    assert model.best_step_ == model.n_iter_ == 20


@pytest.mark.parametrize("early_stopping", [True, False])
def test_curves_are_empty_where_nothing_is_trained(model, n_rows, early_stopping):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n_rows, 2)) @ rng.normal(size=(2, 5))
    model.set_params(early_stopping=early_stopping).fit(X)
    assert model.curve_steps_ == model.loss_curve_ == model.validation_curve_ == []


def test_patience_ends_training(model, linear):
    model.set_params(max_iter=1000, n_iter_no_change=20).fit(linear(700))
    assert model.n_iter_ < 300


def test_iterations_are_those_that_ran(model, X_large, X):
    assert model.fit(X_large).n_iter_ == 20
    assert 20 < model.fit(X).n_iter_ <= 40  # the folds' and the last ones


# -- no anchor, no held-out rows -------------------------------------------------------


def test_without_an_anchor_it_is_an_ordinary_autoencoder(learner, curved, n_rows):
    X, new = curved(n_rows), curved(500, seed=1)
    learner.set_params(anchor=None, max_iter=1000).fit(X)
    assert not learner.components_.any()
    assert reconstruction_r2(learner, new) > 0.5
    assert 0 < learner.pca_ratio_ < 1


@pytest.mark.parametrize("n_components", [6, 10])
def test_without_an_anchor_codes_may_be_wider_than_the_table(
    learner, curved, n_rows, n_components
):
    X = curved(n_rows)
    learner.set_params(anchor=None, n_components=n_components).fit(X)
    assert learner.transform(X).shape == (n_rows, n_components)
    assert reconstruction_r2(learner, X) > 0.5


@pytest.mark.parametrize("anchor", ["pca", None])
def test_without_early_stopping_it_trains_to_the_end(learner, curved, anchor, n_rows):
    X = curved(n_rows)
    learner.set_params(early_stopping=False, anchor=anchor, max_iter=200).fit(X)
    assert learner.n_iter_ == 200
    assert np.isnan(learner.pca_ratio_)
    assert learner.validation_curve_ == []
    assert learner.loss_curve_[-1] < learner.loss_curve_[0]
    if anchor:
        assert reconstruction_error(learner, X) < reconstruction_error(PCA(2).fit(X), X)


def test_without_early_stopping_a_table_of_low_rank_is_still_pca(model):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(50, 2)) @ rng.normal(size=(2, 5))
    model.set_params(early_stopping=False).fit(X)
    np.testing.assert_allclose(model.transform(X), PCA(2).fit_transform(X), atol=1e-5)


# -- losses and activations ------------------------------------------------------------


@pytest.mark.parametrize("activation", sorted(ACTIVATIONS))
def test_every_activation_fits(learner, X_large, activation):
    learner.set_params(activation=activation).fit(X_large)
    assert activation == "identity" or learner.pca_ratio_ < 0.95
    learner.set_params(anchor=None).fit(X_large)
    assert learner.loss_curve_[-1] < 0.9 * learner.loss_curve_[0]
    assert np.isfinite(learner.reconstruct(X_large)).all()


@pytest.mark.parametrize("anchor", ["pca", None])
@pytest.mark.parametrize("loss", sorted(LOSSES))
def test_every_loss_fits(model, curved, loss, anchor, n_rows):
    X = curved(n_rows)
    X = (X - X.min(axis=0)) / np.ptp(X, axis=0)
    model.set_params(loss=loss, anchor=anchor, max_iter=100).fit(X)
    assert model.loss_curve_[-1] < model.loss_curve_[0]
    assert np.isfinite(model.reconstruct(X)).all()


def test_a_robust_loss_cares_less_for_outliers(learner, curved):
    X, new = curved(700), curved(500, seed=1)
    X[::20] += 5 * np.random.default_rng(0).standard_cauchy(size=(35, 6)).clip(-9, 9)
    errors = {}
    for loss in ("squared_error", "absolute_error"):
        learner.set_params(loss=loss, anchor=None, early_stopping=False).fit(X)
        errors[loss] = np.median(-learner.score_samples(new))
    assert errors["absolute_error"] < errors["squared_error"]


def test_probabilities_are_reconstructed_as_probabilities(learner, n_rows):
    rng = np.random.default_rng(0)
    places = rng.random((n_rows, 1)) - np.linspace(0, 1, 8)
    X = np.exp(-20 * places**2) + 0.02 * rng.normal(size=(n_rows, 8))
    X = np.clip(X, 0, 1)
    learner.set_params(loss="binary_cross_entropy").fit(X)
    reconstruction = learner.reconstruct(X)
    assert learner.pca_ratio_ < 0.95
    assert reconstruction.min() >= 0
    assert reconstruction.max() <= 1
    assert reconstruction_r2(learner, X) > reconstruction_r2(PCA(2).fit(X), X)


@pytest.mark.parametrize("seed", range(5))
def test_every_code_of_a_chosen_size_has_its_share(seed):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(30, 12)) * np.linspace(1, 3, 12)
    model = AutoencoderTransformer(max_iter=20, random_state=seed).fit(X)
    assert len(model.explained_variance_ratio_) == model.n_components_
    assert model.n_components_ == PCA(0.95, svd_solver="full").fit(X).n_components_
