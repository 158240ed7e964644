"""Sums over the samples of a table in any container, a chunk at a time."""

import numpy as np
from scipy.sparse import issparse
from sklearn.utils import check_array, gen_batches, indexable

from skae._sklearn.compat import check_sample_weight, safe_indexing

# Limits of a chunk: 8 MiB of float64, and few enough samples that a kernel between them
# and thousands of training samples stays small too.
CHUNK_VALUES = 2**20
CHUNK_SAMPLES = 4096


class Chunks:
    """The samples of X and their weights, in chunks of limited size.

    Parameters
    ----------
    X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
        The samples.
    sample_weight : array-like of shape (n_samples,) or None, default=None
        Their weights.
    source : {array-like, sparse matrix, dataframe} of the shape of X, default=None
        What is reconstructed, such as a noisy copy; None is X itself.
    """

    def __init__(self, X, sample_weight=None, source=None):
        shape = np.shape(X)
        if len(shape) != 2 or 0 in shape:
            raise ValueError(
                "X must have two dimensions, with at least one sample and one feature; "
                f"got shape {shape}."
            )
        self.X, self.source = indexable(X, source)
        self.n_samples, self.n_features = shape
        self.weight = check_sample_weight(
            sample_weight, self.X, dtype=np.float64, ensure_non_negative=True
        )
        self.total_weight = self.weight.sum()

    def __iter__(self):
        """Yield chunks of the source as they are, of X as float64, and weights."""
        size = max(1, min(CHUNK_SAMPLES, CHUNK_VALUES // self.n_features))
        for at in gen_batches(self.n_samples, size):
            chunk = safe_indexing(self.X, at)
            noisy = chunk if self.source is None else safe_indexing(self.source, at)
            yield noisy, _dense(chunk, "X"), self.weight[at]

    def squared_error(self, estimator):
        """Sum the weighted squared error of the reconstruction, for each feature."""
        _check_invertible(estimator)
        return self._sum(
            weight @ (values - _reconstruct(estimator, chunk, values.shape)) ** 2
            for chunk, values, weight in self
        )

    def squared_deviation(self):
        """Sum the weighted squared deviation from the mean, for each feature."""
        mean = self._sum(weight @ values for _, values, weight in self)
        mean /= self.total_weight
        return self._sum(weight @ (values - mean) ** 2 for _, values, weight in self)

    def _sum(self, terms):
        return sum(terms, start=np.zeros(self.n_features))


def denoising_error(estimator, X, corrupted):
    """Return the mean squared error of the reconstruction of a noisy copy of X."""
    data = Chunks(X, source=corrupted)
    return float((data.squared_error(estimator) / data.total_weight).mean())


def _reconstruct(estimator, chunk, shape):
    """Reconstruct one chunk as a dense array of the given shape."""
    codes = estimator.transform(chunk)
    if hasattr(codes, "columns"):  # a frame by `set_output`, which wraps codes only
        codes = np.asarray(codes)
    name = f"the reconstruction by {type(estimator).__name__}"
    reconstruction = _dense(estimator.inverse_transform(codes), name)
    if reconstruction.shape != shape:
        raise ValueError(
            f"{name} has shape {reconstruction.shape}, the samples themselves {shape}."
        )
    return reconstruction


def _dense(X, name):
    """Return X as a finite two-dimensional float64 array."""
    X = check_array(X, accept_sparse=True, input_name=name)
    return (X.toarray() if issparse(X) else X).astype(np.float64, copy=False)


def _check_invertible(estimator):
    """Raise a TypeError if the estimator cannot map codes back to samples."""
    for method in ("transform", "inverse_transform"):
        if not hasattr(estimator, method):
            raise TypeError(
                "Reconstruction needs an estimator with `transform` and "
                f"`inverse_transform`; {type(estimator).__name__} has no `{method}`. "
                "A Pipeline has it only if each of its steps does."
            )
