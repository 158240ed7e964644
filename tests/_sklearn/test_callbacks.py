"""scikit-learn's callbacks: what they are told, and what they can stop."""

import warnings

import numpy as np
import pandas as pd
import pytest
from recorder import Recorder
from sklearn.callback import ProgressBar, ScoringMonitor
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skae import VAE, AutoencoderTransformer
from skae.metrics import neg_reconstruction_error_scorer, reconstruction_r2_scorer


@pytest.fixture(params=["few samples", "many samples"])
def table(request, X, X_large):
    return X if request.param == "few samples" else X_large


@pytest.fixture
def model(quick):
    return AutoencoderTransformer(2, **quick).set_params(max_iter=80)


# -- what callbacks are told -----------------------------------------------------------


def test_callbacks_hear_tasks_between_setup_and_teardown(model, table):
    recorder = Recorder()
    model.set_callbacks(recorder).fit(table)
    first, *middle, last = recorder.calls
    assert (first, last) == ("setup", "teardown")
    assert middle.count("begin") == middle.count("end") == len(recorder.ended)
    assert middle[0] == "begin"
    assert recorder.ended[-1][0] is recorder.root


def test_phases_have_names(model, X, X_large):
    recorder = Recorder()
    model.set_callbacks(recorder).fit(X)
    assert list(dict.fromkeys(recorder.phases)) == ["cross-validate", "train", "fit"]
    recorder = Recorder()
    model.set_callbacks(recorder).fit(X_large)
    assert list(dict.fromkeys(recorder.phases)) == ["train", "fit"]


VARIANTS = [
    {},
    {"max_iter": 1},
    {"max_iter": 15},
    {"max_iter": 17},
    {"max_iter": 41},
    {"max_iter": 200, "n_iter_no_change": 1},
    {"early_stopping": False},
    {"anchor": None},
    {"anchor": None, "n_components": None},
    {"n_components": 0.8},
    {"n_components": None, "whiten": True},
    {"learning_rate_init": 1e-12},
    {"batch_size": 1000},
]


@pytest.mark.parametrize("params", VARIANTS, ids=str)
def test_subtasks_are_never_more_than_announced(model, table, params):
    recorder = Recorder()
    model.set_params(**params).set_callbacks(recorder).fit(table)
    # With as many codes as columns PCA is exact, and there is nothing to train.
    trained = model.anchor is None or model.n_components_ < table.shape[1]
    subtasks = len(recorder.ended) - 1
    assert subtasks <= recorder.root.max_subtasks
    assert (subtasks > 0) == trained


@pytest.mark.parametrize("n_samples", [2, 4, 9, 10, 11])
@pytest.mark.parametrize("anchor", ["pca", None])
def test_subtasks_of_few_samples_are_never_more_than_announced(
    model, X, anchor, n_samples
):
    recorder = Recorder()
    model.set_params(n_components=1, anchor=anchor).set_callbacks(recorder)
    model.fit(X[:n_samples])
    assert len(recorder.ended) - 1 <= recorder.root.max_subtasks


def test_subtasks_of_a_warm_start_are_never_more_than_announced(model, table):
    recorder = Recorder()
    model.set_params(warm_start=True).fit(table)
    model.set_callbacks(recorder).fit(table)
    assert len(recorder.ended) - 1 <= recorder.root.max_subtasks


def test_fitted_estimator_works_at_every_step(model, table):
    recorder = Recorder()
    model.set_callbacks(recorder).fit(table)
    for context, fitted in recorder.ended:
        codes = fitted.transform(table)
        assert codes.shape == (len(table), 2)
        assert fitted.inverse_transform(codes).shape == table.shape
        assert fitted is not model
        if context is recorder.root:
            np.testing.assert_array_equal(codes, model.transform(table))


def test_target_is_the_table_unless_one_is_given(model, X):
    recorder = Recorder()
    model.set_callbacks(recorder).fit(X)
    np.testing.assert_array_equal(recorder.data["X"], X)
    np.testing.assert_array_equal(recorder.data["y"], X)
    assert recorder.data["metadata"] is None
    y, weight = np.arange(len(X)), np.ones(len(X))
    model.fit(X, y, weight)
    assert recorder.data["y"] is y
    assert recorder.data["metadata"] == {"sample_weight": weight}


def test_callbacks_change_nothing(model, table):
    plain = model.fit(table).transform(table)
    model.set_callbacks(Recorder()).fit(table)
    np.testing.assert_array_equal(model.transform(table), plain)


# -- what they can stop ----------------------------------------------------------------


def test_callback_ends_training(model, X_large):
    recorder = Recorder(answer=lambda it: len(it.ended) == 2)
    model.set_callbacks(recorder).fit(X_large)
    assert recorder.phases == ["train", "train", "fit"]
    assert model.n_iter_ < 80
    assert np.isfinite(model.transform(X_large)).all()


def test_callback_ends_one_phase_after_the_other(model, X):
    recorder = Recorder(answer=lambda it: True)
    model.set_callbacks(recorder).fit(X)
    assert recorder.phases in (
        ["cross-validate", "fit"],
        ["cross-validate", "train", "fit"],
    )
    assert model.n_iter_ < 80


class Failing(Recorder):
    def __init__(self, where):
        super().__init__()
        self.where = where

    def on_fit_task_begin(self, estimator, context):
        if self.where == "begin" and context.task_name != "fit":
            raise RuntimeError("no more")

    def on_fit_task_end(self, estimator, context):
        if self.where == "end":
            raise RuntimeError("no more")


