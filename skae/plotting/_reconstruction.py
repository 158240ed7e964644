"""Samples and their reconstructions."""

from typing import Any

import numpy as np
from sklearn.metrics import mean_squared_error

from skae._sklearn.compat import num_samples, safe_indexing
from skae._sklearn.modules import set_module
from skae.metrics._chunks import denoising_error

from ._shared.canvas import artist_kwargs, open_axes
from ._shared.estimators import decode, encode, named_estimators
from ._shared.mosaic import Mosaic, resolve_image_shape
from ._shared.tables import first, moments, select, standardize, to_float


def _reconstruct(estimator: Any, X: Any) -> np.ndarray:
    return decode(estimator, encode(estimator, X))


@set_module("skae.plotting")
class ReconstructionDisplay:
    """Samples above their reconstructions by one or more estimators.

    Samples are drawn as images if `image_shape` is given, else as profiles: lines over
    the features, each in units of its standard deviation, with the original in grey
    behind them.

    Create it with `from_estimator` or `from_predictions`.

    Parameters
    ----------
    X : ndarray of shape (n_rows, n_features)
        The samples to draw.
    reconstructions : dict of str to ndarray of shape (n_rows, n_features)
        The reconstructions to draw below them, by name.
    errors : dict of str to float
        Mean squared error of each, for its label.
    corrupted : ndarray of shape (n_rows, n_features), default=None
        The noisy samples that were reconstructed.
    image_shape : tuple of int, default=None
        ``(height, width)`` or ``(channels, height, width)`` of the images.
    moments : tuple of two ndarray of shape (n_features,), default=None
        Mean and variance of the features, for profiles; None takes those of X.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The axes.
    figure_ : matplotlib Figure
        The figure.
    image_ : matplotlib AxesImage or None
        All images as one.
    lines_ : list of matplotlib Line2D
        The profiles: the originals behind them, and one line for each row of cells.

    See Also
    --------
    skae.metrics.reconstruction_error : The error in the labels.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.decomposition import PCA
    >>> from skae.plotting import ReconstructionDisplay
    >>> X = load_digits().data
    >>> models = {"2": PCA(2).fit(X), "16": PCA(16).fit(X)}
    >>> display = ReconstructionDisplay.from_estimator(models, X, image_shape=(8, 8))
    >>> {name: round(error, 1) for name, error in display.errors.items()}
    {'2': 13.4, '16': 2.8}
    """

    def __init__(
        self, X, reconstructions, *, errors, corrupted=None, image_shape=None,
        moments=None,
    ):  # fmt: skip
        self.X = X
        self.reconstructions = reconstructions
        self.errors = errors
        self.corrupted = corrupted
        self.image_shape = image_shape
        self.moments = moments

    @classmethod
    def from_estimator(
        cls, estimator, X, *, corrupted=None, rows=8, image_shape=None, ax=None,
        im_kw=None, line_kw=None,
    ):  # fmt: skip
        """Reconstruct samples and draw them.

        Parameters
        ----------
        estimator : estimator, list of estimators or dict of str to estimator
            Fitted, with `transform` and `inverse_transform`: autoencoders, PCA,
            pipelines. A dict gives them names.
        X : array-like of shape (n_samples, n_features)
            Samples, preferably new ones. The errors are those of all of them.
        corrupted : array-like of shape (n_samples, n_features), default=None
            The same samples with noise, which are reconstructed and compared with X.
        rows : int or array-like of int, default=8
            Number of samples to draw, the first ones, or their indices.
        image_shape : tuple of int, default=None
            ``(height, width)`` or ``(channels, height, width)`` of the images. A
            `ConvolutionalAutoencoder` brings its own.
        ax : matplotlib Axes, default=None
            Axes to draw on; None creates a figure.
        im_kw : dict, default=None
            Options for `imshow`, for images, such as ``{"cmap": "viridis"}``.
        line_kw : dict, default=None
            Options for `plot`, for profiles.

        Returns
        -------
        ReconstructionDisplay
            The display, drawn.

        Raises
        ------
        TypeError
            If an estimator has no `transform` or no `inverse_transform`.
        ValueError
            If there is no estimator, or if `rows`, `corrupted` or `image_shape` do not
            match X.
        """
        estimators = named_estimators(estimator)
        source = X if corrupted is None else corrupted
        if np.shape(source) != np.shape(X):
            raise ValueError(
                f"corrupted has shape {np.shape(source)}, X has {np.shape(X)}."
            )
        n, d = num_samples(X), to_float(first(X)).shape[1]
        shape = resolve_image_shape(image_shape, d, list(estimators.values()))
        at = select("rows", rows, n)
        shown = safe_indexing(source, at)
        display = cls(
            to_float(safe_indexing(X, at)),
            {name: _reconstruct(model, shown) for name, model in estimators.items()},
            errors={k: denoising_error(e, X, source) for k, e in estimators.items()},
            corrupted=None if corrupted is None else to_float(shown),
            image_shape=shape,
            moments=moments(X) if shape is None else None,
        )
        return display.plot(ax, im_kw=im_kw, line_kw=line_kw)

    @classmethod
    def from_predictions(
        cls, X, reconstructions, *, corrupted=None, rows=8, image_shape=None, ax=None,
        im_kw=None, line_kw=None,
    ):  # fmt: skip
        """Draw samples that have been reconstructed.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Samples.
        reconstructions : array-like of shape (n_samples, n_features) or dict
            Reconstructions of them, or of `corrupted`; a dict gives names to several.
        corrupted : array-like of shape (n_samples, n_features), default=None
            The noisy samples that were reconstructed, to be drawn below X.
        rows : int or array-like of int, default=8
            Number of samples to draw, the first ones, or their indices.
        image_shape : tuple of int, default=None
            ``(height, width)`` or ``(channels, height, width)`` of the images.
        ax : matplotlib Axes, default=None
            Axes to draw on; None creates a figure.
        im_kw : dict, default=None
            Options for `imshow`, for images.
        line_kw : dict, default=None
            Options for `plot`, for profiles.

        Returns
        -------
        ReconstructionDisplay
            The display, drawn.

        Raises
        ------
        ValueError
            If shapes differ, or if `rows` or `image_shape` do not match them.
        """
        if not isinstance(reconstructions, dict):
            reconstructions = {"reconstruction": reconstructions}
        X = to_float(X)
        made = {str(k): to_float(Z, str(k)) for k, Z in reconstructions.items()}
        noisy = None if corrupted is None else to_float(corrupted, "corrupted")
        tables = [*made.items(), ("corrupted", X if noisy is None else noisy)]
        for name, table in tables:
            if table.shape != X.shape:
                raise ValueError(f"{name} has shape {table.shape}, X has {X.shape}.")
        at = select("rows", rows, len(X))
        shape = resolve_image_shape(image_shape, X.shape[1])
        display = cls(
            X[at],
            {name: table[at] for name, table in made.items()},
            errors={name: mean_squared_error(X, table) for name, table in made.items()},
            corrupted=None if noisy is None else noisy[at],
            image_shape=shape,
            moments=moments(X) if shape is None else None,
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
        ReconstructionDisplay
            The display itself.
        """
        labels = ["original"] + ["corrupted"] * (self.corrupted is not None)
        tables = [self.X] if self.corrupted is None else [self.X, self.corrupted]
        for name, table in self.reconstructions.items():
            labels.append(f"{name}\nMSE {self.errors[name]:.3g}")
            tables.append(table)
        cells = np.stack(tables)
        mosaic = Mosaic(cells.shape[0], cells.shape[1], self.image_shape)
        ax = open_axes(self, ax, mosaic.size(labels=1.6), "compressed")
        mosaic.clear(ax)
        self.image_, self.lines_ = None, []
        if self.image_shape is not None:
            limits = self.X.min(), self.X.max()
            self.image_ = mosaic.draw_images(ax, cells, limits, im_kw)
        else:
            cells = standardize(cells, *(self.moments or moments(self.X)))
            limits = cells.min(), cells.max()
            behind = np.broadcast_to(cells[0], cells.shape)
            grey = {"color": "0.8", "linewidth": 3}
            line = artist_kwargs("line", line_kw, color="tab:blue", linewidth=1.2)
            self.lines_ = mosaic.draw_profiles(ax, behind, limits, grey)
            self.lines_ += mosaic.draw_profiles(ax, cells, limits, line)
        ax.set_yticks(mosaic.row_centres, labels)
        self.ax_, self.figure_ = ax, ax.figure
        return self
