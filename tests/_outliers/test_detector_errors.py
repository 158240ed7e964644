"""What the detector refuses, and what is left after a failed fit."""

import numpy as np
import pandas as pd
import pytest
import torch
from bad_tables import BAD_VALUES, NAMES, frame_of, put
from detectors import DETECTORS, METHODS, QUICK, assert_finite_results
from recorder import Recorder, raising
from scipy import sparse
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.utils._param_validation import InvalidParameterError

from skae import AutoencoderOutlierDetector, AutoencoderTransformer
from skae._outliers import fit as fit_module

pytestmark = pytest.mark.usefixtures("small_blocks")

# -- tables ----------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["fit", "fit_predict", *METHODS])
@pytest.mark.parametrize(("value", "message"), BAD_VALUES)
def test_bad_values_name_their_columns(fitted_to_X, X, value, message, method):
    for name in ("default", "autoencoder"):
        model = fitted_to_X(name)
        if method.startswith("fit"):
            model = clone(model)
        with pytest.raises(ValueError, match=message.format("column 2")):
            getattr(model, method)(put(X, value, 2))
        with pytest.raises(ValueError, match=message.format("columns 0, 4")):
            getattr(model, method)(put(X, value, 0, 4))


@pytest.mark.parametrize(("value", "message"), BAD_VALUES)
def test_bad_values_in_a_frame_name_their_columns(default, X, value, message):
    with pytest.raises(ValueError, match=message.format("columns 'b', 'e'")):
        default.fit(frame_of(put(X, value, 1, 4)))


@pytest.mark.parametrize("name", ["default", "autoencoder"])
def test_types_of_tables_that_are_refused(X, name):
    model = clone(DETECTORS[name])
    with pytest.raises(TypeError, match=r"Use X\.toarray\(\)"):
        model.fit(sparse.csr_array(X))
    dates = pd.date_range("2020-01-01", periods=len(X))
    with pytest.raises(TypeError, match="dates or times in column 'b'"):
        model.fit(frame_of(X, b=dates))
    with pytest.raises(ValueError, match=r"Not numeric: column 'c'\. Encode"):
        model.fit(frame_of(X, c="red"))
    with pytest.raises(ValueError, match="minimum of 2 is required"):
        model.fit(X[:1])


def test_the_number_and_the_names_of_features_stay(fitted_to_X, X):
    model = fitted_to_X("default")
    named = clone(model).fit(frame_of(X))
    for method in METHODS:
        with pytest.raises(ValueError, match="X has 5 features, but AutoencoderOut"):
            getattr(model, method)(X[:, :5])
        with pytest.raises(ValueError, match="feature names should match"):
            getattr(named, method)(frame_of(X)[NAMES[::-1]])


@pytest.mark.parametrize("method", [*METHODS, "get_feature_names_out"])
def test_an_unfitted_detector_says_so(default, X, method):
    with pytest.raises(NotFittedError, match="is not fitted yet"):
        getattr(default, method)(X)


# -- parameters ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("estimator", "VAE"),
        ("estimator", PCA()),
        ("memory", 0),
        ("memory", -1),
        ("memory", "yes"),
        ("contamination", 0.0),
        ("contamination", 0.6),
        ("contamination", "some"),
        ("max_samples", 1),
        ("max_samples", 0.5),
        ("max_iter", 0),
        ("max_iter", "long"),
        ("n_splits", 1),
        ("n_splits", "five"),
        ("random_state", "seed"),
    ],
)
def test_parameters_are_checked_by_name(default, X, name, value):
    with pytest.raises(InvalidParameterError, match=f"The '{name}' parameter"):
        default.set_params(**{name: value}).fit(X)


@pytest.mark.parametrize(
    ("device", "message"),
    [("gpu", "'gpu' is not a device"), ("cuda:99", "'cuda:99' is not available")],
)
def test_devices_that_are_not_available_are_named(default, X, device, message):
    with pytest.raises(ValueError, match=message):
        default.set_params(device=device).fit(X)


