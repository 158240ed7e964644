"""Squared errors of samples, and the share of the variance that is explained."""

# torch.from_numpy carries no type.
# pyright: reportUnknownMemberType=false

from dataclasses import dataclass

import numpy as np
import torch

from skae._data.dataset import Dataset
from skae._data.statistics import standard_error

from .anchor import Anchor


@dataclass(frozen=True)
class SquaredErrors:
    """What squared errors of some samples are compared with.

    Attributes
    ----------
    base : ndarray of shape (n_samples,)
        Squared distance of each sample from the mean.
    weight : ndarray of shape (n_samples,)
        Weights of the samples.
    """

    base: np.ndarray
    weight: np.ndarray

    def explained_variance(self, errors: np.ndarray) -> float:
        """Return the share of the variance that is explained."""
        total = float(self.weight @ self.base)
        return 1 - float(self.weight @ errors) / total if total > 0 else 1.0

    def explains(self, errors: np.ndarray, share: float) -> bool:
        """Return whether a share is explained with one standard error of margin.

        The mean of ``|x - x_hat|^2 - (1 - share) |x - mean|^2`` must be a standard
        error below zero.
        """
        excess = errors - (1 - share) * self.base
        mean, error = standard_error(excess, self.weight)
        return bool(mean + error <= 0)


def pca_squared_errors(
    data: Dataset, anchor: Anchor, *, denoising: bool = True
) -> tuple[SquaredErrors, np.ndarray]:
    """Return PCA's squared errors of samples with the first m components, m = 1 .. k.

    With ``denoising`` it reconstructs the samples from their noisy copies, where there
    are some: ``|x - V V'y|^2 = |x|^2 + sum_i (t_i^2 - 2 s_i t_i)`` with the scores s of
    x and t of y.

    Returns
    -------
    base : SquaredErrors
        What the errors are compared with.
    errors : ndarray of shape (k, n_samples)
        The errors.
    """
    base: list[np.ndarray] = []
    parts: list[np.ndarray] = []
    components = torch.from_numpy(anchor.components.T.copy())
    for block in data.blocks(np.float64):
        centred = torch.from_numpy(block.values - anchor.mean)
        base.append(centred.square().sum(1).numpy())
        scores = centred @ components
        if denoising and block.inputs is not None:
            noisy = torch.from_numpy(block.inputs - anchor.mean) @ components
            parts.append((2 * scores - noisy).mul_(noisy).numpy())
        else:
            parts.append(scores.square_().numpy())
    total = np.concatenate(base)
    residual = total - np.cumsum(np.concatenate(parts), axis=1).T
    return SquaredErrors(total, data.sample_weight), np.maximum(residual, 0.0)
