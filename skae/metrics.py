"""Reconstruction metrics for anything with ``transform`` and ``inverse_transform``.

The metrics ask the same question of every dimensionality reduction, whether it is an
autoencoder, `PCA`, `KernelPCA`, `NMF` or a `Pipeline` of them: how much of ``X`` comes
back from ``inverse_transform(transform(X))``? One `GridSearchCV` or `cross_val_score`
then compares them all.
"""

import warnings

import numpy as np
from scipy.sparse import issparse
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.metrics._scorer import _BaseScorer
from sklearn.utils import _safe_indexing, check_array, gen_batches, indexable
from sklearn.utils.validation import _check_sample_weight

__all__ = [
    "neg_reconstruction_error_scorer",
    "reconstruction_error",
    "reconstruction_r2",
    "reconstruction_r2_scorer",
]

# Bounds of what is read at once: 8 MiB of float64, and few enough rows that a kernel
# between them and thousands of training rows stays small too.
_CHUNK_VALUES = 2**20
_CHUNK_ROWS = 4096


def reconstruction_error(
    estimator, X, *, sample_weight=None, multioutput="uniform_average"
):
    """Compute the mean squared error of an estimator's reconstruction of X.

    The error of column j over n rows with weights w is ::

        sum_i w_i (X_ij - X_hat_ij)^2 / sum_i w_i,
        X_hat = estimator.inverse_transform(estimator.transform(X)),

    which is `sklearn.metrics.mean_squared_error` of ``X`` and its reconstruction. It
    is in squared units of ``X``: a `Pipeline` that scales its input is still judged
    in the units before scaling.

    Parameters
    ----------
    estimator : object
        Fitted estimator with ``transform`` and ``inverse_transform``.

    X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
        Rows to reconstruct, numeric and finite. Read in chunks of at most 4096 rows
        (fewer when they are wide), each passed to the estimator in the container that
        ``X`` came in.

    sample_weight : array-like of shape (n_samples,), default=None
        Non-negative weight of each row in the mean; every row counts once by default.

    multioutput : {"raw_values", "uniform_average"} or array-like of shape \
            (n_features,), default="uniform_average"
        How the errors of the columns are combined: not at all, by their mean, or by
        their average with the given weights.

    Returns
    -------
    error : float or ndarray of shape (n_features,)
        The error, an array for ``multioutput="raw_values"``. 0.0 is a perfect
        reconstruction.

    Raises
    ------
    TypeError
        If the estimator lacks ``transform`` or ``inverse_transform``.
    ValueError
        If ``X`` or its reconstruction is not numeric, finite and two-dimensional, if
        their shapes differ, or if a weight or ``multioutput`` is not valid.

    See Also
    --------
    reconstruction_r2 : The same error relative to the variance of X.
    neg_reconstruction_error_scorer : Minus this error, for ``scoring=``.

    Notes
    -----
    Transformers that iterate until all rows they were given have converged, such as
    `NMF`, may differ by their own tolerance from one ``transform`` of all rows.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.decomposition import PCA
    >>> from skae.metrics import reconstruction_error
    >>> X, _ = load_iris(return_X_y=True)
    >>> pca = PCA(n_components=2).fit(X)
    >>> round(reconstruction_error(pca, X), 4)
    0.0253
    >>> reconstruction_error(pca, X, multioutput="raw_values").round(4)
    array([0.0287, 0.0302, 0.0059, 0.0366])
    """
    data = _Chunks(X, sample_weight)
    error = data.squared_error(estimator) / data.total_weight
    return _combine(error, multioutput)


