"""Axes to draw on, and estimators by the names to draw them under."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline
from sklearn.utils import check_array
from sklearn.utils._optional_dependencies import check_matplotlib_support


def open_axes(display: object, ax: Any, size: tuple[float, float] | None = None) -> Any:
    """Return the axes that were passed, or those of a new figure."""
    check_matplotlib_support(f"{type(display).__name__}.plot")
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt

    return plt.subplots(figsize=size, layout="compressed")[1]


def last_step(estimator: Any) -> Any:
    """Return what does the work: the last step of a pipeline, or the estimator."""
    return estimator.steps[-1][1] if isinstance(estimator, Pipeline) else estimator


def by_name(estimator: Any) -> dict[str, Any]:
    """Return one estimator, a list or a dict of them as a dict.

    Without names they are called by their classes, and numbered where these repeat.
    """
    if isinstance(estimator, Mapping):
        return {str(name): one for name, one in estimator.items()}
    many = estimator if isinstance(estimator, list | tuple) else [estimator]
    named: dict[str, Any] = {}
    for one in many:
        name = kind = type(last_step(one)).__name__
        count = 1
        while name in named:
            count += 1
            name = f"{kind} {count}"
        named[name] = one
    return named


def picked(name: str, asked: Any, n: int) -> np.ndarray:
    """Return the first so many of n places, or the places that are asked for."""
    places = np.asarray(asked)
    if places.dtype.kind not in "iu" or places.ndim > 1 or places.size == 0:
        raise ValueError(f"{name} must be an int or places as ints; got {asked!r}.")
    if places.ndim == 0:
        if places < 1:
            raise ValueError(f"{name}={asked} must be at least 1.")
        return np.arange(min(int(places), n))
    if places.min() < -n or places.max() >= n:
        raise ValueError(f"{name} has places beyond the {n} that there are: {asked!r}.")
    return places % n


def pair(components: Any, k: int) -> np.ndarray:
    """Return the two different codes that are asked for."""
    at = picked("components", components, k)
    if np.ndim(components) != 1 or len(at) != 2 or at[0] == at[1]:
        raise ValueError(f"components={components!r} must name two different codes.")
    return at


def image_options(im_kw: Any, **defaults: Any) -> dict[str, Any]:
    """Return options for `imshow`; a norm that is given has its own limits."""
    given = im_kw or {}
    if "norm" in given:
        defaults = {k: v for k, v in defaults.items() if k not in {"vmin", "vmax"}}
    return {**defaults, **given}


def numbers(X: Any, name: str = "X") -> np.ndarray:
    """Return a table as finite float64."""
    return np.asarray(check_array(X, input_name=name, dtype="float64"))


def transformed(estimator: Any, X: Any) -> np.ndarray:
    """Return the codes of X as an array."""
    if not hasattr(estimator, "transform"):
        name = type(estimator).__name__
        raise TypeError(f"Codes come from `transform`, and {name} has none.")
    return numbers(np.asarray(estimator.transform(X)), "the codes")


def decoded(estimator: Any, codes: np.ndarray) -> np.ndarray:
    """Return the rows that codes stand for as an array."""
    if not hasattr(estimator, "inverse_transform"):
        raise TypeError(
            "Codes are decoded by `inverse_transform`, and "
            f"{type(estimator).__name__} has none. A Pipeline has it only if each of "
            "its steps does."
        )
    return numbers(np.asarray(estimator.inverse_transform(codes)), "decoded codes")


def in_kind(table: np.ndarray, X: Any) -> Any:
    """Return a table with the names of the columns of X, if it has any."""
    if not hasattr(X, "columns"):
        return table
    return type(X)(dict(zip(X.columns, table.T, strict=True)))


def column_names(X: Any, n_features: int) -> list[str]:
    """Return the names of the columns of a table or a fit, or "x0" and so on."""
    names = getattr(X, "columns", getattr(X, "feature_names_in_", None))
    if names is None:
        return [f"x{j}" for j in range(n_features)]
    return [str(name) for name in names]
