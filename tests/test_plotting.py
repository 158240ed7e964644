"""What all displays have in common."""

import io
import os
import subprocess
import sys
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import polars as pl
import pytest
from drawn import assert_same_drawing, contents
from matplotlib.colors import Normalize
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import Normalizer, StandardScaler

from skae import VAE, AutoencoderOutlierDetector, AutoencoderTransformer, plotting
from skae.plotting import (
    ExplainedVarianceDisplay,
    FeatureDisplay,
    LatentDisplay,
    LossCurveDisplay,
    ManifoldDisplay,
    OutlierDisplay,
    ReconstructionDisplay,
)
from skae.plotting._estimators import by_name
from skae.plotting._tables import picked

pytestmark = pytest.mark.usefixtures("no_windows")

ROOT = Path(__file__).parents[1]
NAMES = list("abcdef")


class Pair:
    """A fitted transformer and a fitted detector, which displays choose from."""

    def __init__(self, model, detector, X, change=lambda estimator: estimator):
        self.model = change(clone(model)).fit(X)
        self.detector = change(clone(detector)).fit(X)


@pytest.fixture(scope="module")
def unfitted(quick):
    model = AutoencoderTransformer(2, **quick)
    return model, AutoencoderOutlierDetector(model, random_state=0)


@pytest.fixture(scope="module")
def pair(unfitted, X):
    return Pair(*unfitted, X)


def features(kind):
    return lambda pair, X, **options: FeatureDisplay.from_estimator(
        pair.model, X, kind=kind, **options
    )


# Each is called with a pair, rows, and perhaps with axes.
DRAW = {
    "explained variance": lambda pair, X, **options: (
        ExplainedVarianceDisplay.from_estimator(pair.model, X, **options)
    ),
    "decoder": features("decoder"),
    "encoder": features("encoder"),
    "rows": features("rows"),
    "latent": lambda pair, X, **options: LatentDisplay.from_estimator(
        pair.model, X, np.arange(len(X)) % 3, **options
    ),
    "latent, scale": lambda pair, X, **options: LatentDisplay.from_estimator(
        pair.model, X, np.linspace(0, 1, len(X)), **options
    ),
    "loss curve": lambda pair, X, **options: LossCurveDisplay.from_estimator(
        pair.model, **options
    ),
    "manifold": lambda pair, X, **options: ManifoldDisplay.from_estimator(
        pair.model, X, n_grid=3, **options
    ),
    "manifold, pictures": lambda pair, X, **options: ManifoldDisplay.from_estimator(
        pair.model, X, n_grid=3, image_shape=(2, 3), **options
    ),
    "outliers": lambda pair, X, **options: OutlierDisplay.from_estimator(
        pair.detector, X, np.arange(len(X)) % 2, **options
    ),
    "reconstruction": lambda pair, X, **options: ReconstructionDisplay.from_estimator(
        pair.model, X, **options
    ),
    "reconstruction, pictures": lambda pair, X, **options: (
        ReconstructionDisplay.from_estimator(
            pair.model, X, corrupted=X, image_shape=(2, 3), **options
        )
    ),
}
every_display = pytest.mark.parametrize("draw", DRAW.values(), ids=DRAW)


def test_every_display_is_tested(pair, X):
    drawn = {type(draw(pair, X)).__name__ for draw in DRAW.values()}
    assert drawn == set(plotting.__all__)


# -- axes and figures ------------------------------------------------------------------


@every_display
def test_a_figure_is_made(draw, pair, X):
    display = draw(pair, X)
    assert plt.get_fignums() == [display.figure_.number]
    assert display.ax_ in display.figure_.axes
    display.figure_.savefig(io.BytesIO(), format="png")  # lays it out: no warnings


@every_display
def test_passed_axes_are_drawn_on(draw, pair, X):
    figure, (ax, other) = plt.subplots(1, 2)
    plt.sca(other)
    current, elsewhere = plt.figure(), plt.gca()
    before = plt.get_fignums()
    display = draw(pair, X, ax=ax)
    assert display.ax_ is ax
    assert display.figure_ is figure
    assert plt.get_fignums() == before
    assert plt.gcf() is current
    assert plt.gca() is elsewhere
    assert figure.gca() is other
    assert not any(side.has_data() for side in (other, elsewhere))
    assert_same_drawing(ax, draw(pair, X).ax_)


