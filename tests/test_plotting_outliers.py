"""Scores of rows, and what makes rows odd."""

import io

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import polars as pl
import pytest
from drawn import legend, pixels, texts
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.covariance import EllipticEnvelope
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import SGDOneClassSVM
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import LocalOutlierFactor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MinMaxScaler,
    PolynomialFeatures,
    StandardScaler,
)
from sklearn.svm import OneClassSVM

from skae import AutoencoderOutlierDetector, AutoencoderTransformer
from skae.plotting import OutlierDisplay

pytestmark = pytest.mark.usefixtures("no_windows")

NAMES = list("abcdef")


@pytest.fixture(scope="module")
def forest(X):
    return IsolationForest(n_estimators=10, random_state=0).fit(X)


@pytest.fixture(scope="module")
def new(curved):
    table = curved(80, seed=1)
    table[[7, 30, 55]] += [[3], [9], [6]]
    table.setflags(write=False)
    return table


@pytest.fixture(scope="module")
def detector(X, quick):
    return AutoencoderOutlierDetector(AutoencoderTransformer(2, **quick)).fit(X)


@pytest.fixture(scope="module")
def framed(X, quick):
    detector = AutoencoderOutlierDetector(AutoencoderTransformer(2, **quick))
    return detector.set_output(transform="pandas").fit(pd.DataFrame(X, columns=NAMES))


def counts(patches):
    return [bar.get_height() for bar in patches]


def height_of(corners, x):
    """The greatest height of an outline at each x."""
    left, right = corners[:-1], corners[1:]
    flat = np.isclose(left[:, 1], right[:, 1])
    low = np.minimum(left[flat, 0], right[flat, 0])[:, None]
    high = np.maximum(left[flat, 0], right[flat, 0])[:, None]
    over = (low < x) & (x < high)
    return np.where(over, left[flat, 1][:, None], 0).max(axis=0)


# -- scores ----------------------------------------------------------------------------


def test_scores_are_counted(forest, new):
    display = OutlierDisplay.from_estimator(forest, new)
    expected, edges = np.histogram(forest.score_samples(new), bins=40)
    ax = display.ax_
    assert counts(ax.patches) == expected.tolist()
    assert_allclose([bar.get_x() for bar in ax.patches], edges[:-1])
    assert {bar.get_facecolor() for bar in ax.patches} == {to_rgba("0.6")}
    (line,) = ax.lines
    assert line.get_xdata() == [forest.offset_] * 2
    assert line.get_linestyle() == "--"
    assert legend(ax) == ["threshold"]
    assert ax.get_yscale() == "log"
    assert [ax.get_xlabel(), ax.get_ylabel()] == ["score_samples (low is odd)", "rows"]
    assert display.explain_ax_ is display.image_ is None
    assert display.figure_.axes == [ax]


@pytest.mark.parametrize(
    ("y", "labels"),
    [
        (np.arange(80) % 3 == 0, ["False", "True"]),
        (np.arange(80) % 3, ["0", "1", "2"]),
        (["usual", "odd"] * 40, ["odd", "usual"]),
        (pd.Series(["usual", "odd"] * 40, index=range(80, 160)), ["odd", "usual"]),
        (np.ones(80), ["1.0"]),
    ],
)
def test_scores_are_counted_by_label(forest, new, y, labels):
    display = OutlierDisplay.from_estimator(forest, new, y)
    scores, named = forest.score_samples(new), np.array([str(one) for one in y])
    edges = np.histogram_bin_edges(scores, bins=40)
    box = display.ax_.get_legend()
    shown = dict(zip(legend(display.ax_), box.legend_handles, strict=True))
    assert sorted(shown) == sorted([*labels, "threshold"])
    outlines = {patch.get_label(): patch for patch in display.ax_.patches}
    assert len({outlines[label].get_facecolor() for label in labels}) == len(labels)
    for label in labels:
        expected = np.histogram(scores[named == label], bins=edges)[0]
        middles = (edges[1:] + edges[:-1]) / 2
        heights = height_of(outlines[label].get_xy(), middles)
        assert_allclose(heights, expected, atol=0.01)  # a log scale has no zero
        assert outlines[label].get_facecolor() == shown[label].get_facecolor()
        assert outlines[label].get_alpha() == 0.6


