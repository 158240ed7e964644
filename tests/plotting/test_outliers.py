"""Outlier scores."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import polars as pl
import pytest
from drawn import legend
from matplotlib.colors import to_rgba
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.covariance import EllipticEnvelope
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import SGDOneClassSVM
from sklearn.neighbors import LocalOutlierFactor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    StandardScaler,
)
from sklearn.svm import OneClassSVM

from skae import AutoencoderOutlierDetector, AutoencoderTransformer
from skae.plotting import OutlierDisplay

NAMES = list("abcdef")


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
    assert [ax.get_xlabel(), ax.get_ylabel()] == [
        "score_samples (lower is more anomalous)",
        "samples",
    ]
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


def test_a_scale_does_not_colour_a_histogram():
    with pytest.raises(ValueError, match="y has 50 different values"):
        OutlierDisplay.from_predictions(np.arange(50.0), np.linspace(0, 1, 50))


def test_a_detector_that_scores_no_new_samples(X):
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
        "score_samples (lower is more anomalous)",
    )
    assert (ax.get_xscale(), ax.get_yscale()) == ("linear", "linear")
    (line,) = ax.lines
    assert_array_equal(line.get_ydata(), [-0.5, -0.5])
    upright = OutlierDisplay.from_estimator(forest, X, y).ax_
    assert (upright.get_xscale(), upright.get_yscale()) == ("linear", "log")
    assert upright.get_ylabel() == "samples"


@pytest.mark.parametrize("kind", ["stepfilled", "bar"])
def test_labels_are_in_order(kind, forest, X):
    y = np.resize(["a", "b", "c"], len(X))
    display = OutlierDisplay.from_estimator(forest, X, y, hist_kw={"histtype": kind})
    assert legend(display.ax_) == ["a", "b", "c", "threshold"]


def test_labels_that_are_pairs(forest, X):
    y = pd.Series([("a", 1), ("b", 2)] * (len(X) // 2))
    display = OutlierDisplay.from_estimator(forest, X[: len(y)], y)
    assert legend(display.ax_)[:2] == ["('a', 1)", "('b', 2)"]