@every_display
def test_it_can_be_drawn_again(draw, pair, X):
    display = draw(pair, X)
    first = display.ax_
    before = contents(first)
    figure, ax = plt.subplots()
    assert display.plot(ax) is display
    assert display.ax_ is ax
    assert display.figure_ is figure
    assert_same_drawing(ax, first)
    np.testing.assert_equal(contents(first), before)
    assert display.plot().ax_ not in (first, ax)


@every_display
def test_subfigures_are_figures_too(draw, pair, X):
    part = plt.figure(layout="constrained").subfigures(1, 2)[0]
    display = draw(pair, X, ax=part.subplots())
    assert display.figure_ is part


# -- what is left alone ----------------------------------------------------------------


@every_display
def test_global_states_are_left_alone(draw, pair, X, global_states):
    settings, before = dict(mpl.rcParams), global_states()
    draw(pair, X)
    assert dict(mpl.rcParams) == settings
    np.testing.assert_equal(global_states(), before)


@every_display
def test_rows_and_estimators_are_left_alone(draw, pair, X):
    table = X.copy()
    before = {name: np.copy(value) for name, value in pair.model._state.items()}
    display = draw(pair, table)
    display.plot()
    np.testing.assert_array_equal(table, X)
    for name, value in before.items():
        np.testing.assert_array_equal(pair.model._state[name], value)


@every_display
def test_drawing_twice_gives_the_same(draw, pair, X):
    assert_same_drawing(draw(pair, X).ax_, draw(pair, X).ax_)


# -- rows and estimators of all kinds --------------------------------------------------


@every_display
@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame])
def test_frames(draw, frame, unfitted, pair, X):
    table = frame(dict(zip(NAMES, X.T, strict=True)))
    expected, display = draw(pair, X).ax_, draw(Pair(*unfitted, table), table).ax_
    if display.get_xticklabels() and display.get_xticklabels()[0].get_text() == "a":
        names = [label.get_text() for label in display.get_xticklabels()]
        assert names == NAMES
        expected.set_xticks(np.arange(6), NAMES)
    assert_same_drawing(display, expected)


@every_display
@pytest.mark.parametrize("output", ["pandas", "polars"])
def test_set_output(draw, output, unfitted, pair, X):
    framed = Pair(*unfitted, X, lambda model: model.set_output(transform=output))
    assert_same_drawing(draw(framed, X).ax_, draw(pair, X).ax_)


@every_display
def test_lists(draw, pair, X):
    assert_same_drawing(draw(pair, X.tolist()).ax_, draw(pair, X).ax_)


@every_display
def test_single_precision(draw, pair, X):
    draw(pair, X.astype(np.float32))


@every_display
def test_pipelines(draw, unfitted, pair, X):
    piped = Pair(*unfitted, X, lambda model: make_pipeline("passthrough", model))
    assert_same_drawing(draw(piped, X).ax_, draw(pair, X).ax_)


@pytest.mark.parametrize("kind", [kind for kind in DRAW if kind != "loss curve"])
def test_other_transformers(kind, X, pair):
    other = Pair(make_pipeline(StandardScaler(), PCA(3)), pair.detector, X)
    DRAW[kind](other, X)


@pytest.mark.parametrize("steps", [1, 2])
def test_pipelines_fitted_to_frames(steps, X):
    """The rows that displays make up have no names, and that is no news to anybody."""
    frame = pd.DataFrame(X, columns=NAMES)
    model = make_pipeline(*[StandardScaler()] * (steps - 1), PCA(2)).fit(frame)
    plain = clone(model).fit(X)
    for kind in ("decoder", "encoder", "rows"):
        display = FeatureDisplay.from_estimator(model, frame, kind=kind)
        expected = FeatureDisplay.from_estimator(plain, X, kind=kind)
        np.testing.assert_allclose(display.features, expected.features)


