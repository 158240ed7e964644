"""Scores of training rows by estimators that were fitted to the others."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ._rows import Rows


def cross_scores(rows: Rows, folds: int, fit: Callable[[int, Rows], Any]) -> np.ndarray:
    """Return each row's score by an estimator that has not seen it.

    Parameters
    ----------
    rows : Rows
        Distinct rows, in random order.
    folds : int
        How many estimators to fit, fewer where there are fewer rows.
    fit : callable
        ``fit(i, rows)`` returns the i-th estimator, fitted to these rows.
    """
    label = np.arange(len(rows)) % min(folds, len(rows))
    scores = np.empty(len(rows))
    for i in range(label.max() + 1):
        estimator = fit(i, rows.pick(np.flatnonzero(label != i)))
        held = rows.pick(np.flatnonzero(label == i))
        scores[label == i] = estimator.score_samples(held.gathered())
    return scores
