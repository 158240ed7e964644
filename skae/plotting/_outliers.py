"""How odd rows are, and what makes them odd."""

from typing import Any

import numpy as np
from sklearn.utils import _safe_indexing, column_or_1d
from sklearn.utils.validation import check_is_fitted

from ._canvas import new_axes, open_axes, styled
from ._colours import check_labels, palette
from ._estimators import explained, last_step
from ._tables import column_names, numbers, picked

MOST_COLUMNS = 20
N_BINS = 40
WIDTHS = 1, 1.6  # of the panels, in proportion
SEVERAL = (list, tuple, np.ndarray)


def _two(axes: Any) -> list[Any]:
    """Return a pair of axes."""
    axes = list(np.ravel(np.asarray(axes, dtype=object)))
    if len(axes) != 2 or None in axes:
        raise ValueError(f"ax has {len(axes)} axes; pass one, or a pair of them.")
    return axes


class OutlierDisplay:
    """Scores of rows with the threshold, and the columns that make some rows odd.

    Create it with `from_estimator` or `from_predictions`.

    Parameters
    ----------
    scores : ndarray of shape (n_samples,)
        How ordinary each row is; the lower, the odder.
    y : ndarray of shape (n_samples,), default=None
        Labels, which colour the histogram.
    threshold : float, default=None
        Below it rows are outliers.
    contributions : ndarray of shape (n_rows, n_features), default=None
        What each column contributes to the rows that are explained.
    row_names : sequence, default=()
        Names of these rows.
    feature_names : sequence of str, default=()
        Names of the columns.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The histogram.
    explain_ax_ : matplotlib Axes or None
        The contributions.
    figure_ : matplotlib Figure
        The figure.
    image_ : matplotlib AxesImage or None
        The contributions as a heat map of at most 20 columns, those that contribute
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
        """Score rows and draw the scores.

        Parameters
        ----------
        estimator : outlier detector
            Fitted, with `score_samples` and `offset_`, or a pipeline that ends in one.
        X : array-like of shape (n_samples, n_features)
            Rows.
        y : array-like of shape (n_samples,), default=None
            Labels, if they are known, 20 different ones at the most.
        rows : int or array-like of int, default=None
            Which rows to explain, or how many of the oddest. For that the detector
            needs `explain`, as `AutoencoderOutlierDetector` has it.
        ax : matplotlib Axes or pair of Axes, default=None
            Where to draw; None makes a figure. With `rows` there are two panels, which
            share a single axes' place.
        hist_kw : dict, default=None
            Options for `hist`.
        im_kw : dict, default=None
            Options for `imshow`, of the contributions.

        Returns
        -------
        OutlierDisplay
            The display, drawn.

        Raises
        ------
        TypeError
            If the estimator does not score rows, or cannot explain them.
        ValueError
            If `y` or `rows` do not fit X.
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
        scores = numbers(np.reshape(estimator.score_samples(X), (-1, 1)), "scores")
        scores = scores[:, 0]
        parts: dict[str, Any] = {}
        if rows is not None:
            at = picked("rows", rows, len(scores))
            if np.ndim(rows) == 0:
                at = np.argsort(scores, kind="stable")[at]
            shares, names = explained(estimator, _safe_indexing(X, at))
            index = X.index if hasattr(X, "iloc") else None
            parts = {
                "contributions": shares,
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
            How ordinary each row is; the lower, the odder.
        y : array-like of shape (n_samples,), default=None
            Labels, if they are known, 20 different ones at the most.
        threshold : float, default=None
            Below it rows are outliers.
        contributions : array-like of shape (n_rows, n_features), default=None
            What each column contributes to some rows, as `explain` returns it.
        row_names : sequence, default=None
            Names of these rows; None numbers them. Only with `contributions`.
        feature_names : sequence of str, default=None
            Names of the columns; None takes those of `contributions`. Only with these.
        ax : matplotlib Axes or pair of Axes, default=None
            Where to draw; None makes a figure.
        hist_kw : dict, default=None
            Options for `hist`.
        im_kw : dict, default=None
            Options for `imshow`, of the contributions.

        Returns
        -------
        OutlierDisplay
            The display, drawn.

        Raises
        ------
        ValueError
            If `y`, `row_names` or `feature_names` do not fit.
        """
        scores = numbers(column_or_1d(scores)[:, None], "scores")[:, 0]
        y = None if y is None else check_labels(y, scores)
        parts: dict[str, Any] = {}
        if contributions is not None:
            shares = numbers(contributions, "contributions")
            if feature_names is None:
                feature_names = column_names(contributions, shares.shape[1])
            row_names = range(len(shares)) if row_names is None else row_names
            if (len(row_names), len(feature_names)) != shares.shape:
                raise ValueError(
                    f"contributions has shape {shares.shape}, but there are "
                    f"{len(row_names)} row_names and {len(feature_names)} "
                    "feature_names."
                )
            parts = {
                "contributions": shares,
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
            Where to draw; None makes a figure.
        hist_kw : dict, default=None
            Options for `hist`.
        im_kw : dict, default=None
            Options for `imshow`, of the contributions.

        Returns
        -------
        OutlierDisplay
            The display itself.
        """
        if self.contributions is None:
            ax = open_axes(self, _two(ax)[0] if isinstance(ax, SEVERAL) else ax)
            self.ax_, self.explain_ax_, self.image_ = ax, None, None
        else:
            self.ax_, self.explain_ax_ = self._panels(ax)
            self.image_ = self._draw_contributions(self.explain_ax_, im_kw)
        self._draw_scores(self.ax_, hist_kw)
        self.figure_ = self.ax_.figure
        return self

    def _panels(self, ax: Any) -> Any:
        """Return two axes: those passed, new ones, or two in the place of one."""
        if isinstance(ax, SEVERAL):
            return [open_axes(self, one) for one in _two(ax)]
        if ax is None:
            size = 11, 1.6 + 0.28 * max(10, len(self.row_names))
            return new_axes(self, size, ncols=2, width_ratios=WIDTHS)
        ax = open_axes(self, ax)
        figure, place = ax.figure, ax.get_subplotspec()
        if place is None:
            raise ValueError(
                "ax has no place in a grid that could be split for two panels. Pass "
                "two axes, or one that plt.subplots made."
            )
        current = figure.gca()
        grid = place.subgridspec(1, 2, width_ratios=WIDTHS)
        panels = [figure.add_subplot(part) for part in grid]
        ax.remove()
        figure.sca(panels[0] if current is ax else current)
        return panels

    def _draw_scores(self, ax: Any, hist_kw: Any) -> None:
        scores, names = self.scores, []
        if self.y is None:
            own = {"color": "0.6"}
        else:
            labels, code = np.unique(self.y, return_inverse=True)
            scores = [scores[code == i] for i in range(len(labels))]
            names = [str(label) for label in labels]
            own = {"color": list(palette(len(labels)).colors), "label": names}
            own |= {"histtype": "stepfilled", "alpha": 0.6}
        options = styled("patch", hist_kw, bins=N_BINS, log=True, **own)
        ax.hist(scores, **options)
        lying = options.get("orientation") == "horizontal"
        if self.threshold is not None:
            style = {"color": "k", "linestyle": "--", "label": "threshold"}
            (ax.axhline if lying else ax.axvline)(self.threshold, **style)
        counted = "density" if options.get("density") else "rows"
        sides = ("ylabel", "xlabel") if lying else ("xlabel", "ylabel")
        ax.set(**dict(zip(sides, ["score_samples (low is odd)", counted], strict=True)))
        drawn = list(zip(*ax.get_legend_handles_labels(), strict=True))
        if drawn:
            # Filled histograms are drawn, and listed, from the last label to the first.
            drawn.sort(key=lambda pair: [*names, pair[1]].index(pair[1]))
            ax.legend(*zip(*drawn, strict=True), loc="upper left")

    def _draw_contributions(self, ax: Any, im_kw: Any) -> Any:
        shares = np.asarray(self.contributions)
        most = np.argsort(-shares.max(axis=0), kind="stable")[:MOST_COLUMNS]
        shown = np.sort(most)
        options = styled("image", im_kw, cmap="Reds", vmin=0, aspect="auto")
        image = ax.imshow(shares[:, shown], **options)
        turned = {"rotation": 45, "ha": "right", "rotation_mode": "anchor"}
        ax.set_xticks(
            np.arange(len(shown)), [self.feature_names[j] for j in shown], **turned
        )
        ax.set_yticks(np.arange(len(shares)), [str(name) for name in self.row_names])
        ax.set(ylabel="row")
        ax.figure.colorbar(image, ax=ax, label="contribution")
        return image
