"""Values so extreme that they are nearly all of the variance of a table."""

from typing import NamedTuple

import numpy as np

from .dataset import Dataset

MIN_ROWS = 30
N_CENTRE = 1000  # samples whose medians are the centre
TOP, SHARE = 0.01, 0.9  # share of the rows, and of the sum of squares that they have
FEW, GAP = 3, 100.0  # rows of small tables, whose squares are so many times the next


class ExtremeRows(NamedTuple):
    """The most extreme rows of a table.

    Attributes
    ----------
    row, column : int
        Where the most extreme value is; the row is that of the source.
    value : float
        The value.
    n_rows : int
        How many rows are meant.
    share : float
        Their share of the sum of squared distances from the medians of the columns.
    """

    row: int
    column: int
    value: float
    n_rows: int
    share: float


def extreme_rows(data: Dataset, seed: int = 0) -> ExtremeRows | None:
    """Return the most extreme rows if they have nearly all of the sum of squares.

    At most one row in a hundred is meant, or three that are ten times as far out as the
    next one. None says that there are none such, as in
    tables whose columns have been scaled, too few rows to tell, or rows most of which
    are equal.
    """
    n, most = len(data), max(FEW, int(TOP * len(data)))
    if n < MIN_ROWS:
        return None
    some = [block.values for block in data.sample(N_CENTRE, seed).blocks(np.float64)]
    centre: np.ndarray = np.median(np.concatenate(some), axis=0)
    squares = np.empty(n)
    for at in data.slices():
        values = data.read(at, np.float64).values - centre
        squares[at] = np.einsum("ij,ij->i", values, values)
    total = float(np.sum(squares))
    top = np.argpartition(squares, n - most - 1)[n - most - 1 :]
    top = top[np.argsort(-squares[top], kind="stable")]
    held: np.ndarray = np.cumsum(squares[top])
    n_rows = 1 + int((held <= SHARE * total).sum())
    if np.median(squares) == 0 or n_rows > most:
        return None
    if n_rows > max(1, TOP * n):
        ordered = squares[top]
        ends = [k for k in range(n_rows, most + 1) if ordered[k - 1] > GAP * ordered[k]]
        if not ends:
            return None
        n_rows = ends[0]
    row = int(data.source_index(top)[0])
    values: np.ndarray = data.subset(top[:1]).to_array()[0].astype(np.float64)
    column = int(np.argmax(np.abs(values - centre)))
    share = float(held[n_rows - 1] / total)
    return ExtremeRows(row, column, float(values[column]), n_rows, share)
