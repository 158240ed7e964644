"""Contributions of the features to outlier scores."""

import io

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import polars as pl
import pytest
from drawn import pixels, texts
from matplotlib.figure import Figure
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MinMaxScaler,
    PolynomialFeatures,
    StandardScaler,
)

from skae import AutoencoderOutlierDetector, AutoencoderTransformer
from skae.plotting import OutlierDisplay

NAMES = list("abcdef")


def counts(patches):
    return [bar.get_height() for bar in patches]


# -- explanations ----------------------------------------------------------------------


def test_the_lowest_scores_are_explained_first(detector, new):
    display = OutlierDisplay.from_estimator(detector, new, rows=5)
    scores = detector.score_samples(new)
    lowest = sorted(range(80), key=scores.__getitem__)[:5]
    assert lowest[0] == 30
    assert_allclose(pixels(display.image_), detector.explain(new[lowest]))
    ax = display.explain_ax_
    assert texts(ax.get_yticklabels()) == [str(i) for i in lowest]
    assert ax.get_yticks().tolist() == [0, 1, 2, 3, 4]
    assert ax.yaxis_inverted()  # the lowest score is on top
    assert texts(ax.get_xticklabels()) == [f"x{j}" for j in range(6)]
    assert ax.get_xticks().tolist() == [0, 1, 2, 3, 4, 5]
    assert ax.get_ylabel() == "sample"
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
def test_samples_can_be_selected(detector, new, rows, places):
    display = OutlierDisplay.from_estimator(detector, new, rows=rows)
    assert_allclose(pixels(display.image_), detector.explain(new[places]))
    names = texts(display.explain_ax_.get_yticklabels())
    assert names == [str(i) for i in places]


def test_more_samples_than_there_are(detector, new):
    display = OutlierDisplay.from_estimator(detector, new[:4], rows=99)
    assert len(display.contributions) == 4


def test_frames_name_samples_and_features(framed_detector, new):
    index = [f"engine {i}" for i in range(80)]
    table = pd.DataFrame(new, columns=NAMES, index=index)
    display = OutlierDisplay.from_estimator(framed_detector, table, rows=2)
    assert texts(display.explain_ax_.get_yticklabels()) == ["engine 30", "engine 55"]
    assert texts(display.explain_ax_.get_xticklabels()) == NAMES
    assert_allclose(
        pixels(display.image_), framed_detector.explain(table.iloc[[30, 55]])
    )


def test_polars_frames_name_columns(framed_detector, new):
    table = pl.DataFrame(dict(zip(NAMES, new.T, strict=True)))
    display = OutlierDisplay.from_estimator(framed_detector, table, rows=[30, 7])
    assert texts(display.explain_ax_.get_yticklabels()) == ["30", "7"]
    assert texts(display.explain_ax_.get_xticklabels()) == NAMES


def test_lists_are_accepted(detector, new):
    display = OutlierDisplay.from_estimator(detector, new.tolist(), rows=2)
    assert texts(display.explain_ax_.get_yticklabels()) == ["30", "55"]


def test_the_last_step_of_a_pipeline_explains(X, new, unfitted_detector):
    detector = clone(unfitted_detector)
    model = make_pipeline(StandardScaler(), detector).fit(X)
    display = OutlierDisplay.from_estimator(model, new, rows=[30, 7])
    scaled = model[0].transform(new)
    assert_allclose(pixels(display.image_), detector.explain(scaled[[30, 7]]))
    assert display.threshold == detector.offset_
    assert_array_equal(display.scores, model.score_samples(new))


def test_a_pipeline_keeps_the_names_of_columns(X, new, unfitted_detector):
    detector = clone(unfitted_detector)
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


def test_features_are_those_that_a_pipeline_in_the_detector_sees(X, new):
    inner = make_pipeline(PCA(3), AutoencoderTransformer(2, max_iter=5))
    model = AutoencoderOutlierDetector(inner, n_splits=2, random_state=0)
    for data, table in ((X, new), [pd.DataFrame(T, columns=NAMES) for T in (X, new)]):
        display = OutlierDisplay.from_estimator(model.fit(data), table, rows=2)
        assert display.contributions.shape == (2, 3)
    assert texts(display.explain_ax_.get_xticklabels()) == ["pca0", "pca1", "pca2"]


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


def test_other_detectors_do_not_explain(forest, X):
    for model in (forest, make_pipeline("passthrough", forest)):
        with pytest.raises(
            TypeError, match=r"IsolationForest has no `explain`.*rows=N"
        ):
            OutlierDisplay.from_estimator(model, X, rows=3)
    assert plt.get_fignums() == []


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


def test_there_are_two_panels_at_the_most():
    axes = Figure().subplots(1, 3)
    with pytest.raises(ValueError, match="ax has 3 axes; pass one, or a pair"):
        OutlierDisplay.from_predictions(np.arange(5.0), ax=axes)
    display = OutlierDisplay.from_predictions(np.arange(5.0), ax=axes[:2])
    assert display.ax_ is axes[0]
    assert display.explain_ax_ is None


@pytest.mark.parametrize("searched", [False, True])
def test_samples_pass_through_all_steps_before_they_are_explained(
    searched, X, new, unfitted_detector
):
    """A pipeline in a pipeline, or in a search, is the same as a flat one."""
    inner = make_pipeline(
        StandardScaler(),
        clone(unfitted_detector),
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


def test_names_where_a_step_gives_none(X, new, unfitted_detector):
    detector = clone(unfitted_detector)
    model = make_pipeline(FunctionTransformer(np.tanh), detector).fit(X)
    display = OutlierDisplay.from_estimator(model, new, rows=2)
    assert display.feature_names == [f"x{i}" for i in range(6)]
    frame = pd.DataFrame(new, columns=NAMES)
    model = make_pipeline(StandardScaler(), clone(detector)).fit(frame)
    assert OutlierDisplay.from_estimator(model, frame, rows=2).feature_names == NAMES


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


def test_names_of_steps_that_choose_columns(X, new, unfitted_detector):
    """X may have columns that the pipeline does not use, in any order."""
    detector = clone(unfitted_detector)
    chosen = ColumnTransformer([("s", StandardScaler(), NAMES[:4])])
    frame = pd.DataFrame(X, columns=NAMES)
    model = make_pipeline(chosen, detector).fit(frame)
    more = pd.DataFrame(new, columns=NAMES)[NAMES[::-1]].assign(more=1.0)
    display = OutlierDisplay.from_estimator(model, more, rows=2)
    assert display.feature_names == [f"s__{name}" for name in NAMES[:4]]


def test_columns_that_are_called_by_numbers(X, new, unfitted_detector):
    detector = clone(unfitted_detector)
    model = make_pipeline(PolynomialFeatures(2, include_bias=False), detector)
    model.fit(pd.DataFrame(X[:, :3]))
    display = OutlierDisplay.from_estimator(model, pd.DataFrame(new[:, :3]), rows=2)
    assert display.feature_names[:4] == ["0", "1", "2", "0^2"]


@pytest.mark.parametrize("names", [{"row_names": ["a"]}, {"feature_names": NAMES}])
def test_names_of_contributions_that_are_not_there(names):
    with pytest.raises(ValueError, match="are names of contributions"):
        OutlierDisplay.from_predictions(np.arange(5.0), **names)
    assert plt.get_fignums() == []
