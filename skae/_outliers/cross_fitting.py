"""The detector with any autoencoder: scores by clones that were fitted to others."""

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.base import clone

from skae._data.dataset import Dataset
from skae._data.splitting import deduplicate, hash_rows, rescale_weights
from skae._sklearn.validation import draw_seed

from .calibration import calibrated_attributes, contamination_threshold


def n_folds(n_samples: int, asked: int) -> int:
    """Return how many folds there can be with two samples left to fit, 0 if none."""
    if asked == 0 or n_samples < 3:
        return 0
    return min(max(asked, 2 + (n_samples == 3)), n_samples)


def cross_fitted_scores(
    data: Dataset, folds: int, fit: Callable[[int, Dataset], Any]
) -> np.ndarray:
    """Return each sample's score by an estimator that was not fitted to it.

    Parameters
    ----------
    data : Dataset
        Distinct samples, in random order.
    folds : int
        How many estimators to fit.
    fit : callable
        ``fit(i, data)`` returns the i-th estimator, fitted to these samples.
    """
    label, scores = np.arange(len(data)) % folds, np.empty(len(data))
    for i in range(folds):
        estimator = fit(i, data.subset(np.flatnonzero(label != i)))
        held_out = data.subset(np.flatnonzero(label == i))
        scores[label == i] = estimator.score_samples(held_out.to_array())
    return scores


def fit_estimator(
    detector: Any,
    data: Dataset,
    X: Any,
    y: Any,
) -> dict[str, Any]:
    """Fit a clone to all samples, and others to find how it scores new ones."""
    seed = draw_seed(detector.random_state)
    distinct = deduplicate(data, hash_rows(data, seed))
    distinct = rescale_weights(distinct, len(data))
    folds = n_folds(len(distinct), int(detector.n_splits or 0))
    root = detector._init_callback_context(max_subtasks=1 + folds)
    arguments = {"estimator": detector, "X": X, "y": X if y is None else y}
    root.call_on_fit_task_begin(**arguments)

    def fit(name: str, part: Dataset) -> Any:
        estimator: Any = clone(detector.estimator)
        if detector.random_state is not None:
            estimator.set_params(random_state=seed)
        task = root.subcontext(task_name=name)
        with task.propagate_callback_context(estimator):
            return estimator.fit(part.to_array(), sample_weight=part.weight)

    estimator = fit("all samples", data)
    scores = estimator.score_samples(data.to_array())
    held_out, weight = scores, data.weight
    if folds:
        held_out = cross_fitted_scores(
            distinct, folds, lambda i, part: fit(f"fold {i}", part)
        )
        weight = distinct.weight
    fitted = {
        **calibrated_attributes(-held_out, weight),
        "estimator_": estimator,
        "loss_curve_": estimator.loss_curve_,
        "n_iter_": estimator.n_iter_,
        "device_": estimator.device_,
    }
    if detector.contamination != "auto":
        share = float(detector.contamination)
        fitted["offset_"] = contamination_threshold(scores, data.weight, share)
    root.call_on_fit_task_end(**arguments, reconstruction_attributes=lambda: fitted)
    return fitted
