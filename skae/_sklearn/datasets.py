"""The samples of a fit: a validated table with the weights that were given."""

# scikit-learn carries no types.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportMissingTypeStubs=false

from typing import Any

import numpy as np

from skae._data.dataset import Dataset

from .compat import check_sample_weight


def weighted_dataset(table: np.ndarray, sample_weight: Any) -> Dataset:
    """Return the samples of positive weight."""
    if sample_weight is None:
        return Dataset(table)
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
    return Dataset(table, index, weight[index])
