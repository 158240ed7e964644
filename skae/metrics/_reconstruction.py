"""Error and explained variance of a reconstruction."""

import numpy as np
from sklearn.exceptions import UndefinedMetricWarning

from skae._sklearn.modules import set_module
from skae._sklearn.warnings import warn

from ._chunks import Chunks


@set_module("skae.metrics")
def reconstruction_error(
    estimator, X, *, sample_weight=None, multioutput="uniform_average"
):
    """Compute the mean squared error of an estimator's reconstruction of X.

    The error of feature j over n samples with weights w is ::

        sum_i w_i (X_ij - X_hat_ij)^2 / sum_i w_i,
        X_hat = estimator.inverse_transform(estimator.transform(X)),

    which is `sklearn.metrics.mean_squared_error` of ``X`` and its reconstruction. It
    is in squared units of ``X``: the error of a `Pipeline` that scales its input is
    in the units before scaling.

    Parameters
    ----------
    estimator : object
        Fitted estimator with ``transform`` and ``inverse_transform``.

    X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
        Samples to reconstruct, numeric and finite. They are read in chunks of at most
        4096 samples (fewer with many features), each passed to the estimator in the
        same container as ``X``.

    sample_weight : array-like of shape (n_samples,), default=None
        Non-negative weight of each sample in the mean; all weights are one by default.

    multioutput : {"raw_values", "uniform_average"} or array-like of shape \
            (n_features,), default="uniform_average"
        How the errors of the features are combined: not at all, by their mean, or by
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
    Transformers that iterate until all given samples have converged, such as `NMF`,
    may differ by their own tolerance from one ``transform`` of all samples.

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
    data = Chunks(X, sample_weight)
    error = data.squared_error(estimator) / data.total_weight
    return _combine(error, multioutput)


@set_module("skae.metrics")
def reconstruction_r2(
    estimator, X, *, sample_weight=None, multioutput="variance_weighted"
):
    """Compute the share of the variance of X that a reconstruction explains.

    One minus the squared error of the reconstruction over the squared deviation of
    ``X`` from the weighted means of its features, by default both summed over all
    features that vary ::

        1 - sum_ij w_i (X_ij - X_hat_ij)^2 / sum_ij w_i (X_ij - mean_j)^2,
        X_hat = estimator.inverse_transform(estimator.transform(X)),

    which is `sklearn.metrics.r2_score` of ``X`` and its reconstruction. For a `PCA` on
    its training samples, this is ``explained_variance_ratio_.sum()``.

    Parameters
    ----------
    estimator : object
        Fitted estimator with ``transform`` and ``inverse_transform``.

    X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
        Samples to reconstruct, numeric and finite. They are read in chunks of at most
        4096 samples (fewer with many features), each passed to the estimator in the
        same container as ``X``.

    sample_weight : array-like of shape (n_samples,), default=None
        Non-negative weight of each sample in the sums; all weights are one by default.

    multioutput : {"raw_values", "uniform_average", "variance_weighted"} or \
            array-like of shape (n_features,), default="variance_weighted"
        How the scores of the features are combined: not at all, by their mean, by
        their average weighted with the variances of the features (the formula above),
        or by their average with the given weights. Unlike `r2_score`, the default
        weights by variance, so that near-constant features do not dominate.

    Returns
    -------
    r2 : float or ndarray of shape (n_features,)
        The score, an array for ``multioutput="raw_values"``. 1.0 is a perfect
        reconstruction, 0.0 is as good as the means of the features, below that is
        worse. A constant feature scores 1.0 if it is reconstructed perfectly and 0.0
        otherwise, and has no weight among features that vary.

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
        If ``X`` has a single sample: the score is NaN, as that of `r2_score`.

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
    data = Chunks(X, sample_weight)
    error = data.squared_error(estimator)
    if data.n_samples < 2:
        warn(
            "R^2 score is not well-defined with less than two samples.",
            UndefinedMetricWarning,
        )
        return float("nan")
    deviation = data.squared_deviation()
    varies = deviation > 0
    r2 = np.where(error > 0, 0.0, 1.0)
    r2[varies] = 1 - error[varies] / deviation[varies]
    # Without any variance there is nothing to weight by.
    weights = deviation if varies.any() else None
    return _combine(r2, multioutput, variance_weighted=weights)


def _combine(values, multioutput, **named_weights):
    """Combine one value per feature as ``multioutput`` says, as scikit-learn does."""
    if not isinstance(multioutput, str):
        weights = np.asarray(multioutput, dtype=np.float64)
        if weights.shape != values.shape:
            raise ValueError(
                f"multioutput has shape {weights.shape}, "
                f"but X has {values.size} features."
            )
    elif multioutput == "raw_values":
        return values
    else:
        named_weights["uniform_average"] = None
        if multioutput not in named_weights:
            options = ", ".join(sorted(["raw_values", *named_weights]))
            raise ValueError(
                f"multioutput must be one of {options}, or an array of weights; "
                f"got {multioutput!r}."
            )
        weights = named_weights[multioutput]
    return float(np.average(values, weights=weights))
