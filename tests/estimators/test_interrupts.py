"""A fit that is interrupted anywhere leaves everything as it was, or a model."""

import sys
from copy import copy
from pathlib import Path

import numpy as np
import pytest
import torch
from estimator_cases import CLASSES, DETECTORS
from sklearn.base import clone

import skae
from skae._nn import runtime

SOURCE = str(Path(skae.__file__).parent)
N_POINTS = 10


def fit(model, X, at=None, error=None):
    """Fit; raise an error at a line or call of skae. Return how many there were."""
    n = 0

    def trace(frame, event, _):
        nonlocal n
        if not frame.f_code.co_filename.startswith(SOURCE):
            return None
        n += event in ("call", "line")
        if n == at:
            sys.settrace(None)
            raise error("traced")
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        model.fit(X)
    finally:
        sys.settrace(before)
    return n


@pytest.fixture
def settings(global_states):
    """What a fit may not leave changed, and settings that are not those inside."""

    def now():
        lock = runtime._seed_lock
        return (
            torch.get_num_threads(),
            torch.get_default_dtype(),
            torch.zeros(()).device.type,
            torch.is_grad_enabled(),
            torch.is_inference_mode_enabled(),
            lock.acquire(blocking=False) and not lock.release(),
            np.geterr(),
            *global_states()[1:],
        )

    n_threads = torch.get_num_threads()
    torch.set_num_threads(3)
    torch.set_default_dtype(torch.float64)
    yield now
    torch.set_default_dtype(torch.float32)
    torch.set_num_threads(n_threads)


ESTIMATORS = CLASSES | {"of an estimator": DETECTORS["detector, of an estimator"]}


@pytest.mark.filterwarnings("ignore:Training was interrupted")
@pytest.mark.parametrize("name", ESTIMATORS)
def test_interrupted_fit_changes_nothing_or_keeps_a_model(name, X, settings):
    estimator, X = ESTIMATORS[name], X[:60]
    fitted = clone(estimator).fit(X)
    scores, before = fitted.score_samples(X), settings()
    total = fit(clone(estimator), X)
    for i, at in enumerate(np.linspace(1, total, N_POINTS).astype(int)):
        refits, error = bool(i % 2), (KeyboardInterrupt, MemoryError)[i // 2 % 2]
        model = copy(fitted) if refits else clone(estimator)
        attributes = dict(vars(model))
        try:
            fit(model, X, at, error)
        except error:
            assert vars(model) == attributes
            if refits:
                np.testing.assert_array_equal(model.score_samples(X), scores)
        else:
            assert error is KeyboardInterrupt
            assert np.isfinite(model.score_samples(X)).all()
        np.testing.assert_equal(settings(), before)
