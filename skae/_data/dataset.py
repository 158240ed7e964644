"""Reading a table in chunks: no pass ever holds more than a few megabytes beside it.

A :class:`Dataset` is a table of any numeric type, an index of the rows that are meant and
their weights. It hands out float64 chunks; statistics that need one pass are here.
"""

# torch.linalg, torch.from_numpy and scikit-learn carry no types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportMissingTypeStubs=false

from collections.abc import Iterator

import numpy as np

CHUNK_ROWS = 4096
CHUNK_BYTES = 1 << 20


class Dataset:
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

    def pick(self, which: np.ndarray) -> "Dataset":
        """Return the rows at these positions."""
        index = which if self.index is None else self.index[which]
        return Dataset(
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

    def sample(self, size: int, seed: int) -> "Dataset":
        """Return ``size`` random rows, in their order; all if there are no more."""
        if size >= len(self):
            return self
        rng = np.random.default_rng(seed)
        return self.pick(np.sort(rng.choice(len(self), size, replace=False)))
