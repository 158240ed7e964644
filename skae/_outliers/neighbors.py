"""Rows that are remembered, and how far from them other rows are."""

# scikit-learn carries no types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportMissingTypeStubs=false

import numpy as np
from sklearn.neighbors import NearestNeighbors

from skae._data.dataset import Dataset

SPARE = 4  # times as many neighbours are looked at where some count less than one


class StoredNeighbors:
    """Distances to the nearest stored rows, in the sum of absolute differences.

    Parameters
    ----------
    table : ndarray of shape (n_stored, n_features)
        The stored rows.
    weight : ndarray of shape (n_stored,) or None
        How many rows each stands for; None means one.
    """

    def __init__(self, table: np.ndarray, weight: np.ndarray | None) -> None:
        self.table, self.weight = table, weight
        self._neighbours = NearestNeighbors(metric="manhattan", algorithm="brute")
        # In double precision these distances take two thirds of the time.
        self._neighbours.fit(table.astype(np.float64))

    @classmethod
    def of(
        cls, rows: Dataset, which: np.ndarray, size: int, seed: int
    ) -> "StoredNeighbors":
        """Store some rows of a table.

        Parameters
        ----------
        rows : Dataset
            All rows of a table.
        which : ndarray
            Positions of those that may be stored.
        size : int
            How many to store at the most, drawn at random.
        seed : int
            Seed of the draw.
        """
        if len(which) > size:
            rng = np.random.default_rng(seed)
            which = np.sort(rng.choice(which, size, replace=False))
        weight = None if rows.weight is None else rows.weight[which]
        return cls(rows.table[which], weight)

    def nearest(self, x: np.ndarray, count: int) -> np.ndarray:
        """Return which stored rows are nearest, ``(n, count)`` or all there are."""
        count = min(count, len(self.table))
        x = x.astype(np.float64)
        return np.asarray(self._neighbours.kneighbors(x, count, return_distance=False))

    def distances(self, x: np.ndarray, counts: tuple[int, ...]) -> list[np.ndarray]:
        """Return the distance within which so many stored rows are, for each count.

        A stored row that equals a row counts as the row itself, once: so training rows
        are no neighbours of their own. Where those that are looked at count too
        little, it is the distance of the last.

        Parameters
        ----------
        x : ndarray of shape (n, n_features)
            The rows.
        counts : tuple of int
            How many stored rows to count.
        """
        most, stored, x = max(counts) + 1, len(self.table), x.astype(np.float64)
        if self.weight is not None and self.weight.min() < 1:
            most *= SPARE
        distance, index = self._neighbours.kneighbors(x, min(most, stored))
        weight = np.ones(index.shape) if self.weight is None else self.weight[index]
        itself = np.where(distance[:, 0] == 0, 1.0, 0.0)
        reached = np.cumsum(weight, axis=1) - np.minimum(itself, weight[:, 0])[:, None]
        result = []
        for count in counts:
            short = (reached < count * (1 - 1e-9)).sum(axis=1)
            at = np.minimum(short, distance.shape[1] - 1)[:, None]
            result.append(np.take_along_axis(distance, at, 1)[:, 0])
        return result
