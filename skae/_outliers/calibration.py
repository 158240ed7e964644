"""From scores of samples that were not fitted to: scales, thresholds, p-values."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from skae._data.statistics import weighted_quantiles

FLAGGED = 0.05  # share of samples like the training samples that "auto" flags
TIE_TOLERANCE = 1e-9  # relative difference that the order of a sum may make


@dataclass(frozen=True)
class ScoreScale:
    """Where usual scores lie: their median, and the distance from there to 90 %."""

    median: float
    spread: float

    @classmethod
    def fit(cls, scores: np.ndarray, weight: np.ndarray | None) -> "ScoreScale":
        """Return the scale of weighted scores.

        Where nine in ten are equal, as in tables of many equal samples, the spread
        reaches to the first that is not.
        """
        median, high = weighted_quantiles(scores, weight, 0.5, 0.9)
        if high - median <= 1e-6 * abs(median):
            above = scores[scores > median + 1e-6 * abs(median)]
            high = above.min() if above.size else median + 1.0
        return cls(float(median), float(high - median))

    def __call__(self, scores: np.ndarray) -> np.ndarray:
        """Return scaled scores: 0 at the median, 1 at 90 %."""
        return (scores - self.median) / self.spread


def contamination_threshold(
    scores: np.ndarray, weight: np.ndarray | None, share: float
) -> float:
    """Return the threshold with at most a share of the weight strictly below it.

    Scores that are the same but for rounding are below it together or not at all, so
    a tie never makes the share larger than it was asked for. The threshold is half-way
    between the highest score below it and the next one.

    Parameters
    ----------
    scores : ndarray of shape (n_samples,)
        Scores, low for outliers.
    weight : ndarray of shape (n_samples,) or None
        Weights of the samples.
    share : float
        The share, in (0, 0.5].
    """
    order = np.argsort(scores, kind="stable")
    ordered = scores[order]
    mass = np.cumsum(np.ones(len(scores)) if weight is None else weight[order])
    differs = ordered[1:] > ordered[:-1] + TIE_TOLERANCE * np.abs(ordered[:-1])
    ends = np.flatnonzero(differs)  # the last of each group of ties but the highest
    below = ends[mass[ends] <= share * mass[-1] * (1 + 1e-9)]
    if not below.size:
        return float(with_tie_tolerance(ordered[:1])[0])
    last, following = ordered[below[-1]], ordered[below[-1] + 1]
    between = last + (following - last) / 2
    return float(between if between > last else following)


def with_tie_tolerance(scores: np.ndarray) -> np.ndarray:
    """Return scores that are lower by a rounding error, so that equal ones tie."""
    return scores - TIE_TOLERANCE * np.maximum(np.abs(scores), 1.0)


def p_values(
    scores: np.ndarray, calibration: np.ndarray, weight: np.ndarray | None
) -> np.ndarray:
    """Return the share of calibration scores that are as high, the own one included.

    With n calibration scores of unit weight that is ``(1 + #{>=}) / (n + 1)``, which is
    at most a with probability a for a sample that is like them.

    References
    ----------
    Vovk, V., Gammerman, A. and Shafer, G. (2005). Algorithmic learning in a random
    world. Springer.
    """
    order = np.argsort(calibration, kind="stable")
    weight = np.ones(len(calibration)) if weight is None else weight[order]
    below = np.concatenate([[0.0], np.cumsum(weight)])
    total = below[-1]
    at = np.searchsorted(calibration[order], with_tie_tolerance(scores), side="left")
    return (1 + total - below[at]) / (1 + total)


def p_value_threshold(
    calibration: np.ndarray, weight: np.ndarray | None, share: float
) -> float:
    """Return the score above which p-values are at most ``share``.

    Where there are too few calibration scores for such p-values, it is twice as far
    from their median as the highest.
    """
    order = np.argsort(calibration, kind="stable")
    ordered = calibration[order]
    weight = np.ones(len(calibration)) if weight is None else weight[order]
    above = np.cumsum(weight[::-1])[::-1]  # weight of each score and of higher ones
    allowed = share * (1 + above[0]) - 1
    if allowed < 0:
        return float(2 * ordered[-1] - weighted_quantiles(ordered, weight, 0.5)[0])
    return float(ordered[above > allowed * (1 + TIE_TOLERANCE)][-1])


def calibrated_attributes(
    scores: np.ndarray, weight: np.ndarray | None
) -> dict[str, Any]:
    """Return the threshold of "auto", and what p-values are computed from.

    Parameters
    ----------
    scores : ndarray of shape (n_samples,)
        Scores of training samples, high for outliers, by what was not fitted to them.
    weight : ndarray of shape (n_samples,) or None
        Weights of the samples.
    """
    # A rounding error beyond the threshold is not beyond it.
    offset = -p_value_threshold(scores, weight, FLAGGED)
    offset -= TIE_TOLERANCE * max(abs(offset), 1.0)
    return {"offset_": offset, "_state": {"calibration": scores, "weight": weight}}
