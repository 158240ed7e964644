"""Training that diverges or is interrupted keeps the best model, and warns."""

import numpy as np
import pytest
from estimator_cases import Interrupt
from sklearn.exceptions import ConvergenceWarning


@pytest.mark.parametrize("anchor", ["pca", None])
def test_divergence_keeps_the_best_and_warns(model, curved, anchor, n_samples):
    X = curved(n_samples)
    model.set_params(learning_rate_init=1e30, anchor=anchor)
    with pytest.warns(ConvergenceWarning, match=r"Training diverged; .* Lower"):
        model.fit(X)
    assert np.isfinite(model.reconstruct(X)).all()
    if anchor == "pca":
        assert model.pca_ratio_ == 1.0


def test_divergence_without_validation_data_keeps_what_was_finite(model, X):
    model.set_params(learning_rate_init=1e30, early_stopping=False)
    with pytest.warns(ConvergenceWarning, match="diverged"):
        model.fit(X)
    assert np.isfinite(model.reconstruct(X)).all()


@pytest.mark.parametrize("params", [{}, {"anchor": None}, {"early_stopping": False}])
def test_interrupt_keeps_the_best_so_far_and_warns(model, curved, n_samples, params):
    X = curved(n_samples)
    model.set_params(max_iter=200, **params).set_callbacks(Interrupt(after=2))
    with pytest.warns(ConvergenceWarning, match="Training was interrupted; the best"):
        model.fit(X)
    assert np.isfinite(model.reconstruct(X)).all()
    assert model.n_iter_ < 200


def test_interrupt_of_the_last_phase_keeps_the_best_so_far(model, X):
    folds = model.set_params(max_iter=200).fit(X).validation_curve_[1:]
    model.set_callbacks(Interrupt(after=len(folds) + 2))
    with pytest.warns(ConvergenceWarning, match="Training was interrupted"):
        model.fit(X)
    assert np.isfinite(model.reconstruct(X)).all()
