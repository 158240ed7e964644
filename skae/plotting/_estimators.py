"""Estimators by the names to draw them under, and what they make of rows."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline

from ._tables import column_names, numbers

IDLE = (None, "passthrough")  # steps of a pipeline that do nothing


def chosen(estimator: Any) -> Any:
    """Return the estimator that a search has chosen, or the estimator."""
    return getattr(estimator, "best_estimator_", estimator)


def last_step(estimator: Any) -> Any:
    """Return what does the work: the last step of a pipeline, or the estimator."""
    estimator = chosen(estimator)
    if isinstance(estimator, type):
        raise TypeError(f"{estimator.__name__} is a class; pass a fitted instance.")
    if isinstance(estimator, Pipeline):
        steps = [step for _, step in estimator.steps if step not in IDLE]
        return last_step(steps[-1]) if steps else estimator
    return estimator


def by_name(estimator: Any) -> dict[str, Any]:
    """Return one estimator, a list or a dict of them as a dict.

    Without names they are called by their classes, and numbered where these repeat.
    """
    if isinstance(estimator, Mapping):
        named = {str(name): one for name, one in estimator.items()}
        if len(named) < len(estimator):
            raise ValueError(f"estimator has names that read the same: {[*estimator]}.")
    else:
        many = estimator if isinstance(estimator, list | tuple) else [estimator]
        named: dict[str, Any] = {}
        for one in many:
            name = kind = type(last_step(one)).__name__
            count = 1
            while name in named:
                count += 1
                name = f"{kind} {count}"
            named[name] = one
    if not named:
        raise ValueError(f"estimator={estimator!r} holds none. Pass one at least.")
    return named


def transformed(estimator: Any, X: Any) -> np.ndarray:
    """Return the codes of X as an array."""
    last_step(estimator)
    if not hasattr(estimator, "transform"):
        name = type(chosen(estimator)).__name__
        cure = "Pass an autoencoder, PCA or another fitted transformer."
        if isinstance(chosen(estimator), Pipeline):
            cure = "Leave out what follows the codes: pipeline[:-1]."
        raise TypeError(f"Codes come from `transform`, and {name} has none. {cure}")
    return numbers(np.asarray(estimator.transform(X)), "codes")


def decoded(estimator: Any, codes: np.ndarray) -> np.ndarray:
    """Return the rows that codes stand for as an array."""
    if not hasattr(estimator, "inverse_transform"):
        raise TypeError(
            "Codes are decoded by `inverse_transform`, and "
            f"{type(estimator).__name__} has none. A Pipeline has it only if each of "
            "its steps does."
        )
    return numbers(np.asarray(estimator.inverse_transform(codes)), "decoded codes")


def explained(estimator: Any, rows: Any) -> tuple[np.ndarray, list[str]]:
    """Return what each column contributes to rows, and the columns' names."""
    model = last_step(estimator)
    if not hasattr(model, "explain"):
        raise TypeError(
            f"{type(model).__name__} has no `explain`, so rows cannot be explained. "
            "Leave rows=None, or take an AutoencoderOutlierDetector."
        )
    estimator, names = chosen(estimator), getattr(rows, "columns", None)
    while isinstance(estimator, Pipeline):
        if len(estimator) > 1:
            before = estimator[:-1]
            rows, names = before.transform(rows), _names_after(before, names)
        estimator = chosen(estimator.steps[-1][1])
    shares = np.asarray(model.explain(rows))
    if hasattr(model, "feature_names_in_"):
        names = model.feature_names_in_
    if names is None:
        return shares, column_names(rows, shares.shape[1])
    return shares, [str(name) for name in names]


def _names_after(steps: Pipeline, names: Any) -> Any:
    """Return names for what comes out of steps, None if one of them gives no names."""
    if hasattr(steps, "feature_names_in_"):  # which need not be those of all rows
        names = None
    try:
        given = None if names is None else [str(name) for name in names]
        return steps.get_feature_names_out(given)
    except (AttributeError, TypeError, ValueError):
        return None
