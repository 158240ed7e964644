"""What lies under two codes."""

from numbers import Integral
from typing import Any

import numpy as np
from scipy.stats import norm
from sklearn.utils.validation import check_is_fitted, check_scalar

from skae._density_mixin import DensityMixin

from ._canvas import open_axes, styled
from ._estimators import decoded, last_step, transformed
from ._mosaic import Mosaic, picture_shape
from ._tables import in_deviations, limits, moments, pair

MIDDLE = 0.025, 0.975  # quantiles of a code between which the grid lies


def _ranges(estimator: Any, X: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return the middle of each code, and the ends of its range."""
    if X is not None:
        codes = transformed(estimator, X)
        return np.median(codes, axis=0), np.quantile(codes, MIDDLE, axis=0)
    check_is_fitted(estimator)
    model = last_step(estimator)
    if not isinstance(model, DensityMixin):
        raise ValueError(
            f"Without X nothing says where the codes of {type(model).__name__} lie; "
            "only a VAE has a prior. Pass rows as X."
        )
    k = model.n_components_
    return np.zeros(k), np.repeat(norm.ppf(MIDDLE)[:, None], k, axis=1)


class ManifoldDisplay:
    """A grid of decoded points over two codes.

    Create it with `from_estimator`.

    Parameters
    ----------
    cells : ndarray of shape (n_grid, n_grid, n_features)
        What the points decode to; the first row has the greatest second code.
    across, up : ndarray of shape (n_grid,)
        Values of the two codes, from low to high.
    components : tuple of int, default=(0, 1)
        Which codes they are.
    image_shape : tuple of int, default=None
        Shape of the pictures; None draws profiles: lines over the columns, each in
        units of its standard deviation.
    limits : tuple of float, default=None
        Least and greatest value of pictures to tell apart; None takes those of the
        cells.
    moments : tuple of two ndarray of shape (n_features,), default=None
        Mean and variance of the columns, for profiles; None takes those of the cells.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The axes.
    figure_ : matplotlib Figure
        The figure.
    image_ : matplotlib AxesImage or None
        All pictures as one image.
    lines_ : list of matplotlib Line2D
        The profiles, one line for each row of them.

    See Also
    --------
    LatentDisplay : Where rows lie among the codes.

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
        """Decode a grid and draw it.

        Parameters
        ----------
        estimator : estimator
            Fitted, with `transform` and `inverse_transform`: an autoencoder, PCA, a
            pipeline.
        X : array-like of shape (n_samples, n_features), default=None
            Rows: the grid lies over the middle 95 % of their two codes, with the other
            codes at their medians. None, for a `VAE`, takes the prior's middle 95 %
            and its mean, and profiles are in deviations of the cells.
        components : tuple of two int, default=(0, 1)
            The codes across and up.
        n_grid : int, default=12
            Points a side, at least two.
        image_shape : tuple of int, default=None
            ``(height, width)`` or ``(channels, height, width)`` of the pictures. A
            `ConvolutionalAutoencoder` knows its own.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.
        im_kw : dict, default=None
            Options for `imshow`, of pictures.
        line_kw : dict, default=None
            Options for `plot`, of profiles.

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
            `image_shape` do not fit.
        """
        middle, (low, high) = _ranges(estimator, X)
        if len(middle) < 2:
            raise ValueError(
                "ManifoldDisplay needs two codes at least, and there is one."
            )
        at = pair(components, len(middle))
        size = check_scalar(n_grid, "n_grid", Integral, min_val=2)
        across, up = (np.linspace(low[i], high[i], size) for i in at)
        codes = np.tile(middle, (size, size, 1))
        codes[..., at[0]], codes[..., at[1]] = across, up[::-1, None]
        cells = decoded(estimator, codes.reshape(size * size, -1))
        shape = picture_shape(image_shape, cells.shape[1], [estimator])
        display = cls(
            cells.reshape(size, size, -1),
            across,
            up,
            components=tuple(int(i) for i in at),
            image_shape=shape,
            limits=None if X is None or shape is None else limits(X),
            moments=None if X is None or shape is not None else moments(X),
        )
        return display.plot(ax, im_kw=im_kw, line_kw=line_kw)

    def plot(self, ax=None, *, im_kw=None, line_kw=None):
        """Draw.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.
        im_kw : dict, default=None
            Options for `imshow`, of pictures.
        line_kw : dict, default=None
            Options for `plot`, of profiles.

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
            self.image_ = mosaic.pictures(ax, cells, ends, im_kw)
        else:
            of = self.moments or moments(cells.reshape(size * size, -1))
            cells = in_deviations(cells, *of)
            line = styled("line", line_kw, color="tab:blue", linewidth=1)
            self.lines_ = mosaic.profiles(ax, cells, (cells.min(), cells.max()), line)
        shown = np.unique([0, (size - 1) // 2, size - 1])
        ax.set_xticks(mosaic.columns[shown], [f"{self.across[i]:.2g}" for i in shown])
        ax.set_yticks(mosaic.rows[shown], [f"{self.up[::-1][i]:.2g}" for i in shown])
        ax.set(xlabel=f"code {self.components[0]}", ylabel=f"code {self.components[1]}")
        self.ax_, self.figure_ = ax, ax.figure
        return self