# -- without a screen, or without matplotlib -------------------------------------------

SCRIPT = """
import sys

{before}
import numpy as np
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest

from skae.plotting import *

X = np.random.default_rng(0).normal(size=(50, 6))
pca, forest = PCA(2).fit(X), IsolationForest(n_estimators=5).fit(X)
draws = [
    lambda: ExplainedVarianceDisplay.from_estimator(pca, X),
    lambda: FeatureDisplay.from_estimator(pca, X),
    lambda: FeatureDisplay.from_estimator(pca, X, image_shape=(2, 3)),
    lambda: LatentDisplay.from_estimator(pca, X),
    lambda: LossCurveDisplay([0, 1], [1.0], [1.0, 0.5]).plot(),
    lambda: ManifoldDisplay.from_estimator(pca, X),
    lambda: OutlierDisplay.from_estimator(forest, X),
    lambda: OutlierDisplay.from_predictions(X[:, 0], contributions=X[:5] ** 2),
    lambda: ReconstructionDisplay.from_estimator(pca, X),
]
for draw in draws:
    {each}
"""


def run(before, each):
    hidden = {"DISPLAY", "WAYLAND_DISPLAY", "MPLBACKEND"}
    environment = {name: v for name, v in os.environ.items() if name not in hidden}
    result = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(before=before, each=each)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=environment,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout.splitlines()


def test_no_screen_is_needed():
    each = "print(type(draw().figure_.canvas).__name__)"
    assert run("", each) == ["FigureCanvasAgg"] * 9


def test_without_matplotlib_it_is_asked_for():
    each = (
        "try:\n        draw()\n        print('drawn')"
        "\n    except ImportError as error:\n        print(error)"
    )
    said = run("sys.modules['matplotlib'] = None", each)
    for line, name in zip(
        said,
        [
            "ExplainedVarianceDisplay",
            *["FeatureDisplay"] * 2,
            "LatentDisplay",
            "LossCurveDisplay",
            "ManifoldDisplay",
            *["OutlierDisplay"] * 2,
            "ReconstructionDisplay",
        ],
        strict=True,
    ):
        assert line.startswith(f"{name}.plot requires matplotlib.")


# -- what is wrong is said -------------------------------------------------------------

BY_ESTIMATOR = {
    "explained variance": ExplainedVarianceDisplay.from_estimator,
    "features": FeatureDisplay.from_estimator,
    "latent": LatentDisplay.from_estimator,
    "loss curve": lambda model, X: LossCurveDisplay.from_estimator(model),
    "manifold": ManifoldDisplay.from_estimator,
    "reconstruction": ReconstructionDisplay.from_estimator,
}
OF_ROWS = [kind for kind in BY_ESTIMATOR if kind != "loss curve"]
by_estimator = pytest.mark.parametrize("draw", BY_ESTIMATOR.values(), ids=BY_ESTIMATOR)


@by_estimator
@pytest.mark.parametrize("model", [AutoencoderTransformer(2), VAE(2), PCA(2)])
def test_unfitted_estimators_say_so(draw, model, X):
    with pytest.raises(NotFittedError, match="is not fitted"):
        draw(model, X)
    with pytest.raises(NotFittedError, match="is not fitted"):
        draw(make_pipeline("passthrough", model), X)
    assert plt.get_fignums() == []


@pytest.mark.parametrize(
    "draw",
    [
        lambda: ManifoldDisplay.from_estimator(VAE(2)),
        lambda: OutlierDisplay.from_estimator(AutoencoderOutlierDetector(), [[0.0]]),
    ],
)
def test_unfitted_estimators_without_rows_say_so(draw):
    with pytest.raises((NotFittedError, TypeError), match="fitted"):
        draw()


@pytest.mark.parametrize("kind", ["features", "manifold", "reconstruction"])
def test_codes_that_cannot_be_decoded(kind, X):
    model = make_pipeline(Normalizer(), PCA(2)).fit(X)
    message = "`inverse_transform`, and Pipeline has none.*each of its steps does"
    with pytest.raises(TypeError, match=message):
        BY_ESTIMATOR[kind](model, X)