def test_without_a_threshold_there_is_none(new):
    display = OutlierDisplay.from_predictions(new[:, 0])
    assert display.ax_.lines[:] == []
    assert display.ax_.get_legend() is None
    display = OutlierDisplay.from_predictions(new[:, 0], threshold=0.25)
    assert display.ax_.lines[0].get_xdata() == [0.25, 0.25]


@pytest.mark.parametrize("container", [list, pd.Series, pl.Series, np.float32])
def test_scores_of_every_kind(new, container):
    display = OutlierDisplay.from_predictions(container(new[:, 0]))
    assert_allclose(display.scores, new[:, 0], rtol=1e-6)
    assert sum(counts(display.ax_.patches)) == len(new)


@pytest.mark.parametrize(
    "detector",
    [
        EllipticEnvelope(random_state=0),
        LocalOutlierFactor(novelty=True),
        OneClassSVM(),
        SGDOneClassSVM(random_state=0),
        make_pipeline(StandardScaler(), IsolationForest(n_estimators=5)),
    ],
    ids=lambda one: type(one).__name__,
)
def test_every_detector_of_scikit_learn(detector, X):
    display = OutlierDisplay.from_estimator(detector.fit(X), X)
    assert_array_equal(display.scores, detector.score_samples(X))
    outliers = detector.predict(X) == -1
    assert_array_equal(display.scores < display.threshold, outliers)


# -- explanations ----------------------------------------------------------------------


def test_the_oddest_rows_are_explained_first(detector, new):
    display = OutlierDisplay.from_estimator(detector, new, rows=5)
    scores = detector.score_samples(new)
    oddest = sorted(range(80), key=scores.__getitem__)[:5]
    assert oddest[0] == 30
    assert_allclose(pixels(display.image_), detector.explain(new[oddest]))
    ax = display.explain_ax_
    assert texts(ax.get_yticklabels()) == [str(i) for i in oddest]
    assert ax.get_yticks().tolist() == [0, 1, 2, 3, 4]
    assert ax.yaxis_inverted()  # the oddest is on top
    assert texts(ax.get_xticklabels()) == [f"x{j}" for j in range(6)]
    assert ax.get_xticks().tolist() == [0, 1, 2, 3, 4, 5]
    assert ax.get_ylabel() == "row"
    assert display.image_.axes is ax
    assert display.image_.get_clim()[0] == 0
    assert display.image_.get_cmap().name == "Reds"
    *_, bar = display.figure_.axes
    assert bar.get_ylabel() == "contribution"
    expected = np.histogram(scores, bins=40)[0]
    assert counts(display.ax_.patches) == expected.tolist()
    display.figure_.savefig(io.BytesIO(), format="png")


@pytest.mark.parametrize(
    ("rows", "places"), [([3, 30, 3], [3, 30, 3]), ([-1], [79]), (range(2), [0, 1])]
)
def test_rows_can_be_picked(detector, new, rows, places):
    display = OutlierDisplay.from_estimator(detector, new, rows=rows)
    assert_allclose(pixels(display.image_), detector.explain(new[places]))
    names = texts(display.explain_ax_.get_yticklabels())
    assert names == [str(i) for i in places]


def test_more_rows_than_there_are(detector, new):
    display = OutlierDisplay.from_estimator(detector, new[:4], rows=99)
    assert len(display.contributions) == 4


def test_frames_name_rows_and_columns(framed, new):
    index = [f"engine {i}" for i in range(80)]
    table = pd.DataFrame(new, columns=NAMES, index=index)
    display = OutlierDisplay.from_estimator(framed, table, rows=2)
    assert texts(display.explain_ax_.get_yticklabels()) == ["engine 30", "engine 55"]
    assert texts(display.explain_ax_.get_xticklabels()) == NAMES
    assert_allclose(pixels(display.image_), framed.explain(table.iloc[[30, 55]]))


def test_polars_frames_name_columns(framed, new):
    table = pl.DataFrame(dict(zip(NAMES, new.T, strict=True)))
    display = OutlierDisplay.from_estimator(framed, table, rows=[30, 7])
    assert texts(display.explain_ax_.get_yticklabels()) == ["30", "7"]
    assert texts(display.explain_ax_.get_xticklabels()) == NAMES


