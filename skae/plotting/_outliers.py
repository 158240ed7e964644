"""Outlier scores, and the contributions of the features to them."""

from typing import Any

import numpy as np
from sklearn.utils import column_or_1d
from sklearn.utils.validation import check_is_fitted

from skae._sklearn.compat import safe_indexing
from skae._sklearn.modules import set_module

from ._shared.canvas import (
    artist_kwargs,
    axes_pair,
    new_axes,
    open_axes,
    split_axes,
)
from ._shared.colours import check_labels, palette
from ._shared.estimators import explain, last_step
from ._shared.tables import column_names, select, to_float

MAX_FEATURES = 20
N_BINS = 40
WIDTH_RATIOS = 1, 1.6  # of the two panels
SEQUENCES = (list, tuple, np.ndarray)


@set_module("skae.plotting")
class OutlierDisplay:
    """Outlier scores with the threshold, and contributions of the features to them.

    Create it with `from_estimator` or `from_predictions`.

    Parameters
    ----------
    scores : ndarray of shape (n_samples,)
        Score of each sample; lower is more anomalous.
    y : ndarray of shape (n_samples,), default=None
        Labels, which give the colours of the histogram.
    threshold : float, default=None
        Samples with lower scores are outliers.
    contributions : ndarray of shape (n_rows, n_features), default=None
        Contribution of each feature to the scores of the explained samples.
    row_names : sequence, default=()
        Names of these samples.
    feature_names : sequence of str, default=()
        Names of the features.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes of the histogram.
    explain_ax_ : matplotlib Axes or None
        Axes of the contributions.
    figure_ : matplotlib Figure
        The figure.
    image_ : matplotlib AxesImage or None
        The contributions as a heat map of at most 20 features, those that contribute
        most.

    See Also
    --------
    skae.AutoencoderOutlierDetector.explain : The contributions.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.ensemble import IsolationForest
    >>> from skae.plotting import OutlierDisplay
    >>> X = load_iris().data
    >>> forest = IsolationForest(random_state=0).fit(X)
    >>> display = OutlierDisplay.from_estimator(forest, X)
    >>> print(display.threshold)
    -0.5
    """

    def __init__(
        self, scores, *, y=None, threshold=None, contributions=None, row_names=(),
        feature_names=(),
    ):  # fmt: skip
        self.scores = scores
        self.y = y
        self.threshold = threshold
        self.contributions = contributions
        self.row_names = row_names
        self.feature_names = feature_names

    @classmethod
    def from_estimator(
        cls, estimator, X, y=None, *, rows=None, ax=None, hist_kw=None, im_kw=None
    ):
        """Score samples and draw the scores.

        Parameters
        ----------
        estimator : outlier detector
            Fitted, with `score_samples` and `offset_`, or a pipeline that ends in one.
        X : array-like of shape (n_samples, n_features)
            Samples.
        y : array-like of shape (n_samples,), default=None
            True labels, if available, at most 20 distinct ones.
        rows : int or array-like of int, default=None
            Number of samples to explain, those with the lowest scores, or their
            indices. The detector needs `explain`, as `AutoencoderOutlierDetector` has.
        ax : matplotlib Axes or pair of Axes, default=None
            Axes to draw on; None creates a figure. With `rows` there are two panels,
            for which single axes are split.
        hist_kw : dict, default=None
            Options for `hist`.
        im_kw : dict, default=None
            Options for `imshow`, for the contributions.

        Returns
        -------
        OutlierDisplay
            The display, drawn.

        Raises
        ------
        TypeError
            If the estimator does not score samples, or cannot explain them.
        ValueError
            If `y` or `rows` do not match X.
        """
        model = last_step(estimator)
        check_is_fitted(model)
        for needed, owner in {"score_samples": estimator, "offset_": model}.items():
            try:
                getattr(owner, needed)
            except AttributeError as error:
                raise TypeError(
                    f"OutlierDisplay needs `{needed}`, as outlier detectors have it; "
                    f"{type(model).__name__} has none. {error.__cause__ or ''}".strip()
                ) from error
        scores = to_float(np.reshape(estimator.score_samples(X), (-1, 1)), "scores")
        scores = scores[:, 0]
        parts: dict[str, Any] = {}
        if rows is not None:
            at = select("rows", rows, len(scores))
            if np.ndim(rows) == 0:
                at = np.argsort(scores, kind="stable")[at]
            contributions, names = explain(estimator, safe_indexing(X, at))
            index = X.index if hasattr(X, "iloc") else None
            parts = {
                "contributions": contributions,
                "row_names": at if index is None else index[at],
                "feature_names": names,
            }
        y = None if y is None else check_labels(y, scores)
        threshold = float(np.ravel(model.offset_)[0])
        display = cls(scores, y=y, threshold=threshold, **parts)
        return display.plot(ax, hist_kw=hist_kw, im_kw=im_kw)

    @classmethod
    def from_predictions(
        cls, scores, y=None, *, threshold=None, contributions=None, row_names=None,
        feature_names=None, ax=None, hist_kw=None, im_kw=None,
    ):  # fmt: skip
        """Draw scores.

        Parameters
        ----------
        scores : array-like of shape (n_samples,)
            Score of each sample; lower is more anomalous.
        y : array-like of shape (n_samples,), default=None
            True labels, if available, at most 20 distinct ones.
        threshold : float, default=None
            Samples with lower scores are outliers.
        contributions : array-like of shape (n_rows, n_features), default=None
            Contribution of each feature to some scores, as returned by `explain`.
        row_names : sequence, default=None
            Names of these samples; None numbers them. Only with `contributions`.
        feature_names : sequence of str, default=None
            Names of the features; None takes those of `contributions`. Only with these.
        ax : matplotlib Axes or pair of Axes, default=None
            Axes to draw on; None creates a figure.
        hist_kw : dict, default=None
            Options for `hist`.
        im_kw : dict, default=None
            Options for `imshow`, for the contributions.

        Returns
        -------
        OutlierDisplay
            The display, drawn.

        Raises
        ------
        ValueError
            If `y`, `row_names` or `feature_names` are not valid.
        """
        scores = to_float(column_or_1d(scores)[:, None], "scores")[:, 0]
        y = None if y is None else check_labels(y, scores)
        parts: dict[str, Any] = {}
        if contributions is not None:
            values = to_float(contributions, "contributions")
            if feature_names is None:
                feature_names = column_names(contributions, values.shape[1])
            row_names = range(len(values)) if row_names is None else row_names
            if (len(row_names), len(feature_names)) != values.shape:
                raise ValueError(
                    f"contributions has shape {values.shape}, but there are "
                    f"{len(row_names)} row_names and {len(feature_names)} "
                    "feature_names."
                )
            parts = {
                "contributions": values,
                "row_names": row_names,
                "feature_names": feature_names,
            }
        elif row_names is not None or feature_names is not None:
            raise ValueError(
                "row_names and feature_names are names of contributions. Pass these, "
                "too."
            )
        display = cls(scores, y=y, threshold=threshold, **parts)
        return display.plot(ax, hist_kw=hist_kw, im_kw=im_kw)

    def plot(self, ax=None, *, hist_kw=None, im_kw=None):
        """Draw.

        Parameters
        ----------
        ax : matplotlib Axes or pair of Axes, default=None
            Axes to draw on; None creates a figure.
        hist_kw : dict, default=None
            Options for `hist`.
        im_kw : dict, default=None
            Options for `imshow`, for the contributions.

        Returns
        -------
        OutlierDisplay
            The display itself.
        """
        if self.contributions is None:
            ax = open_axes(self, axes_pair(ax)[0] if isinstance(ax, SEQUENCES) else ax)
            self.ax_, self.explain_ax_, self.image_ = ax, None, None
        else:
            self.ax_, self.explain_ax_ = self._panels(ax)
            self.image_ = self._draw_contributions(self.explain_ax_, im_kw)
        self._draw_scores(self.ax_, hist_kw)
        self.figure_ = self.ax_.figure
        return self

    def _panels(self, ax: Any) -> Any:
        """Return two axes: those passed, new ones, or both halves of one."""
        if isinstance(ax, SEQUENCES):
            return [open_axes(self, one) for one in axes_pair(ax)]
        if ax is None:
            size = 11, 1.6 + 0.28 * max(10, len(self.row_names))
            return new_axes(self, size, ncols=2, width_ratios=WIDTH_RATIOS)
        return split_axes(open_axes(self, ax), WIDTH_RATIOS)

    def _draw_scores(self, ax: Any, hist_kw: Any) -> None:
        scores, names = self.scores, []
        if self.y is None:
            style = {"color": "0.6"}
        else:
            labels, code = np.unique(self.y, return_inverse=True)
            scores = [scores[code == i] for i in range(len(labels))]
            names = [str(label) for label in labels]
            style = {"color": list(palette(len(labels)).colors), "label": names}
            style |= {"histtype": "stepfilled", "alpha": 0.6}
        options = artist_kwargs("patch", hist_kw, bins=N_BINS, log=True, **style)
        ax.hist(scores, **options)
        horizontal = options.get("orientation") == "horizontal"
        if self.threshold is not None:
            dashed = {"color": "k", "linestyle": "--", "label": "threshold"}
            (ax.axhline if horizontal else ax.axvline)(self.threshold, **dashed)
        counts = "density" if options.get("density") else "samples"
        sides = ("ylabel", "xlabel") if horizontal else ("xlabel", "ylabel")
        labels = ["score_samples (lower is more anomalous)", counts]
        ax.set(**dict(zip(sides, labels, strict=True)))
        entries = list(zip(*ax.get_legend_handles_labels(), strict=True))
        if entries:
            # Filled histograms are listed from the last label to the first.
            entries.sort(key=lambda entry: [*names, entry[1]].index(entry[1]))
            ax.legend(*zip(*entries, strict=True), loc="upper left")

    def _draw_contributions(self, ax: Any, im_kw: Any) -> Any:
        values = np.asarray(self.contributions)
        largest = np.argsort(-values.max(axis=0), kind="stable")[:MAX_FEATURES]
        shown = np.sort(largest)
        options = artist_kwargs("image", im_kw, cmap="Reds", vmin=0, aspect="auto")
        image = ax.imshow(values[:, shown], **options)
        rotated = {"rotation": 45, "ha": "right", "rotation_mode": "anchor"}
        ax.set_xticks(
            np.arange(len(shown)), [self.feature_names[j] for j in shown], **rotated
        )
        ax.set_yticks(np.arange(len(values)), [str(name) for name in self.row_names])
        ax.set(ylabel="sample")
        ax.figure.colorbar(image, ax=ax, label="contribution")
        return image
