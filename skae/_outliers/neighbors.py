"""Stored samples, and how far from them other samples are."""

# scikit-learn, SciPy and torch.from_numpy carry no types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportMissingTypeStubs=false

import numpy as np
import torch
from scipy.spatial.distance import cdist
from sklearn.neighbors import NearestNeighbors

from skae._data.dataset import Dataset
from skae._nn.threads import one_thread

BLOCK_VALUES = 1 << 19  # distances that are computed at a time
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
        # In double precision these distances take two thirds of the time.
        self._stored = samples.astype(np.float64)
        self._neighbors = NearestNeighbors(metric="manhattan", algorithm="brute")
        self._neighbors.fit(self._stored)

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
        with one_thread():
            index = self._neighbors.kneighbors(
                x.astype(np.float64), count, return_distance=False
            )
        return np.asarray(index)

    def _smallest(self, x: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the smallest distances in ascending order, and whose they are.

        Where few are asked for this takes two thirds of the time of ``kneighbors``,
        which however says in a settled order which of equally near ones are nearest.
        """
        shape = (len(x), count)
        distance, index = np.empty(shape), np.empty(shape, dtype=np.intp)
        size = max(1, BLOCK_VALUES // len(self._stored))
        for start in range(0, len(x), size):
            at = slice(start, start + size)
            all_of_them = torch.from_numpy(cdist(x[at], self._stored, "cityblock"))
            smallest = torch.topk(all_of_them, count, largest=False)
            distance[at], index[at] = smallest.values, smallest.indices
        return distance, index

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
        distance, index = self._smallest(x, min(most, stored))
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
