"""Scalings of a table in which distances between rows mean something."""

from dataclasses import dataclass

import numpy as np

from ._calibration import quantiles
from ._rows import Rows

TO_DEVIATION = 1.349  # interquartile range of a normal distribution, in deviations
NEARLY_CONSTANT = 1e-7  # deviation, relative to the size of the values
ROBUST_LIMIT, LIMIT = 50.0, 1e4


def _or_else(scale: np.ndarray, other: np.ndarray | float) -> np.ndarray:
    """Return the scale, and another one where it is zero."""
    return np.where(scale > 0, scale, other)


def _negligible(spread: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Return whether the values of a column differ by rounding at the most."""
    return spread <= NEARLY_CONSTANT * np.abs(x).max(axis=0)


def _standard(
    x: np.ndarray, weight: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean and deviation of each column; that of constant ones is zero."""
    mean = np.average(x, axis=0, weights=weight)
    deviation = np.sqrt(np.average(np.square(x - mean), axis=0, weights=weight))
    return mean, np.where(_negligible(deviation, x), 0.0, deviation)


@dataclass(frozen=True)
class View:
    """A scaling of the columns, ``clip((f(x) - mean) / scale)``.

    The function f is the identity, or in a robust view ``asinh((x - centre) / spread)``
    with median and interquartile range: values far out count by their logarithm.

    Attributes
    ----------
    mean, scale : ndarray of shape (n_features,)
        Mean and standard deviation of f(x).
    centre, spread : ndarray of shape (n_features,) or None
        Median and scale inside of f; None for the identity.
    """

    mean: np.ndarray
    scale: np.ndarray
    centre: np.ndarray | None = None
    spread: np.ndarray | None = None

    @classmethod
    def of(cls, x: np.ndarray, weight: np.ndarray | None, *, robust: bool) -> "View":
        """Return the view that these weighted rows define."""
        mean, scale = _standard(x, weight)
        if not robust:
            return cls(mean, _or_else(scale, 1.0))
        low, centre, high = quantiles(x, weight, 0.25, 0.5, 0.75)
        spread = np.where(_negligible(high - low, x), 0.0, (high - low) / TO_DEVIATION)
        spread = _or_else(spread, _or_else(scale, 1.0))
        constant = scale == 0
        mean, scale = _standard(np.arcsinh((x - centre) / spread), weight)
        return cls(mean, np.where(constant | (scale == 0), 1.0, scale), centre, spread)

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Return rows as they look, in float32."""
        x, limit = np.asarray(x, dtype=np.float64), LIMIT
        if self.centre is not None and self.spread is not None:
            x, limit = np.arcsinh((x - self.centre) / self.spread), ROBUST_LIMIT
        return np.clip((x - self.mean) / self.scale, -limit, limit).astype(np.float32)

    def undo(self, look: np.ndarray) -> np.ndarray:
        """Return rows of a view that is not robust in their own units."""
        return look.astype(np.float64) * self.scale + self.mean

    def rows(self, rows: Rows) -> Rows:
        """Return a table of all these rows as they look, with their weights."""
        table = np.empty((len(rows), rows.n_features), np.float32)
        for at, chunk in rows.chunks():
            table[at] = self(chunk)
        return Rows(table, weight=rows.weight)
