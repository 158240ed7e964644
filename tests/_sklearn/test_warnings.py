"""Warnings point at the line of the user."""

import warnings

import numpy as np
import pytest
import torch
from recorder import Recorder
from sklearn.exceptions import ConvergenceWarning, UndefinedMetricWarning
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skae import AutoencoderOutlierDetector, AutoencoderTransformer
from skae._sklearn.warnings import available_device, warn
from skae.metrics import reconstruction_r2, reconstruction_r2_scorer


def interrupt(recorder):
    """Stand for Ctrl-C at the first evaluation."""
    if len(recorder.ended) == 1:
        raise KeyboardInterrupt


def assert_points_here(function, category, match):
    with pytest.warns(category, match=match) as caught:
        function()
    assert [warning.filename for warning in caught] == [__file__] * len(caught)


def test_warn_points_at_the_caller():
    assert_points_here(lambda: warn("look out"), UserWarning, "look out")


def test_warn_has_a_category():
    with pytest.warns(DeprecationWarning, match="look out"):
        warn("look out", DeprecationWarning)


def test_warn_repeats_once_for_each_line():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        for _ in range(3):
            warn("look out")
        warn("look out")
    assert len(caught) == 2


@pytest.mark.parametrize("piped", [False, True])
def test_warn_of_divergence_points_at_fit(model, X, piped):
    model.set_params(learning_rate_init=1e30)
    estimator = make_pipeline(StandardScaler(), model) if piped else model
    assert_points_here(lambda: estimator.fit(X), ConvergenceWarning, "diverged")


@pytest.mark.parametrize("method", ["fit", "fit_transform"])
def test_warn_of_an_interrupt_points_at_fit(model, X, method):
    model.set_callbacks(Recorder(interrupt))
    function = getattr(model, method)
    assert_points_here(lambda: function(X), ConvergenceWarning, "interrupted")


@pytest.mark.parametrize("method", ["fit", "fit_predict"])
def test_warn_of_a_detector_points_at_fit(X, method):
    detector = AutoencoderOutlierDetector(max_iter=20, random_state=0)
    function = getattr(detector.set_callbacks(Recorder(interrupt)), method)
    assert_points_here(lambda: function(X), ConvergenceWarning, "interrupted")


def test_warn_of_a_missing_device_points_at_the_call(model, X):
    model.fit(X).set_params(device="cuda:99")
    message = "'cuda:99' is not available here; the CPU"
    assert_points_here(lambda: model.transform(X), UserWarning, message)
    model.set_params(device="cpu").fit(X).set_params(device="cuda:99")
    assert_points_here(lambda: model.score(X), UserWarning, message)


def test_warn_of_a_missing_device_comes_once(model, X):
    model.fit(X).set_params(device="cuda:99")
    with pytest.warns(UserWarning, match="'cuda:99' is not available here"):
        codes = model.transform(X)
    np.testing.assert_array_equal(model.transform(X), codes)


def test_warn_of_an_undefined_score_points_at_the_call(X, quick):
    model = AutoencoderTransformer(2, **quick).fit(X)
    one = np.array(X[:1])
    for metric in (reconstruction_r2, reconstruction_r2_scorer):
        assert_points_here(
            lambda metric=metric: metric(model, one), UndefinedMetricWarning, "R\\^2"
        )


def test_caller_stacklevel_finds_code_without_a_module_name(model, X):
    """As of exec, whose globals need not say which module they are of."""
    model.fit(X).set_params(device="cuda:99")
    with pytest.warns(UserWarning, match="cuda:99.* is not available here") as caught:
        exec("model.transform(X)", {"model": model, "X": X})
    assert caught[0].filename == "<string>"


def test_available_device_warns_and_falls_back_to_the_cpu():
    assert available_device("cpu") == torch.device("cpu")
    with pytest.warns(UserWarning, match="'cuda:99' is not available here") as caught:
        assert available_device("cuda:99") == torch.device("cpu")
    assert caught[0].filename == __file__
