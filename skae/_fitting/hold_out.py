"""Which samples are held out: folds of a small table, once a part of a larger one."""

from dataclasses import dataclass

import numpy as np

from skae._data.dataset import Dataset
from skae._data.splitting import (
    count_distinct,
    deduplicate,
    has_many_copies,
    hash_rows,
    kfold_labels,
    train_validation_split,
)

from .config import SMALL, FitParameters

N_FOLDS = 5


@dataclass(frozen=True)
class HeldOut:
    """Samples of a fit, and how they are split.

    Attributes
    ----------
    data : Dataset
        All samples; equal ones of small tables are one that weighs more.
    n_distinct : int
        How many distinct ones there are.
    pairs : list of (Dataset, Dataset)
        Training and validation samples: none where nothing is held out, one pair, or
        several to choose the number of steps by.
    """

    data: Dataset
    n_distinct: int
    pairs: list[tuple[Dataset, Dataset]]


def hold_out(data: Dataset, parameters: FitParameters, *, folds: bool) -> HeldOut:
    """Return samples with those that are held out from training.

    Parameters
    ----------
    data : Dataset
        The samples.
    parameters : FitParameters
        Seed, early stopping and share of the samples to hold out.
    folds : bool
        Whether small tables may be held out in folds.
    """
    hashes = hash_rows(data, parameters.seed)
    n_distinct = count_distinct(hashes)
    if n_distinct < SMALL:
        data, hashes = deduplicate(data, hashes), np.unique(hashes)
    if not parameters.early_stopping:
        pairs = []
    elif n_distinct < SMALL and folds:
        pairs = [(data, data)] if has_many_copies(data) else _folds(data)
    else:
        train, validation = train_validation_split(
            data, hashes, parameters.validation_fraction
        )
        pairs = [(data.subset(train), data.subset(validation))]
    return HeldOut(data, n_distinct, pairs)


def _folds(data: Dataset) -> list[tuple[Dataset, Dataset]]:
    """Return folds, or none where they would hold less than two samples each."""
    if len(data) < 2 * N_FOLDS:
        return []
    label = kfold_labels(len(data), N_FOLDS)
    return [
        (
            data.subset(np.flatnonzero(label != fold)),
            data.subset(np.flatnonzero(label == fold)),
        )
        for fold in range(N_FOLDS)
    ]
