"""A fit that is interrupted anywhere leaves everything as it was, or a model."""

import sys
from copy import copy
from pathlib import Path

import numpy as np
import pytest
import torch
from estimator_cases import CLASSES, DETECTORS
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline, make_pipeline

import skae
from skae import AutoencoderOutlierDetector, AutoencoderTransformer
from skae._nn import runtime
from skae._training import loop

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


# -- one of several fits ---------------------------------------------------------------

SEARCHES = {
    "GridSearchCV": lambda model: GridSearchCV(model, {"alpha": [0.0, 0.1]}, cv=2),
    "pipeline": lambda model: GridSearchCV(
        Pipeline([("model", model)]), {"model__alpha": [0.0, 0.1]}, cv=2
    ),
    "ColumnTransformer": lambda model: ColumnTransformer([("model", model, [0, 1, 2])]),
}


@pytest.fixture
def interrupts(monkeypatch):
    """Stands for Ctrl-C at each step of training; a list of the steps."""
    steps = []

    def interrupt(*args):
        steps.append(args)
        raise KeyboardInterrupt

    monkeypatch.setattr(loop, "cosine_schedule", interrupt)
    return steps


MODEL = AutoencoderTransformer(2, max_iter=5, random_state=0)


@pytest.mark.parametrize("name", SEARCHES)
def test_interrupt_ends_all_of_several_fits(name, X, interrupts):
    with pytest.raises(KeyboardInterrupt):
        SEARCHES[name](MODEL).fit(X)
    assert len(interrupts) == 1


@pytest.mark.filterwarnings("ignore:Training was interrupted")
def test_interrupt_of_a_fold_ends_the_fit_of_a_detector(X, interrupts):
    detector = AutoencoderOutlierDetector(MODEL, n_splits=3)
    before = dict(vars(detector))
    with pytest.raises(KeyboardInterrupt):
        detector.fit(X)
    assert len(interrupts) == 2  # of the model that is kept, and of a fold
    assert vars(detector) == before


@pytest.mark.parametrize(
    "estimator", [MODEL, make_pipeline(MODEL), DETECTORS["detector"]], ids=repr
)
def test_interrupt_of_one_fit_keeps_a_model(estimator, X, interrupts):
    with pytest.warns(ConvergenceWarning, match="Training was interrupted; the "):
        model = clone(estimator).fit(X)
    assert len(interrupts) == 1
    assert np.isfinite(model.score_samples(X)).all()