def reconstruction_r2(
    estimator, X, *, sample_weight=None, multioutput="variance_weighted"
):
    """Compute the share of the variance of X that a reconstruction explains.

    One minus the squared error of the reconstruction over the squared deviation of
    ``X`` from its own weighted column means, by default both summed over all columns
    that vary ::

        1 - sum_ij w_i (X_ij - X_hat_ij)^2 / sum_ij w_i (X_ij - mean_j)^2,
        X_hat = estimator.inverse_transform(estimator.transform(X)),

    which is `sklearn.metrics.r2_score` of ``X`` and its reconstruction. For a `PCA` on
    the rows that it was fitted on, this is ``explained_variance_ratio_.sum()``.

    Parameters
    ----------
    estimator : object
        Fitted estimator with ``transform`` and ``inverse_transform``.

    X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
        Rows to reconstruct, numeric and finite. Read in chunks of at most 4096 rows
        (fewer when they are wide), each passed to the estimator in the container that
        ``X`` came in.

    sample_weight : array-like of shape (n_samples,), default=None
        Non-negative weight of each row in the sums; every row counts once by default.

    multioutput : {"raw_values", "uniform_average", "variance_weighted"} or \
            array-like of shape (n_features,), default="variance_weighted"
        How the scores of the columns are combined: not at all, by their mean, by
        their average weighted with the variances of the columns (the formula above),
        or by their average with the given weights. Unlike `r2_score`, the default
        weights by variance, so that near-constant columns do not decide.

    Returns
    -------
    r2 : float or ndarray of shape (n_features,)
        The score, an array for ``multioutput="raw_values"``. 1.0 is a perfect
        reconstruction, 0.0 as good as the column means, below that worse. A constant
        column scores 1.0 if it is reconstructed perfectly and 0.0 otherwise, and has
        no weight among columns that vary.

    Raises
    ------
    TypeError
        If the estimator lacks ``transform`` or ``inverse_transform``.
    ValueError
        If ``X`` or its reconstruction is not numeric, finite and two-dimensional, if
        their shapes differ, or if a weight or ``multioutput`` is not valid.

    Warns
    -----
    sklearn.exceptions.UndefinedMetricWarning
        If ``X`` has a single row: the score is NaN, as that of `r2_score`.

    See Also
    --------
    reconstruction_error : The mean squared error itself.
    reconstruction_r2_scorer : This score, for ``scoring=``.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.decomposition import PCA
    >>> from skae.metrics import reconstruction_r2
    >>> X, _ = load_iris(return_X_y=True)
    >>> pca = PCA(n_components=2).fit(X)
    >>> round(reconstruction_r2(pca, X), 4)
    0.9777
    >>> print(pca.explained_variance_ratio_.sum().round(4))
    0.9777
    """
    data = _Chunks(X, sample_weight)
    error = data.squared_error(estimator)
    if data.n_samples < 2:
        warnings.warn(
            "R^2 score is not well-defined with less than two samples.",
            UndefinedMetricWarning,
            stacklevel=2,
        )
        return float("nan")
    deviation = data.squared_deviation()
    varies = deviation > 0
    r2 = np.where(error > 0, 0.0, 1.0)
    r2[varies] = 1 - error[varies] / deviation[varies]
    # Without any variance there is nothing to weight by.
    weights = deviation if varies.any() else None
    return _combine(r2, multioutput, variance_weighted=weights)


class _ReconstructionScorer(_BaseScorer):
    """A reconstruction metric as a scorer, greater is better.

    The base class brings metadata routing, and makes every tool of scikit-learn that
    takes ``scoring=`` treat this as one of its own.

    Parameters
    ----------
    metric : callable
        Metric with signature ``metric(estimator, X, *, sample_weight=None)``.
    sign : {-1, 1}
        Factor of the metric.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.decomposition import PCA
    >>> from sklearn.model_selection import GridSearchCV
    >>> from skae.metrics import (
    ...     neg_reconstruction_error_scorer,
    ...     reconstruction_r2_scorer,
    ... )
    >>> X = load_iris().data
    >>> sizes = {"n_components": [1, 2]}
    >>> search = GridSearchCV(PCA(), sizes, scoring=reconstruction_r2_scorer).fit(X)
    >>> search.best_params_
    {'n_components': 2}
    >>> round(neg_reconstruction_error_scorer(search.best_estimator_, X), 4)
    -0.0253
    """

    def __init__(self, metric, sign):
        super().__init__(metric, sign, kwargs={}, response_method="transform")

    def __call__(self, estimator, X, y_true=None, **params):
        return self._score(None, estimator, X, **params)

    def _score(self, method_caller, estimator, X, y_true=None, **params):
        return self._sign * self._score_func(estimator, X, **params)

    def __repr__(self):
        sign = "-" if self._sign < 0 else ""
        return f"<scorer: {sign}{self._score_func.__name__}>"


