"""Reconstructions over a grid of two latent codes."""

from numbers import Integral
from typing import Any

import numpy as np
from scipy.stats import norm
from sklearn.utils.validation import check_is_fitted, check_scalar

from skae._autoencoders.variational import VAE
from skae._sklearn.modules import set_module

from ._shared.canvas import artist_kwargs, open_axes
from ._shared.estimators import decode, encode, last_step
from ._shared.mosaic import Mosaic, resolve_image_shape
from ._shared.tables import moments, select_pair, standardize, value_range

QUANTILES = 0.025, 0.975  # of a code, the ends of the grid


def _ranges(estimator: Any, X: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return the median of each code, and the ends of its range."""
    if X is not None:
        codes = encode(estimator, X)
        return np.median(codes, axis=0), np.quantile(codes, QUANTILES, axis=0)
    check_is_fitted(estimator)
    model = last_step(estimator)
    if not isinstance(model, VAE):
        raise ValueError(
            f"Without X the range of the codes of {type(model).__name__} is unknown; "
            "only a VAE has a prior. Pass samples as X."
        )
    k = model.n_components_
    return np.zeros(k), np.repeat(norm.ppf(QUANTILES)[:, None], k, axis=1)


@set_module("skae.plotting")
class ManifoldDisplay:
    """Reconstructions over a grid of two latent codes.

    Create it with `from_estimator`.

    Parameters
    ----------
    cells : ndarray of shape (n_grid, n_grid, n_features)
        Decoded grid points; the first row has the largest second code.
    across, up : ndarray of shape (n_grid,)
        Values of the two codes, from low to high.
    components : tuple of int, default=(0, 1)
        Indices of the two codes.
    image_shape : tuple of int, default=None
        Shape of the images; None draws profiles: lines over the features, each in
        units of its standard deviation.
    limits : tuple of float, default=None
        Minimum and maximum of the colour range of images; None takes those of the
        cells.
    moments : tuple of two ndarray of shape (n_features,), default=None
        Mean and variance of the features, for profiles; None takes those of the cells.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The axes.
    figure_ : matplotlib Figure
        The figure.
    image_ : matplotlib AxesImage or None
        All images as one.
    lines_ : list of matplotlib Line2D
        The profiles, one line for each row of the grid.

    See Also
    --------
    LatentDisplay : The codes of samples.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.decomposition import PCA
    >>> from skae.plotting import ManifoldDisplay
    >>> X = load_digits().data
    >>> display = ManifoldDisplay.from_estimator(PCA(2).fit(X), X, image_shape=(8, 8))
    >>> display.cells.shape
    (12, 12, 64)
    """

    def __init__(
        self, cells, across, up, *, components=(0, 1), image_shape=None, limits=None,
        moments=None,
    ):  # fmt: skip
        self.cells = cells
        self.across = across
        self.up = up
        self.components = components
        self.image_shape = image_shape
        self.limits = limits
        self.moments = moments

    @classmethod
    def from_estimator(
        cls, estimator, X=None, *, components=(0, 1), n_grid=12, image_shape=None,
        ax=None, im_kw=None, line_kw=None,
    ):  # fmt: skip
        """Decode a grid of codes and draw it.

        Parameters
        ----------
        estimator : estimator
            Fitted, with `transform` and `inverse_transform`: an autoencoder, PCA, a
            pipeline.
        X : array-like of shape (n_samples, n_features), default=None
            Samples: the grid covers the central 95 % of their two codes, with the other
            codes at their medians. None, for a `VAE`, takes the central 95 % of the
            prior and its mean, and profiles are in standard deviations of the cells.
        components : tuple of two int, default=(0, 1)
            Indices of the codes on the horizontal and the vertical axis.
        n_grid : int, default=12
            Points on each side, at least two.
        image_shape : tuple of int, default=None
            ``(height, width)`` or ``(channels, height, width)`` of the images. A
            `ConvolutionalAutoencoder` brings its own.
        ax : matplotlib Axes, default=None
            Axes to draw on; None creates a figure.
        im_kw : dict, default=None
            Options for `imshow`, for images.
        line_kw : dict, default=None
            Options for `plot`, for profiles.

        Returns
        -------
        ManifoldDisplay
            The display, drawn.

        Raises
        ------
        TypeError
            If the estimator has no `transform` or no `inverse_transform`.
        ValueError
            If there is a single code, if X is needed, or if `components`, `n_grid` or
            `image_shape` are not valid.
        """
        centre, (low, high) = _ranges(estimator, X)
        if len(centre) < 2:
            raise ValueError(
                "ManifoldDisplay needs at least two codes, and there is one."
            )
        at = select_pair(components, len(centre))
        size = check_scalar(n_grid, "n_grid", Integral, min_val=2)
        across, up = (np.linspace(low[i], high[i], size) for i in at)
        codes = np.tile(centre, (size, size, 1))
        codes[..., at[0]], codes[..., at[1]] = across, up[::-1, None]
        cells = decode(estimator, codes.reshape(size * size, -1))
        shape = resolve_image_shape(image_shape, cells.shape[1], [estimator])
        display = cls(
            cells.reshape(size, size, -1),
            across,
            up,
            components=tuple(int(i) for i in at),
            image_shape=shape,
            limits=None if X is None or shape is None else value_range(X),
            moments=None if X is None or shape is not None else moments(X),
        )
        return display.plot(ax, im_kw=im_kw, line_kw=line_kw)

    def plot(self, ax=None, *, im_kw=None, line_kw=None):
        """Draw.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on; None creates a figure.
        im_kw : dict, default=None
            Options for `imshow`, for images.
        line_kw : dict, default=None
            Options for `plot`, for profiles.

        Returns
        -------
        ManifoldDisplay
            The display itself.
        """
        size = len(self.cells)
        mosaic = Mosaic(size, size, self.image_shape)
        width, height = mosaic.size(labels=0.8)
        ax = open_axes(self, ax, (0.6 * width, 0.6 * height), "compressed")
        mosaic.clear(ax)
        self.image_, self.lines_, cells = None, [], self.cells
        if self.image_shape is not None:
            ends = self.limits or (cells.min(), cells.max())
            self.image_ = mosaic.draw_images(ax, cells, ends, im_kw)
        else:
            scale = self.moments or moments(cells.reshape(size * size, -1))
            cells = standardize(cells, *scale)
            line = artist_kwargs("line", line_kw, color="tab:blue", linewidth=1)
            self.lines_ = mosaic.draw_profiles(
                ax, cells, (cells.min(), cells.max()), line
            )
        shown = np.unique([0, (size - 1) // 2, size - 1])
        across, up = (
            [f"{v[i]:.2g}" for i in shown] for v in (self.across, self.up[::-1])
        )
        ax.set_xticks(mosaic.column_centres[shown], across)
        ax.set_yticks(mosaic.row_centres[shown], up)
        ax.set(xlabel=f"code {self.components[0]}", ylabel=f"code {self.components[1]}")
        self.ax_, self.figure_ = ax, ax.figure
        return self
