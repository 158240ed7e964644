"""Which samples are held out: folds of a small table, once a part of a larger one.

Samples of a group are held out together, and few groups in folds, however many samples
they have.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from skae._data.dataset import Dataset
from skae._data.grouping import group_folds, group_split, hash_samples
from skae._data.splitting import (
    count_distinct,
    deduplicate,
    group_by_target,
    has_many_copies,
    kfold_labels,
    train_validation_split,
    validation_limit,
)

from .config import SMALL, TINIEST, FitParameters

N_FOLDS, TENTH = 5, 10

# Validation samples as such, or positions of training and validation samples.
Given = Dataset | Sequence[tuple[np.ndarray, np.ndarray]]
Pairs = list[tuple[Dataset, Dataset]]


@dataclass(frozen=True)
class HeldOut:
    """Samples of a fit, and how they are split.

    Attributes
    ----------
    data : Dataset
        All samples; equal ones of small tables are one that weighs more.
    n_distinct : int
        How many distinct ones there are.
    n_independent : int
        How many are independent: groups, or distinct samples; more of patterns that
        new samples repeat.
    pairs : list of (Dataset, Dataset)
        Training and validation samples: none where nothing is held out, one pair, or
        several to choose the number of steps by.
    """

    data: Dataset
    n_distinct: int
    n_independent: int
    pairs: Pairs


def hold_out(
    data: Dataset, parameters: FitParameters, given: Given | None, *, folds: bool
) -> HeldOut:
    """Return samples with those that are held out from training.

    Parameters
    ----------
    data : Dataset
        The samples.
    parameters : FitParameters
        Seed, early stopping and share of the samples to hold out.
    given : Dataset, sequence of (ndarray, ndarray) or None
        Validation samples beside ``data``, or positions in it of training and
        validation samples; None chooses.
    folds : bool
        Whether there may be several pairs.
    """
    if not parameters.early_stopping:  # groups have nothing to decide
        data = Dataset(data.source, data.index, data.weight)
    hashes = hash_samples(data, parameters.seed)
    n_distinct = n_independent = count_distinct(hashes)
    if data.groups is not None:
        n_independent = min(n_distinct, len(np.unique(data.groups)))
    if n_distinct < SMALL and (given is None or isinstance(given, Dataset)):
        hashes, data = np.unique(hashes), deduplicate(data, hashes)
    if given is None:
        data, hashes = group_by_target(data, hashes, parameters.seed)
    if not parameters.early_stopping:
        pairs: Pairs = []
    elif isinstance(given, Dataset):
        pairs = [(data, given)]
    elif given is not None:
        if data.groups is None:  # a sample may be held out more than once
            data = Dataset(data.source, data.index, data.weight, np.arange(len(data)))
        pairs = [(data.subset(a), data.subset(b)) for a, b in given]
        pairs = pairs if folds else pairs[:1]
    elif n_independent < SMALL and folds:
        if data.groups is None and has_many_copies(data):
            # New samples repeat them: they are less few than they seem.
            n_independent, pairs = max(n_distinct, TINIEST), [(data, data)]
        else:
            pairs = _folds(data, parameters.seed)
    else:
        pairs = [_split(data, hashes, parameters)]
    if pairs and (given is not None or data.groups is not None):
        # Few that are held out tell no more than in a table that holds out as few.
        n_independent = min(n_independent, TENTH * sum(map(_n_independent, pairs)))
    return HeldOut(data, n_distinct, n_independent, pairs)


def _n_independent(pair: tuple[Dataset, Dataset]) -> int:
    """Return how many independent samples, or groups, are held out."""
    _, validation = pair
    groups = validation.groups
    return len(validation) if groups is None else len(np.unique(groups))


def _split(
    data: Dataset, hashes: np.ndarray, parameters: FitParameters
) -> tuple[Dataset, Dataset]:
    """Return training and validation samples."""
    fraction, seed = parameters.validation_fraction, parameters.seed
    if data.groups is None:
        train, validation = train_validation_split(data, hashes, fraction)
        return data.subset(train), data.subset(validation)
    train, validation = group_split(data, fraction, seed)
    limit = validation_limit(data.n_features)
    return data.subset(train), data.subset(validation).sample(limit, seed)


def _folds(data: Dataset, seed: int) -> Pairs:
    """Return folds, or none where they would hold less than two samples each."""
    if len(data) < 2 * N_FOLDS:
        return []
    if data.groups is None:
        label = kfold_labels(len(data), N_FOLDS)
    else:
        label = group_folds(data, N_FOLDS)
    limit = validation_limit(data.n_features)
    return [
        (
            data.subset(np.flatnonzero(label != fold)),
            data.subset(np.flatnonzero(label == fold)).sample(limit, seed),
        )
        for fold in range(int(label.max()) + 1)
    ]
