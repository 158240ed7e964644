"""Which features make a sample an outlier, compared without these features."""

# torch.from_numpy carries no type.
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false

import numpy as np
import torch
from torch import Tensor

from skae._nn.runtime import Placement

from .denoisers import DenoiserEnsemble, Denoisers

N_IGNORED_COLUMNS = 2  # that may be wrong; ignoring one that is right does no harm
N_CANDIDATES, N_NEIGHBORS = 128, 5
MAX_VALUES = 1 << 20  # numbers that are compared at a time


def neighbor_differences(
    x: np.ndarray, stored: np.ndarray, candidates: np.ndarray
) -> np.ndarray:
    """Return samples less the median of the stored samples that are most like them.

    Likeness is the sum of absolute differences without the two largest: a sample with
    two anomalous values is compared with samples that are like it otherwise.

    Parameters
    ----------
    x : ndarray of shape (n_samples, n_features)
        The samples.
    stored : ndarray of shape (n_stored, n_features)
        Samples to compare them with.
    candidates : ndarray of shape (n_samples, n_candidates)
        Which of these are considered for each sample.
    """
    result, count = np.empty(x.shape), candidates.shape[1]
    ignored = min(N_IGNORED_COLUMNS, x.shape[1] - 1)
    n_neighbors = min(N_NEIGHBORS, count)
    size = max(1, MAX_VALUES // (count * x.shape[1]))
    for start in range(0, len(x), size):
        at = slice(start, start + size)
        other = stored[candidates[at]]
        apart = np.sort(np.abs(other - x[at, None]), axis=2)
        kept = apart[:, :, : apart.shape[2] - ignored].sum(axis=2)
        best = np.argsort(kept, axis=1, kind="stable")[:, :n_neighbors]
        chosen = np.take_along_axis(other, best[:, :, None], 1)
        result[at] = x[at] - np.median(chosen, axis=1)
    return result


def imputation_residuals(
    ensemble: DenoiserEnsemble, x: np.ndarray, placement: Placement
) -> np.ndarray:
    """Return how far values are from what the networks expect, (n_samples, n_features).

    The feature that is farthest off is replaced by what the networks expect from the
    others, then the next; so an anomalous value does not affect what is expected of
    the other features.
    """
    denoisers, result = ensemble.denoisers(placement), np.empty(x.shape)
    for at, block in denoisers.blocks(x):
        residual = _imputation_residual(denoisers, block)
        result[at] = residual[: at.stop - at.start].cpu().numpy()
    return result


def _imputation_residual(denoisers: Denoisers, x: Tensor) -> Tensor:
    imputed, done = x.clone(), torch.zeros_like(x, dtype=torch.bool)
    for _ in range(min(N_IGNORED_COLUMNS, x.shape[1])):
        residual = denoisers.residual(imputed).mean(0)
        worst = residual.masked_fill(done, 0).abs().argmax(-1, keepdim=True)
        done.scatter_(-1, worst, True)
        imputed = torch.where(done, imputed - residual, imputed)
    residual = denoisers.residual(imputed).mean(0)
    return torch.where(done, x - imputed, residual)


def contributions(differences: np.ndarray, distances: np.ndarray) -> np.ndarray:
    """Return each feature's share of a sample's distance.

    Shares are proportional to the squared differences, and all equal to zero where
    there are none.
    """
    squares = np.square(differences)
    total = squares.sum(axis=1, keepdims=True)
    return squares / np.where(total > 0, total, 1.0) * distances[:, None]
