"""Scores of training rows by estimators that were fitted to the others."""

from collections.abc import Callable
from typing import Any

import numpy as np

from skae._data.dataset import Dataset


def n_folds(n: int, asked: int) -> int:
    """Return how many folds there can be of n rows with two left to fit, 0 if none."""
    if asked == 0 or n < 3:
        return 0
    return min(max(asked, 2 + (n == 3)), n)


def cross_fitted_scores(
    rows: Dataset, folds: int, fit: Callable[[int, Dataset], Any]
) -> np.ndarray:
    """Return each row's score by an estimator that has not seen it.

    Parameters
    ----------
    rows : Dataset
        Distinct rows, in random order.
    folds : int
        How many estimators to fit.
    fit : callable
        ``fit(i, rows)`` returns the i-th estimator, fitted to these rows.
    """
    label, scores = np.arange(len(rows)) % folds, np.empty(len(rows))
    for i in range(folds):
        estimator = fit(i, rows.pick(np.flatnonzero(label != i)))
        held = rows.pick(np.flatnonzero(label == i))
        scores[label == i] = estimator.score_samples(held.gathered())
    return scores
