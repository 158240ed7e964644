"""Stored samples, and how far from them other samples are."""

# scikit-learn carries no types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportMissingTypeStubs=false

import numpy as np
from sklearn.neighbors import NearestNeighbors

from skae._data.dataset import Dataset
from skae._nn.threads import one_thread

EXTRA = 4  # times as many neighbors are considered where some weigh less than one


class StoredNeighbors:
    """Distances to the nearest stored samples, in the sum of absolute differences.

    Parameters
    ----------
    samples : ndarray of shape (n_stored, n_features)
        The stored samples.
    weight : ndarray of shape (n_stored,) or None
        How many samples each stands for; None means one.
    groups : ndarray of int of shape (n_stored,) or None, default=None
        Groups of samples that depend on each other.
    """

    def __init__(
        self,
        samples: np.ndarray,
        weight: np.ndarray | None,
        groups: np.ndarray | None = None,
    ) -> None:
        self.samples, self.weight, self.groups = samples, weight, groups
        self._neighbors = NearestNeighbors(metric="manhattan", algorithm="brute")
        # In double precision these distances take two thirds of the time.
        self._neighbors.fit(samples.astype(np.float64))

    @classmethod
    def store(
        cls, data: Dataset, positions: np.ndarray, size: int, seed: int
    ) -> "StoredNeighbors":
        """Store some samples.

        Parameters
        ----------
        data : Dataset
            All samples.
        positions : ndarray
            Positions of those that may be stored.
        size : int
            How many to store at the most, drawn at random.
        seed : int
            Seed of the draw.
        """
        if len(positions) > size:
            rng = np.random.default_rng(seed)
            positions = np.sort(rng.choice(positions, size, replace=False))
        stored = data.subset(positions)
        return cls(stored.to_array(), stored.weight, stored.groups)

    def nearest(self, x: np.ndarray, count: int) -> np.ndarray:
        """Return which stored samples are nearest, ``(n, count)`` or all there are."""
        count = min(count, len(self.samples))
        return self._kneighbors(x.astype(np.float64), count)[1]

    def _kneighbors(self, x: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
        with one_thread():
            distance, index = self._neighbors.kneighbors(x, count)
        return np.asarray(distance), np.asarray(index)

    def distances(
        self,
        x: np.ndarray,
        counts: tuple[int, ...],
        groups: np.ndarray | None = None,
    ) -> list[np.ndarray]:
        """Return the distance within which so many stored samples are, for each count.

        A stored sample that equals a sample counts as the sample itself, once: so
        training samples are no neighbors of their own, nor are others of their group.
        Where the weights of those that are considered are too small, it is the distance
        of the last.

        Parameters
        ----------
        x : ndarray of shape (n, n_features)
            The samples.
        counts : tuple of int
            How many stored samples to count.
        groups : ndarray of int of shape (n,) or None, default=None
            Groups of training samples.
        """
        most, stored, x = max(counts) + 1, len(self.samples), x.astype(np.float64)
        if groups is not None and self.groups is not None:
            most += int(np.unique(self.groups, return_counts=True)[1].max())
        if self.weight is not None and self.weight.min() < 1:
            most *= EXTRA
        distance, index = self._kneighbors(x, min(most, stored))
        weight = np.ones(index.shape) if self.weight is None else self.weight[index]
        itself = np.where(distance[:, 0] == 0, 1.0, 0.0)
        if groups is not None and self.groups is not None:
            itself, weight = (
                0 * itself,
                weight * (self.groups[index] != groups[:, None]),
            )
        reached = np.cumsum(weight, axis=1) - np.minimum(itself, weight[:, 0])[:, None]
        result = []
        for count in counts:
            short = (reached < count * (1 - 1e-9)).sum(axis=1)
            at = np.minimum(short, distance.shape[1] - 1)[:, None]
            result.append(np.take_along_axis(distance, at, 1)[:, 0])
        return result