#: Scorer ``(estimator, X, y=None, *, sample_weight=None)``: minus the reconstruction
#: error, so that greater is better.
neg_reconstruction_error_scorer = _ReconstructionScorer(reconstruction_error, sign=-1)
#: Scorer ``(estimator, X, y=None, *, sample_weight=None)``: the reconstruction's R^2.
reconstruction_r2_scorer = _ReconstructionScorer(reconstruction_r2, sign=1)


class _Chunks:
    """The rows of X and their weights, a bounded number at a time.

    Parameters
    ----------
    X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
        The rows.
    sample_weight : array-like of shape (n_samples,) or None
        Their weights.
    """

    def __init__(self, X, sample_weight):
        shape = np.shape(X)
        if len(shape) != 2 or 0 in shape:
            raise ValueError(
                "X must have two dimensions, with at least one row and one column; "
                f"got shape {shape}."
            )
        (self.X,) = indexable(X)
        self.n_samples, self.n_features = shape
        self.weight = _check_sample_weight(
            sample_weight, self.X, dtype=np.float64, ensure_non_negative=True
        )
        self.total_weight = self.weight.sum()

    def __iter__(self):
        """Yield rows as they came, as float64, and their weights."""
        chunk_rows = max(1, min(_CHUNK_ROWS, _CHUNK_VALUES // self.n_features))
        for rows in gen_batches(self.n_samples, chunk_rows):
            chunk = _safe_indexing(self.X, rows)
            yield chunk, _dense(chunk, "X"), self.weight[rows]

    def squared_error(self, estimator):
        """Sum the weighted squared error of the reconstruction in each column."""
        _check_invertible(estimator)
        return self._sum(
            weight @ (values - _reconstruct(estimator, chunk, values.shape)) ** 2
            for chunk, values, weight in self
        )

    def squared_deviation(self):
        """Sum the weighted squared deviation from the mean of each column."""
        mean = self._sum(weight @ values for _, values, weight in self)
        mean /= self.total_weight
        return self._sum(weight @ (values - mean) ** 2 for _, values, weight in self)

    def _sum(self, columns):
        return sum(columns, start=np.zeros(self.n_features))


def _reconstruct(estimator, chunk, shape):
    """Reconstruct one chunk as a dense array of the given shape."""
    codes = estimator.transform(chunk)
    if hasattr(codes, "columns"):  # a frame by `set_output`, which wraps codes only
        codes = np.asarray(codes)
    name = f"the reconstruction by {type(estimator).__name__}"
    reconstruction = _dense(estimator.inverse_transform(codes), name)
    if reconstruction.shape != shape:
        raise ValueError(
            f"{name} has shape {reconstruction.shape}, the rows themselves {shape}."
        )
    return reconstruction


def _dense(X, name):
    """Return X as a finite two-dimensional float64 array."""
    X = check_array(X, accept_sparse=True, input_name=name)
    return (X.toarray() if issparse(X) else X).astype(np.float64, copy=False)


def _check_invertible(estimator):
    """Raise a TypeError if the estimator cannot map codes back to rows."""
    for method in ("transform", "inverse_transform"):
        if not hasattr(estimator, method):
            raise TypeError(
                "Reconstruction needs an estimator with `transform` and "
                f"`inverse_transform`; {type(estimator).__name__} has no `{method}`. "
                "A Pipeline has it only if each of its steps does."
            )


def _combine(columns, multioutput, **named_weights):
    """Combine one value per column as ``multioutput`` says, in scikit-learn's sense."""
    if not isinstance(multioutput, str):
        weights = np.asarray(multioutput, dtype=np.float64)
        if weights.shape != columns.shape:
            raise ValueError(
                f"multioutput has shape {weights.shape}, "
                f"but X has {columns.size} columns."
            )
    elif multioutput == "raw_values":
        return columns
    else:
        named_weights["uniform_average"] = None
        if multioutput not in named_weights:
            options = ", ".join(sorted(["raw_values", *named_weights]))
            raise ValueError(
                f"multioutput must be one of {options}, or an array of weights; "
                f"got {multioutput!r}."
            )
        weights = named_weights[multioutput]
    return float(np.average(columns, weights=weights))
