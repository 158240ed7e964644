"""Estimators by name, and their codes, reconstructions and contributions."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline

from skae._sklearn.pipelines import (
    active_steps,
    best_estimator,
    feature_names_after,
    last_step,
    transform_by,
)

from .tables import column_names, to_float


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
    before = active_steps(estimator)[:-1]
    names = feature_names_after(before, getattr(X, "columns", None))
    X = transform_by(before, X)
    contributions = np.asarray(model.explain(X))
    if hasattr(model, "feature_names_in_"):
        names = model.feature_names_in_
    if names is not None and hasattr(model, "get_feature_names_out"):
        names = model.get_feature_names_out([str(name) for name in names])
    if names is None:
        return contributions, column_names(X, contributions.shape[1])
    return contributions, [str(name) for name in names]
