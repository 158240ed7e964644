"""The detector with any autoencoder: scores by clones that were fitted to others."""

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn import config_context
from sklearn.base import clone
from sklearn.pipeline import Pipeline

from skae._data.dataset import Dataset
from skae._data.grouping import group_folds, hash_samples, weight_of_groups
from skae._data.splitting import deduplicate, rescale_weights
from skae._sklearn.pipelines import active_steps, call_method, last_step, transform_by
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
        Distinct samples, in random order. Groups are in one fold.
    folds : int
        How many estimators to fit.
    fit : callable
        ``fit(i, data)`` returns the i-th estimator, fitted to these samples.
    """
    label, scores = np.arange(len(data)) % folds, np.empty(len(data))
    if data.groups is not None:
        label = group_folds(data, folds)
    for i in range(int(label.max()) + 1):
        estimator = fit(i, data.subset(np.flatnonzero(label != i)))
        held_out = data.subset(np.flatnonzero(label == i))
        scores[label == i] = call_method(
            estimator, "score_samples", held_out.to_array()
        )
    return scores


def check_estimator(estimator: Any) -> None:
    """Raise TypeError if a pipeline does not end in an autoencoder."""
    steps = active_steps(clone(estimator, safe=False))  # searches are not fitted
    name, model = steps[-1] if steps else ("", estimator)
    if isinstance(model, type):
        raise TypeError(
            f"estimator={model.__name__} is a class; pass an object of it, such as "
            f"{model.__name__}()."
        )
    if steps and all(hasattr(model, one) for one in ("reconstruct", "score_samples")):
        return
    found = "all of them do nothing"
    if steps:
        found = f"step {name!r} is of type {type(model).__name__}"
    raise TypeError(
        "The last step of the pipeline that is passed as estimator must be an "
        f"autoencoder of skae, which scores and reconstructs samples; {found}. Put an "
        "autoencoder last, with all else before it."
    )


def contributions(estimator: Any, table: np.ndarray) -> np.ndarray:
    """Return each feature's squared error, which sum to the mean squared error.

    Features are those that the last step of a pipeline sees.
    """
    *before, (_, model) = active_steps(estimator)
    seen = transform_by(before, table)
    residual = np.asarray(seen) - model.reconstruct(seen)
    return np.square(residual) / residual.shape[1]


def _fit(estimator: Any, data: Dataset) -> Any:
    """Fit an autoencoder, or a pipeline whose last step takes weights and groups.

    Earlier steps take the weights if they ask, by `set_fit_request`. The steps are
    addressed by name, so that steps that do not say whether they want weights raise no
    error.
    """
    table, groups = data.to_array(), data.groups
    several = groups is not None and len(np.unique(groups)) > 1
    grouped: dict[str, Any] = {"groups": groups} if several else {}
    if not isinstance(estimator, Pipeline):
        return estimator.fit(table, sample_weight=data.weight, **grouped)
    *before, (last, _) = active_steps(estimator)
    metadata = {f"{last}__{name}": value for name, value in grouped.items()}
    if data.weight is not None:
        names = [*(name for name, step in before if _asks_for_weights(step)), last]
        metadata |= {f"{one}__sample_weight": data.weight for one in names}
    if not metadata:
        return estimator.fit(table)
    with config_context(enable_metadata_routing=False):
        return estimator.fit(table, **metadata)


def _asks_for_weights(step: Any) -> bool:
    """Return whether `set_fit_request` of a step asked for weights."""
    if not hasattr(step, "get_metadata_routing"):
        return False
    request = getattr(step.get_metadata_routing(), "fit", None)
    return request is not None and request.requests.get("sample_weight") is True


def fit_estimator(
    detector: Any,
    data: Dataset,
    X: Any,
    y: Any,
    sample_weight: Any,
) -> dict[str, Any]:
    """Fit a clone to all samples, and others to find how it scores new ones."""
    check_estimator(detector.estimator)
    seed = draw_seed(detector.random_state)
    distinct = deduplicate(data, hash_samples(data, seed))
    distinct = rescale_weights(distinct, len(data))
    folds = n_folds(len(distinct), int(detector.n_splits or 0))
    root = detector._init_callback_context(max_subtasks=1 + folds)
    weights = None if sample_weight is None else {"sample_weight": sample_weight}
    y = X if y is None else y
    arguments = {"estimator": detector, "X": X, "y": y, "metadata": weights}
    root.call_on_fit_task_begin(**arguments)

    def fit(name: str, part: Dataset) -> Any:
        estimator: Any = clone(detector.estimator)
        if detector.random_state is not None:
            last_step(estimator).set_params(random_state=seed)
        splitter = getattr(last_step(estimator), "validation_fraction", None)
        if part is not data and hasattr(splitter, "split"):
            # It is for the samples of the user, all of them and in their order.
            last_step(estimator).set_params(validation_fraction=0.1)
        task = root.subcontext(task_name=name)
        with task.propagate_callback_context(estimator):
            return _fit(estimator, part)

    estimator = fit("all samples", data)
    scores = call_method(estimator, "score_samples", data.to_array())
    held_out, weight = scores, weight_of_groups(data)
    if folds:
        held_out = cross_fitted_scores(
            distinct, folds, lambda i, part: fit(f"fold {i}", part)
        )
        weight = weight_of_groups(distinct)
    fitted = {
        **calibrated_attributes(-held_out, weight),
        "estimator_": estimator,
        "loss_curve_": last_step(estimator).loss_curve_,
        "n_iter_": last_step(estimator).n_iter_,
        "device_": last_step(estimator).device_,
    }
    if detector.contamination != "auto":
        share = float(detector.contamination)
        fitted["offset_"] = contamination_threshold(scores, data.weight, share)
    root.call_on_fit_task_end(**arguments, reconstruction_attributes=lambda: fitted)
    return fitted
