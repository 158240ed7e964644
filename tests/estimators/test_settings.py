"""Settings of PyTorch, NumPy and Python change no result and raise no error."""

import warnings
from contextlib import contextmanager

import numpy as np
import pytest
import torch
from estimator_cases import ESTIMATORS, is_detector, methods_of
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning


@contextmanager
def float64():
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(torch.float32)


@contextmanager
def meta():
    """Tensors without values by default."""
    torch.set_default_device("meta")
    try:
        yield
    finally:
        torch.set_default_device(None)


@contextmanager
def deterministic():
    torch.use_deterministic_algorithms(True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(False)


@contextmanager
def numpy_raises():
    with np.errstate(all="raise"):
        yield


@contextmanager
def warnings_raise():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", ConvergenceWarning)  # the fits are short
        yield


SETTINGS = (float64, meta, deterministic, numpy_raises, warnings_raise)
EACH = pytest.mark.parametrize("setting", SETTINGS, ids=lambda it: it.__name__)


def results(model, X):
    """Return what a fitted model gives, by name."""
    found = {method: getattr(model, method)(X) for method in methods_of(model)}
    if not is_detector(model):
        found["decoded"] = model.inverse_transform(found["transform"])
    if hasattr(model, "elbo"):
        found["elbo"] = model.elbo(X, n_draws=3)
        found["mean"], found["std"] = model.posterior(X)
        found["sample"] = model.sample(5, random_state=0)
    if hasattr(model, "corrupt"):
        found["corrupted"] = model.corrupt(X, random_state=0)
    return found


@EACH
@pytest.mark.parametrize("name", ESTIMATORS)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_setting_changes_nothing(X, fitted_model, name, setting):
    expected = results(fitted_model(name), X)
    before = torch.get_default_dtype(), torch.get_default_device()
    with setting():
        inside = torch.get_default_dtype(), torch.get_default_device(), np.geterr()
        model = clone(ESTIMATORS[name]).fit(X)
        found = results(model, X), results(fitted_model(name), X)
        now = torch.get_default_dtype(), torch.get_default_device(), np.geterr()
        assert now == inside
    assert (torch.get_default_dtype(), torch.get_default_device()) == before
    np.testing.assert_equal(found, (expected, expected))


@pytest.mark.parametrize("name", ["anchored", "VAE", "detector"])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_numbers_that_round_to_zero_are_no_error(X, name):
    tiny = np.column_stack([X, X[:, 0] * 1e-310, np.full(len(X), 1e-320)])
    expected = results(clone(ESTIMATORS[name]).fit(tiny), tiny)
    with numpy_raises():
        found = results(clone(ESTIMATORS[name]).fit(tiny), tiny)
    np.testing.assert_equal(found, expected)
