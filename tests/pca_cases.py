"""Tables for PCA, and what the package makes of them."""

import numpy as np

from skae._data.dataset import Dataset
from skae._data.statistics import column_statistics
from skae._pca.anchor import fit_anchor
from skae._pca.decomposition import eigendecompose


def graded(n_samples, n_features, seed=0):
    """A table whose variance falls clearly from one direction to the next."""
    rng = np.random.default_rng(seed)
    rank = min(n_samples, n_features)
    u = np.linalg.qr(rng.normal(size=(n_samples, rank)))[0]
    v = np.linalg.qr(rng.normal(size=(n_features, rank)))[0]
    sizes = np.sqrt(n_samples) * np.maximum(0.7 ** np.arange(rank), 1e-3)
    return u * sizes @ v.T + rng.normal(size=n_features)


def as_dataset(table, weight=None):
    return table if isinstance(table, Dataset) else Dataset(table, None, weight)


def statistics_of(table, weight=None):
    return column_statistics(as_dataset(table, weight).blocks(np.float64))


def eigen_of(table, k=None, weight=None, **options):
    data = as_dataset(table, weight)
    mean = statistics_of(data).mean
    return eigendecompose(data, mean, k, **{"seed": 0, **options})


def anchor_of(table, k, *, anchored=True, weight=None, inputs=None):
    data = as_dataset(table, weight)
    statistics, eigen = statistics_of(data), eigen_of(data, k)
    return fit_anchor(data, statistics, eigen, k, anchored=anchored, inputs=inputs)
