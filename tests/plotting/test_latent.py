"""Maps of latent codes."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import polars as pl
import pytest
from drawn import (
    colours,
    legend,
)
from matplotlib.colors import to_rgba
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.manifold import MDS
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.utils.validation import check_is_fitted

from skae.plotting import LatentDisplay

# -- where points are ------------------------------------------------------------------


@pytest.fixture
def codes():
    table = np.random.default_rng(0).normal(size=(60, 5)) * [1, 5, 2, 1, 1]
    table.setflags(write=False)
    return table


class Chosen(TransformerMixin, BaseEstimator):
    """Takes the columns that it was told, once it is fitted."""

    def __init__(self, columns=(0, 1)):
        self.columns = columns

    def fit(self, X, y=None):
        self.fitted_ = True
        return self

    def transform(self, X):
        check_is_fitted(self)
        return X[:, list(self.columns)]


def axis_names(display):
    return [display.ax_.get_xlabel(), display.ax_.get_ylabel()]


def test_two_codes_are_drawn_as_they_are(X):
    model = make_pipeline(StandardScaler(), PCA(2)).fit(X)
    display = LatentDisplay.from_estimator(model, X)
    assert_array_equal(display.scatter_.get_offsets(), model.transform(X))
    assert axis_names(display) == ["code 0", "code 1"]
    assert display.ax_.get_legend() is None
    assert display.figure_.axes == [display.ax_]
    assert len(colours(display.scatter_)) == 1


@pytest.mark.parametrize(
    ("components", "places"),
    [((0, 1), [0, 1]), ((3, 1), [3, 1]), ([-1, 0], [4, 0]), (np.array([2, 4]), [2, 4])],
)
def test_codes_can_be_picked(codes, components, places):
    display = LatentDisplay.from_predictions(codes, components=components)
    assert_array_equal(display.scatter_.get_offsets(), codes[:, places])
    assert axis_names(display) == [f"code {i}" for i in places]


def test_more_codes_are_projected_by_pca(codes):
    display = LatentDisplay.from_predictions(codes)
    found = np.asarray(display.scatter_.get_offsets())
    left, sizes, _ = np.linalg.svd(codes - codes.mean(axis=0), full_matrices=False)
    assert_allclose(np.abs(found), np.abs(left[:, :2] * sizes[:2]), atol=1e-9)
    assert axis_names(display) == ["PCA 0 of 5 codes", "PCA 1 of 5 codes"]


def test_projections_repeat_and_leave_the_global_state_alone(global_states):
    wide, before = np.random.default_rng(0).normal(size=(600, 100)), global_states()
    first, second = (LatentDisplay.from_predictions(wide).points for _ in range(2))
    np.testing.assert_equal(global_states(), before)
    assert_array_equal(first, second)


def test_another_projection_is_cloned_and_fitted(codes):
    projection = Chosen((3, 0))
    display = LatentDisplay.from_estimator(
        FunctionTransformer(), codes, projection=projection
    )
    assert_array_equal(display.scatter_.get_offsets(), codes[:, [3, 0]])
    assert axis_names(display) == ["Chosen 0 of 5 codes", "Chosen 1 of 5 codes"]
    with pytest.raises(NotFittedError):
        projection.transform(codes)
    two = LatentDisplay.from_predictions(codes[:, :2], projection=Chosen((1, 0)))
    assert_array_equal(two.points, codes[:, [1, 0]])


def test_a_projection_may_have_only_fit_transform(codes):
    mds = MDS(n_init=1, max_iter=2, init="random", random_state=0)
    display = LatentDisplay.from_predictions(codes, projection=mds)
    assert display.points.shape == (60, 2)
    assert axis_names(display)[0] == "MDS 0 of 5 codes"


# -- what colours mean -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("y", "labels"),
    [
        (np.arange(60) % 3, ["0", "1", "2"]),
        (np.arange(60) % 3 - 1.0, ["-1.0", "0.0", "1.0"]),
        (np.arange(60) % 2 == 0, ["False", "True"]),
        (["b", "a", "c"] * 20, ["a", "b", "c"]),
        (pd.Series(["b", "a"] * 30, dtype="category"), ["a", "b"]),
        (pd.Series(["b", "a"] * 30, index=range(60, 120)), ["a", "b"]),
        (pl.Series(["b", "a"] * 30), ["a", "b"]),
        (np.zeros(60, dtype=int), ["0"]),
        (np.arange(60) % 20, [str(i) for i in range(20)]),
        ([f"{i % 25:02}" for i in range(60)], [f"{i:02}" for i in range(25)]),
    ],
)
def test_labels_have_a_legend_of_their_colours(codes, y, labels):
    display = LatentDisplay.from_predictions(codes, y, components=(0, 1))
    assert legend(display.ax_) == labels
    found = colours(display.scatter_)
    code = [labels.index(str(one)) for one in np.asarray(y)]
    handles = display.ax_.get_legend().legend_handles
    shown = np.array([to_rgba(handle.get_color()) for handle in handles])
    assert_allclose(found, shown[code])  # what the legend says is so
    assert len(np.unique(shown, axis=0)) == len(labels)
    assert display.figure_.axes == [display.ax_]
    assert_array_equal(display.scatter_.get_offsets(), codes[:, :2])


@pytest.mark.parametrize(
    "y",
    [
        np.arange(60),
        np.arange(60) % 21,
        np.linspace(0, 1, 60),
        np.arange(60) % 2 + 0.5,
        pd.Series(np.linspace(0, 1, 60)),
    ],
)
def test_numbers_have_a_colour_bar(codes, y):
    display = LatentDisplay.from_predictions(codes, y)
    assert display.ax_.get_legend() is None
    (bar,) = [ax for ax in display.figure_.axes if ax is not display.ax_]
    assert_array_equal(display.scatter_.get_array(), y)
    assert bar.get_ylim() == pytest.approx((np.min(y), np.max(y)))
    expected = display.scatter_.get_cmap()(
        (np.asarray(y) - np.min(y)) / (np.max(y) - np.min(y))
    )
    assert_allclose(colours(display.scatter_), expected)


def test_a_constant_scale_is_drawn(codes):
    display = LatentDisplay.from_predictions(codes, np.full(60, 0.5))
    assert np.isfinite(colours(display.scatter_)).all()


@pytest.mark.parametrize(
    "y",
    [
        [0.0, np.nan] * 30,
        np.array(["a", None] * 30, dtype=object),
        np.array(["a", np.nan] * 30, dtype=object),
        pd.Series(["a", None] * 30),
        pd.Series(["a", None] * 30, dtype="category"),
        pd.Series([1, None] * 30, dtype="Int64"),
        pl.Series(["a", None] * 30),
        pl.Series([1.5, None] * 30),
        np.array(["2020-01-01", "NaT"] * 30, dtype="datetime64[D]"),
    ],
)
def test_missing_labels_are_an_error(codes, y):
    with pytest.raises(ValueError, match="y has missing values"):
        LatentDisplay.from_predictions(codes, y)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (np.zeros(59), "inconsistent numbers of samples"),
        (np.zeros((60, 2)), r"shape \(60, 2\)"),
    ],
)
def test_labels_that_do_not_fit(codes, y, message):
    with pytest.raises(ValueError, match=message):
        LatentDisplay.from_predictions(codes, y)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"components": (0,)}, r"components=\(0,\) must name two different codes"),
        (
            {"components": (0, 1, 2)},
            r"components=\(0, 1, 2\) must name two different codes",
        ),
        ({"components": 2}, "components=2 must name two different codes"),
        ({"components": 1}, "components=1 must name two different codes"),
        ({"components": (0, 5)}, "has indices beyond the 5 that there are"),
        ({"components": (0.0, 1.0)}, "components must be an int, or indices as ints"),
        ({"components": (0, 1), "projection": Chosen()}, "components or projection, n"),
        ({"projection": Chosen((0, 1, 2))}, "gives 3 columns; two can be drawn"),
        ({"projection": Chosen((0,))}, "gives 1 columns; two can be drawn"),
    ],
)
def test_maps_that_there_are_not(codes, options, message):
    with pytest.raises(ValueError, match=message):
        LatentDisplay.from_predictions(codes, **options)
    assert plt.get_fignums() == []


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (np.zeros((9, 1)), "needs at least two codes; there is one"),
        (np.zeros(9), "2D array"),
        (np.full((9, 2), np.nan), "codes contains NaN"),
        ([["a", "b"]], "could not convert string to float"),
    ],
)
def test_codes_that_cannot_be_drawn(bad, message):
    with pytest.raises(ValueError, match=message):
        LatentDisplay.from_predictions(bad)


@pytest.mark.parametrize("y", [None, [0, 1] * 30, np.linspace(0, 1, 60)])
def test_options_reach_the_points(codes, y):
    given = {"s": 50, "alpha": 0.5, "linewidths": 2}
    drawn = LatentDisplay.from_predictions(codes, y, scatter_kw=given).scatter_
    assert drawn.get_sizes().tolist() == [50]
    assert drawn.get_alpha() == 0.5
    assert drawn.get_linewidths().tolist() == [2]
    again = LatentDisplay.from_estimator(
        FunctionTransformer(), codes, y, scatter_kw={"s": 3}
    ).plot(scatter_kw={"s": 4})
    assert again.scatter_.get_sizes().tolist() == [4]


@pytest.mark.parametrize("y", [[0, 1] * 30, np.linspace(0, 1, 60)])
def test_colours_can_be_chosen(codes, y):
    display = LatentDisplay.from_predictions(codes, y, scatter_kw={"cmap": "Set1"})
    assert display.scatter_.get_cmap().name == "Set1"


def ink(display):
    """How many pixels inside the axes are not white."""
    figure = display.figure_
    figure.canvas.draw()
    for artist in (display.ax_.xaxis, display.ax_.yaxis, *display.ax_.spines.values()):
        artist.set_visible(False)
    figure.canvas.draw()
    return int((np.asarray(figure.canvas.buffer_rgba())[..., :3] < 250).sum())


@pytest.mark.parametrize(
    "options",
    [{}, {"marker": "x"}, {"marker": "+"}, {"facecolors": "none", "edgecolors": "r"}],
)
def test_points_of_all_markers_are_seen(options, X):
    assert ink(LatentDisplay.from_predictions(X[:, :2], scatter_kw=options)) > 500


def test_edges_are_drawn_where_they_are_asked_for(X):
    display = LatentDisplay.from_predictions(X[:, :2], scatter_kw={"ec": "k"})
    assert display.scatter_.get_linewidth()[0] > 0
    assert LatentDisplay.from_predictions(X[:, :2]).scatter_.get_linewidth()[0] == 0


@pytest.mark.parametrize(
    ("y", "words"),
    [
        (pd.Series([0, 1, 2] * 10, dtype="Int64"), ["0", "1", "2"]),
        (pd.Series([True, False, True] * 10, dtype="boolean"), ["False", "True"]),
        (pd.Series(["b", "a", "b"] * 10, dtype="category"), ["a", "b"]),
        (np.array(["a", 1, 2] * 10, dtype=object), ["1", "2", "a"]),
        ([0.0, 1.0, 2.0] * 10, ["0.0", "1.0", "2.0"]),
        (pd.Series(pd.to_datetime(["2026-01-02"] * 30).date), ["2026-01-02"]),
        (np.array([b"a", 1, None.__class__] * 10, dtype=object), None),
    ],
)  # fmt: skip
def test_labels_read_as_they_are(y, words, X):
    display = LatentDisplay.from_predictions(X[:30, :2], y)
    found = legend(display.ax_)
    assert len(found) == len(set(map(str, y))) if words is None else found == words


def test_infinite_numbers_are_no_colours(X):
    y = np.r_[np.inf, np.arange(len(X) - 1) / 3]
    with pytest.raises(ValueError, match="y has infinite values"):
        LatentDisplay.from_predictions(X[:, :2], y)
    assert plt.get_fignums() == []


@pytest.mark.parametrize("n", [20, 50])
def test_many_labels_have_a_legend_inside_the_figure(n, X):
    y = [f"label {i % n}" for i in range(len(X))]
    display = LatentDisplay.from_predictions(X[:, :2], y)
    display.figure_.canvas.draw()
    whole, beside = display.figure_.bbox, display.ax_.get_legend().get_window_extent()
    assert len(legend(display.ax_)) == n
    assert whole.y0 <= beside.y0 < beside.y1 <= whole.y1
    assert whole.x0 <= beside.x0 < beside.x1 <= whole.x1 + 1
    assert display.ax_.get_window_extent().height > 0.7 * whole.height


def test_more_labels_have_no_legend(X):
    display = LatentDisplay.from_predictions(X[:, :2], [f"{i}" for i in range(len(X))])
    assert display.ax_.get_legend() is None


@pytest.mark.parametrize("layout", [None, "constrained", "tight"])
def test_a_legend_does_not_reach_into_other_axes(layout, X):
    figure, (left, right) = plt.subplots(1, 2, layout=layout, figsize=(9, 4))
    LatentDisplay.from_predictions(X[:, :2], [0, 1, 2] * (len(X) // 3), ax=left)
    figure.canvas.draw()
    beside = left.get_legend().get_window_extent()
    assert not beside.overlaps(right.get_window_extent())
    inside = left.get_window_extent().fully_containsx(beside.x1)
    assert inside == (layout is None)


def test_a_figure_with_a_colour_bar_can_be_laid_out_again(X):
    display = LatentDisplay.from_predictions(X[:, :2], X[:, 2])
    plt.figure(display.figure_.number)
    plt.tight_layout()
    display.figure_.canvas.draw()


def test_codes_that_cannot_be_projected(X):
    with pytest.raises(ValueError, match="3 codes of a single sample cannot be pro"):
        LatentDisplay.from_predictions(X[:1, :3])
    display = LatentDisplay.from_predictions(np.ones((5, 3)))
    np.testing.assert_allclose(display.points, 0)


@pytest.mark.parametrize("marker", [np.array([[0, 0], [1, 0], [0, 1]]), 0, "s"])
def test_markers_of_all_kinds(marker, X):
    display = LatentDisplay.from_predictions(X[:, :2], scatter_kw={"marker": marker})
    assert ink(display) > 200


def test_labels_that_read_the_same(X):
    y = np.array(["1", 1, "a", 2] * 5, dtype=object)
    with pytest.raises(ValueError, match="different labels that read the same"):
        LatentDisplay.from_predictions(X[:20, :2], y)
    assert plt.get_fignums() == []


def test_labels_of_different_lengths(X):
    y = pd.Series([(1, 2), (3,)] * 10)
    display = LatentDisplay.from_predictions(X[:20, :2], y)
    assert legend(display.ax_) == ["(1, 2)", "(3,)"]


@pytest.mark.parametrize(("n", "shown"), [(10, True), (11, False)])
def test_a_legend_that_covers_points_is_short(n, shown, X):
    _, ax = plt.subplots()
    y = [f"{i % n}" for i in range(len(X))]
    LatentDisplay.from_predictions(X[:, :2], y, ax=ax)
    assert (ax.get_legend() is not None) == shown


def test_axes_that_are_in_no_grid_have_their_legend_inside(X):
    figure, whole = plt.subplots(layout="constrained")
    ax = whole.inset_axes((0.3, 0.3, 0.6, 0.6))
    LatentDisplay.from_predictions(X[:, :2], [0, 1, 2] * (len(X) // 3), ax=ax)
    figure.canvas.draw()
    beside = ax.get_legend().get_window_extent()
    assert ax.get_window_extent().fully_containsx(beside.x1)
