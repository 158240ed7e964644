"""Scalings of a table in which distances between rows mean something."""

from dataclasses import dataclass

import numpy as np

from skae._data.dataset import Dataset
from skae._data.statistics import weighted_quantiles

TO_DEVIATION = 1.349  # interquartile range of a normal distribution, in deviations
NEARLY_CONSTANT = 1e-7  # deviation, relative to the size of the values
ROBUST_LIMIT, LIMIT = 50.0, 1e4
CHANGED = 5.0
FAR_OUT = 8.0  # some 1,500 deviations; what is farther does not widen the scale more


def _or_else(scale: np.ndarray, other: np.ndarray | float) -> np.ndarray:
    """Return the scale, and another one where it is zero."""
    return np.where(scale > 0, scale, other)


def _or_zero(spread: np.ndarray, size: np.ndarray) -> np.ndarray:
    """Return spreads, zero where values of this size differ by rounding at the most."""
    return np.where(spread <= NEARLY_CONSTANT * size, 0.0, spread)


def _standard(
    x: np.ndarray, weight: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean and deviation of each column; that of constant ones is zero."""
    mean = np.average(x, axis=0, weights=weight)
    deviation = np.sqrt(np.average(np.square(x - mean), axis=0, weights=weight))
    return mean, _or_zero(deviation, np.abs(x).max(axis=0))


@dataclass(frozen=True)
class ColumnScaling:
    """A scaling of the columns, ``clip((f(x) - mean) / scale)``.

    The function f is the identity, or in a robust view ``asinh((x - centre) / spread)``
    with median and interquartile range: values far out count by their logarithm. A
    column that was constant is as far off as five deviations where it no longer is.

    Attributes
    ----------
    mean, scale : ndarray of shape (n_features,)
        Mean and standard deviation of f(x); the deviation of constant columns is zero.
    centre, spread : ndarray of shape (n_features,)
        What is inside of f: median and scale, or zeros and ones.
    robust : bool
        Whether f is not the identity.
    """

    mean: np.ndarray
    scale: np.ndarray
    centre: np.ndarray
    spread: np.ndarray
    robust: bool

    @classmethod
    def of(
        cls, x: np.ndarray, weight: np.ndarray | None, *, robust: bool
    ) -> "ColumnScaling":
        """Return the view that these weighted rows define."""
        mean, scale = _standard(x, weight)
        if not robust:
            return cls(mean, scale, np.zeros_like(mean), np.ones_like(mean), False)
        low, centre, high = weighted_quantiles(x, weight, 0.25, 0.5, 0.75)
        size = np.maximum(np.abs(low), np.abs(high))
        spread = _or_zero((high - low) / TO_DEVIATION, size)
        spread = _or_else(spread, _or_else(scale, 1.0))
        look = np.clip(np.arcsinh((x - centre) / spread), -FAR_OUT, FAR_OUT)
        mean, deviation = _standard(look, weight)
        return cls(mean, np.where(scale > 0, deviation, 0.0), centre, spread, True)

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Return rows as they look, in float32."""
        x = np.asarray(x, dtype=np.float64)
        look, limit = (x - self.centre) / self.spread, LIMIT
        if self.robust:
            look, limit = np.arcsinh(look), ROBUST_LIMIT
        look = (look - self.mean) / _or_else(self.scale, 1.0)
        look = np.clip(look, -limit, limit)
        (constant,) = np.nonzero(self.scale == 0)
        if len(constant):
            value = (self.centre if self.robust else self.mean)[constant]
            change = x[:, constant] - value
            change[np.abs(change) <= NEARLY_CONSTANT * np.abs(value)] = 0
            look[:, constant] = CHANGED * np.sign(change)
        return look.astype(np.float32)

    def undo(self, look: np.ndarray) -> np.ndarray:
        """Return rows of a view that is not robust in their own units."""
        return look.astype(np.float64) * self.scale + self.mean

    def rows(self, rows: Dataset) -> Dataset:
        """Return a table of all these rows as they look, with their weights."""
        table = np.empty((len(rows), rows.n_features), np.float32)
        for at, chunk in rows.chunks():
            table[at] = self(chunk)
        return Dataset(table, weight=rows.weight)
