"""Reading a table in chunks: no pass ever holds more than a few megabytes beside it.

A :class:`Dataset` is a table of any numeric type, an index of the rows that are meant and
their weights. It hands out float64 chunks; statistics that need one pass are here.
"""

# torch.linalg, torch.from_numpy and scikit-learn carry no types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportMissingTypeStubs=false

import numpy as np

from .dataset import Dataset

MIX = np.uint64(0xBF58476D1CE4E5B9)  # odd, from the SplitMix64 generator


def hash_rows(rows: Dataset, seed: int) -> np.ndarray:
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


def deduplicate(rows: Dataset, hashes: np.ndarray) -> tuple[Dataset, np.ndarray]:
    """Merge equal rows, adding their weights; order them by their hash.

    A row twice and a row of weight two then are the same table to the last bit, in
    whatever order the rows came.

    Returns
    -------
    merged : Dataset
        The distinct rows.
    position : ndarray of shape (n_rows,)
        Where each row went.
    """
    _, first, position = np.unique(hashes, return_index=True, return_inverse=True)
    weight = np.bincount(position, weights=rows.weight)
    merged = rows.pick(first)
    return Dataset(merged.table, merged.index, weight.astype(np.float64)), position


def rescale_weights(rows: Dataset, n: int) -> Dataset:
    """Return rows whose weights are numbers of rows: n of them in all, if not more."""
    if rows.weight is None or rows.weight.sum() >= n:
        return rows
    return Dataset(rows.table, rows.index, rows.weight * (n / rows.weight.sum()))
