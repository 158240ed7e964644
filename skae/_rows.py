"""Reading a table in chunks: no pass ever holds more than a few megabytes beside it.

A :class:`Rows` is a table of any numeric type, an index of the rows that are meant and
their weights. It hands out float64 chunks; statistics that need one pass are here.
"""

# torch.linalg, torch.from_numpy and scikit-learn carry no types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportMissingTypeStubs=false

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

CHUNK_ROWS = 4096
CHUNK_BYTES = 1 << 20
MIX = np.uint64(0xBF58476D1CE4E5B9)  # odd, from the SplitMix64 generator


class Rows:
    """Some weighted rows of a table.

    Parameters
    ----------
    table : ndarray of shape (n, n_features)
        Any array or memmap of numbers; it is neither copied nor changed.
    index : ndarray of shape (n_rows,) or None, default=None
        Which rows are meant; None means all.
    weight : ndarray of shape (n_rows,) or None, default=None
        Positive weight of each; None means one each.
    """

    def __init__(
        self,
        table: np.ndarray,
        index: np.ndarray | None = None,
        weight: np.ndarray | None = None,
    ) -> None:
        self.table, self.index, self.weight = table, index, weight

    def __len__(self) -> int:
        return len(self.table) if self.index is None else len(self.index)

    @property
    def n_features(self) -> int:
        """Columns of the table."""
        return self.table.shape[1]

    def pick(self, which: np.ndarray) -> "Rows":
        """Return the rows at these positions."""
        index = which if self.index is None else self.index[which]
        return Rows(
            self.table, index, None if self.weight is None else self.weight[which]
        )

    def weights(self) -> np.ndarray:
        """Return the weights, ones where none were given."""
        return np.ones(len(self)) if self.weight is None else self.weight

    def gathered(self) -> np.ndarray:
        """Return the rows as one array, the table itself where it is all of them."""
        return self.table if self.index is None else self.table[self.index]

    def parts(self) -> Iterator[tuple[slice, np.ndarray]]:
        """Yield ``(positions, rows)`` with the rows in the table's own type."""
        size = min(CHUNK_ROWS, max(1, CHUNK_BYTES // (8 * max(1, self.n_features))))
        for start in range(0, len(self), size):
            at = slice(start, min(start + size, len(self)))
            yield at, self.table[at if self.index is None else self.index[at]]

    def chunks(self) -> Iterator[tuple[slice, np.ndarray]]:
        """Yield ``(positions, rows)`` with the rows in float64."""
        for at, part in self.parts():
            yield at, np.asarray(part, dtype=np.float64)

    def sample(self, size: int, seed: int) -> "Rows":
        """Return ``size`` random rows, in their order; all if there are no more."""
        if size >= len(self):
            return self
        rng = np.random.default_rng(seed)
        return self.pick(np.sort(rng.choice(len(self), size, replace=False)))


@dataclass(frozen=True)
class Moments:
    """Weighted mean, standard deviation and range of each column."""

    mean: np.ndarray
    deviation: np.ndarray
    low: np.ndarray
    high: np.ndarray


def moments(
    rows: Rows, change: Callable[[np.ndarray], np.ndarray] | None = None
) -> Moments:
    """Return each column's moments in one pass, of changed rows if asked.

    Chunks are merged by the update of Chan, Golub and LeVeque, which keeps its
    precision whatever the mean.

    References
    ----------
    Chan, T. F., Golub, G. H. and LeVeque, R. J. (1983). Algorithms for computing the
    sample variance. The American Statistician 37, 242-247.
    """
    total, d = 0.0, rows.n_features
    mean, squares = np.zeros(d), np.zeros(d)
    low, high = np.full(d, np.inf), np.full(d, -np.inf)
    for at, chunk in rows.chunks():
        if change is not None:
            chunk = change(chunk)
        weight = np.ones(len(chunk)) if rows.weight is None else rows.weight[at]
        mass = weight.sum()
        centre = np.einsum("i,ij->j", weight, chunk) / mass
        shift = centre - mean
        np.minimum(low, chunk.min(axis=0), out=low)
        np.maximum(high, chunk.max(axis=0), out=high)
        chunk = np.square(chunk - centre)
        squares += np.einsum("i,ij->j", weight, chunk)
        squares += shift**2 * (total * mass / (total + mass))
        total += mass
        mean += shift * (mass / total)
    return Moments(mean, np.sqrt(squares / total), low, high)


def row_hashes(rows: Rows, seed: int) -> np.ndarray:
    """Return 64 bits for each row that depend on its values and the seed alone.

    Equal rows get equal hashes wherever they stand. A split by the hash never puts two
    copies of a row on two sides.
    """
    rng = np.random.default_rng(seed)
    n_words = -(-rows.n_features * rows.table.dtype.itemsize // 8)
    factor = rng.integers(2**63, size=n_words, dtype=np.uint64) * 2 + 1
    result = np.empty(len(rows), dtype=np.uint64)
    for at, part in rows.parts():
        if part.dtype.kind == "f":
            part = part + part.dtype.type(0)  # minus zero equals zero
        row = np.ascontiguousarray(part).view(np.uint8)
        if row.shape[1] < 8 * n_words:
            row = np.pad(row, ((0, 0), (0, 8 * n_words - row.shape[1])))
        words = row.view(np.uint64)
        words = words ^ (words >> np.uint64(32))  # whole numbers differ in high bits,
        words *= MIX  # which a sum alone would lose
        words ^= words >> np.uint64(29)
        result[at] = words @ factor
    result ^= result >> np.uint64(30)
    result *= MIX
    result ^= result >> np.uint64(27)
    return result


def count_distinct(hashes: np.ndarray) -> int:
    """Return how many different hashes there are, in little memory."""
    ordered = np.sort(hashes)
    return 1 + int(np.count_nonzero(ordered[1:] != ordered[:-1]))


def distinct(rows: Rows, hashes: np.ndarray) -> tuple[Rows, np.ndarray]:
    """Merge equal rows, adding their weights; order them by their hash.

    A row twice and a row of weight two then are the same table to the last bit, in
    whatever order the rows came.

    Returns
    -------
    merged : Rows
        The distinct rows.
    position : ndarray of shape (n_rows,)
        Where each row went.
    """
    _, first, position = np.unique(hashes, return_index=True, return_inverse=True)
    weight = np.bincount(position, weights=rows.weight)
    merged = rows.pick(first)
    return Rows(merged.table, merged.index, weight.astype(np.float64)), position


def counted(rows: Rows, n: int) -> Rows:
    """Return rows whose weights are numbers of rows: n of them in all, if not more."""
    if rows.weight is None or rows.weight.sum() >= n:
        return rows
    return Rows(rows.table, rows.index, rows.weight * (n / rows.weight.sum()))


def epoch(
    weight: np.ndarray | None, n_rows: int, rng: np.random.Generator
) -> np.ndarray:
    """Return ``n_rows`` positions in random order, in proportion to the weights.

    Without weights each row comes once. With weights w a row comes ``floor(e)`` or
    ``ceil(e)`` times, ``e = n_rows * w / sum(w)`` on average (systematic sampling).
    """
    if weight is None:
        return rng.permutation(np.arange(n_rows, dtype=np.int32))
    edges = np.cumsum(weight)
    at = (rng.random() + np.arange(n_rows)) * (edges[-1] / n_rows)
    picked = np.searchsorted(edges, at, side="right")
    return rng.permutation(np.minimum(picked, n_rows - 1))