@pytest.mark.parametrize("kind", OF_ROWS)
def test_rows_that_cannot_be_encoded(kind, X):
    forest = IsolationForest(n_estimators=2, random_state=0).fit(X)
    with pytest.raises(TypeError, match="`transform`, and IsolationForest has none"):
        BY_ESTIMATOR[kind](forest, X)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (np.full((5, 6), np.nan), "contains NaN"),
        (np.full((5, 6), np.inf), "contains infinity"),
        (np.zeros((5, 4)), "4 features|columns"),
        (np.zeros(6), r"2D array|2-d|2d|shape \(6,\)"),
    ],
    ids=["NaN", "infinity", "too narrow", "one row"],
)
@pytest.mark.parametrize("kind", OF_ROWS)
def test_rows_that_do_not_fit(kind, bad, message, pair):
    with pytest.raises(ValueError, match=message):
        BY_ESTIMATOR[kind](pair.model, bad)
    assert plt.get_fignums() == []


# -- names and places ------------------------------------------------------------------


def test_estimators_go_by_names():
    pca, scaler = PCA(), StandardScaler()
    assert by_name(pca) == {"PCA": pca}
    assert by_name({"mine": pca, 2: scaler}) == {"mine": pca, "2": scaler}
    piped = make_pipeline(scaler, pca)
    many = [pca, piped, scaler, PCA()]
    assert list(by_name(many)) == ["PCA", "PCA 2", "StandardScaler", "PCA 3"]
    assert list(by_name(tuple(many)).values()) == many


def test_a_search_is_an_estimator(X, curved):
    search = GridSearchCV(PCA(), {"n_components": [1, 2]}, cv=2).fit(X)
    display = ReconstructionDisplay.from_estimator(search, curved(9))
    assert list(display.errors) == ["PCA"]
    search = GridSearchCV(AutoencoderTransformer(max_iter=20), {"n_components": [1]})
    display = LossCurveDisplay.from_estimator(search.fit(X))
    assert list(display.training) == search.best_estimator_.loss_curve_


def test_a_class_is_no_estimator(X):
    for kind in (
        LatentDisplay,
        ReconstructionDisplay,
        FeatureDisplay,
        LossCurveDisplay,
    ):
        with pytest.raises(TypeError, match="PCA is a class; pass a fitted instance"):
            kind.from_estimator(PCA, *([] if kind is LossCurveDisplay else [X]))


def test_what_follows_the_codes_is_to_be_left_out(X):
    pipeline = make_pipeline(PCA(2), LogisticRegression()).fit(X, X[:, 0] > 0)
    with pytest.raises(TypeError, match=r"Pipeline has none\..*pipeline\[:-1\]"):
        LatentDisplay.from_estimator(pipeline, X)
    assert LatentDisplay.from_estimator(pipeline[:-1], X).points.shape == (120, 2)


@pytest.mark.parametrize("nothing", [[], {}])
def test_without_an_estimator_there_is_nothing_to_draw(X, nothing):
    for kind in (ReconstructionDisplay, ExplainedVarianceDisplay):
        with pytest.raises(ValueError, match="holds none"):
            kind.from_estimator(nothing, X)


def test_short_names_of_options_count_as_long_ones(X):
    pca = PCA(2).fit(X)
    thick = {"lw": 3, "c": "r"}
    for kind in (ReconstructionDisplay, ManifoldDisplay, ExplainedVarianceDisplay):
        kind.from_estimator(pca, X, line_kw=thick)
        line = plt.gcf().axes[0].lines[-1]
        assert (line.get_linewidth(), line.get_color()) == (3, "r")
    display = LatentDisplay.from_estimator(pca, X, X[:, 0], scatter_kw={"lw": 2})
    assert display.scatter_.get_linewidth() == 2