def test_lists_are_rows_too(detector, new):
    display = OutlierDisplay.from_estimator(detector, new.tolist(), rows=2)
    assert texts(display.explain_ax_.get_yticklabels()) == ["30", "55"]


def test_the_last_step_of_a_pipeline_explains(X, new, quick):
    detector = AutoencoderOutlierDetector(AutoencoderTransformer(2, **quick))
    model = make_pipeline(StandardScaler(), detector).fit(X)
    display = OutlierDisplay.from_estimator(model, new, rows=[30, 7])
    scaled = model[0].transform(new)
    assert_allclose(pixels(display.image_), detector.explain(scaled[[30, 7]]))
    assert display.threshold == detector.offset_
    assert_array_equal(display.scores, model.score_samples(new))


def test_a_pipeline_keeps_the_names_of_columns(X, new, quick):
    detector = AutoencoderOutlierDetector(AutoencoderTransformer(2, **quick))
    model = make_pipeline(StandardScaler(), detector)
    model.fit(pd.DataFrame(X, columns=NAMES))
    table = pd.DataFrame(new, columns=NAMES)
    display = OutlierDisplay.from_estimator(model, table, rows=2)
    assert texts(display.explain_ax_.get_xticklabels()) == NAMES
    model.set_output(transform="pandas").fit(pd.DataFrame(X, columns=NAMES))
    display = OutlierDisplay.from_estimator(model, table, rows=2)
    assert texts(display.explain_ax_.get_xticklabels()) == NAMES


def test_a_pipeline_may_have_a_single_step(detector, new):
    display = OutlierDisplay.from_estimator(make_pipeline(detector), new, rows=2)
    assert_allclose(pixels(display.image_), detector.explain(new[[30, 55]]))


@pytest.mark.parametrize("n_columns", [20, 21, 50])
def test_at_most_twenty_columns_are_shown(n_columns):
    shares = np.random.default_rng(0).uniform(size=(4, n_columns))
    display = OutlierDisplay.from_predictions([0.0, 1.0], contributions=shares)
    shown = sorted(range(n_columns), key=lambda j: -shares[:, j].max())[:20]
    assert_array_equal(pixels(display.image_), shares[:, sorted(shown)])
    names = texts(display.explain_ax_.get_xticklabels())
    assert names == [f"x{j}" for j in sorted(shown)]
    assert display.contributions.shape == (4, n_columns)


def test_predictions_come_with_names(new):
    shares, scores = np.square(new[:3]), new[:, 0]
    draw = OutlierDisplay.from_predictions
    display = draw(scores, contributions=shares)
    assert texts(display.explain_ax_.get_yticklabels()) == ["0", "1", "2"]
    display = draw(
        scores, contributions=shares, row_names=["p", "q", 7], feature_names=NAMES
    )
    assert texts(display.explain_ax_.get_yticklabels()) == ["p", "q", "7"]
    assert texts(display.explain_ax_.get_xticklabels()) == NAMES
    display = draw(scores, contributions=pd.DataFrame(shares, columns=NAMES))
    assert texts(display.explain_ax_.get_xticklabels()) == NAMES
    display = draw(scores, contributions=shares.tolist(), feature_names=np.array(NAMES))
    assert texts(display.explain_ax_.get_xticklabels()) == NAMES
    assert_allclose(pixels(display.image_), shares)


# -- where it is drawn -----------------------------------------------------------------


@pytest.fixture
def explained(new):
    return OutlierDisplay.from_predictions(
        new[:, 0], np.arange(80) % 2, threshold=0.0, contributions=np.square(new[:3])
    )


def drawn(display):
    return pixels(display.image_), [p.get_xy() for p in display.ax_.patches]


@pytest.mark.parametrize("pair", [list, tuple, np.array])
def test_a_pair_of_axes(explained, pair):
    figure, axes = plt.subplots(1, 2)
    elsewhere = plt.figure().subplots()
    before, expected = plt.get_fignums(), drawn(explained)
    display = explained.plot(pair(list(axes)))
    assert display is explained
    assert [display.ax_, display.explain_ax_] == list(axes)
    assert display.figure_ is figure
    assert plt.get_fignums() == before
    assert plt.gca() is elsewhere
    assert figure.axes[:2] == list(axes)
    np.testing.assert_equal(drawn(display), expected)


