"""Scalings of the features in which distances between samples are meaningful."""

from dataclasses import dataclass

import numpy as np

from skae._data.dataset import Dataset
from skae._data.statistics import weighted_quantiles
from skae._pca.anchor import ROUNDING

TO_DEVIATION = 1.349  # interquartile range of a normal distribution, in deviations
CHANGE = 1e-7  # of a constant that is no rounding to single precision, relative to it
ROBUST_LIMIT, LIMIT = 50.0, 1e4
CHANGED = 5.0
FAR_OUT = 8.0  # about 1,500 deviations; larger values do not widen the scale more


def _or_else(scale: np.ndarray, other: np.ndarray | float) -> np.ndarray:
    """Return the scale, or another one where it is zero."""
    return np.where(scale > 0, scale, other)


def _or_zero(spread: np.ndarray, size: np.ndarray) -> np.ndarray:
    """Return spreads, zero where values of this size differ only by rounding."""
    return np.where(spread <= ROUNDING * size, 0.0, spread)


def _mean_and_std(
    x: np.ndarray, weight: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean and deviation of each column; which is zero for constant ones."""
    mean = np.average(x, axis=0, weights=weight)
    deviation = np.sqrt(np.average(np.square(x - mean), axis=0, weights=weight))
    deviation = np.where(x.max(axis=0) > x.min(axis=0), deviation, 0.0)
    return mean, _or_zero(deviation, np.abs(x).max(axis=0))


@dataclass(frozen=True)
class ColumnScaling:
    """A scaling of the features, ``clip((f(x) - mean) / scale)``.

    The function f is the identity, or in a robust scaling the inverse hyperbolic sine
    of ``(x - centre) / spread`` with median and interquartile range: extreme values
    count by their logarithm. Another value of a feature that was constant is five
    deviations off.

    Attributes
    ----------
    mean, scale : ndarray of shape (n_features,)
        Mean and standard deviation of f(x); the deviation of constant features is zero.
    centre, spread : ndarray of shape (n_features,)
        Median and spread inside of f, or zeros and ones.
    robust : bool
        Whether f is not the identity.
    """

    mean: np.ndarray
    scale: np.ndarray
    centre: np.ndarray
    spread: np.ndarray
    robust: bool

    @classmethod
    def fit(
        cls, x: np.ndarray, weight: np.ndarray | None, *, robust: bool
    ) -> "ColumnScaling":
        """Return the scaling that these weighted samples define."""
        mean, scale = _mean_and_std(x, weight)
        if not robust:
            return cls(mean, scale, np.zeros_like(mean), np.ones_like(mean), False)
        low, centre, high = weighted_quantiles(x, weight, 0.25, 0.5, 0.75)
        size = np.maximum(np.abs(low), np.abs(high))
        spread = _or_zero((high - low) / TO_DEVIATION, size)
        spread = _or_else(spread, _or_else(scale, 1.0))
        scaled = np.clip(np.arcsinh((x - centre) / spread), -FAR_OUT, FAR_OUT)
        mean, deviation = _mean_and_std(scaled, weight)
        return cls(mean, np.where(scale > 0, deviation, 0.0), centre, spread, True)

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Return scaled samples, in float32."""
        x = np.asarray(x, dtype=np.float64)
        scaled, limit = (x - self.centre) / self.spread, LIMIT
        if self.robust:
            scaled, limit = np.arcsinh(scaled), ROBUST_LIMIT
        scaled = (scaled - self.mean) / _or_else(self.scale, 1.0)
        scaled = np.clip(scaled, -limit, limit)
        (constant,) = np.nonzero(self.scale == 0)
        if len(constant):
            value = (self.centre if self.robust else self.mean)[constant]
            change = x[:, constant] - value
            change[np.abs(change) <= CHANGE * np.abs(value)] = 0
            scaled[:, constant] = CHANGED * np.sign(change)
        return scaled.astype(np.float32)

    def inverse(self, scaled: np.ndarray) -> np.ndarray:
        """Return samples of a scaling that is not robust in their own units."""
        return scaled.astype(np.float64) * self.scale + self.mean

    def transform(self, data: Dataset) -> Dataset:
        """Return scaled samples with their weights, as a dataset of float32."""
        values = np.empty((len(data), data.n_features), np.float32)
        for at in data.slices():
            values[at] = self(data.read(at, np.float64).values)
        return Dataset(values, weight=data.weight, groups=data.groups)
