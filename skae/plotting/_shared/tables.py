"""Samples and features of X: as numbers, by position, by name, in chunks."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from sklearn.utils import check_array, gen_batches

from skae._sklearn.compat import num_samples, safe_indexing

CHUNK_SAMPLES = 4096


def to_float(X: Any, name: str = "X") -> np.ndarray:
    """Return X as a finite array of float64."""
    return np.asarray(check_array(X, input_name=name, dtype="float64"))


def chunks(X: Any) -> Iterator[Any]:
    """Yield the samples of X in chunks, in their own container."""
    for at in gen_batches(num_samples(X), CHUNK_SAMPLES):
        yield safe_indexing(X, at)


def first(X: Any) -> Any:
    """Return the first sample of X, in its own container."""
    if num_samples(X) == 0:
        raise ValueError("X has no samples.")
    return safe_indexing(X, [0])


def moments(X: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean and the variance of each feature, exactly zero if constant."""
    n, start = num_samples(X), to_float(first(X))
    shift = sum((to_float(part) - start).sum(axis=0) for part in chunks(X)) / n
    squares = sum(
        np.square(to_float(part) - start - shift).sum(axis=0) for part in chunks(X)
    )
    return start[0] + shift, np.asarray(squares) / n


def standardize(X: np.ndarray, mean: Any, variance: Any) -> np.ndarray:
    """Return X less the mean, in standard deviations of its features.

    Constant features are not scaled. If all are constant, as those of a single sample
    are, X is returned as it is.
    """
    if not np.any(variance):
        return X
    return (X - mean) / np.sqrt(np.where(variance > 0, variance, 1.0))


def value_range(X: Any) -> tuple[float, float]:
    """Return the minimum and the maximum of X."""
    ends = [(to_float(part).min(), to_float(part).max()) for part in chunks(X)]
    low, high = zip(*ends, strict=True)
    return float(min(low)), float(max(high))


def select(name: str, asked: Any, n: int) -> np.ndarray:
    """Return the first so many of n positions, or the positions that are given."""
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


def select_pair(components: Any, k: int) -> np.ndarray:
    """Return the positions of the two different codes that are given."""
    at = select("components", components, k)
    if np.ndim(components) != 1 or len(at) != 2 or at[0] == at[1]:
        raise ValueError(f"components={components!r} must name two different codes.")
    return at


def like(values: np.ndarray, X: Any) -> Any:
    """Return values as a frame with the columns of X, if X is one."""
    if not hasattr(X, "columns"):
        return values
    return type(X)(dict(zip(X.columns, values.T, strict=True)))


def column_names(X: Any, n_features: int) -> list[str]:
    """Return the feature names of a frame or a fitted estimator, or "x0" and so on."""
    names = getattr(X, "columns", getattr(X, "feature_names_in_", None))
    if names is None:
        return [f"x{j}" for j in range(n_features)]
    return [str(name) for name in names]
