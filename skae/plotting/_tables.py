"""Rows and columns of tables: as numbers, by places, by names, a few at a time."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from sklearn.utils import _safe_indexing, check_array, gen_batches
from sklearn.utils.validation import _num_samples

CHUNK_ROWS = 4096


def numbers(X: Any, name: str = "X") -> np.ndarray:
    """Return a table as finite float64."""
    return np.asarray(check_array(X, input_name=name, dtype="float64"))


def chunks(X: Any, *others: Any) -> Iterator[tuple[Any, ...]]:
    """Yield the rows of tables a few at a time, as they came."""
    for rows in gen_batches(_num_samples(X), CHUNK_ROWS):
        yield tuple(_safe_indexing(table, rows) for table in (X, *others))


def first(X: Any) -> Any:
    """Return the first row of a table, as it came."""
    if _num_samples(X) == 0:
        raise ValueError("X has no rows.")
    return _safe_indexing(X, [0])


def moments(X: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean and the variance of each column, exactly zero if constant."""
    n, start = _num_samples(X), numbers(first(X))
    shift = sum((numbers(part) - start).sum(axis=0) for (part,) in chunks(X)) / n
    squares = sum(
        np.square(numbers(part) - start - shift).sum(axis=0) for (part,) in chunks(X)
    )
    return start[0] + shift, np.asarray(squares) / n


def in_deviations(table: np.ndarray, mean: Any, variance: Any) -> np.ndarray:
    """Return a table less the mean, in standard deviations of its columns.

    Constant columns keep their unit. If all are constant, as those of a single row are,
    the table is left as it is.
    """
    if not np.any(variance):
        return table
    return (table - mean) / np.sqrt(np.where(variance > 0, variance, 1.0))


def limits(X: Any) -> tuple[float, float]:
    """Return the least and the greatest value of a table."""
    ends = [(numbers(part).min(), numbers(part).max()) for (part,) in chunks(X)]
    low, high = zip(*ends, strict=True)
    return float(min(low)), float(max(high))


def picked(name: str, asked: Any, n: int) -> np.ndarray:
    """Return the first so many of n places, or the places that are asked for."""
    places = np.asarray(asked)
    if places.dtype.kind not in "iu" or places.ndim > 1 or places.size == 0:
        raise ValueError(f"{name} must be an int, or indices as ints; got {asked!r}.")
    if places.ndim == 0:
        if places < 1:
            raise ValueError(f"{name}={asked} must be at least 1.")
        return np.arange(min(int(places), n))
    if places.min() < -n or places.max() >= n:
        raise ValueError(f"{name}={asked!r} has indices beyond the {n} that there are.")
    return places % n


def pair(components: Any, k: int) -> np.ndarray:
    """Return the two different codes that are asked for."""
    at = picked("components", components, k)
    if np.ndim(components) != 1 or len(at) != 2 or at[0] == at[1]:
        raise ValueError(f"components={components!r} must name two different codes.")
    return at


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
