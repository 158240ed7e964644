"""The inliers of a table that may hold outliers."""

import numpy as np

from skae._data.dataset import Dataset
from skae._data.statistics import weighted_quantiles, weighted_ranks

from .neighbors import StoredNeighbors

INLIER_SHARE = 0.75
RIDGE = 0.1  # variance that is added to each direction
N_STORED, NEIGHBOR = 500, 3


def mahalanobis(x: np.ndarray, weight: np.ndarray | None) -> np.ndarray:
    """Return squared distances in a covariance that is never singular."""
    centred = x - np.average(x, axis=0, weights=weight)
    root = centred if weight is None else centred * np.sqrt(weight)[:, None]
    mass = len(x) if weight is None else weight.sum()
    if len(x) < x.shape[1]:
        # With R the rows of the root, R (R'R/m + r)^-1 R' = RR' (RR'/m + r)^-1.
        gram = root @ root.T
        ridged = gram / mass + RIDGE * np.eye(len(x))
        leverage = np.diagonal(np.linalg.solve(ridged, gram))
        return leverage if weight is None else leverage / weight
    covariance = root.T @ root / mass + RIDGE * np.eye(x.shape[1])
    return np.einsum("ij,ij->i", centred, np.linalg.solve(covariance, centred.T).T)


def _lowest(scores: np.ndarray, weight: np.ndarray | None) -> np.ndarray:
    return np.flatnonzero(scores <= weighted_quantiles(scores, weight, INLIER_SHARE))


def select_inliers(data: Dataset, seed: int) -> np.ndarray:
    """Return the positions of three quarters of the samples that belong together.

    First come those that are near the mean, in Euclidean and in Mahalanobis distance;
    then, as in the concentration steps of robust covariance estimation, those that are
    near enough to the first.

    Parameters
    ----------
    data : Dataset
        All samples in the robust scaling.
    seed : int
        Seed of the choice of those from which distances are measured.

    References
    ----------
    Rousseeuw, P. J. and Van Driessen, K. (1999). A fast algorithm for the minimum
    covariance determinant estimator. Technometrics 41, 212-223.
    """
    values, weight = data.to_array(), data.weight
    x = values.astype(np.float64)
    euclidean = weighted_ranks(np.square(x).mean(axis=1), weight)
    joint = euclidean + weighted_ranks(mahalanobis(x, weight), weight)
    nearest = StoredNeighbors.store(data, _lowest(joint, weight), N_STORED, seed)
    return _lowest(nearest.distances(values, (NEIGHBOR,))[0], weight)