@pytest.mark.parametrize("y", [None, np.arange(120) % 3, np.linspace(0, 1, 120)])
@pytest.mark.parametrize("own", [{"color": "k"}, {"fc": "k"}, {"c": "k"}])
def test_a_colour_that_is_given_takes_the_place_of_labels(X, y, own):
    display = LatentDisplay.from_estimator(PCA(2).fit(X), X, y, scatter_kw=own)
    assert (display.scatter_.get_facecolor() == [0, 0, 0, 1]).all()
    assert display.ax_.get_legend() is None
    assert len(display.figure_.axes) == 1
    display.plot(scatter_kw={"c": X[:, 0]})
    assert display.ax_.get_legend() is None


def test_a_norm_has_its_own_limits(X):
    pca, norm = PCA(2).fit(X), Normalize(-5, 5)
    scatter_kw = {"norm": norm}
    display = LatentDisplay.from_estimator(pca, X, X[:, 0], scatter_kw=scatter_kw)
    assert display.scatter_.get_clim() == (-5, 5)
    options = {"image_shape": (2, 3), "im_kw": {"norm": norm}}
    display = ReconstructionDisplay.from_estimator(pca, X, **options)
    assert display.image_.get_clim() == (-5, 5)


def test_figures_are_no_wider_than_can_be_shown(X):
    pca, options = PCA(2).fit(X), {"image_shape": (2, 3)}
    few = ReconstructionDisplay.from_estimator(pca, X, **options)
    many = ReconstructionDisplay.from_estimator(pca, X, rows=120, **options)
    height = few.figure_.get_size_inches()[1]
    assert many.figure_.get_size_inches().tolist() == [40, height]


def test_axes_that_are_gone_are_refused(X):
    ax = plt.subplots()[1]
    ax.remove()
    with pytest.raises(ValueError, match="was removed from its figure"):
        LatentDisplay.from_estimator(PCA(2).fit(X), X, ax=ax)


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        (3, [0, 1, 2]),
        (np.int64(2), [0, 1]),
        (99, [0, 1, 2, 3, 4]),
        ([3, 1, 3], [3, 1, 3]),
        ((-1, 0), [4, 0]),
        (np.array([2], dtype=np.uint8), [2]),
        (range(2), [0, 1]),
    ],
)
def test_places(asked, found):
    assert picked("rows", asked, 5).tolist() == found


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (0, "rows=0 must be at least 1"),
        (-2, "rows=-2 must be at least 1"),
        ([], r"rows must be an int, or indices as ints; got \[\]"),
        (2.5, "must be an int, or indices as ints; got 2.5"),
        ([1.0, 2.0], "must be an int, or indices"),
        (True, "must be an int, or indices"),
        ([True, False], "must be an int, or indices"),
        ("ab", "must be an int, or indices"),
        (None, "must be an int, or indices"),
        ([[1, 2]], "must be an int, or indices"),
        ([0, 5], r"rows=\[0, 5\] has indices beyond the 5 that there are"),
        ([-6], "beyond the 5"),
    ],
)
def test_places_that_there_are_not(asked, message):
    with pytest.raises(ValueError, match=message):
        picked("rows", asked, 5)


def test_steps_that_do_nothing(X):
    for idle in ("passthrough", None):
        model = Pipeline([("pca", PCA(2)), ("idle", idle)]).fit(X)
        assert list(by_name(model)) == ["PCA"]
        assert ReconstructionDisplay.from_estimator(model, X).errors.keys() == {"PCA"}
        assert FeatureDisplay.from_estimator(model, X).features.shape == (2, 6)


def test_names_that_read_the_same(X):
    models = {1: PCA(1).fit(X), "1": PCA(2).fit(X)}
    with pytest.raises(ValueError, match="names that read the same"):
        ReconstructionDisplay.from_estimator(models, X)


def test_what_to_do_about_an_estimator_without_codes(X):
    forest = IsolationForest(n_estimators=5).fit(X)
    with pytest.raises(TypeError, match=r"IsolationForest has none\. Pass an autoenc"):
        LatentDisplay.from_estimator(forest, X)
    model = make_pipeline(PCA(2), forest).fit(X)
    with pytest.raises(TypeError, match=r"Leave out what follows.* pipeline\[:-1\]"):
        LatentDisplay.from_estimator(model, X)
