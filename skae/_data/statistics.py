"""Statistics of weighted columns, in one pass over blocks or of small arrays."""

# numpy.quantile with weights carries no type.
# pyright: reportUnknownMemberType=false

import math
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain

import numpy as np

from .source import Block


@dataclass(frozen=True)
class ColumnStatistics:
    """Weighted mean, standard deviation, minimum and maximum of each column."""

    mean: np.ndarray
    std: np.ndarray
    min: np.ndarray
    max: np.ndarray


class RunningMean:
    """Weighted mean and scatter of columns, updated a block at a time.

    The update of Chan, Golub and LeVeque keeps its precision whatever the mean.

    Attributes
    ----------
    mass : float
        Sum of the weights so far.
    mean : ndarray of shape (n_features,)
        Mean so far.

    References
    ----------
    Chan, T. F., Golub, G. H. and LeVeque, R. J. (1983). Algorithms for computing the
    sample variance. The American Statistician 37, 242-247.
    """

    def __init__(self, n_features: int) -> None:
        self.mass, self.mean = 0.0, np.zeros(n_features)

    def update(
        self, values: np.ndarray, weight: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, float]:
        """Add a block.

        Returns
        -------
        centre : ndarray of shape (n_features,)
            Mean of the block, about which its own scatter is to be taken.
        shift : ndarray of shape (n_features,)
            Distance of that mean from the mean so far.
        factor : float
            What the product of shifts adds to the scatter.
        """
        mass = float(weight.sum())
        centre = np.einsum("i,ij->j", weight, values) / mass
        shift = centre - self.mean
        factor = self.mass * mass / (self.mass + mass)
        self.mass += mass
        self.mean += shift * (mass / self.mass)
        return centre, shift, factor


def column_statistics(blocks: Iterable[Block]) -> ColumnStatistics:
    """Return the statistics of each column, in one pass over blocks of float64."""
    blocks = iter(blocks)
    first = next(blocks)
    d = first.values.shape[1]
    running, squares = RunningMean(d), np.zeros(d)
    low, high = np.full(d, np.inf), np.full(d, -np.inf)
    for block in chain([first], blocks):
        values, weight = block.values, block.sample_weight
        np.minimum(low, values.min(axis=0), out=low)
        np.maximum(high, values.max(axis=0), out=high)
        centre, shift, factor = running.update(values, weight)
        squares += np.einsum("i,ij->j", weight, np.square(values - centre))
        squares += shift**2 * factor
    std = np.sqrt(squares / running.mass)
    return ColumnStatistics(running.mean, std, low, high)


def standard_error(
    values: np.ndarray, weight: np.ndarray, groups: np.ndarray | None = None
) -> tuple[float, float]:
    """Return a weighted mean and its standard error.

    The error is that of Kish's effective number of samples, ``sum(w)^2 / sum(w^2)``.
    With groups it is that of the means of the groups, which are independent where
    samples of a group are not.

    References
    ----------
    Kish, L. (1965). Survey sampling. Wiley.
    """
    if groups is not None:
        _, group = np.unique(groups, return_inverse=True)
        mass = np.bincount(group, weights=weight)
        values, weight = np.bincount(group, weights=weight * values) / mass, mass
    mean = float(np.average(values, weights=weight))
    variance = np.average(np.square(values - mean), weights=weight)
    effective = weight.sum() ** 2 / np.square(weight).sum()
    return mean, math.sqrt(variance / effective)


def weighted_quantiles(
    values: np.ndarray, weight: np.ndarray | None, *shares: float
) -> np.ndarray:
    """Return weighted quantiles along the first axis, one entry for each share.

    A weight counts like so many copies of a sample, so nothing is interpolated.
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
