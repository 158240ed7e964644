"""Values so extreme that they are nearly all of the variance of a table."""

from typing import NamedTuple

import numpy as np

from .dataset import Dataset

MIN_ROWS = 30
N_CENTRE = 1000  # samples whose medians are the centre
TOP, SHARE = 0.01, 0.9  # share of the rows, and of the sum of squares that they have


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

    At most one row in a hundred is meant. None says that there are none such, as in
    tables whose columns have been scaled, too few rows to tell, or rows most of which
    are equal.
    """
    n, most = len(data), max(1, int(TOP * len(data)))
    if n < MIN_ROWS:
        return None
    some = [block.values for block in data.sample(N_CENTRE, seed).blocks(np.float64)]
    centre: np.ndarray = np.median(np.concatenate(some), axis=0)
    squares = np.empty(n)
    for at in data.slices():
        values = data.read(at, np.float64).values - centre
        squares[at] = np.einsum("ij,ij->i", values, values)
    total = float(np.sum(squares))
    top = np.argpartition(squares, n - most)[n - most :]
    top = top[np.argsort(-squares[top], kind="stable")]
    held: np.ndarray = np.cumsum(squares[top])
    if np.median(squares) == 0 or held[-1] <= SHARE * total:
        return None
    n_rows = 1 + int((held < SHARE * held[-1]).sum())
    row = int(data.source_index(top)[0])
    values: np.ndarray = data.subset(top[:1]).to_array()[0].astype(np.float64)
    column = int(np.argmax(np.abs(values - centre)))
    share = float(held[n_rows - 1] / total)
    return ExtremeRows(row, column, float(values[column]), n_rows, share)