def test_a_fit_says_that_there_is_no_gpu(default, X, monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    with pytest.raises(ValueError, match=r"device='cuda' is not available .*'auto'"):
        default.set_params(device="cuda").fit(X)


@pytest.mark.parametrize(
    ("weight", "message"),
    [
        (np.zeros(120), "zero"),
        (np.r_[np.zeros(119), 1.0], "Only one sample has a sample_weight above zero"),
        (np.r_[np.ones(119), -1.0], "Negative values in data passed to"),
        (np.r_[np.ones(119), np.nan], "NaN"),
        (np.ones(5), "sample_weight"),
    ],
    ids=["all zero", "one above zero", "negative", "NaN", "too few"],
)
def test_weights_are_checked(default, X, weight, message):
    with pytest.raises(ValueError, match=message):
        default.fit(X, sample_weight=weight)


# -- failed fits -----------------------------------------------------------------------

FAILING = {
    "NaN": lambda model, X: model.fit(put(X, np.nan, 1)),
    "strings": lambda model, X: model.fit(frame_of(X, a="red")),
    "sparse": lambda model, X: model.fit(sparse.csr_array(X)),
    "weights": lambda model, X: model.fit(X, sample_weight=-np.ones(len(X))),
    "device": lambda model, X: model.set_params(device="cuda:99").fit(X),
    "other columns": lambda model, X: model.fit(put(X, np.inf, 1)[:, :4]),
    "inside of the estimator": lambda model, X: model.set_params(
        estimator=AutoencoderTransformer(50)
    ).fit(X[:, :4]),
    "during training": lambda model, X: model.set_callbacks(
        Recorder(raising(RuntimeError, "inliers"))
    ).fit(X[:, :4]),
    "at the end": lambda model, X: model.set_callbacks(
        Recorder(raising(KeyboardInterrupt, "fit"))
    ).fit(X[:, :4]),
}


def fail(name, model, X):
    with pytest.raises((ValueError, TypeError, RuntimeError, KeyboardInterrupt)):
        FAILING[name](model, X)


@pytest.mark.parametrize("named", [True, False], ids=["frame", "array"])
def test_a_failed_fit_changes_nothing(default, X, named):
    table = frame_of(X) if named else X
    scores = default.fit(table).score_samples(table)
    params, attributes = default.get_params(), dict(vars(default))
    for name in FAILING:
        fail(name, default, X)
        default.set_params(**params).set_callbacks()
        assert vars(default) == attributes, name
        np.testing.assert_array_equal(default.score_samples(table), scores)


def test_a_failed_fit_changes_nothing_of_a_detector_with_an_estimator(X):
    model = clone(DETECTORS["autoencoder"]).fit(X)
    scores, attributes = model.score_samples(X), dict(vars(model))
    for name in ("weights", "inside of the estimator", "during training"):
        params = model.get_params(deep=False)
        if name == "during training":
            model.set_params(estimator=None, **QUICK)
        fail(name, model, X)
        model.set_params(**params).set_callbacks()
        assert vars(model) == attributes
        np.testing.assert_array_equal(model.score_samples(X), scores)


@pytest.mark.parametrize("name", FAILING)
def test_a_failed_first_fit_leaves_nothing(default, X, name):
    fail(name, default, X)
    default.set_callbacks()
    assert set(vars(default)) == set(default.get_params(deep=False))


# -- interrupts and divergence ---------------------------------------------------------


@pytest.mark.parametrize("times", [1, 2, 3])
@pytest.mark.parametrize("phase", ["inliers", "all samples"])
def test_an_interrupt_keeps_the_networks_so_far_and_warns(X, phase, times):
    recorder = Recorder(raising(KeyboardInterrupt, phase, times))
    model = AutoencoderOutlierDetector(memory=False, max_iter=48, random_state=0)
    model.set_callbacks(recorder)
    with pytest.warns(ConvergenceWarning, match="Training was interrupted") as caught:
        model.fit(X)
    assert [warning.filename for warning in caught] == [__file__]
    assert model.n_iter_ == 16 * times + 48 * (phase == "all samples")
    assert_finite_results(model, X)


def test_divergence_keeps_what_was_finite_and_warns(ensemble, X, monkeypatch):
    monkeypatch.setattr(fit_module, "LEARNING_RATE", 1e30)
    with pytest.warns(ConvergenceWarning, match="Training diverged; .* extreme values"):
        ensemble.fit(X)
    assert_finite_results(ensemble, X)
