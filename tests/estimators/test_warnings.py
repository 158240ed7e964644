"""Warnings of every estimator point at the line of the caller."""

import warnings

import numpy as np
import pandas as pd
import pytest
from estimator_cases import CLASSES, DETECTORS, ESTIMATORS, Interrupt
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import QuantileTransformer, StandardScaler

from skae import AutoencoderTransformer

NAMES = [*CLASSES, "detector, of an estimator"]
CASES = CLASSES | DETECTORS
ALL = pytest.mark.parametrize("name", NAMES)


def files_of(category, call):
    """The files that the warnings of a call point at, and what they say."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        call()
    caught = [one for one in caught if one.category is category]
    return {one.filename for one in caught}, " ".join(
        str(one.message) for one in caught
    )


def diverging(model, monkeypatch):
    """The model with training that cannot succeed."""
    params = model.get_params()
    for name in ("learning_rate_init", "estimator__learning_rate_init"):
        if name in params:
            return model.set_params(**{name: 1e30})
    monkeypatch.setattr("skae._outliers.fit.LEARNING_RATE", 1e30)
    return model


@ALL
def test_interrupted_fit_points_at_its_caller(X, name):
    model = clone(CASES[name])
    target = model
    if "estimator" in model.get_params() and model.estimator is not None:
        target = model.estimator
    target.set_callbacks(Interrupt(after=2))
    files, messages = files_of(ConvergenceWarning, lambda: model.fit(X))
    assert files == {__file__}
    assert "Training was interrupted" in messages


@ALL
def test_diverged_fit_points_at_its_caller(X, name, monkeypatch):
    model = diverging(clone(CASES[name]), monkeypatch)
    files, messages = files_of(ConvergenceWarning, lambda: model.fit(X))
    assert files == {__file__}
    assert "diverged" in messages


def test_fit_inside_a_pipeline_points_at_the_caller_of_the_pipeline(X):
    model = clone(ESTIMATORS["anchored"]).set_params(learning_rate_init=1e30)
    pipeline = make_pipeline(StandardScaler(), model)
    for call in (pipeline.fit, pipeline.fit_transform):
        files, _ = files_of(ConvergenceWarning, lambda call=call: call(X))
        assert files == {__file__}


@ALL
def test_prediction_on_a_missing_device_points_at_its_caller(X, name):
    model = clone(CASES[name]).fit(X)
    getattr(model, "estimator_", model).set_params(device="cuda:99")
    expected = clone(CASES[name]).fit(X).score_samples(X)
    files, messages = files_of(UserWarning, lambda: model.score_samples(X))
    assert files == {__file__}
    assert "device='cuda:99' is not available here; the CPU is used" in messages
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        np.testing.assert_array_equal(model.score_samples(X), expected)


def test_a_wild_value_is_named(curved):
    frame = pd.DataFrame(curved(120), columns=list("abcdef"))
    frame.iloc[7, 2] = 1e6
    model = AutoencoderTransformer(2, max_iter=20, random_state=0)
    with pytest.warns(UserWarning, match=r"Row 7 of X \(1e\+06 in column 'c'\) has"):
        model.fit(frame)
    weight = np.arange(120) != 7
    model.fit(frame, sample_weight=weight)
    transformed = QuantileTransformer(n_quantiles=50).fit_transform(frame)
    model.fit(transformed)