def test_one_of_several_axes_is_split(explained):
    figure, (left, right) = plt.subplots(1, 2)
    plt.sca(right)
    place, before = left.get_position(), plt.get_fignums()
    expected = drawn(explained)
    display = explained.plot(left)
    assert plt.get_fignums() == before
    assert display.figure_ is figure
    assert left not in figure.axes
    assert {right, display.ax_, display.explain_ax_} < set(figure.axes)
    parts = [ax.get_position() for ax in (display.ax_, display.explain_ax_)]
    assert parts[0].x0 == pytest.approx(place.x0)
    assert parts[0].x1 < parts[1].x0 < parts[1].x1 <= place.x1 + 1e-9
    assert not right.has_data()
    np.testing.assert_equal(drawn(display), expected)
    assert plt.gca() is right


def test_a_figure_is_made_for_both(explained, detector, new):
    plt.close("all")
    display = OutlierDisplay.from_estimator(detector, new, rows=3)
    assert plt.get_fignums() == [display.figure_.number]
    assert len(display.figure_.axes) == 3  # and a colour bar
    first = display.ax_
    assert display.plot().ax_ is not first
    assert len(plt.get_fignums()) == 2


def test_axes_without_a_place_cannot_be_split(explained):
    ax = plt.figure().add_axes((0.1, 0.1, 0.8, 0.8))
    with pytest.raises(ValueError, match=r"no place in a grid .* Pass two axes"):
        explained.plot(ax)


# -- what is wrong is said -------------------------------------------------------------


def test_detectors_have_to_be_fitted(X):
    for model in (OneClassSVM(), AutoencoderOutlierDetector()):
        with pytest.raises(NotFittedError, match="is not fitted yet"):
            OutlierDisplay.from_estimator(model, X)


@pytest.mark.parametrize("model", [PCA(2), AutoencoderTransformer(2, max_iter=2)])
def test_other_estimators_have_no_threshold(model, X):
    model.fit(X)
    message = f"needs `offset_`.*; {type(model).__name__} has none"
    with pytest.raises(TypeError, match=message):
        OutlierDisplay.from_estimator(model, X)
    with pytest.raises(TypeError, match=message):
        OutlierDisplay.from_estimator(make_pipeline("passthrough", model), X)


def test_other_detectors_do_not_explain(forest, X):
    for model in (forest, make_pipeline("passthrough", forest)):
        with pytest.raises(
            TypeError, match=r"IsolationForest has no `explain`.*rows=N"
        ):
            OutlierDisplay.from_estimator(model, X, rows=3)
    assert plt.get_fignums() == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rows": 0}, "rows=0 must be at least 1"),
        ({"rows": [80]}, "has indices beyond the 80 that there are"),
        ({"rows": 1.5}, "rows must be an int, or indices as ints; got 1.5"),
        ({"y": np.zeros(79)}, "inconsistent numbers of samples"),
        ({"y": np.full(80, np.nan)}, "y has missing values"),
        ({"y": ["a", None] * 40}, "y has missing values"),
    ],
)
def test_options_that_do_not_fit(detector, new, options, message):
    with pytest.raises(ValueError, match=message):
        OutlierDisplay.from_estimator(detector, new, **options)
    assert plt.get_fignums() == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"row_names": [1]}, r"has shape \(3, 6\), but there are 1 row_names and 6 f"),
        ({"feature_names": ["a"]}, "there are 3 row_names and 1 feature_names"),
        ({"contributions": np.zeros((3, 6)) * np.nan}, "contributions contains NaN"),
        ({"contributions": np.zeros(6)}, "2D array"),
        ({"scores": [0.0, np.nan]}, "scores contains NaN"),
        ({"scores": [0.0, np.inf]}, "scores contains infinity"),
        ({"scores": np.zeros((5, 2))}, r"shape \(5, 2\)"),
        ({"y": [1]}, "inconsistent numbers of samples"),
        ({"y": [0.0, np.nan]}, "y has missing values"),
    ],
)
def test_predictions_that_do_not_fit(options, message):
    good = {"scores": [0.0, 1.0], "contributions": np.ones((3, 6))}
    with pytest.raises(ValueError, match=message):
        OutlierDisplay.from_predictions(**{**good, **options})
    assert plt.get_fignums() == []


