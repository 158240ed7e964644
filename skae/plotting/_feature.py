"""What each code responds to."""

from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from ._canvas import open_axes, styled
from ._estimators import last_step, transformed
from ._mosaic import Mosaic, picture_shape
from ._responses import KINDS, comparable
from ._tables import column_names, first, picked

MOST_COLUMNS = 40


class FeatureDisplay:
    """What each code responds to, as pictures or as bars over the columns.

    Each picture has a range of its own, from minus to plus its greatest value (but for
    the "rows"), so that pictures do not tell which code has more effect. Bars have one
    scale for all codes, in standard deviations of their columns if rows were given
    (but for the "encoder", whose directions have no unit). Of more than 40 columns
    those with the longest bars are drawn.

    Create it with `from_estimator`.

    Parameters
    ----------
    features : ndarray of shape (n_codes, n_features)
        What is drawn.
    codes : ndarray of shape (n_codes,)
        Which codes they belong to.
    kind : {"decoder", "encoder", "rows"}, default="decoder"
        What the features are, see `from_estimator`.
    image_shape : tuple of int, default=None
        Shape of the pictures; None draws bars.
    feature_names : list of str, default=None
        Names of the columns, for bars.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The axes.
    figure_ : matplotlib Figure
        The figure.
    image_ : matplotlib AxesImage or None
        All pictures as one image.
    bars_ : list of matplotlib BarContainer
        The bars of each code.

    See Also
    --------
    skae.SparseAutoencoder : Whose features are parts of pictures.

    References
    ----------
    Ng, A. (2011). Sparse autoencoder. CS294A lecture notes, Stanford University.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.decomposition import PCA
    >>> from skae.plotting import FeatureDisplay
    >>> X = load_iris(as_frame=True).data
    >>> pca = PCA(2).fit(X)
    >>> display = FeatureDisplay.from_estimator(pca, X, kind="decoder")
    >>> print(display.features[0].round(1))  # in standard deviations
    [ 2.5 -1.1  2.8  2.7]
    """

    def __init__(
        self, features, codes, *, kind="decoder", image_shape=None, feature_names=None
    ):
        self.features = features
        self.codes = codes
        self.kind = kind
        self.image_shape = image_shape
        self.feature_names = feature_names

    @classmethod
    def from_estimator(
        cls, estimator, X=None, *, kind="decoder", codes=16, image_shape=None, ax=None,
        im_kw=None, bar_kw=None,
    ):  # fmt: skip
        """Find what codes respond to and draw it.

        Parameters
        ----------
        estimator : estimator
            Fitted, with `transform` (and `inverse_transform` for the decoder): an
            autoencoder, PCA, a pipeline.
        X : array-like of shape (n_samples, n_features), default=None
            Rows, which tell the range of the codes. Without them codes of the decoder
            move from zero to one, the others being zero.
        kind : {"decoder", "encoder", "rows"}, default="decoder"
            "decoder": how the reconstruction changes when a code moves from its 5 % to
            its 95 % quantile (if these are the same, from its least to its greatest
            value), the others being at their medians; for PCA that is its component.
            "encoder": the change of a row, of length one with columns in units of their
            standard deviations, that raises the code most, at the mean row; at the row
            that excites it most, if it does not change there. "rows": the mean of the
            hundredth of the rows that excite it most.
            Bars are in standard deviations of the columns of X if it is given, and
            those of "rows" start at the mean.
        codes : int or array-like of int, default=16
            How many of the first codes, or which.
        image_shape : tuple of int, default=None
            ``(height, width)`` or ``(channels, height, width)`` of the pictures. A
            `ConvolutionalAutoencoder` knows its own.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.
        im_kw : dict, default=None
            Options for `imshow`, of pictures.
        bar_kw : dict, default=None
            Options for `bar`, where there are no pictures.

        Returns
        -------
        FeatureDisplay
            The display, drawn.

        Raises
        ------
        TypeError
            If the estimator has no `transform`, or no `inverse_transform` to decode.
        ValueError
            If `kind`, `codes` or `image_shape` do not fit, or X is needed.
        """
        if kind not in KINDS:
            raise ValueError(f"kind={kind!r} must be one of {', '.join(KINDS)}.")
        model = last_step(estimator)
        check_is_fitted(model)
        known = kind == "decoder" and hasattr(model, "n_components_")
        if X is None and not known:
            raise ValueError(
                f"kind={kind!r} of {type(model).__name__} needs X: pass rows."
            )
        one = None if X is None else transformed(estimator, first(X))
        k = model.n_components_ if one is None else one.shape[1]
        at = picked("codes", codes, k)
        features = KINDS[kind](estimator, X, at)
        d = features.shape[1]
        shape = picture_shape(image_shape, d, [estimator])
        if shape is None and X is not None:
            features = comparable(features, X, kind)
        display = cls(
            features,
            at,
            kind=kind,
            image_shape=shape,
            feature_names=column_names(X if hasattr(X, "columns") else estimator, d),
        )
        return display.plot(ax, im_kw=im_kw, bar_kw=bar_kw)

    def plot(self, ax=None, *, im_kw=None, bar_kw=None):
        """Draw.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.
        im_kw : dict, default=None
            Options for `imshow`, of pictures.
        bar_kw : dict, default=None
            Options for `bar`, where there are no pictures.

        Returns
        -------
        FeatureDisplay
            The display itself.
        """
        self.image_, self.bars_ = None, []
        if self.image_shape is None:
            ax = self._draw_bars(ax, bar_kw)
        else:
            ax = self._draw_pictures(ax, im_kw)
        self.ax_, self.figure_ = ax, ax.figure
        return self

    def _draw_pictures(self, ax: Any, im_kw: Any) -> Any:
        """Draw a block of pictures, each in its own range of values."""
        n, d = self.features.shape
        wide = min(8, int(np.ceil(np.sqrt(n))))
        mosaic = Mosaic(-(-n // wide), wide, self.image_shape)
        ax = open_axes(self, ax, mosaic.size(), "compressed")
        mosaic.clear(ax)
        cells = np.full((mosaic.n_rows * wide, d), np.nan)
        if self.kind == "rows":
            cells[:n], options = self.features, {"cmap": "gray_r"}
            limits = self.features.min(), self.features.max()
        else:
            most = np.abs(self.features).max(axis=1, keepdims=True)
            cells[:n] = self.features / np.where(most > 0, most, 1.0)
            limits, options = (-1.0, 1.0), {"cmap": "RdBu_r"}
        cells = cells.reshape(mosaic.n_rows, wide, d)
        options = styled("image", im_kw, **options, vmin=limits[0], vmax=limits[1])
        self.image_ = mosaic.pictures(ax, cells, limits, options)
        corners = mosaic.corners()[:n]
        for (x, y), code in zip(corners, self.codes, strict=True):
            ax.text(x, y, str(code), fontsize=6, color="0.4", ha="left", va="top")
        return ax

    def _draw_bars(self, ax: Any, bar_kw: Any) -> Any:
        """Draw a strip of bars for each code, all over the same columns."""
        features = np.asarray(self.features)
        longest = np.abs(features).max(axis=0)
        shown = np.sort(np.argsort(-longest, kind="stable")[:MOST_COLUMNS])
        n, d = len(features), len(shown)
        ax = open_axes(self, ax, (2 + 0.35 * d, 1 + 0.6 * n))
        # Strips are one apart, and the longest bar reaches halfway to the next.
        heights = 0.45 * features[:, shown] / (longest.max() or 1.0)
        for i, strip in enumerate(heights):
            signs = np.where(strip < 0, "tab:blue", "tab:red")
            options = styled("patch", bar_kw, color=signs)
            self.bars_.append(ax.bar(np.arange(d), -strip, bottom=i, **options))
            ax.axhline(i, color="0.7", linewidth=0.5)
        ax.set_ylim(n - 0.5, -0.5)
        ax.set_yticks(np.arange(n), [f"code {i}" for i in self.codes])
        names = self.feature_names
        turned = {"rotation": 45, "ha": "right", "rotation_mode": "anchor"}
        labels = shown if names is None else [names[j] for j in shown]
        ax.set_xticks(np.arange(d), [str(label) for label in labels], **turned)
        ax.tick_params(length=0)
        ax.spines[:].set_visible(False)
        return ax
