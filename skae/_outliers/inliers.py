"""The usual rows of a table that may hold unusual ones."""

import numpy as np

from skae._data.dataset import Dataset
from skae._data.statistics import weighted_quantiles, weighted_ranks

from .neighbors import StoredNeighbors

SHARE = 0.75  # of the rows that are usual for sure
RIDGE = 0.1  # variance that is added to each direction
STORED, NEIGHBOURS = 500, 3


def _mahalanobis(x: np.ndarray, weight: np.ndarray | None) -> np.ndarray:
    """Return squared distances in a covariance that is never singular."""
    moved = x - np.average(x, axis=0, weights=weight)
    root = moved if weight is None else moved * np.sqrt(weight)[:, None]
    mass = len(x) if weight is None else weight.sum()
    covariance = root.T @ root / mass + RIDGE * np.eye(x.shape[1])
    return np.einsum("ij,ij->i", moved, np.linalg.solve(covariance, moved.T).T)


def _lowest(scores: np.ndarray, weight: np.ndarray | None) -> np.ndarray:
    return np.flatnonzero(scores <= weighted_quantiles(scores, weight, SHARE))


def select_inliers(rows: Dataset, seed: int) -> np.ndarray:
    """Return the positions of three quarters of the rows that belong together.

    First come those that are near the mean, in plain and in Mahalanobis distance; then,
    as in the steps of robust covariance estimation, those near enough to the first.

    Parameters
    ----------
    rows : Dataset
        All rows of a table in a robust view.
    seed : int
        Seed of the choice of those from which distances are measured.

    References
    ----------
    Rousseeuw, P. J. and Van Driessen, K. (1999). A fast algorithm for the minimum
    covariance determinant estimator. Technometrics 41, 212-223.
    """
    x, weight = rows.table.astype(np.float64), rows.weight
    plain = np.square(x).mean(axis=1)
    joint = weighted_ranks(plain, weight) + weighted_ranks(
        _mahalanobis(x, weight), weight
    )
    memory = StoredNeighbors.of(rows, _lowest(joint, weight), STORED, seed)
    return _lowest(memory.distances(rows.table, (NEIGHBOURS,))[0], weight)
