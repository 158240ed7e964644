"""Held-out rows: which they are, and what may be concluded from them."""

import numpy as np

from .dataset import Dataset

MAX_VALIDATION_ROWS = 2000
MAX_VALIDATION_VALUES = 1 << 20  # numbers in the held-out rows of a wide table


def train_validation_split(
    rows: Dataset, hashes: np.ndarray, fraction: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return positions of training and held-out rows; equal rows stay together.

    About ``fraction`` of the weight is held out, at most 2,000 rows' worth, fewer of
    wide tables. Rows that come more often than usual stay in training: held out with
    all their copies, they would be strangers to the network, which no new row like
    them is.
    """
    most = min(MAX_VALIDATION_ROWS, max(256, MAX_VALIDATION_VALUES // rows.n_features))
    fraction = min(fraction, most / len(rows))
    total = len(rows) if rows.weight is None else rows.weight.sum()
    goal = fraction * total * (1 + 1e-9)
    # Hashes are uniform: the rows with low ones are a sample of the distinct rows.
    bound = min(int(3 * fraction * 2**64), 2**64 - 1)
    low = np.flatnonzero(hashes <= np.uint64(max(bound, int(hashes.min()))))
    _, group = np.unique(hashes[low], return_inverse=True)
    count = np.bincount(group)
    mass = count if rows.weight is None else np.bincount(group, rows.weight[low])
    usual = (count <= 1.5 * np.median(count)) & (mass <= goal)
    held = usual & (np.cumsum(np.where(usual, mass, 0.0)) <= goal)
    if not held.any():
        held[np.argmax(usual)] = True
    picked = np.zeros(len(rows), dtype=bool)
    picked[low[held[group]]] = True
    if picked.all():
        picked[hashes == hashes.max()] = False
    kind = np.int32 if len(rows) < 2**31 else np.int64
    kept, out = np.flatnonzero(~picked), np.flatnonzero(picked)
    return kept.astype(kind), out.astype(kind)
