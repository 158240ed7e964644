"""What callbacks of a detector are told, and what they can stop."""

import functools

import numpy as np
import pytest
from detectors import (
    DETECTORS,
    ENSEMBLES,
    MEASURED,
    QUICK,
    assert_finite_results,
    assert_same_results,
)
from recorder import Recorder
from sklearn.base import clone
from sklearn.callback import ProgressBar, ScoringMonitor

pytestmark = pytest.mark.usefixtures("small_blocks")
ALL = [*ENSEMBLES, "autoencoder"]


def mean_score(model, X, y):
    return {"score": float(model.score_samples(X).mean())}


@pytest.fixture(scope="module")
def recorded_fit(X):
    """Return a detector that is not to be changed, and callbacks of its fit to X."""

    @functools.cache
    def fit(name):
        recorder, monitor = Recorder(), ScoringMonitor(scoring=mean_score)
        model = clone(DETECTORS[name]).set_callbacks(recorder, monitor).fit(X)
        return model, recorder, monitor

    return fit


@pytest.fixture(params=ALL)
def recorded(request, recorded_fit):
    return recorded_fit(request.param)


# -- what callbacks are told -----------------------------------------------------------


def test_tasks_begin_and_end_between_setup_and_teardown(recorded):
    _, recorder, _ = recorded
    first, *middle, last = recorder.calls
    assert (first, last) == ("setup", "teardown")
    assert middle.count("begin") == middle.count("end") == len(recorder.ended)
    assert recorder.ended[-1][0] is recorder.root
    assert len(recorder.ended) - 1 <= recorder.root.max_subtasks


@pytest.mark.parametrize("max_iter", [1, 17])
@pytest.mark.parametrize("n_samples", [2, 120])
def test_there_are_never_more_subtasks_than_announced(ensemble, X, n_samples, max_iter):
    recorder = Recorder()
    ensemble.set_params(max_iter=max_iter).set_callbacks(recorder).fit(X[:n_samples])
    assert 0 < len(recorder.ended) - 1 <= recorder.root.max_subtasks


@pytest.mark.parametrize("name", ENSEMBLES)
def test_phases_are_named(recorded_fit, name):
    _, recorder, _ = recorded_fit(name)
    phases = ["inliers", *(["all samples"] * (name == "networks only")), "fit"]
    assert list(dict.fromkeys(recorder.phases)) == phases


def test_the_fitted_estimator_works_at_every_step(recorded, X):
    model, recorder, _ = recorded
    assert len(recorder.ended) > 2 * (model.estimator is None)
    for context, fitted in recorder.ended:
        assert fitted is not model
        for method in MEASURED:
            result = getattr(fitted, method)(X)
            assert len(result) == len(X)
            if context is recorder.root:
                np.testing.assert_array_equal(result, getattr(model, method)(X))
        assert np.isfinite(fitted.offset_)


def test_the_fitted_estimator_is_not_of_an_earlier_fit(X):
    model = clone(DETECTORS["autoencoder"]).fit(X)
    recorder = Recorder()
    model.set_params(estimator=None, **QUICK).set_callbacks(recorder).fit(X)
    for _, fitted in recorder.ended:
        assert not hasattr(fitted, "estimator_")
    _, last = recorder.ended[-1]
    assert_same_results(model, last, X)


def test_the_target_is_the_table_unless_one_is_given(recorded, X):
    _, recorder, _ = recorded
    np.testing.assert_array_equal(recorder.data["X"], X)
    np.testing.assert_array_equal(recorder.data["y"], X)


@pytest.mark.parametrize("name", ["default", "autoencoder"])
def test_the_target_is_the_one_that_is_given(X, name):
    recorder, y = Recorder(), np.arange(len(X))
    clone(DETECTORS[name]).set_callbacks(recorder).fit(X, y)
    assert recorder.data["y"] is y


@pytest.mark.parametrize("name", ALL)
def test_callbacks_change_nothing(recorded_fit, fitted_to_X, X, name):
    assert_same_results(fitted_to_X(name), recorded_fit(name)[0], X)


# -- what they can stop ----------------------------------------------------------------


def test_a_callback_ends_one_phase_after_the_other(X):
    recorder = Recorder(lambda recorder: True)
    model = clone(DETECTORS["networks only"]).set_params(max_iter=80)
    model.set_callbacks(recorder).fit(X)
    assert recorder.phases == ["inliers", "all samples", "fit"]
    assert model.n_iter_ == 32
    assert_finite_results(model, X)


# -- scikit-learn's own ----------------------------------------------------------------


def test_a_monitor_logs_one_score_for_each_step(recorded):
    _, recorder, monitor = recorded
    logs = monitor.get_logs().data
    assert len(logs) == len(recorder.ended)
    assert np.isfinite([entry["score"] for entry in logs]).all()


@pytest.mark.parametrize("name", ["default", "networks only", "autoencoder"])
def test_a_progress_bar(X, capsys, monkeypatch, name):
    monkeypatch.setenv("COLUMNS", "120")  # of the terminal, or it is cut off
    clone(DETECTORS[name]).set_callbacks(ProgressBar()).fit(X)
    printed = capsys.readouterr().out
    assert "AutoencoderOutlierDetector - fit" in printed
    assert "100%" in printed


def test_progress_bars_nest_inside_a_detector(X, capsys):
    model = clone(DETECTORS["autoencoder"])
    model.set_callbacks(ProgressBar(max_propagation_depth=None)).fit(X)
    printed = capsys.readouterr().out
    assert "AutoencoderOutlierDetector - fit" in printed
    assert "AutoencoderTransformer - fit" in printed


def test_verbose_prints_progress(ensemble, X, capsys):
    ensemble.set_params(verbose=1).fit(X)
    assert "inliers step 20: loss" in capsys.readouterr().out
    ensemble.set_params(verbose=0).fit(X)
    assert capsys.readouterr().out == ""
