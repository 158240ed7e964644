"""Held-out rows: which they are, and what may be concluded from them."""

import math
from dataclasses import dataclass

import numpy as np
import torch

from skae._data.dataset import Dataset

from .anchor import Anchor


@dataclass(frozen=True)
class SquaredErrors:
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


def pca_squared_errors(
    rows: Dataset, anchor: Anchor
) -> tuple[SquaredErrors, np.ndarray]:
    """Return PCA's squared errors on rows with the first m components, m = 1 .. k.

    Returns
    -------
    held : SquaredErrors
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
    return SquaredErrors(total, rows.weights()), np.maximum(left, 0.0)