@pytest.mark.parametrize("where", ["begin", "end"])
def test_callbacks_are_torn_down_after_an_error(model, table, where):
    failing = Failing(where)
    with pytest.raises(RuntimeError, match="no more"):
        model.set_callbacks(failing).fit(table)
    assert failing.calls == ["setup", "teardown"]
    assert not hasattr(model, "_callback_fit_ctx")
    model.set_callbacks().fit(table)
    assert np.isfinite(model.transform(table)).all()


def test_errors_before_training_concern_no_callback(model, X):
    recorder = Recorder()
    with pytest.raises(ValueError, match="NaN"):
        model.set_callbacks(recorder).fit(np.where(X > 0, X, np.nan))
    assert recorder.calls == []


# -- scikit-learn's own ----------------------------------------------------------------

SCORERS = {
    "r2": reconstruction_r2_scorer,
    "error": neg_reconstruction_error_scorer,
    "one's own": lambda model, X, y: {"score": model.score(X)},
}


@pytest.mark.parametrize("scorer", SCORERS.values(), ids=SCORERS)
def test_scoring_monitor_logs_one_score_for_each_step(model, table, scorer):
    monitor, recorder = ScoringMonitor(scoring=scorer), Recorder()
    model.set_callbacks(monitor, recorder).fit(table)
    logs = monitor.get_logs().data
    assert len(logs) == len(recorder.ended)
    assert [entry["task_name"] for entry in logs] == ["fit", *recorder.phases[:-1]]
    assert np.isfinite([entry["score"] for entry in logs]).all()


def test_scoring_monitor_sees_the_model_improve(model, X_large):
    monitor = ScoringMonitor(scoring=reconstruction_r2_scorer)
    model.set_params(max_iter=200).set_callbacks(monitor).fit(X_large)
    final, first, *_, last = (entry["score"] for entry in monitor.get_logs().data)
    assert first < last
    assert final == pytest.approx(reconstruction_r2_scorer(model, X_large))


def test_scoring_monitor_takes_frames_and_weights(model, X):
    frame = pd.DataFrame(X, columns=list("abcdef"))
    monitor = ScoringMonitor(scoring=reconstruction_r2_scorer)
    model.set_callbacks(monitor).fit(frame, sample_weight=np.arange(len(X)) % 3)
    assert np.isfinite([entry["score"] for entry in monitor.get_logs().data]).all()


def test_progress_bar_reaches_the_end(model, table, capsys):
    model.set_callbacks(ProgressBar()).fit(table)
    printed = capsys.readouterr().out
    assert "AutoencoderTransformer - fit" in printed
    assert "100%" in printed


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_progress_bars_nest_inside_a_grid_search(model, X, capsys, n_jobs):
    grid = {"autoencodertransformer__n_components": [1, 2]}
    pipeline = make_pipeline(StandardScaler(), model)
    search = GridSearchCV(pipeline, grid, cv=2, n_jobs=n_jobs, error_score="raise")
    search.set_callbacks(ProgressBar(max_propagation_depth=None)).fit(X)
    printed = capsys.readouterr().out
    assert "GridSearchCV - fit" in printed
    assert "Pipeline" in printed
    assert "AutoencoderTransformer - fit" in printed
    assert "100%" in printed


# -- what verbose says -----------------------------------------------------------------


@pytest.mark.parametrize("n_samples", [20, 700])
def test_verbose_says_where_pca_is_kept(model, curved, linear, n_samples, capsys):
    said = "PCA is kept: no network is better on held-out samples."
    exact = linear(n_samples, noise=0.0)
    model.set_params(verbose=1, n_components=2).fit(exact)
    assert model.pca_ratio_ == 1.0
    assert said in capsys.readouterr().out
    model.set_params(max_iter=300).fit(curved(700))
    assert model.pca_ratio_ < 1
    assert said not in capsys.readouterr().out
    model.set_params(verbose=0).fit(exact)
    assert capsys.readouterr().out == ""


# -- a budget that was too short -------------------------------------------------------


def digits(n_samples):
    return load_digits().data[:n_samples]


def assert_silent(model, X):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.fit(X)


@pytest.mark.parametrize("n_samples", [400, 700])
@pytest.mark.parametrize("estimator", [AutoencoderTransformer, VAE])
def test_a_short_budget_warns(estimator, n_samples):
    model = estimator(8, max_iter=5, random_state=0)
    message = (
        r"ended at max_iter=5 before the held-out loss had settled\. Raise max_iter"
    )
    with pytest.warns(ConvergenceWarning, match=message) as caught:
        model.fit(digits(n_samples))
    assert [warning.filename for warning in caught] == [__file__]


def test_the_default_budget_is_silent():
    assert_silent(AutoencoderTransformer(8, random_state=0), digits(400))


def test_a_fit_that_patience_ends_is_silent(curved):
    model = AutoencoderTransformer(2, max_iter=60, n_iter_no_change=1, tol=0.9)
    assert_silent(model.set_params(random_state=0), curved(700))
    assert model.curve_steps_[-1] < 60
    assert min(model.validation_curve_) == model.validation_curve_[-1] < 0.99


def test_a_fit_that_a_callback_ends_is_silent():
    recorder = Recorder(answer=lambda it: True)
    model = AutoencoderTransformer(8, max_iter=5, random_state=0)
    assert_silent(model.set_callbacks(recorder), digits(700))
    assert model.n_iter_ == 5


def test_a_fit_without_held_out_samples_is_silent():
    model = AutoencoderTransformer(8, max_iter=5, early_stopping=False, random_state=0)
    assert_silent(model, digits(400))
