"""A fit: hold-out, folds or all samples, and what it measures."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.decomposition import PCA
from training_cases import PLAIN

from skae._data.dataset import Dataset
from skae._fitting.config import SMALL, FitParameters
from skae._fitting.fit import AnchoredFit
from skae._fitting.hold_out import N_FOLDS
from skae._pca import decomposition
from skae._sklearn.constraints import ACTIVATIONS, LOSSES
from skae.metrics import reconstruction_error, reconstruction_r2

NOT_ANCHORED = {"objective": replace(PLAIN, anchored=False)}


def fit_of(table, weight=None, **parameters):
    parameters = {
        "objective": PLAIN,
        "n_components": 2,
        "hidden_layer_sizes": (8,),
        "n_steps": 64,
        **parameters,
    }
    return AnchoredFit(Dataset(table, None, weight), FitParameters(**parameters))


class Reports:
    """Notes each report; ``stop(phase, step)`` may end a phase."""

    def __init__(self, stop=lambda phase, step: False):
        self.stop, self.calls = stop, []

    def __call__(self, phase, step, training, validation, make_model):
        self.calls.append((phase, step, training, validation))
        self.model = make_model()
        return self.stop(phase, step)

    @property
    def phases(self):
        return list(dict.fromkeys(phase for phase, *_ in self.calls))


# -- which samples are held out --------------------------------------------------------


def test_fit_needs_no_estimator(curved, n_rows):
    result = fit_of(curved(n_rows), n_steps=200).run()
    assert result.ratio < 1
    assert result.model.n_components == 2


@pytest.mark.parametrize(
    ("n_samples", "parameters", "phases"),
    [
        (SMALL, {}, ["train"]),
        (SMALL - 1, {}, ["cross-validate", "train"]),
        (2 * N_FOLDS, NOT_ANCHORED, ["cross-validate", "train"]),
        (2 * N_FOLDS - 1, {}, []),
        (2 * N_FOLDS - 1, NOT_ANCHORED, ["train"]),
        (SMALL, {"early_stopping": False}, ["train"]),
        (50, {"early_stopping": False}, ["train"]),
    ],
    ids=["held out", "folded", "fewest folded", "too few", "too few, not anchored",
         "all", "few, all"],
)  # fmt: skip
def test_fit_chooses_what_to_hold_out(curved, n_samples, parameters, phases):
    fit, reports = fit_of(curved(n_samples), **parameters), Reports()
    result = fit.run(reports)
    assert reports.phases == phases
    assert len(reports.calls) <= fit.n_reports
    has_validation = "cross-validate" in phases or (
        n_samples == SMALL and ("early_stopping" not in parameters)
    )
    assert bool(result.validation) == has_validation
    if not phases:
        assert result.model.weights is None
        assert result.ratio == 1.0


def test_fit_counts_distinct_samples(curved):
    """Copies of few samples are folded, as those samples with weights are."""
    table = curved(100)
    reports = Reports()
    copied = fit_of(np.repeat(table, 7, axis=0)).run(reports)
    weighted = fit_of(table, np.full(100, 7.0)).run()
    assert reports.phases == ["cross-validate", "train"]
    assert copied.validation == weighted.validation
    for name, array in weighted.model.weights.items():
        np.testing.assert_array_equal(copied.model.weights[name], array)


def test_folds_choose_the_number_of_steps(curved):
    reports = Reports()
    result = fit_of(curved(200), n_steps=200).run(reports)
    steps = {
        phase: [step for p, step, *_ in reports.calls if p == phase]
        for phase in reports.phases
    }
    assert steps["train"][-1] == result.best_step
    assert result.n_iter == steps["cross-validate"][-1] + result.best_step
    losses = {step: loss for p, step, _, loss in reports.calls if p[0] == "c"}
    assert losses[result.best_step] == min(losses.values())


def test_folds_that_are_interrupted_leave_the_network_of_the_first(curved):
    def interrupt(phase, step):
        if step >= 100:
            raise KeyboardInterrupt
        return False

    reports = Reports(interrupt)
    result = fit_of(curved(200), n_steps=400, learning_rate=0.02).run(reports)
    assert result.interrupted
    assert reports.phases == ["cross-validate"]
    assert result.model.weights is not None
    assert result.ratio < 1


def test_folds_have_a_fixed_number_of_codes(curved):
    table = curved(100)
    result = fit_of(table, n_components=None).run()
    expected = PCA(0.95, svd_solver="full").fit(table).n_components_
    assert result.model.n_components == expected


def test_fit_of_all_samples_is_ended_by_a_report(curved):
    fit = fit_of(curved(700), early_stopping=False, n_steps=400)
    assert fit.run(Reports(lambda phase, step: step >= 32)).n_iter == 32


def test_fit_reports_the_model_so_far(curved):
    reports = Reports()
    result = fit_of(curved(700)).run(reports)
    assert reports.model.anchor.n_components == 2
    assert reports.model.weights.keys() == result.model.weights.keys()
    _, steps, training, validation = zip(*reports.calls, strict=True)
    assert [0, *steps] == result.steps
    assert [*training] == result.training
    assert [*validation] == result.validation[1:]


def test_large_tables_are_trained_on_a_sampled_anchor(monkeypatch, learner, curved):
    monkeypatch.setattr(decomposition, "EXACT_PRODUCTS", 0)
    monkeypatch.setattr(decomposition, "SAMPLE_ROWS", 200)
    X, new = curved(700), curved(300, seed=1)
    learner.fit(X)
    pca = PCA(2).fit(X)
    assert reconstruction_error(learner, new) < 0.8 * reconstruction_error(pca, new)
    # PCA is that of all samples, in the end.
    learner.set_params(learning_rate_init=1e-12, max_iter=20).fit(X)
    np.testing.assert_allclose(learner.transform(new), pca.transform(new), atol=1e-5)


# -- explained variance ----------------------------------------------------------------


@pytest.mark.parametrize("n_components", [3, 0.9])
@pytest.mark.parametrize("table", ["curved", "linear"])
def test_explained_variance_adds_up_to_r2_on_new_samples(
    fitted, request, table, n_components, n_rows
):
    new = request.getfixturevalue(table)(1000, seed=5)
    model = fitted(table, n_rows, n_components=n_components)
    ratios = model.explained_variance_ratio_
    assert ratios.shape == (model.n_components_,)
    assert ratios.sum() == pytest.approx(reconstruction_r2(model, new), abs=0.05)


def test_explained_variance_of_pca_is_that_of_scikit_learn(model, linear):
    X = linear(5000)
    model.fit(X)
    pca = PCA(2).fit(X)
    np.testing.assert_allclose(
        model.explained_variance_ratio_, pca.explained_variance_ratio_, atol=0.02
    )


# -- curves ----------------------------------------------------------------------------


def test_curves_start_at_pca_and_end_where_the_ratio_is(fitted, n_rows):
    model = fitted("curved", n_rows)
    assert model.validation_curve_[0] == pytest.approx(1.0)
    assert min(model.validation_curve_) == pytest.approx(model.pca_ratio_, abs=0.05)
    assert len(model.loss_curve_) == len(model.validation_curve_) - 1
    assert model.loss_curve_[-1] < model.loss_curve_[0] < 1.2


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"max_iter": 100},
        {"max_iter": 200, "n_iter_no_change": 20},
        {"anchor": None},
        {"n_components": 0.8},
    ],
    ids=str,
)
@pytest.mark.parametrize("table", ["curved", "linear"])
def test_curves_have_the_steps_of_their_measurements(
    model, request, table, params, n_rows
):
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
def test_curves_without_validation_samples_have_steps_too(
    model, curved, n_rows, anchor
):
    model.set_params(early_stopping=False, anchor=anchor, max_iter=50)
    model.fit(curved(n_rows))
    steps = model.curve_steps_
    assert len(steps) == len(model.loss_curve_) + 1
    assert steps[0] == 0
    assert (np.diff(steps) > 0).all()
    assert steps[-1] == model.n_iter_ == 50


def test_curves_are_lowest_at_the_step_that_is_kept(fitted, n_rows):
    model = fitted("curved", n_rows)
    assert model.pca_ratio_ < 1
    best = int(np.argmin(model.validation_curve_))
    assert model.best_step_ == model.curve_steps_[best] > 0


@pytest.mark.parametrize("early_stopping", [True, False])
def test_curves_are_empty_where_nothing_is_trained(
    model, low_rank, n_rows, early_stopping
):
    model.set_params(early_stopping=early_stopping).fit(low_rank(n_rows, 5))
    assert model.curve_steps_ == model.loss_curve_ == model.validation_curve_ == []


def test_patience_ends_training(model, linear):
    model.set_params(max_iter=1000, n_iter_no_change=20).fit(linear(700))
    assert model.n_iter_ < 300


def test_n_iter_counts_the_steps_that_ran(model, X_large, X):
    assert model.fit(X_large).n_iter_ == 20
    assert 20 < model.fit(X).n_iter_ <= 40  # the folds' and the last ones


# -- no anchor, no validation samples --------------------------------------------------


def test_without_an_anchor_it_is_an_ordinary_autoencoder(fitted, curved, n_rows):
    model = fitted("curved", n_rows, anchor=None, max_iter=400)
    assert not model.components_.any()
    assert reconstruction_r2(model, curved(500, seed=1)) > 0.5
    assert 0 < model.pca_ratio_ < 1


@pytest.mark.parametrize("n_components", [6, 10])
def test_without_an_anchor_codes_may_be_more_than_the_features(
    learner, curved, n_rows, n_components
):
    X = curved(n_rows)
    learner.set_params(anchor=None, n_components=n_components, max_iter=200).fit(X)
    assert learner.transform(X).shape == (n_rows, n_components)
    assert reconstruction_r2(learner, X) > 0.5


@pytest.mark.parametrize("anchor", ["pca", None])
def test_without_early_stopping_it_trains_to_the_end(learner, curved, anchor, n_rows):
    X = curved(n_rows)
    learner.set_params(early_stopping=False, anchor=anchor, max_iter=200).fit(X)
    assert learner.best_step_ == learner.n_iter_ == 200
    assert np.isnan(learner.pca_ratio_)
    assert learner.validation_curve_ == []
    assert learner.loss_curve_[-1] < learner.loss_curve_[0]
    if anchor:
        assert reconstruction_error(learner, X) < reconstruction_error(PCA(2).fit(X), X)


def test_without_early_stopping_a_table_of_low_rank_is_still_pca(model, low_rank):
    X = low_rank(50, 5)
    model.set_params(early_stopping=False).fit(X)
    np.testing.assert_allclose(model.transform(X), PCA(2).fit_transform(X), atol=1e-5)


# -- losses and activations ------------------------------------------------------------


@pytest.mark.parametrize("activation", sorted(ACTIVATIONS))
def test_every_activation_fits(learner, X_large, activation):
    learner.set_params(activation=activation, max_iter=200).fit(X_large)
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
    learner.set_params(loss="binary_cross_entropy", max_iter=200).fit(X)
    reconstruction = learner.reconstruct(X)
    assert learner.pca_ratio_ < 0.95
    assert reconstruction.min() >= 0
    assert reconstruction.max() <= 1
    assert reconstruction_r2(learner, X) > reconstruction_r2(PCA(2).fit(X), X)
