"""Reading a table in chunks: no pass ever holds more than a few megabytes beside it.

A :class:`Dataset` is a table of any numeric type, an index of the rows that are meant and
their weights. It hands out float64 chunks; statistics that need one pass are here.
"""

# torch.linalg, torch.from_numpy and scikit-learn carry no types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportMissingTypeStubs=false

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .dataset import Dataset


@dataclass(frozen=True)
class ColumnStatistics:
    """Weighted mean, standard deviation and range of each column."""

    mean: np.ndarray
    deviation: np.ndarray
    low: np.ndarray
    high: np.ndarray


def column_statistics(
    rows: Dataset, change: Callable[[np.ndarray], np.ndarray] | None = None
) -> ColumnStatistics:
    """Return each column's moments in one pass, of changed rows if asked.

    Chunks are merged by the update of Chan, Golub and LeVeque, which keeps its
    precision whatever the mean.

    References
    ----------
    Chan, T. F., Golub, G. H. and LeVeque, R. J. (1983). Algorithms for computing the
    sample variance. The American Statistician 37, 242-247.
    """
    total, d = 0.0, rows.n_features
    mean, squares = np.zeros(d), np.zeros(d)
    low, high = np.full(d, np.inf), np.full(d, -np.inf)
    for at, chunk in rows.chunks():
        if change is not None:
            chunk = change(chunk)
        weight = np.ones(len(chunk)) if rows.weight is None else rows.weight[at]
        mass = weight.sum()
        centre = np.einsum("i,ij->j", weight, chunk) / mass
        shift = centre - mean
        np.minimum(low, chunk.min(axis=0), out=low)
        np.maximum(high, chunk.max(axis=0), out=high)
        chunk = np.square(chunk - centre)
        squares += np.einsum("i,ij->j", weight, chunk)
        squares += shift**2 * (total * mass / (total + mass))
        total += mass
        mean += shift * (mass / total)
    return ColumnStatistics(mean, np.sqrt(squares / total), low, high)


def weighted_quantiles(
    values: np.ndarray, weight: np.ndarray | None, *shares: float
) -> np.ndarray:
    """Return weighted quantiles along the first axis, one row for each share.

    A weight counts like so many copies of the row, so nothing is interpolated.
    """
    weight = np.ones(len(values)) if weight is None else weight
    return np.quantile(values, shares, axis=0, weights=weight, method="inverted_cdf")


def weighted_ranks(values: np.ndarray, weight: np.ndarray | None) -> np.ndarray:
    """Return the weight below each value, half of that of its equals included."""
    order = np.argsort(values, kind="stable")
    weight = np.ones(len(values)) if weight is None else weight[order]
    below = np.concatenate([[0.0], np.cumsum(weight)])
    ordered = values[order]
    first = below[np.searchsorted(ordered, values, side="left")]
    return (first + below[np.searchsorted(ordered, values, side="right")]) / 2