# -- options ---------------------------------------------------------------------------


def test_options_reach_the_histogram(forest, detector, new):
    given = {"bins": 7, "color": "red", "alpha": 0.5}
    display = OutlierDisplay.from_estimator(forest, new, hist_kw=given)
    expected = np.histogram(forest.score_samples(new), bins=7)[0]
    assert counts(display.ax_.patches) == expected.tolist()
    assert display.ax_.patches[0].get_facecolor() == to_rgba("red", 0.5)
    display = OutlierDisplay.from_predictions(
        new[:, 0], np.arange(80) % 2, hist_kw={"histtype": "bar", "alpha": 0.9}
    )
    assert {bar.get_alpha() for bar in display.ax_.patches} == {0.9}
    assert sum(counts(display.ax_.patches)) == 80
    assert len(display.plot(hist_kw={"bins": 3, "histtype": "bar"}).ax_.patches) == 6


def test_options_reach_the_heat_map(detector, new):
    given = {"cmap": "Blues", "vmax": 9.0}
    display = OutlierDisplay.from_estimator(detector, new, rows=2, im_kw=given)
    assert display.image_.get_cmap().name == "Blues"
    assert display.image_.get_clim() == (0, 9)
    assert display.plot(im_kw={"vmin": -1}).image_.get_clim()[0] == -1
    display = OutlierDisplay.from_predictions(
        [0.0], contributions=np.eye(3), im_kw={"alpha": 0.5}
    )
    assert display.image_.get_alpha() == 0.5


def test_a_scale_does_not_colour_a_histogram():
    with pytest.raises(ValueError, match="y has 50 different values"):
        OutlierDisplay.from_predictions(np.arange(50.0), np.linspace(0, 1, 50))


def test_there_are_two_panels_at_the_most():
    axes = Figure().subplots(1, 3)
    with pytest.raises(ValueError, match="ax has 3 axes; pass one, or a pair"):
        OutlierDisplay.from_predictions(np.arange(5.0), ax=axes)
    display = OutlierDisplay.from_predictions(np.arange(5.0), ax=axes[:2])
    assert display.ax_ is axes[0]
    assert display.explain_ax_ is None


@pytest.mark.parametrize("searched", [False, True])
def test_rows_pass_through_all_steps_before_they_are_explained(searched, X, new, quick):
    """A pipeline in a pipeline, or in a search, is the same as a flat one."""
    inner = make_pipeline(
        StandardScaler(),
        AutoencoderOutlierDetector(AutoencoderTransformer(2, **quick)),
    )
    flat = make_pipeline(MinMaxScaler(), clone(inner)[0], clone(inner)[1]).fit(X)
    if searched:
        scoring = {"scoring": lambda model, X, y=None: 1.0, "cv": 2}
        inner = GridSearchCV(inner, {"standardscaler": [StandardScaler()]}, **scoring)
    nested = make_pipeline(MinMaxScaler(), inner).fit(X)
    found, wanted = (
        OutlierDisplay.from_estimator(model, new, rows=3) for model in (nested, flat)
    )
    assert_allclose(found.contributions, wanted.contributions)
    assert found.feature_names == wanted.feature_names == [f"x{i}" for i in range(6)]


def test_names_where_a_step_gives_none(X, new, quick):
    detector = AutoencoderOutlierDetector(AutoencoderTransformer(2, **quick))
    model = make_pipeline(FunctionTransformer(np.tanh), detector).fit(X)
    display = OutlierDisplay.from_estimator(model, new, rows=2)
    assert display.feature_names == [f"x{i}" for i in range(6)]
    frame = pd.DataFrame(new, columns=NAMES)
    model = make_pipeline(StandardScaler(), clone(detector)).fit(frame)
    assert OutlierDisplay.from_estimator(model, frame, rows=2).feature_names == NAMES


def test_a_detector_that_scores_no_new_rows(X):
    with pytest.raises(TypeError, match=r"needs `score_samples`.*novelty=False"):
        OutlierDisplay.from_estimator(LocalOutlierFactor().fit(X), X)
    assert plt.get_fignums() == []


