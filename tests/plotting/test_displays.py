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
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
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

ROOT = Path(__file__).parents[2]


NAMES = list("abcdef")


class Pair:
    """A fitted transformer and a fitted detector, which displays choose from."""

    def __init__(self, model, detector, X, change=lambda estimator: estimator):
        self.model = change(clone(model)).fit(X)
        self.detector = change(clone(detector)).fit(X)


@pytest.fixture(scope="module")
def unfitted(quick):
    model = AutoencoderTransformer(2, **quick)
    return model, AutoencoderOutlierDetector(model, n_splits=None, random_state=0)


@pytest.fixture(scope="module")
def pair(unfitted, X):
    return Pair(*unfitted, X)


@pytest.fixture(scope="module")
def piped(unfitted, X):
    return Pair(*unfitted, X, lambda model: make_pipeline("passthrough", model))


@pytest.fixture(scope="module", params=["pandas", "polars"])
def output(request, unfitted, X):
    """Estimators whose output is a frame."""
    return Pair(*unfitted, X, lambda model: model.set_output(transform=request.param))


@pytest.fixture(scope="module", params=[pd.DataFrame, pl.DataFrame])
def frame(request, unfitted, X):
    """X as a frame, and estimators that were fitted to it."""
    table = request.param(dict(zip(NAMES, X.T, strict=True)))
    return table, Pair(*unfitted, table)


@pytest.fixture(scope="module")
def expected(pair, X):
    """What each display draws of the arrays, drawn once."""
    drawn = {}

    def contents_of(draw):
        if draw not in drawn:
            drawn[draw] = contents(draw(pair, X).ax_)
        return drawn[draw]

    return contents_of


def features(kind):
    return lambda pair, X, **options: FeatureDisplay.from_estimator(
        pair.model, X, kind=kind, **options
    )


# Each is called with a pair, samples, and perhaps with axes.
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
def test_passed_axes_are_drawn_on(draw, pair, X, expected):
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
    assert_same_drawing(ax, expected(draw))


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
def test_samples_and_estimators_are_left_alone(draw, pair, X):
    table = X.copy()
    before = {name: np.copy(value) for name, value in pair.model._state.items()}
    display = draw(pair, table)
    display.plot()
    np.testing.assert_array_equal(table, X)
    for name, value in before.items():
        np.testing.assert_array_equal(pair.model._state[name], value)


@every_display
def test_drawing_twice_gives_the_same(draw, pair, X, expected):
    assert_same_drawing(draw(pair, X).ax_, expected(draw))


# -- samples and estimators of all kinds -----------------------------------------------


@every_display
def test_frames(draw, frame, expected):
    table, fitted = frame
    arrays, words = expected(draw)
    named = dict(zip([f"x{j}" for j in range(6)], NAMES, strict=True))
    words = [named.get(word, word) for word in words]
    assert_same_drawing(draw(fitted, table).ax_, (arrays, words))


@every_display
def test_set_output(draw, output, X, expected):
    assert_same_drawing(draw(output, X).ax_, expected(draw))


@every_display
def test_lists(draw, pair, X, expected):
    assert_same_drawing(draw(pair, X.tolist()).ax_, expected(draw))


@every_display
def test_single_precision(draw, pair, X):
    draw(pair, X.astype(np.float32))


@every_display
def test_pipelines(draw, piped, X, expected):
    assert_same_drawing(draw(piped, X).ax_, expected(draw))


@pytest.fixture(scope="module")
def other(X, forest):
    return Pair(make_pipeline(StandardScaler(), PCA(3)), forest, X)


@pytest.mark.parametrize("kind", [kind for kind in DRAW if kind != "loss curve"])
def test_other_transformers(kind, X, other):
    DRAW[kind](other, X)


@pytest.mark.parametrize("steps", [1, 2])
def test_pipelines_fitted_to_frames(steps, X):
    """Samples that displays create have no names; this causes no warning."""
    frame = pd.DataFrame(X, columns=NAMES)
    model = make_pipeline(*[StandardScaler()] * (steps - 1), PCA(2)).fit(frame)
    plain = clone(model).fit(X)
    for kind in ("decoder", "encoder", "rows"):
        display = FeatureDisplay.from_estimator(model, frame, kind=kind)
        expected = FeatureDisplay.from_estimator(plain, X, kind=kind)
        np.testing.assert_allclose(display.features, expected.features)


# -- without a screen, or without matplotlib -------------------------------------------

SCRIPT = """
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
"""


def test_no_screen_is_needed():
    hidden = {"DISPLAY", "WAYLAND_DISPLAY", "MPLBACKEND"}
    environment = {name: v for name, v in os.environ.items() if name not in hidden}
    each = "for draw in draws:\n    print(type(draw().figure_.canvas).__name__)"
    result = subprocess.run(
        [sys.executable, "-c", SCRIPT + each],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=environment,
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines() == ["FigureCanvasAgg"] * 9


def test_without_matplotlib_it_is_asked_for(monkeypatch):
    """That skae.plotting can be imported without it is tested with the package."""
    scope = {}
    exec(SCRIPT, scope)
    drawn_by = {
        "ExplainedVarianceDisplay": 1,
        "FeatureDisplay": 2,
        "LatentDisplay": 1,
        "LossCurveDisplay": 1,
        "ManifoldDisplay": 1,
        "OutlierDisplay": 2,
        "ReconstructionDisplay": 1,
    }
    names = [name for name, times in drawn_by.items() for _ in range(times)]
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    for draw, name in zip(scope["draws"], names, strict=True):
        with pytest.raises(ImportError, match=rf"^{name}\.plot requires matplotlib\."):
            draw()


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
def test_unfitted_estimators_without_samples_say_so(draw):
    with pytest.raises((NotFittedError, TypeError), match="fitted"):
        draw()


@pytest.mark.parametrize("kind", ["features", "manifold", "reconstruction"])
def test_codes_that_cannot_be_decoded(kind, X):
    model = make_pipeline(Normalizer(), PCA(2)).fit(X)
    message = "`inverse_transform`, and Pipeline has none.*each of its steps does"
    with pytest.raises(TypeError, match=message):
        BY_ESTIMATOR[kind](model, X)


@pytest.mark.parametrize("kind", OF_ROWS)
def test_samples_that_cannot_be_encoded(kind, X):
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
def test_samples_that_do_not_fit(kind, bad, message, pair):
    with pytest.raises(ValueError, match=message):
        BY_ESTIMATOR[kind](pair.model, bad)
    assert plt.get_fignums() == []
