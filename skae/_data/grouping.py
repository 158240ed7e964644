"""Groups of samples that depend on each other, which no split may separate."""

import numpy as np

from .dataset import Dataset
from .splitting import MIX, hash_rows, validation_limit

RUNS = 5  # stretches of consecutive groups that are held out
FEWEST = 30  # groups to hold out at least, where there are enough


def hash_samples(data: Dataset, seed: int) -> np.ndarray:
    """Return hashes of the samples that differ between groups, too; see `hash_rows`."""
    hashes = hash_rows(data, seed)
    if data.groups is None:
        return hashes
    return hashes ^ ((data.groups.astype(np.uint64) + np.uint64(1)) * MIX)


def group_folds(data: Dataset, n_folds: int) -> np.ndarray:
    """Return the fold of each sample: about equal weights, and no group in two.

    Groups that follow each other in the order of their labels are in the same fold:
    stretches of a time series then touch training samples only at the ends of a fold.
    There are fewer folds where a group is larger than a fold, but at least two.

    Parameters
    ----------
    data : Dataset
        Samples of at least two groups.
    n_folds : int
        How many folds there are at most.
    """
    assert data.groups is not None
    _, group = np.unique(data.groups, return_inverse=True)
    mass = np.bincount(group, weights=data.weight)
    centre = np.cumsum(mass) - mass / 2
    fold = (centre / mass.sum() * n_folds).astype(np.intp)
    return np.unique(fold, return_inverse=True)[1][group]


def weight_of_groups(data: Dataset) -> np.ndarray | None:
    """Return weights of the samples that sum to one in each group.

    One sample of a new group is exchangeable with one of each group, not with all
    samples. Without groups the weights are those of the dataset.
    """
    if data.groups is None:
        return data.weight
    _, group = np.unique(data.groups, return_inverse=True)
    return data.sample_weight / np.bincount(group, weights=data.weight)[group]


def group_split(
    data: Dataset, fraction: float, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return positions of training and validation samples of different groups.

    Held out are a few stretches of consecutive groups, drawn at random: about
    ``fraction`` of the weight, less of large tables.
    """
    assert data.groups is not None
    n, n_groups = len(data), len(np.unique(data.groups))
    most = max(validation_limit(data.n_features) / n, FEWEST / n_groups)
    fraction = min(fraction, most)
    run = group_folds(data, max(2, round(RUNS / fraction)))
    n_runs = int(run.max()) + 1
    n_held_out = min(max(1, round(fraction * n_runs)), n_runs - 1)
    chosen = np.random.default_rng(seed).permutation(n_runs)[:n_held_out]
    validation = np.isin(run, chosen)
    return np.flatnonzero(~validation), np.flatnonzero(validation)