def test_scores_are_checked(X):
    class Endless(IsolationForest):
        def score_samples(self, X):
            return np.full(len(X), -np.inf)

    with pytest.raises(ValueError, match="scores contains infinity"):
        OutlierDisplay.from_estimator(Endless(n_estimators=5).fit(X), X)
    assert plt.get_fignums() == []


def test_a_histogram_on_its_side(forest, X):
    y = np.arange(len(X)) % 2
    options = {"orientation": "horizontal", "density": True, "log": False}
    ax = OutlierDisplay.from_estimator(forest, X, y, hist_kw=options).ax_
    assert (ax.get_xlabel(), ax.get_ylabel()) == (
        "density",
        "score_samples (low is odd)",
    )
    assert (ax.get_xscale(), ax.get_yscale()) == ("linear", "linear")
    (line,) = ax.lines
    assert_array_equal(line.get_ydata(), [-0.5, -0.5])
    upright = OutlierDisplay.from_estimator(forest, X, y).ax_
    assert (upright.get_xscale(), upright.get_yscale()) == ("linear", "log")
    assert upright.get_ylabel() == "rows"


@pytest.mark.parametrize("kind", ["stepfilled", "bar"])
def test_labels_are_in_order(kind, forest, X):
    y = np.resize(["a", "b", "c"], len(X))
    display = OutlierDisplay.from_estimator(forest, X, y, hist_kw={"histtype": kind})
    assert legend(display.ax_) == ["a", "b", "c", "threshold"]


def test_panels_can_be_laid_out_again(detector, new):
    display = OutlierDisplay.from_estimator(detector, new, rows=3)
    plt.figure(display.figure_.number)
    plt.tight_layout()
    display.figure_.canvas.draw()


@pytest.mark.parametrize("layout", [None, "constrained"])
def test_row_names_have_room_between_the_panels(layout):
    rng = np.random.default_rng(0)
    ax = None if layout is None else plt.subplots(figsize=(11, 5), layout=layout)[1]
    display = OutlierDisplay.from_predictions(
        rng.normal(size=50),
        contributions=rng.uniform(size=(5, 4)),
        row_names=[f"machine number {i} in the hall" for i in range(5)],
        ax=ax,
    )
    display.figure_.canvas.draw()
    scores = display.ax_.get_window_extent()
    label = display.explain_ax_.yaxis.get_tightbbox(display.figure_.canvas.renderer)
    assert scores.x1 < label.x0


def test_names_of_steps_that_choose_columns(X, new, quick):
    """Rows may have columns that the pipeline leaves alone, in any order."""
    detector = AutoencoderOutlierDetector(AutoencoderTransformer(2, **quick))
    chosen = ColumnTransformer([("s", StandardScaler(), NAMES[:4])])
    frame = pd.DataFrame(X, columns=NAMES)
    model = make_pipeline(chosen, detector).fit(frame)
    more = pd.DataFrame(new, columns=NAMES)[NAMES[::-1]].assign(more=1.0)
    display = OutlierDisplay.from_estimator(model, more, rows=2)
    assert display.feature_names == [f"s__{name}" for name in NAMES[:4]]


def test_columns_that_are_called_by_numbers(X, new, quick):
    detector = AutoencoderOutlierDetector(AutoencoderTransformer(2, **quick))
    model = make_pipeline(PolynomialFeatures(2, include_bias=False), detector)
    model.fit(pd.DataFrame(X[:, :3]))
    display = OutlierDisplay.from_estimator(model, pd.DataFrame(new[:, :3]), rows=2)
    assert display.feature_names[:4] == ["0", "1", "2", "0^2"]


def test_labels_that_are_pairs(forest, X):
    y = pd.Series([("a", 1), ("b", 2)] * (len(X) // 2))
    display = OutlierDisplay.from_estimator(forest, X[: len(y)], y)
    assert legend(display.ax_)[:2] == ["('a', 1)", "('b', 2)"]


@pytest.mark.parametrize("names", [{"row_names": ["a"]}, {"feature_names": NAMES}])
def test_names_of_contributions_that_are_not_there(names):
    with pytest.raises(ValueError, match="are names of contributions"):
        OutlierDisplay.from_predictions(np.arange(5.0), **names)
    assert plt.get_fignums() == []
