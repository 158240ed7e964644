"""The latent space."""

from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.decomposition import PCA

from skae._sklearn.modules import set_module

from ._shared.canvas import open_axes
from ._shared.colours import check_target, scatter
from ._shared.estimators import encode
from ._shared.tables import select_pair, to_float


@set_module("skae.plotting")
class LatentDisplay:
    """The latent codes of samples as points in two dimensions.

    More than two codes are projected, by PCA unless another transformer is given.

    Create it with `from_estimator` or `from_predictions`.

    Parameters
    ----------
    points : ndarray of shape (n_samples, 2)
        Coordinates of the samples.
    y : ndarray of shape (n_samples,), default=None
        Colours of the points: labels get a legend, numbers a colour bar.
    axis_names : tuple of str, default=("code 0", "code 1")
        Labels of the axes.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The axes.
    figure_ : matplotlib Figure
        The figure.
    scatter_ : matplotlib PathCollection
        The points.

    See Also
    --------
    ManifoldDisplay : Reconstructions over a grid of codes.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.decomposition import PCA
    >>> from skae.plotting import LatentDisplay
    >>> X, y = load_digits(return_X_y=True)
    >>> display = LatentDisplay.from_estimator(PCA(8).fit(X), X, y)
    >>> display.points.shape
    (1797, 2)
    >>> display.ax_.get_xlabel()
    'PCA 0 of 8 codes'
    """

    def __init__(self, points, *, y=None, axis_names=("code 0", "code 1")):
        self.points = points
        self.y = y
        self.axis_names = axis_names

    @classmethod
    def from_estimator(
        cls, estimator, X, y=None, *, components=None, projection=None, ax=None,
        scatter_kw=None,
    ):  # fmt: skip
        """Encode samples and draw their latent codes.

        Parameters
        ----------
        estimator : estimator
            Fitted, with `transform`: an autoencoder, PCA, a pipeline.
        X : array-like of shape (n_samples, n_features)
            Samples.
        y : array-like of shape (n_samples,), default=None
            Values for the colours. Up to 20 distinct integers are labels, and so is
            whatever is not a number; other numbers are continuous. There is no legend
            for more than 50 labels, or more than 10 on an `ax` whose figure has no
            layout that makes room for it ("constrained" or "tight").
        components : tuple of two int, default=None
            The codes to draw; None draws two as they are, more by `projection`.
        projection : transformer, default=None
            Projects the codes to two dimensions, such as ``TSNE()`` or ``UMAP()``; it
            is cloned and fitted to the codes. None is PCA.
        ax : matplotlib Axes, default=None
            Axes to draw on; None creates a figure.
        scatter_kw : dict, default=None
            Options for `scatter`.

        Returns
        -------
        LatentDisplay
            The display, drawn.

        Raises
        ------
        TypeError
            If the estimator has no `transform`.
        ValueError
            If there is a single code, or if `y`, `components` or `projection` are not
            valid.
        """
        return cls.from_predictions(
            encode(estimator, X),
            y,
            components=components,
            projection=projection,
            ax=ax,
            scatter_kw=scatter_kw,
        )

    @classmethod
    def from_predictions(
        cls, codes, y=None, *, components=None, projection=None, ax=None,
        scatter_kw=None,
    ):  # fmt: skip
        """Draw latent codes.

        Parameters
        ----------
        codes : array-like of shape (n_samples, n_components)
            Latent codes of samples.
        y : array-like of shape (n_samples,), default=None
            Values for the colours.
        components : tuple of two int, default=None
            The codes to draw; None draws two as they are, more by `projection`.
        projection : transformer, default=None
            Projects the codes to two dimensions. None is PCA.
        ax : matplotlib Axes, default=None
            Axes to draw on; None creates a figure.
        scatter_kw : dict, default=None
            Options for `scatter`.

        Returns
        -------
        LatentDisplay
            The display, drawn.

        Raises
        ------
        ValueError
            If there is a single code, or if `y`, `components` or `projection` are not
            valid.
        """
        codes = to_float(codes, "codes")
        y = None if y is None else check_target(y, codes)
        k = codes.shape[1]
        if k < 2:
            raise ValueError("LatentDisplay needs at least two codes; there is one.")
        if components is not None and projection is not None:
            raise ValueError("Give components or projection, not both.")
        is_class = isinstance(projection, type)
        valid = hasattr(projection, "fit_transform") and not is_class
        if projection is not None and not valid:
            raise TypeError(f"projection={projection!r} must be a transformer: TSNE().")
        if components is None and projection is None and k == 2:
            components = (0, 1)
        if components is not None:
            at = select_pair(components, k)
            points, names = codes[:, at], tuple(f"code {i}" for i in at)
        else:
            if len(codes) < 2:
                raise ValueError(
                    f"{k} codes of a single sample cannot be projected. Pass more "
                    "samples, or components."
                )
            pca = PCA(2, svd_solver="covariance_eigh")  # uses no random numbers
            model: Any = clone(pca if projection is None else projection)
            with np.errstate(invalid="ignore"):  # PCA of constant codes
                points = np.asarray(model.fit_transform(codes))
            points = to_float(points, "projected codes")
            if points.shape != (len(codes), 2):
                raise ValueError(
                    f"projection={projection!r} gives {points.shape[1]} columns; two "
                    "can be drawn."
                )
            name = type(model).__name__
            names = tuple(f"{name} {i} of {k} codes" for i in range(2))
        return cls(points, y=y, axis_names=names).plot(ax, scatter_kw=scatter_kw)

    def plot(self, ax=None, *, scatter_kw=None):
        """Draw.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on; None creates a figure.
        scatter_kw : dict, default=None
            Options for `scatter`.

        Returns
        -------
        LatentDisplay
            The display itself.
        """
        ax = open_axes(self, ax)
        self.scatter_ = scatter(ax, self.points, self.y, scatter_kw)
        ax.set(xlabel=self.axis_names[0], ylabel=self.axis_names[1])
        self.ax_, self.figure_ = ax, ax.figure
        return self
