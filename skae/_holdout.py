"""Held-out rows: which they are, and what may be concluded from them."""

import math
from dataclasses import dataclass

import numpy as np
import torch

from ._anchor import Anchor
from ._rows import Rows

MAX_HELD = 2000
MAX_VALUES = 1 << 20  # numbers in the held-out rows of a wide table


def judge(
    start: np.ndarray, best: np.ndarray, weight: np.ndarray, demanded: float = 1.0
) -> bool:
    """Return whether held-out losses are better, row by row, than those at the start.

    The mean gain must exceed ``demanded`` times its standard error, with Kish's
    effective number of rows where they have weights.

    References
    ----------
    Kish, L. (1965). Survey sampling. Wiley.
    """
    real = weight > 0
    weight, gain = weight[real], (start - best)[real]
    mean = np.average(gain, weights=weight)
    effective = weight.sum() ** 2 / np.square(weight).sum()
    variance = np.average(np.square(gain - mean), weights=weight)
    error = math.sqrt(variance / effective)
    return bool(mean > demanded * error)


def split(
    rows: Rows, hashes: np.ndarray, fraction: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return positions of training and held-out rows; equal rows stay together.

    About ``fraction`` of the weight is held out, at most 2,000 rows' worth, fewer of
    wide tables. Rows that come more often than usual stay in training: held out with
    all their copies, they would be strangers to the network, which no new row like
    them is.
    """
    most = min(MAX_HELD, max(256, MAX_VALUES // rows.n_features))
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


@dataclass(frozen=True)
class Errors:
    """Squared errors of held-out rows.

    ``base`` (n,) is ``|x - mean|^2``, ``weight`` (n,) the rows' weights.
    """

    base: np.ndarray
    weight: np.ndarray

    def share(self, errors: np.ndarray) -> float:
        """Return the share of the variance that is explained."""
        total = float(self.weight @ self.base)
        return 1 - float(self.weight @ errors) / total if total > 0 else 1.0

    def reaches(self, errors: np.ndarray, share: float) -> bool:
        """Return whether the share is explained, by a standard error more than asked.

        With what is left beyond the allowed, ``d = |x - x_hat|^2 - (1 - share) base``,
        the mean of d must be a standard error below zero.
        """
        mass = self.weight.sum()
        beyond = errors - (1 - share) * self.base
        mean = self.weight @ beyond / mass
        variance = self.weight @ np.square(beyond - mean) / mass
        effective = mass**2 / np.square(self.weight).sum()
        return bool(mean + math.sqrt(variance / effective) <= 0)


def pca_errors(rows: Rows, anchor: Anchor) -> tuple[Errors, np.ndarray]:
    """Return PCA's squared errors on rows with the first m components, m = 1 .. k.

    Returns
    -------
    held : Errors
        Base and weights of the rows.
    errors : ndarray of shape (k, n)
        The errors.
    """
    base, parts = [], []
    components = torch.from_numpy(anchor.components.T.copy())
    for _, chunk in rows.chunks():
        centred = torch.from_numpy(chunk - anchor.mean)
        base.append(centred.square().sum(1).numpy())
        parts.append((centred @ components).square_().numpy())
    total = np.concatenate(base)
    left = total - np.cumsum(np.concatenate(parts), axis=1).T
    return Errors(total, rows.weights()), np.maximum(left, 0.0)
