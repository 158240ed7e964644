"""Estimators by name, and their codes, reconstructions and contributions."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline

from .tables import column_names, to_float

IDLE = (None, "passthrough")  # steps of a pipeline that do nothing


def best_estimator(estimator: Any) -> Any:
    """Return the best estimator of a search, or the estimator."""
    return getattr(estimator, "best_estimator_", estimator)


def last_step(estimator: Any) -> Any:
    """Return the last step of a pipeline that is not idle, or the estimator."""
    estimator = best_estimator(estimator)
    if isinstance(estimator, type):
        raise TypeError(f"{estimator.__name__} is a class; pass a fitted instance.")
    if isinstance(estimator, Pipeline):
        steps = [step for _, step in estimator.steps if step not in IDLE]
        return last_step(steps[-1]) if steps else estimator
    return estimator


def named_estimators(estimator: Any) -> dict[str, Any]:
    """Return one estimator, a list or a dict of them as a dict.

    Without names they get those of their classes, numbered if these repeat.
    """
    if isinstance(estimator, Mapping):
        named = {str(name): one for name, one in estimator.items()}
        if len(named) < len(estimator):
            raise ValueError(f"estimator has names that read the same: {[*estimator]}.")
    else:
        many = estimator if isinstance(estimator, list | tuple) else [estimator]
        named: dict[str, Any] = {}
        for one in many:
            name = cls = type(last_step(one)).__name__
            count = 1
            while name in named:
                count += 1
                name = f"{cls} {count}"
            named[name] = one
    if not named:
        raise ValueError(f"estimator={estimator!r} holds none. Pass at least one.")
    return named


def encode(estimator: Any, X: Any) -> np.ndarray:
    """Return the latent codes of X as an array."""
    last_step(estimator)
    if not hasattr(estimator, "transform"):
        name = type(best_estimator(estimator)).__name__
        cure = "Pass an autoencoder, PCA or another fitted transformer."
        if isinstance(best_estimator(estimator), Pipeline):
            cure = "Leave out what follows the codes: pipeline[:-1]."
        raise TypeError(f"Codes come from `transform`, and {name} has none. {cure}")
    return to_float(np.asarray(estimator.transform(X)), "codes")


def decode(estimator: Any, codes: np.ndarray) -> np.ndarray:
    """Return the reconstructions from codes as an array."""
    if not hasattr(estimator, "inverse_transform"):
        raise TypeError(
            "Codes are decoded by `inverse_transform`, and "
            f"{type(estimator).__name__} has none. A Pipeline has it only if each of "
            "its steps does."
        )
    return to_float(np.asarray(estimator.inverse_transform(codes)), "decoded codes")


def explain(estimator: Any, X: Any) -> tuple[np.ndarray, list[str]]:
    """Return the contribution of each feature to each score, and feature names."""
    model = last_step(estimator)
    if not hasattr(model, "explain"):
        raise TypeError(
            f"{type(model).__name__} has no `explain`, so samples cannot be explained. "
            "Leave rows=None, or pass an AutoencoderOutlierDetector."
        )
    estimator, names = best_estimator(estimator), getattr(X, "columns", None)
    while isinstance(estimator, Pipeline):
        if len(estimator) > 1:
            before = estimator[:-1]
            X, names = before.transform(X), _feature_names_out(before, names)
        estimator = best_estimator(estimator.steps[-1][1])
    contributions = np.asarray(model.explain(X))
    if hasattr(model, "feature_names_in_"):
        names = model.feature_names_in_
    if names is None:
        return contributions, column_names(X, contributions.shape[1])
    return contributions, [str(name) for name in names]


def _feature_names_out(steps: Pipeline, names: Any) -> Any:
    """Return the names of the output of steps, None if one of them gives no names."""
    if hasattr(steps, "feature_names_in_"):  # its names may be fewer than those of X
        names = None
    try:
        given = None if names is None else [str(name) for name in names]
        return steps.get_feature_names_out(given)
    except (AttributeError, TypeError, ValueError):
        return None
