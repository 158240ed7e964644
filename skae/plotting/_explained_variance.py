"""Variance explained against the number of components."""

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from skae._autoencoders.base import BaseAutoencoder
from skae._sklearn.compat import num_samples
from skae._sklearn.modules import set_module

from ._shared.canvas import artist_kwargs, open_axes
from ._shared.estimators import (
    best_estimator,
    decode,
    encode,
    last_step,
    named_estimators,
)
from ._shared.tables import chunks, first, moments, to_float

MAX_POINTS = 32  # numbers of components to measure; the line interpolates the others


class _AnchorPCA(TransformerMixin, BaseEstimator):
    """The PCA from which a fitted autoencoder starts."""

    def __init__(self, model: BaseAutoencoder) -> None:
        self.model = model

    def fit(self, X: Any, y: Any = None) -> "_AnchorPCA":
        """Do nothing, since the model is fitted; a Pipeline asks for it."""
        return self

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def transform(self, X: Any) -> np.ndarray:
        """Return the scores."""
        return (np.asarray(X) - self.model.mean_) @ self.model.components_.T

    def inverse_transform(self, X: Any) -> np.ndarray:
        """Return the samples with these scores."""
        return X @ self.model.components_ + self.model.mean_


def _pca_of(estimator: Any) -> Any:
    """Return the PCA from which an autoencoder starts, in the same pipeline."""
    estimator = best_estimator(estimator)
    if isinstance(estimator, Pipeline):
        *before, (_, last) = estimator.steps
        pca = _pca_of(last)
        return None if pca is None else Pipeline([*before, ("pca", pca)])
    if isinstance(estimator, BaseAutoencoder) and estimator.components_.any():
        return _AnchorPCA(estimator)
    return None


def _measured(estimator: Any, X: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return numbers of codes, and the share of variance that so many explain.

    The other codes are set to zero.
    """
    k = encode(estimator, first(X)).shape[1]
    total = moments(X)[1].sum() * num_samples(X)
    if total == 0:
        raise ValueError("The samples of X are all the same; there is no variance.")
    counts = np.unique(np.geomspace(1, k, min(k, MAX_POINTS)).round().astype(int))
    counts = np.arange(1, k + 1) if k <= MAX_POINTS else counts
    residual = np.zeros(len(counts))
    for part in chunks(X):
        values, codes = to_float(part), encode(estimator, part)
        for i, m in enumerate(counts):
            truncated = np.where(np.arange(k) < m, codes, 0.0)
            residual[i] += np.square(values - decode(estimator, truncated)).sum()
    return counts, 1 - residual / total


def _reported(estimator: Any) -> tuple[np.ndarray, np.ndarray]:
    model = last_step(estimator)
    check_is_fitted(model)
    if not hasattr(model, "explained_variance_ratio_"):
        raise TypeError(
            f"{type(model).__name__} has no explained_variance_ratio_. Pass X to "
            "measure it on samples."
        )
    shares = np.cumsum(model.explained_variance_ratio_)
    return np.arange(1, len(shares) + 1), shares


@set_module("skae.plotting")
class ExplainedVarianceDisplay:
    """Share of the variance explained against the number of components.

    The share of the first m codes is measured with the others set to zero. Codes are
    ordered if `n_components` was a float; otherwise they are trained to be used
    together, and the first m explain less than an autoencoder with m codes would. Zero
    is the mean of the codes of PCA, but not of those of a sparse autoencoder or of one
    without an anchor, whose curves may start below zero.

    Create it with `from_estimator`.

    Parameters
    ----------
    curves : dict of str to tuple of ndarray
        Numbers of components and shares of the variance, by name.
    rows : str, default=None
        Description of the samples, for the label.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The axes.
    figure_ : matplotlib Figure
        The figure.
    lines_ : dict of str to matplotlib Line2D
        The curves.

    See Also
    --------
    skae.metrics.reconstruction_r2 : The share that all codes explain together.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.decomposition import PCA
    >>> from skae.plotting import ExplainedVarianceDisplay
    >>> X = load_iris().data
    >>> display = ExplainedVarianceDisplay.from_estimator(PCA().fit(X), X)
    >>> print(display.curves["PCA"][1].round(3))
    [0.925 0.978 0.995 1.   ]
    """

    def __init__(self, curves, *, rows=None):
        self.curves = curves
        self.rows = rows

    @classmethod
    def from_estimator(cls, estimator, X=None, *, ax=None, line_kw=None):
        """Measure or look up the shares of the variance and draw them.

        Parameters
        ----------
        estimator : estimator, list of estimators or dict of str to estimator
            Fitted. Beside a single autoencoder of skae its PCA is drawn if X is given.
        X : array-like of shape (n_samples, n_features), default=None
            Samples to measure on, by `transform` and `inverse_transform`; a few
            thousand suffice. None takes `explained_variance_ratio_` from the fit: on
            validation samples for skae, on training samples for PCA.
        ax : matplotlib Axes, default=None
            Axes to draw on; None creates a figure.
        line_kw : dict, default=None
            Options for the curves, as of `plot`.

        Returns
        -------
        ExplainedVarianceDisplay
            The display, drawn.

        Raises
        ------
        TypeError
            If an estimator lacks what is needed.
        ValueError
            If the samples of X have no variance.
        """
        estimators = named_estimators(estimator)
        if X is None:
            curves = {name: _reported(one) for name, one in estimators.items()}
            return cls(curves).plot(ax, line_kw=line_kw)
        if len(estimators) == 1:
            ((name, only),) = estimators.items()
            check_is_fitted(only)
            pca = _pca_of(only)
            pca_name = "its PCA" if name == "PCA" else "PCA"
            estimators |= {} if pca is None else {pca_name: pca}
        curves = {name: _measured(one, X) for name, one in estimators.items()}
        samples = f"{np.shape(X)[0]} samples"
        return cls(curves, rows=samples).plot(ax, line_kw=line_kw)

    def plot(self, ax=None, *, line_kw=None):
        """Draw.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on; None creates a figure.
        line_kw : dict, default=None
            Options for the curves, as of `plot`.

        Returns
        -------
        ExplainedVarianceDisplay
            The display itself.
        """
        is_new = ax is None
        ax = open_axes(self, ax)
        from matplotlib.ticker import MaxNLocator

        self.lines_ = {}
        for name, (counts, shares) in self.curves.items():
            options = artist_kwargs(
                "line", line_kw, marker="o", markersize=3, label=name
            )
            (self.lines_[name],) = ax.plot(counts, shares, **options)
        of = "" if self.rows is None else f" of {self.rows}"
        ax.set(xlabel="components", ylabel=f"share of variance{of}")
        if is_new:
            ax.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        ax.legend()
        self.ax_, self.figure_ = ax, ax.figure
        return self
