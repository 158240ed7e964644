"""Whether the order of the rows shows that they depend on each other.

Rows of one person, object or stretch of time often follow each other, and are more like
each other than like other rows.
"""

# torch.from_numpy carries no type.
# pyright: reportUnknownMemberType=false

import math
from typing import NamedTuple

import numpy as np
import torch

from .dataset import Dataset

N_ASKED = 400  # rows whose nearest row is looked for
MIN_ROWS = 300
MAX_ROWS = 5000  # among which it is looked for
MAX_VALUES = 1 << 21  # numbers in them
BLOCK = 50  # rows that are compared with all at once
ROUNDING = 1e-12  # squared distance, relative to the squared norms, of equal rows
# Share of rows whose nearest is near in the table, and how close it must be then.
RULES = ((0.65, 0.25), (0.9, 0.6))


class RowNeighbors(NamedTuple):
    """What the nearest rows of some rows of a table are like.

    Attributes
    ----------
    n_asked : int
        How many rows were asked.
    reach : int
        How many places away counts as near in the table.
    share : float
        Share of the rows whose nearest row is near in the table, too.
    closeness : float
        Median distance of the nearest row, relative to that of any two rows.
    """

    n_asked: int
    reach: int
    share: float
    closeness: float

    @property
    def dependent(self) -> bool:
        """Whether the rows most likely depend on those before them."""
        return any(
            self.share > share and self.closeness < close for share, close in RULES
        )


def row_neighbors(data: Dataset, seed: int = 0) -> RowNeighbors | None:
    """Return what the nearest rows are like, None for small tables.

    Distances are those of standardised columns, and equal rows are left out, for copies
    never are on two sides of a split. Of a large table a stretch is enough.

    Parameters
    ----------
    data : Dataset
        Samples in the order of the table.
    seed : int, default=0
        Seed of the choice of rows.
    """
    rng = np.random.default_rng(seed)
    n = min(len(data), MAX_ROWS, MAX_VALUES // data.n_features)
    if n < MIN_ROWS:
        return None
    start = int(rng.integers(len(data) - n + 1))
    stretch = data.subset(np.arange(start, start + n))
    x = np.concatenate([block.values for block in stretch.blocks(np.float64)])
    x = x[:, np.ptp(x, axis=0) > 0]
    x = (x - x.mean(axis=0)) / x.std(axis=0)
    asked = np.sort(rng.choice(n, min(N_ASKED, n), replace=False))
    table, norms = torch.from_numpy(x), torch.from_numpy(np.einsum("ij,ij->i", x, x))
    typical = np.empty(len(asked))
    nearest, distance = np.empty(len(asked), np.intp), np.empty(len(asked))
    for start in range(0, len(asked), BLOCK):
        at = slice(start, start + BLOCK)
        sums = norms[asked[at], None] + norms
        squares = sums - 2 * (table[asked[at]] @ table.T)
        typical[at] = squares.median(dim=1).values.clamp_min(0).sqrt()
        squares[squares <= ROUNDING * sums] = torch.inf  # the row itself, equal ones
        least = squares.min(dim=1)
        nearest[at], distance[at] = least.indices, least.values.sqrt()
    found = np.isfinite(distance)
    usual = float(np.median(typical))
    if usual == 0 or found.sum() < N_ASKED / 4:
        return None
    reach = math.isqrt(n)
    near = np.abs(nearest - asked)[found] <= reach
    closeness = float(np.median(distance[found])) / usual
    return RowNeighbors(len(asked), reach, float(near.mean()), closeness)
