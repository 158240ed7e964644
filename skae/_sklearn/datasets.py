"""The samples of a fit: a validated table, with weights and groups."""

# scikit-learn carries no types.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportMissingTypeStubs=false

from typing import Any

import numpy as np
from sklearn.utils import column_or_1d

from skae._data.dataset import Dataset
from skae._data.source import PairSource

from .compat import check_sample_weight, is_pandas_na


def group_codes(groups: Any, table: np.ndarray) -> np.ndarray:
    """Return the group of each sample as an integer, in the order of the labels.

    Raises
    ------
    ValueError
        If there is not one label for each sample of the table, or one is missing.
    """
    if np.ndim(groups) == 0 or np.asarray(groups).size != len(table):
        raise ValueError(
            f"groups must hold one label for each of the {len(table)} samples of X; "
            f"its shape is {np.shape(groups)}."
        )
    labels = column_or_1d(groups)
    missing = [i for i, label in enumerate(labels.tolist()) if _is_missing(label)]
    if missing:
        raise ValueError(
            f"groups has no label in row {missing[0]}. Give each sample one; a label "
            "that no other sample has makes a sample independent of all others."
        )
    try:
        return np.unique(labels, return_inverse=True)[1]
    except TypeError:  # labels of several types have no order
        return np.unique(labels.astype(str), return_inverse=True)[1]


def _is_missing(label: Any) -> bool:
    return label is None or is_pandas_na(label) or label != label


def weighted_dataset(
    table: np.ndarray,
    sample_weight: Any,
    groups: Any = None,
    clean: np.ndarray | None = None,
) -> Dataset:
    """Return the samples of positive weight; noisy ones where the clean ones are given.

    Parameters
    ----------
    table : ndarray of shape (n_samples, n_features)
        The samples.
    sample_weight : array-like of shape (n_samples,) or None
        Their weights; None means one each.
    groups : array-like of shape (n_samples,) or None, default=None
        Labels of groups of samples that depend on each other.
    clean : ndarray of the table's shape, or None, default=None
        What a network is to make of them; None means the samples themselves.
    """
    source = table if clean is None else PairSource(clean, table)
    codes = None if groups is None else group_codes(groups, table)
    data = _with_weight(Dataset(source, groups=codes), table, sample_weight)
    if data.groups is not None and (data.groups == data.groups[0]).all():
        raise ValueError(
            "All samples are of one group, so none is independent of the others. Pass "
            "groups with two labels or more, or leave groups out."
        )
    return data


def _with_weight(data: Dataset, table: np.ndarray, sample_weight: Any) -> Dataset:
    if sample_weight is None:
        return data
    weight = check_sample_weight(
        sample_weight, table, dtype=np.float64, ensure_non_negative=True
    )
    if not 1e-100 < weight.max() < 1e100:
        weight = weight / weight.max()
    index = np.flatnonzero(weight)
    if len(index) < 2:
        raise ValueError(
            "Only one sample has a sample_weight above zero; an autoencoder needs at "
            "least two."
        )
    return data.subset(index).reweighted(weight[index])
