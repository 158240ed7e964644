"""How much variance so many components explain."""

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import _num_samples, check_is_fitted

from skae._base import BaseAutoencoder

from ._canvas import open_axes, styled
from ._estimators import by_name, chosen, decoded, last_step, transformed
from ._tables import chunks, first, moments, numbers

MOST = 32  # numbers of components to measure; those between are on the line


class _AnchorPCA(TransformerMixin, BaseEstimator):
    """The PCA that a fitted autoencoder starts from."""

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
        """Return what the scores stand for."""
        return X @ self.model.components_ + self.model.mean_


def _pca_of(estimator: Any) -> Any:
    """Return the PCA that an autoencoder starts from, in the pipeline it is in."""
    estimator = chosen(estimator)
    if isinstance(estimator, Pipeline):
        *before, (_, last) = estimator.steps
        pca = _pca_of(last)
        return None if pca is None else Pipeline([*before, ("pca", pca)])
    if isinstance(estimator, BaseAutoencoder) and estimator.components_.any():
        return _AnchorPCA(estimator)
    return None


def _measured(estimator: Any, X: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return numbers of codes, and the share of variance that the first so many give.

    The other codes are zero.
    """
    k = transformed(estimator, first(X)).shape[1]
    total = moments(X)[1].sum() * _num_samples(X)
    if total == 0:
        raise ValueError("The rows of X are all the same; there is no variance.")
    counts = np.unique(np.geomspace(1, k, min(k, MOST)).round().astype(int))
    counts = np.arange(1, k + 1) if k <= MOST else counts
    left = np.zeros(len(counts))
    for (part,) in chunks(X):
        table, codes = numbers(part), transformed(estimator, part)
        for i, m in enumerate(counts):
            kept = np.where(np.arange(k) < m, codes, 0.0)
            left[i] += np.square(table - decoded(estimator, kept)).sum()
    return counts, 1 - left / total


def _reported(estimator: Any) -> tuple[np.ndarray, np.ndarray]:
    model = last_step(estimator)
    check_is_fitted(model)
    if not hasattr(model, "explained_variance_ratio_"):
        raise TypeError(
            f"{type(model).__name__} has no explained_variance_ratio_. Pass X to "
            "measure it on rows."
        )
    shares = np.cumsum(model.explained_variance_ratio_)
    return np.arange(1, len(shares) + 1), shares


class ExplainedVarianceDisplay:
    """Share of the variance against the number of components.

    What the first m codes explain is measured with the others set to zero. An
    autoencoder that was asked for a share (a float `n_components`) has codes that are
    ordered; those of others are made to work together, and fewer explain less than a
    smaller autoencoder would. Zero is the mean of PCA's codes, but not of those of a
    sparse autoencoder or of one without an anchor, whose curves may start below zero.

    Create it with `from_estimator`.

    Parameters
    ----------
    curves : dict of str to tuple of ndarray
        Numbers of components and shares, by name.
    rows : str, default=None
        What the shares were measured on, for the label.

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
    skae.metrics.reconstruction_r2 : The share that all codes explain.

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
        """Measure or look up the shares and draw them.

        Parameters
        ----------
        estimator : estimator, list of estimators or dict of str to estimator
            Fitted. Beside a single autoencoder of skae its PCA is drawn if X is given.
        X : array-like of shape (n_samples, n_features), default=None
            Rows to measure on, by `transform` and `inverse_transform`; of a large table
            a few thousand do. None takes what the fit has left in
            `explained_variance_ratio_`: on held-out rows for skae, on training rows for
            PCA.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.
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
            If the rows of X have no variance.
        """
        estimators = by_name(estimator)
        if X is None:
            curves = {name: _reported(one) for name, one in estimators.items()}
            return cls(curves).plot(ax, line_kw=line_kw)
        if len(estimators) == 1:
            ((name, only),) = estimators.items()
            check_is_fitted(only)
            pca = _pca_of(only)
            theirs = "its PCA" if name == "PCA" else "PCA"
            estimators |= {} if pca is None else {theirs: pca}
        curves = {name: _measured(one, X) for name, one in estimators.items()}
        return cls(curves, rows=f"{np.shape(X)[0]} rows").plot(ax, line_kw=line_kw)

    def plot(self, ax=None, *, line_kw=None):
        """Draw.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.
        line_kw : dict, default=None
            Options for the curves, as of `plot`.

        Returns
        -------
        ExplainedVarianceDisplay
            The display itself.
        """
        own = ax is None
        ax = open_axes(self, ax)
        from matplotlib.ticker import MaxNLocator

        self.lines_ = {}
        for name, (counts, shares) in self.curves.items():
            options = styled("line", line_kw, marker="o", markersize=3, label=name)
            (self.lines_[name],) = ax.plot(counts, shares, **options)
        of = "" if self.rows is None else f" of {self.rows}"
        ax.set(xlabel="components", ylabel=f"share of variance{of}")
        if own:
            ax.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        ax.legend()
        self.ax_, self.figure_ = ax, ax.figure
        return self
