"""What each latent code responds to."""

from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skae._sklearn.modules import set_module

from ._responses import KINDS, to_common_units
from ._shared.canvas import artist_kwargs, open_axes
from ._shared.estimators import encode, last_step
from ._shared.mosaic import Mosaic, resolve_image_shape
from ._shared.tables import column_names, first, select

MAX_FEATURES = 40


@set_module("skae.plotting")
class FeatureDisplay:
    """What each latent code responds to, as images or as bars over the features.

    Each image has its own colour range, from minus to plus its maximum (except for
    "rows"), so images do not show which code has more effect. Bars have one scale for
    all codes, in standard deviations of the features if X was given (except for
    "encoder", whose directions have length one). Of more than 40 features those with
    the longest bars are drawn.

    Create it with `from_estimator`.

    Parameters
    ----------
    features : ndarray of shape (n_codes, n_features)
        The responses that are drawn.
    codes : ndarray of shape (n_codes,)
        The code of each response.
    kind : {"decoder", "encoder", "rows"}, default="decoder"
        Kind of response, see `from_estimator`.
    image_shape : tuple of int, default=None
        Shape of the images; None draws bars.
    feature_names : list of str, default=None
        Names of the features, for bars.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The axes.
    figure_ : matplotlib Figure
        The figure.
    image_ : matplotlib AxesImage or None
        All images as one.
    bars_ : list of matplotlib BarContainer
        The bars of each code.

    See Also
    --------
    skae.SparseAutoencoder : Its codes respond to parts of images.

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
        """Compute what codes respond to and draw it.

        Parameters
        ----------
        estimator : estimator
            Fitted, with `transform` (and `inverse_transform` for the decoder): an
            autoencoder, PCA, a pipeline.
        X : array-like of shape (n_samples, n_features), default=None
            Samples, which determine the range of the codes. Without them the codes of
            "decoder" move from zero to one, with the others at zero.
        kind : {"decoder", "encoder", "rows"}, default="decoder"
            "decoder": the change of the reconstruction when a code moves from its 5 %
            to its 95 % quantile (if these are equal, from its minimum to its maximum),
            with the others at their medians; for PCA it is along the component.
            "encoder": the direction in which the code increases fastest, of length one
            with features in units of their standard deviations, at the mean of the
            samples or, if the code does not change there, at the sample with its
            highest value. "rows": the mean of the 1 % of samples with the highest
            values of the code.
            Bars are in standard deviations of the features of X if it is given, and
            those of "rows" start at the mean.
        codes : int or array-like of int, default=16
            Number of codes, the first ones, or their indices.
        image_shape : tuple of int, default=None
            ``(height, width)`` or ``(channels, height, width)`` of the images. A
            `ConvolutionalAutoencoder` brings its own.
        ax : matplotlib Axes, default=None
            Axes to draw on; None creates a figure.
        im_kw : dict, default=None
            Options for `imshow`, for images.
        bar_kw : dict, default=None
            Options for `bar`, if there are no images.

        Returns
        -------
        FeatureDisplay
            The display, drawn.

        Raises
        ------
        TypeError
            If the estimator has no `transform`, or no `inverse_transform` to decode.
        ValueError
            If `kind`, `codes` or `image_shape` are not valid, or X is needed.
        """
        if kind not in KINDS:
            raise ValueError(f"kind={kind!r} must be one of {', '.join(KINDS)}.")
        model = last_step(estimator)
        check_is_fitted(model)
        has_count = kind == "decoder" and hasattr(model, "n_components_")
        if X is None and not has_count:
            raise ValueError(
                f"kind={kind!r} of {type(model).__name__} needs X: pass samples."
            )
        code = None if X is None else encode(estimator, first(X))
        k = model.n_components_ if code is None else code.shape[1]
        at = select("codes", codes, k)
        features = KINDS[kind](estimator, X, at)
        d = features.shape[1]
        shape = resolve_image_shape(image_shape, d, [estimator])
        if shape is None and X is not None:
            features = to_common_units(features, X, kind)
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
            Axes to draw on; None creates a figure.
        im_kw : dict, default=None
            Options for `imshow`, for images.
        bar_kw : dict, default=None
            Options for `bar`, if there are no images.

        Returns
        -------
        FeatureDisplay
            The display itself.
        """
        self.image_, self.bars_ = None, []
        if self.image_shape is None:
            ax = self._draw_bars(ax, bar_kw)
        else:
            ax = self._draw_images(ax, im_kw)
        self.ax_, self.figure_ = ax, ax.figure
        return self

    def _draw_images(self, ax: Any, im_kw: Any) -> Any:
        """Draw a grid of images, each in its own range of values."""
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
            peak = np.abs(self.features).max(axis=1, keepdims=True)
            cells[:n] = self.features / np.where(peak > 0, peak, 1.0)
            limits, options = (-1.0, 1.0), {"cmap": "RdBu_r"}
        cells = cells.reshape(mosaic.n_rows, wide, d)
        low, high = limits
        options = artist_kwargs("image", im_kw, **options, vmin=low, vmax=high)
        self.image_ = mosaic.draw_images(ax, cells, limits, options)
        corners = mosaic.corners()[:n]
        for (x, y), code in zip(corners, self.codes, strict=True):
            ax.text(x, y, str(code), fontsize=6, color="0.4", ha="left", va="top")
        return ax

    def _draw_bars(self, ax: Any, bar_kw: Any) -> Any:
        """Draw bars over the same features for each code, one code below the other."""
        features = np.asarray(self.features)
        longest = np.abs(features).max(axis=0)
        shown = np.sort(np.argsort(-longest, kind="stable")[:MAX_FEATURES])
        n, d = len(features), len(shown)
        ax = open_axes(self, ax, (2 + 0.35 * d, 1 + 0.6 * n))
        # Codes are one apart, and the longest bar ends before half of that.
        heights = 0.45 * features[:, shown] / (longest.max() or 1.0)
        for i, height in enumerate(heights):
            colours = np.where(height < 0, "tab:blue", "tab:red")
            options = artist_kwargs("patch", bar_kw, color=colours)
            self.bars_.append(ax.bar(np.arange(d), -height, bottom=i, **options))
            ax.axhline(i, color="0.7", linewidth=0.5)
        ax.set_ylim(n - 0.5, -0.5)
        ax.set_yticks(np.arange(n), [f"code {i}" for i in self.codes])
        names = self.feature_names
        rotated = {"rotation": 45, "ha": "right", "rotation_mode": "anchor"}
        labels = shown if names is None else [names[j] for j in shown]
        ax.set_xticks(np.arange(d), [str(label) for label in labels], **rotated)
        ax.tick_params(length=0)
        ax.spines[:].set_visible(False)
        return ax
