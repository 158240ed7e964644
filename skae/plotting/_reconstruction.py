"""Rows, and the same rows as estimators give them back."""

from typing import Any

import numpy as np
from sklearn.utils import _safe_indexing
from sklearn.utils.validation import _num_samples

from ._canvas import open_axes, styled
from ._estimators import by_name, decoded, transformed
from ._mosaic import Mosaic, picture_shape
from ._tables import chunks, first, in_deviations, moments, numbers, picked


def _round_trip(estimator: Any, X: Any) -> np.ndarray:
    return decoded(estimator, transformed(estimator, X))


def _error(estimator: Any, X: Any, source: Any) -> float:
    """Return the mean squared distance of rows from what is made of their source."""
    total = 0.0
    for part, noisy in chunks(X, source):
        left = numbers(part) - _round_trip(estimator, noisy)
        total += float(np.square(left).mean()) * len(left)
    return total / _num_samples(X)


class ReconstructionDisplay:
    """Rows above what one or more estimators reconstruct of them.

    Rows are drawn as pictures if `image_shape` says of which size, else as profiles:
    lines over the columns, with the original in grey behind them, each column in units
    of its standard deviation.

    Create it with `from_estimator` or `from_predictions`.

    Parameters
    ----------
    X : ndarray of shape (n_rows, n_features)
        The rows to draw.
    reconstructions : dict of str to ndarray of shape (n_rows, n_features)
        What is drawn below them, by name.
    errors : dict of str to float
        Mean squared error of each, for its label.
    corrupted : ndarray of shape (n_rows, n_features), default=None
        What was reconstructed instead of X.
    image_shape : tuple of int, default=None
        ``(height, width)`` or ``(channels, height, width)`` of the pictures.
    moments : tuple of two ndarray of shape (n_features,), default=None
        Mean and variance of the columns, for profiles; None takes those of X.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The axes.
    figure_ : matplotlib Figure
        The figure.
    image_ : matplotlib AxesImage or None
        All pictures as one image.
    lines_ : list of matplotlib Line2D
        The profiles: the originals behind each, and one line for each row of them.

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
        """Reconstruct rows and draw them.

        Parameters
        ----------
        estimator : estimator, list of estimators or dict of str to estimator
            Fitted, with `transform` and `inverse_transform`: autoencoders, PCA,
            pipelines of such. A dict gives them names.
        X : array-like of shape (n_samples, n_features)
            Rows, best such as were not trained on. All count in the errors.
        corrupted : array-like of shape (n_samples, n_features), default=None
            The same rows with noise. They are reconstructed then, and compared with X.
        rows : int or array-like of int, default=8
            How many of the first rows to draw, or which.
        image_shape : tuple of int, default=None
            ``(height, width)`` or ``(channels, height, width)`` of the pictures. A
            `ConvolutionalAutoencoder` knows its own.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.
        im_kw : dict, default=None
            Options for `imshow`, of pictures, such as ``{"cmap": "viridis"}``.
        line_kw : dict, default=None
            Options for `plot`, of profiles.

        Returns
        -------
        ReconstructionDisplay
            The display, drawn.

        Raises
        ------
        TypeError
            If an estimator has no `transform` or no `inverse_transform`.
        ValueError
            If there is no estimator, or `rows`, `corrupted` or `image_shape` do not
            fit X.
        """
        estimators = by_name(estimator)
        source = X if corrupted is None else corrupted
        if np.shape(source) != np.shape(X):
            raise ValueError(
                f"corrupted has shape {np.shape(source)}, X has {np.shape(X)}."
            )
        n, d = _num_samples(X), numbers(first(X)).shape[1]
        shape = picture_shape(image_shape, d, list(estimators.values()))
        at = picked("rows", rows, n)
        shown = _safe_indexing(source, at)
        display = cls(
            numbers(_safe_indexing(X, at)),
            {name: _round_trip(model, shown) for name, model in estimators.items()},
            errors={name: _error(e, X, source) for name, e in estimators.items()},
            corrupted=None if corrupted is None else numbers(shown),
            image_shape=shape,
            moments=moments(X) if shape is None else None,
        )
        return display.plot(ax, im_kw=im_kw, line_kw=line_kw)

    @classmethod
    def from_predictions(
        cls, X, reconstructions, *, corrupted=None, rows=8, image_shape=None, ax=None,
        im_kw=None, line_kw=None,
    ):  # fmt: skip
        """Draw rows that have been reconstructed.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows.
        reconstructions : array-like of shape (n_samples, n_features) or dict
            What was made of them, or of `corrupted`; a dict gives names to several.
        corrupted : array-like of shape (n_samples, n_features), default=None
            What was reconstructed, to be drawn below X.
        rows : int or array-like of int, default=8
            How many of the first rows to draw, or which.
        image_shape : tuple of int, default=None
            ``(height, width)`` or ``(channels, height, width)`` of the pictures.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.
        im_kw : dict, default=None
            Options for `imshow`, of pictures.
        line_kw : dict, default=None
            Options for `plot`, of profiles.

        Returns
        -------
        ReconstructionDisplay
            The display, drawn.

        Raises
        ------
        ValueError
            If shapes differ, or `rows` or `image_shape` do not fit them.
        """
        if not isinstance(reconstructions, dict):
            reconstructions = {"reconstruction": reconstructions}
        X = numbers(X)
        made = {str(k): numbers(Z, str(k)) for k, Z in reconstructions.items()}
        noisy = None if corrupted is None else numbers(corrupted, "corrupted")
        tables = [*made.items(), ("corrupted", X if noisy is None else noisy)]
        for name, table in tables:
            if table.shape != X.shape:
                raise ValueError(f"{name} has shape {table.shape}, X has {X.shape}.")
        at = picked("rows", rows, len(X))
        shape = picture_shape(image_shape, X.shape[1])
        display = cls(
            X[at],
            {name: table[at] for name, table in made.items()},
            errors={n: float(np.square(X - table).mean()) for n, table in made.items()},
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
            Where to draw; None makes a figure.
        im_kw : dict, default=None
            Options for `imshow`, of pictures.
        line_kw : dict, default=None
            Options for `plot`, of profiles.

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
            self.image_ = mosaic.pictures(ax, cells, limits, im_kw)
        else:
            cells = in_deviations(cells, *(self.moments or moments(self.X)))
            limits = cells.min(), cells.max()
            behind = np.broadcast_to(cells[0], cells.shape)
            grey = {"color": "0.8", "linewidth": 3}
            line = styled("line", line_kw, color="tab:blue", linewidth=1.2)
            self.lines_ = mosaic.profiles(ax, behind, limits, grey)
            self.lines_ += mosaic.profiles(ax, cells, limits, line)
        ax.set_yticks(mosaic.rows, labels)
        self.ax_, self.figure_ = ax, ax.figure
        return self
