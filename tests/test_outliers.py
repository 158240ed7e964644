"""The outlier detector: what it flags, what it says of rows, what it leaves alone."""

import re
import threading
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from bad_tables import BAD_VALUES, NAMES, frame_of, put
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from recorder import Recorder
from scipy import sparse
from scipy.stats import false_discovery_control, spearmanr
from sklearn import config_context
from sklearn.base import BaseEstimator, clone
from sklearn.callback import ProgressBar, ScoringMonitor
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GridSearchCV
from sklearn.utils._param_validation import InvalidParameterError

from skae import (
    VAE,
    AutoencoderOutlierDetector,
    AutoencoderTransformer,
    ContractiveAutoencoder,
    ConvolutionalAutoencoder,
    DenoisingAutoencoder,
    SparseAutoencoder,
    _detecting,
)

QUICK = {"max_iter": 20, "random_state": 0}
SMALL = {"hidden_layer_sizes": (8,), "max_iter": 20}
RECIPES = {
    "default": {},
    "networks only": {"memory": False},
    "few remembered": {"memory": 20},
    "contaminated": {"contamination": 0.1},
}
AUTOENCODERS = {
    "plain": AutoencoderTransformer(2, **SMALL),
    "VAE": VAE(2, **SMALL),
}
VARIANTS = {
    **{name: AutoencoderOutlierDetector(**QUICK, **RECIPES[name]) for name in RECIPES},
    **{
        name: AutoencoderOutlierDetector(model, n_splits=3, random_state=0)
        for name, model in AUTOENCODERS.items()
    },
}
ALL = [*RECIPES, "plain"]
SAYINGS = ["score_samples", "decision_function", "predict", "p_values", "explain"]


@pytest.fixture(params=ALL)
def detector(request):
    return clone(VARIANTS[request.param])


@pytest.fixture(params=RECIPES)
def recipe(request):
    return clone(VARIANTS[request.param])


@pytest.fixture
def default():
    return clone(VARIANTS["default"])


@pytest.fixture(scope="module")
def all_fitted(X):
    return {name: clone(model).fit(X) for name, model in VARIANTS.items()}


@pytest.fixture(params=VARIANTS)
def fitted(request, all_fitted):
    """A fitted detector that is not to be changed."""
    return all_fitted[request.param]


def auc(ordinary, odd):
    """Return how well scores tell odd rows from ordinary ones."""
    labels = np.repeat([0, 1], [len(ordinary), len(odd)])
    return roc_auc_score(labels, -np.concatenate([ordinary, odd]))


def clusters(n_rows, seed=0):
    """Three clusters of four columns."""
    rng = np.random.default_rng(seed)
    centres = 8 * np.array([[0, 0, 0, 0], [1, 1, 1, 1], [1, 0, 1, 0]])
    return centres[rng.integers(3, size=n_rows)] + rng.normal(size=(n_rows, 4))


def planted(seed=0):
    """Rows far from three clusters, and rows in a gap between two of them."""
    rng = np.random.default_rng(seed)
    direction = rng.normal(size=(12, 4))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    far = 4 + 30 * direction
    gap = 4 + 0.5 * rng.normal(size=(12, 4))
    return far, gap


def assert_same(model, other, X, methods=SAYINGS, **close):
    for method in methods:
        expected = getattr(model, method)(X)
        if close:
            np.testing.assert_allclose(getattr(other, method)(X), expected, **close)
        else:
            np.testing.assert_array_equal(getattr(other, method)(X), expected)


# -- labels ----------------------------------------------------------------------------


def test_labels_are_the_sign_of_the_decision(fitted, X):
    decision = fitted.decision_function(X)
    scores = fitted.score_samples(X)
    assert type(fitted.offset_) is float
    assert scores.shape == (len(X),)
    np.testing.assert_array_equal(decision, scores - fitted.offset_)
    np.testing.assert_array_equal(fitted.predict(X), np.where(decision < 0, -1, 1))


def test_results_are_in_double_precision(fitted, X):
    for method in ("score_samples", "decision_function", "p_values", "explain"):
        assert getattr(fitted, method)(X).dtype == np.float64
    assert fitted.predict(X).dtype.kind == "i"


def test_auto_flags_a_few(fitted, curved):
    flagged = (fitted.predict(curved(1000, seed=1)) == -1).mean()
    if fitted.contamination == "auto":
        assert flagged < 0.2


@pytest.mark.parametrize("share", [1e-6, 0.03, 0.25, 0.5])
@pytest.mark.parametrize("name", ["default", "networks only", "plain", "VAE"])
def test_contamination_is_the_share_that_is_flagged(X, name, share):
    model = clone(VARIANTS[name]).set_params(contamination=share)
    for n_rows, dtype in ((5, np.float64), (120, np.float32)):
        labels = model.fit_predict(X[:n_rows].astype(dtype))
        assert (labels == -1).sum() == max(1, np.ceil(round(share * n_rows, 6)))


def test_it_is_the_share_of_all_rows_not_only_of_those_looked_at(default, X_large):
    default.set_params(contamination=0.1, max_samples=100)
    assert (default.fit_predict(X_large) == -1).sum() == 70


@pytest.mark.parametrize("name", ["default", "plain"])
def test_it_is_the_share_of_the_weight(X, name):
    weight = 1 + np.arange(len(X)) % 3
    model = clone(VARIANTS[name]).set_params(contamination=0.1)
    flagged = model.fit(X, sample_weight=weight).predict(X) == -1
    least = weight[flagged][model.score_samples(X)[flagged].argmax()]
    assert weight[flagged].sum() >= 0.1 * weight.sum()
    assert weight[flagged].sum() - least < 0.1 * weight.sum()


@pytest.mark.parametrize("d", [3, 5])
def test_equal_rows_have_equal_labels(X, d):
    for seed, share in enumerate(np.linspace(0.013, 0.493, 9)):
        order = np.random.default_rng(seed).permutation(200)
        rows = X[:50, :d].repeat(4, axis=0)[order]
        model = AutoencoderOutlierDetector(
            contamination=share, max_iter=5, random_state=seed
        )
        labels = model.fit_predict(rows)[np.argsort(order)].reshape(50, 4)
        assert (labels == labels[:, :1]).all()
        assert (labels == -1).mean() == pytest.approx(share, abs=0.021)


# -- finding ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "params",
    [{}, {"memory": False}, {"memory": 100}, {"contamination": 0.05}],
    ids=str,
)
def test_rows_that_are_far_away_are_found(params):
    usual, (far, _) = clusters(300), planted()
    model = AutoencoderOutlierDetector(max_iter=100, random_state=0, **params)
    scores = model.fit(np.concatenate([usual, far])).score_samples
    assert auc(scores(usual), scores(far)) > 0.97
    assert auc(scores(clusters(300, seed=1)), scores(far)) > 0.97
    assert (model.predict(far) == -1).all()


@pytest.mark.parametrize(
    "params",
    [{"max_iter": 100}, {"max_iter": 100, "memory": 100}, {"memory": False}],
    ids=str,
)
def test_rows_in_a_gap_are_found(params):
    usual, (_, gap) = clusters(300), planted()
    model = AutoencoderOutlierDetector(random_state=0, **params).fit(usual)
    scores = model.score_samples
    assert auc(scores(usual), scores(gap)) > 0.9
    assert auc(scores(clusters(300, seed=1)), scores(gap)) > 0.9


def test_outliers_among_the_training_rows_are_found():
    usual, (far, gap) = clusters(300), planted()
    rows = np.concatenate([usual, far, gap[:4]])
    model = AutoencoderOutlierDetector(max_iter=100, random_state=0).fit(rows)
    scores = model.score_samples(rows)
    assert auc(scores[:300], scores[300:]) > 0.97


def test_an_estimator_finds_what_it_cannot_reconstruct(curved):
    rng = np.random.default_rng(0)
    usual, odd = curved(300), rng.uniform(-2, 2, size=(30, 6))
    model = AutoencoderOutlierDetector(
        AutoencoderTransformer(2, max_iter=100), n_splits=2, random_state=0
    ).fit(usual)
    assert auc(model.score_samples(curved(300, seed=1)), model.score_samples(odd)) > 0.9


def test_a_training_row_is_not_its_own_neighbour():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(200, 3))
    model = AutoencoderOutlierDetector(**QUICK).fit(rows)
    # If it were, rows of the table would be closer to it than fresh ones.
    fresh = model.score_samples(rng.normal(size=(2000, 3)))
    share = np.mean(fresh < np.median(model.score_samples(rows)))
    assert share == pytest.approx(0.5, abs=0.08)
    lonely = np.concatenate([rows, [[5.0, 5.0, 5.0]]])
    model.fit(lonely)
    near = model.score_samples(lonely[-1:] + np.array([1e-4, 0, 0]))
    assert model.score_samples(lonely[-1:]) < near


# -- weights ---------------------------------------------------------------------------


def test_a_weight_is_a_number_of_copies(detector, X):
    weight = np.arange(len(X)) % 3
    order = np.random.default_rng(0).permutation(weight.sum())
    weighted = clone(detector).fit(X, sample_weight=weight)
    copied = detector.fit(X.repeat(weight, axis=0)[order])
    assert_same(weighted, copied, X, ["score_samples", "p_values", "explain"])
    assert copied.offset_ == pytest.approx(weighted.offset_, abs=1e-6)


def test_rows_of_weight_zero_are_left_out(detector, X):
    garbage = np.full((30, X.shape[1]), 1e6)
    weight = np.repeat([1.0, 0.0], [len(X), 30])
    both = clone(detector).fit(np.concatenate([X, garbage]), sample_weight=weight)
    alone = detector.fit(X, sample_weight=np.ones(len(X)))
    assert_same(both, alone, X)
    assert both.offset_ == alone.offset_


def test_weights_of_one_are_none(detector, X):
    weighted = clone(detector).fit(X, sample_weight=np.ones(len(X)))
    assert_same(weighted, detector.fit(X), X)


@pytest.mark.parametrize("weight", [2.5, 1 / 120, 1e-200, 1e200])
def test_equal_weights_of_any_size_are_nearly_none(recipe, X, weight):
    plain = clone(recipe).fit(X).score_samples(X)
    recipe.fit(X, sample_weight=np.full(len(X), weight))
    assert spearmanr(recipe.score_samples(X), plain).statistic > 0.7


def test_weights_count_in_p_values(default, X):
    default.fit(X, sample_weight=np.full(len(X), 3.0))
    assert default.p_values(X + 1e3).max() == pytest.approx(1 / (1 + 3 * len(X)))


# -- any table -------------------------------------------------------------------------


@pytest.mark.parametrize("n_rows", [2, 5])
def test_a_handful_of_rows_is_enough(recipe, X, n_rows):
    recipe.fit(X[:n_rows])
    for method in SAYINGS:
        assert np.isfinite(getattr(recipe, method)(X)).all()


@pytest.mark.parametrize("n_rows", [2, 3, 4, 5])
@pytest.mark.parametrize("folds", [2, 5, None])
def test_a_handful_of_rows_is_enough_to_be_folded(X, n_rows, folds):
    model = clone(VARIANTS["plain"]).set_params(
        n_splits=folds, estimator__n_components=1
    )
    model.fit(X[:n_rows])
    for method in SAYINGS:
        assert np.isfinite(getattr(model, method)(X)).all()


def test_constant_columns_do_no_harm(recipe, curved):
    rows = curved(120)
    wider = np.insert(rows, [0, 3], [5.0, 1e6], axis=1)
    recipe.set_params(max_iter=100)
    plain = clone(recipe).fit(rows).score_samples(rows)
    recipe.fit(wider)
    assert spearmanr(recipe.score_samples(wider), plain).statistic > 0.6
    for column in (0, 4):
        moved = wider.copy()
        moved[:, column] *= 3
        assert (recipe.predict(moved) == -1).all()
        assert (recipe.explain(moved).argmax(axis=1) == column).all()


@pytest.mark.parametrize("name", ["default", "networks only", "plain", "VAE"])
def test_a_row_that_is_all_there_is_is_no_outlier(name):
    rows = np.full((20, 4), 7.0)
    model = clone(VARIANTS[name]).fit(rows)
    assert (model.predict(rows) == 1).all()
    assert np.isfinite(model.explain(rows)).all()
    assert (model.predict(rows + 1) == -1).all()


def test_rows_that_come_often_do_no_harm(detector, X):
    rows = X[:7].repeat(20, axis=0)
    detector.fit(rows)
    for method in SAYINGS:
        assert np.isfinite(getattr(detector, method)(X)).all()


@pytest.mark.parametrize("name", RECIPES)
def test_a_single_feature_is_enough(X, name):
    model = clone(VARIANTS[name]).fit(X[:, :1])
    assert model.predict([[1e3]]) == -1
    assert model.explain(X[:, :1]).shape == (len(X), 1)


@pytest.mark.parametrize("name", ALL)
def test_more_columns_than_rows(name):
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(30, 80))
    model = clone(VARIANTS[name]).fit(rows)
    scores = model.score_samples(rng.normal(size=(50, 80)))
    assert auc(scores, model.score_samples(5 * rng.normal(size=(50, 80)))) > 0.9


@pytest.mark.parametrize("scale", [1e-25, 1e-6, 1e6, 1e25])
def test_units_do_not_matter(default, X, scale):
    default.set_params(max_iter=100)
    plain = default.fit(X).score_samples(X)
    scales = np.where(np.arange(X.shape[1]) % 2, scale, 1.0)
    for units in (scale, scales):
        rows = units * (X + 3)
        scores = default.fit(rows).score_samples(rows)
        assert spearmanr(scores, plain).statistic > 0.8


def test_one_value_may_be_huge(recipe, X):
    rows = put(X, 1e29, 2)
    recipe.fit(rows)
    scores = recipe.score_samples(rows)
    assert scores.argmin() == 3
    assert recipe.predict(rows)[3] == -1
    assert recipe.explain(rows)[3].argmax() == 2
    assert (recipe.predict(rows) == -1).mean() < 0.25


def test_a_huge_value_hides_no_other(recipe, curved):
    rows = put(curved(300), 1e20, 2)
    recipe.set_params(max_iter=100).fit(rows)
    odd = curved(50, seed=1)
    odd[:, 2] += 100
    assert (recipe.predict(odd) == -1).mean() > 0.9


AS_STORED = {
    "float16": lambda table: table.astype(np.float16),
    "float32": lambda table: table.astype(np.float32),
    "longdouble": lambda table: table.astype(np.longdouble),
    "big-endian": lambda table: table.astype(">f8"),
    "uint8": lambda table: table.astype(np.uint8),
    "int64": lambda table: table.astype(np.int64),
    "bool": lambda table: table > 4,
    "Fortran order": np.asfortranarray,
    "list": lambda table: table.tolist(),
}


@pytest.mark.parametrize("stored", AS_STORED)
@pytest.mark.parametrize("name", ["default", "plain"])
def test_any_kind_of_table_is_read_and_left_alone(name, stored):
    rng = np.random.default_rng(0)
    whole = rng.integers(0, 9, size=(80, 4)).astype(float)
    table = AS_STORED[stored](whole)
    before = np.array(table)
    if stored != "list":
        table.setflags(write=False)
    model = clone(VARIANTS[name]).fit(table)
    for method in SAYINGS:
        assert np.isfinite(getattr(model, method)(table)).all()
    if stored in ("Fortran order", "list"):
        assert_same(model, clone(model).fit(whole), table)
    np.testing.assert_array_equal(table, before)


@pytest.mark.parametrize(
    "frame", [pd.DataFrame, pl.DataFrame], ids=["pandas", "polars"]
)
def test_frames_are_as_good_as_arrays(detector, X, frame):
    table = frame(dict(zip(NAMES, X.T, strict=True)))
    plain = clone(detector).fit(X)
    detector.fit(table)
    assert detector.feature_names_in_.tolist() == NAMES
    for method in SAYINGS:
        expected = getattr(plain, method)(X)
        np.testing.assert_array_equal(getattr(detector, method)(table), expected)


ordinary = st.integers(-(10**4), 10**4).map(lambda i: i / 100) | st.sampled_from([0, 1])
any_finite = st.floats(allow_nan=False, allow_infinity=False) | ordinary
options = st.fixed_dictionaries(
    {
        "memory": st.sampled_from([True, False, 1, 5]),
        "contamination": st.sampled_from(["auto", 0.2]),
        "max_samples": st.sampled_from([2, 7, 100]),
    }
)


def tables(elements):
    shapes = st.tuples(st.integers(2, 16), st.integers(1, 5))
    return shapes.flatmap(lambda shape: arrays(np.float64, shape, elements=elements))


@pytest.mark.parametrize("elements", [any_finite, ordinary], ids=["any", "ordinary"])
@settings(max_examples=8)
@given(data=st.data(), params=options)
def test_any_finite_table_gives_finite_results_or_a_clear_error(elements, data, params):
    table = data.draw(tables(elements))
    model = AutoencoderOutlierDetector(max_iter=3, random_state=0, **params)
    try:
        model.fit(table)
    except ValueError as error:
        if "would overflow" not in str(error):
            raise
        return
    for method in SAYINGS:
        assert np.isfinite(getattr(model, method)(table)).all()
    p = model.p_values(table)
    assert ((p > 0) & (p <= 1)).all()
    assert model.explain(table).min() >= 0


@settings(max_examples=8)
@given(tables(ordinary), st.data(), options)
def test_any_weights_are_as_good_as_none(table, data, params):
    weight = data.draw(arrays(np.float64, len(table), elements=st.floats(0, 1e6)))
    assume((weight > 0).sum() > 1)
    model = AutoencoderOutlierDetector(max_iter=3, random_state=0, **params)
    model.fit(table, sample_weight=weight)
    for method in SAYINGS:
        assert np.isfinite(getattr(model, method)(table)).all()


# -- one row at a time -----------------------------------------------------------------


def test_a_row_is_scored_the_same_alone_and_beside_others(fitted, X):
    order = np.random.default_rng(0).permutation(len(X))
    crowd = np.concatenate([X[::-1], 1e9 * X, X])
    close = {"atol": 1e-12, "rtol": 1e-9}
    for method in ("score_samples", "explain", "p_values"):
        say = getattr(fitted, method)
        together = say(X)
        np.testing.assert_array_equal(say(X), together)
        np.testing.assert_allclose(say(X[order]), together[order], **close)
        np.testing.assert_allclose(say(crowd)[-len(X) :], together, **close)
        alone = np.concatenate([say(X[i : i + 1]) for i in range(0, len(X), 17)])
        np.testing.assert_allclose(alone, together[::17], **close)


def test_the_order_of_training_rows_does_not_matter(recipe, X):
    order = np.random.default_rng(0).permutation(len(X))
    plain, other = clone(recipe).fit(X), clone(recipe).fit(X[order])
    assert_same(plain, other, X, ["score_samples", "p_values", "explain"])
    assert other.offset_ == pytest.approx(plain.offset_, abs=1e-6)


# -- what is refused -------------------------------------------------------------------


@pytest.mark.parametrize("method", ["fit", "fit_predict", *SAYINGS])
@pytest.mark.parametrize(("value", "message"), BAD_VALUES)
def test_bad_values_name_their_columns(all_fitted, X, value, message, method):
    for name in ("default", "plain"):
        model = all_fitted[name]
        if method.startswith("fit"):
            model = clone(model)
        with pytest.raises(ValueError, match=message.format("column 2")):
            getattr(model, method)(put(X, value, 2))
        with pytest.raises(ValueError, match=message.format("columns 0, 4")):
            getattr(model, method)(put(X, value, 0, 4))


@pytest.mark.parametrize(("value", "message"), BAD_VALUES)
def test_bad_values_in_a_frame_name_their_columns(default, X, value, message):
    with pytest.raises(ValueError, match=message.format("columns 'b', 'e'")):
        default.fit(frame_of(put(X, value, 1, 4)))


@pytest.mark.parametrize("name", ["default", "plain"])
def test_kinds_of_tables_that_are_refused(X, name):
    model = clone(VARIANTS[name])
    with pytest.raises(TypeError, match=r"Use X\.toarray\(\)"):
        model.fit(sparse.csr_array(X))
    dates = pd.date_range("2020-01-01", periods=len(X))
    with pytest.raises(TypeError, match="dates or times in column 'b'"):
        model.fit(frame_of(X, b=dates))
    with pytest.raises(ValueError, match=r"Not numeric: column 'c'\. Encode"):
        model.fit(frame_of(X, c="red"))
    with pytest.raises(ValueError, match="minimum of 2 is required"):
        model.fit(X[:1])


@pytest.mark.parametrize("method", SAYINGS)
def test_the_number_and_the_names_of_features_stay(all_fitted, X, method):
    model = all_fitted["default"]
    with pytest.raises(ValueError, match="X has 5 features, but AutoencoderOutlierDet"):
        getattr(model, method)(X[:, :5])
    named = clone(model).fit(frame_of(X))
    with pytest.raises(ValueError, match="feature names should match"):
        getattr(named, method)(frame_of(X)[NAMES[::-1]])


@pytest.mark.parametrize("method", [*SAYINGS, "get_feature_names_out"])
def test_an_unfitted_detector_says_so(default, X, method):
    with pytest.raises(NotFittedError, match="is not fitted yet"):
        getattr(default, method)(X)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("estimator", "VAE"),
        ("estimator", PCA()),
        ("memory", 0),
        ("memory", -1),
        ("memory", "yes"),
        ("contamination", 0.0),
        ("contamination", 0.6),
        ("contamination", "some"),
        ("max_samples", 1),
        ("max_samples", 0.5),
        ("max_iter", 0),
        ("max_iter", "long"),
        ("n_splits", 1),
        ("n_splits", "five"),
        ("random_state", "seed"),
    ],
)
def test_parameters_are_checked_by_name(default, X, name, value):
    with pytest.raises(InvalidParameterError, match=f"The '{name}' parameter"):
        default.set_params(**{name: value}).fit(X)


@pytest.mark.parametrize("yes", [True, np.True_], ids=["bool", "numpy's"])
def test_booleans_of_numpy_are_booleans(default, X, yes):
    expected = clone(default).fit(X)
    assert_same(expected, clone(default).set_params(memory=yes).fit(X), X)
    without = clone(default).set_params(memory=False).fit(X)
    assert_same(without, default.set_params(memory=~yes & 1 == 1).fit(X), X)


@pytest.mark.parametrize(
    ("device", "message"),
    [("gpu", "'gpu' is not a device"), ("cuda:99", "'cuda:99' is not available")],
)
def test_devices_that_are_not_there_are_named(default, X, device, message):
    with pytest.raises(ValueError, match=message):
        default.set_params(device=device).fit(X)


def test_a_fit_says_that_there_is_no_gpu(default, X, monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    with pytest.raises(ValueError, match=r"device='cuda' is not available .*'auto'"):
        default.set_params(device="cuda").fit(X)


@pytest.mark.parametrize(
    ("weight", "message"),
    [
        (np.zeros(120), "zero"),
        (np.r_[np.zeros(119), 1.0], "Only one sample has a sample_weight above zero"),
        (np.r_[np.ones(119), -1.0], "Negative values in data passed to"),
        (np.r_[np.ones(119), np.nan], "NaN"),
        (np.ones(5), "sample_weight"),
    ],
    ids=["all zero", "one above zero", "negative", "NaN", "too few"],
)
def test_weights_are_checked(default, X, weight, message):
    with pytest.raises(ValueError, match=message):
        default.fit(X, sample_weight=weight)


# -- what a fit leaves behind ----------------------------------------------------------


def raising(error, phase, times=1):
    """Raise an error when a phase is told of for the n-th time."""

    def answer(told):
        if told.phases[-1] == phase and told.phases.count(phase) == times:
            raise error

    return answer


FAILING = {
    "NaN": lambda model, X: model.fit(put(X, np.nan, 1)),
    "strings": lambda model, X: model.fit(frame_of(X, a="red")),
    "sparse": lambda model, X: model.fit(sparse.csr_array(X)),
    "weights": lambda model, X: model.fit(X, sample_weight=-np.ones(len(X))),
    "device": lambda model, X: model.set_params(device="cuda:99").fit(X),
    "other columns": lambda model, X: model.fit(put(X, np.inf, 1)[:, :4]),
    "inside of the estimator": lambda model, X: model.set_params(
        estimator=AutoencoderTransformer(50)
    ).fit(X[:, :4]),
    "during training": lambda model, X: model.set_callbacks(
        Recorder(raising(RuntimeError, "usual rows"))
    ).fit(X[:, :4]),
    "at the end": lambda model, X: model.set_callbacks(
        Recorder(raising(KeyboardInterrupt, "fit"))
    ).fit(X[:, :4]),
}


@pytest.mark.parametrize("fail", FAILING.values(), ids=FAILING)
@pytest.mark.parametrize("named", [True, False], ids=["frame", "array"])
def test_a_failed_fit_leaves_the_detector_as_it_was(default, X, fail, named):
    table = frame_of(X) if named else X
    scores = default.fit(table).score_samples(table)
    params, attributes = default.get_params(), dict(vars(default))
    with pytest.raises((ValueError, TypeError, RuntimeError, KeyboardInterrupt)):
        fail(default, X)
    default.set_params(**params).set_callbacks()
    assert vars(default) == attributes
    np.testing.assert_array_equal(default.score_samples(table), scores)


def test_a_failed_fit_leaves_the_estimator_as_it_was(X):
    model = clone(VARIANTS["plain"]).fit(X)
    scores, attributes = model.score_samples(X), dict(vars(model))
    for name in ("weights", "inside of the estimator", "during training"):
        params = model.get_params(deep=False)
        if name == "during training":
            model.set_params(estimator=None, **QUICK)
        with pytest.raises((ValueError, RuntimeError)):
            FAILING[name](model, X)
        model.set_params(**params).set_callbacks()
        assert vars(model) == attributes
        np.testing.assert_array_equal(model.score_samples(X), scores)


@pytest.mark.parametrize("fail", FAILING.values(), ids=FAILING)
def test_a_failed_first_fit_leaves_nothing(default, X, fail):
    with pytest.raises((ValueError, TypeError, RuntimeError, KeyboardInterrupt)):
        fail(default, X)
    default.set_callbacks()
    assert set(vars(default)) == set(default.get_params(deep=False))


def test_a_fit_leaves_the_attributes_that_are_documented(fitted):
    names = {"offset_", "loss_curve_", "n_iter_", "device_", "n_features_in_"}
    if fitted.estimator is not None:
        names.add("estimator_")
    text = AutoencoderOutlierDetector.__doc__.split("Attributes\n")[1]
    documented = re.findall(r"^    (\w+_) : ", text, flags=re.MULTILINE)
    assert names | {"feature_names_in_", "estimator_"} == set(documented) | names
    assert {name for name in vars(fitted) if name.endswith("_")} == names
    assert type(fitted.n_iter_) is int
    assert fitted.n_iter_ > 0
    assert np.isfinite(fitted.loss_curve_[1:]).all()
    assert fitted.device_ == "cpu"


@pytest.mark.parametrize("named", [True, False], ids=["frame", "array"])
def test_nothing_is_left_of_an_earlier_fit(X, named):
    first, second = (clone(VARIANTS[name]) for name in ("default", "plain"))
    model = clone(second).fit(frame_of(X) if named else X)
    model.set_params(**first.get_params()).fit(X[:, :4])
    assert_same(first.fit(X[:, :4]), model, X[:, :4])
    assert set(vars(model)) == set(vars(first))
    assert set(model._state) == set(first._state)
    model.set_params(**second.get_params()).fit(X)
    assert_same(second.fit(X), model, X)
    assert set(vars(model)) == set(vars(second))
    assert set(model._state) == set(second._state)


# -- p-values --------------------------------------------------------------------------


def test_p_values_are_shares_that_are_never_zero(fitted, X):
    rows = np.concatenate([X, X + 1e3])
    p = fitted.p_values(rows)
    assert p.max() <= 1
    np.testing.assert_allclose(p[len(X) :], 1 / (len(X) + 1))
    by_score = np.argsort(fitted.score_samples(rows))
    assert (np.diff(p[by_score]) >= 0).all()
    assert 0.2 < np.median(p[: len(X)]) < 0.8


def test_they_are_as_fine_as_the_rows_that_were_looked_at(default, X_large):
    default.set_params(max_samples=60).fit(X_large)
    assert default.p_values(X_large + 1e3).max() == pytest.approx(1 / 61)


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"memory": False},
        {"contamination": 0.1},
        {"estimator": AutoencoderTransformer(2, max_iter=60), "n_splits": 3},
    ],
    ids=str,
)
def test_of_fresh_rows_one_in_ten_is_at_the_level_of_ten_percent(params):
    rng = np.random.default_rng(0)
    table, fresh = rng.normal(size=(1000, 4)), rng.normal(size=(2000, 4))
    model = AutoencoderOutlierDetector(random_state=0, **params).fit(table)
    p = model.p_values(fresh)
    assert (p <= 0.1).mean() == pytest.approx(0.1, abs=0.03)
    for level in (0.25, 0.5):
        assert 0.5 * level < (p <= level).mean() < level + 0.03


def test_without_folds_p_values_are_too_small(curved):
    usual, fresh = curved(60), curved(2000, seed=1)
    ae = AutoencoderTransformer(4, anchor=None, max_iter=400, early_stopping=False)
    model = AutoencoderOutlierDetector(ae, n_splits=5, random_state=0)
    held_out = (model.fit(usual).p_values(fresh) <= 0.1).mean()
    without = model.set_params(n_splits=None).fit(usual)
    assert (without.p_values(fresh) <= 0.1).mean() > held_out


def test_false_discovery_control_finds_what_was_planted():
    rng = np.random.default_rng(0)
    table, fresh = rng.normal(size=(500, 3)), rng.normal(size=(100, 3))
    model = AutoencoderOutlierDetector(max_iter=100, random_state=0).fit(table)
    adjusted = false_discovery_control(model.p_values(np.vstack([fresh, fresh + 9])))
    found = adjusted <= 0.1
    assert found[100:].all()
    assert found[:100].mean() < 0.2


# -- explanations ----------------------------------------------------------------------


def test_explanations_are_shares_of_each_row(fitted, X):
    shares = fitted.explain(X)
    assert shares.shape == X.shape
    assert shares.min() >= 0
    if fitted.estimator is None:
        model, device = fitted._model()
        whole = model.usual.distances(model.robust(X), device)
    else:
        whole = np.square(X - fitted.estimator_.reconstruct(X)).mean(axis=1)
    np.testing.assert_allclose(shares.sum(axis=1), whole, rtol=1e-6)


def test_explanations_of_usual_rows_are_about_one(curved):
    model = AutoencoderOutlierDetector(max_iter=100, random_state=0).fit(curved(300))
    assert 0.4 < np.median(model.explain(curved(300, seed=1)).sum(axis=1)) < 1.6


@pytest.mark.parametrize("params", [{}, {"memory": False}], ids=str)
def test_the_column_that_is_wrong_is_blamed(curved, params):
    model = AutoencoderOutlierDetector(max_iter=200, random_state=0, **params)
    model.fit(curved(300))
    rows = curved(60, seed=1)
    column = np.arange(60) % 6
    rows[np.arange(60), column] += 6
    shares = model.explain(rows)
    assert (shares.argmax(axis=1) == column).mean() > 0.95


@pytest.mark.parametrize("kind", ["pandas", "polars"])
@pytest.mark.parametrize("name", ["default", "plain"])
def test_explanations_are_of_the_kind_that_is_set(X, name, kind):
    types = {"pandas": pd.DataFrame, "polars": pl.DataFrame}
    model = clone(VARIANTS[name])
    frame = frame_of(X).set_index(np.arange(100, 100 + len(X)))
    plain = model.fit(frame).explain(frame)
    assert isinstance(plain, np.ndarray)
    shares = model.set_output(transform=kind).explain(frame)
    assert isinstance(shares, types[kind])
    assert list(shares.columns) == NAMES
    if kind == "pandas":
        assert list(shares.index) == list(frame.index)
    np.testing.assert_array_equal(np.asarray(shares), plain)
    assert isinstance(model.score_samples(frame), np.ndarray)
    shares = model.fit(X).explain(X)
    assert list(shares.columns) == [f"x{j}" for j in range(6)]
    model.set_output(transform="default")
    assert isinstance(model.explain(X), np.ndarray)


@pytest.mark.parametrize("name", ["default", "plain"])
def test_explanations_are_of_the_kind_that_is_configured(X, name):
    model = clone(VARIANTS[name])
    with config_context(transform_output="pandas"):
        shares = model.fit(frame_of(X)).explain(frame_of(X))
        assert isinstance(model.score_samples(frame_of(X)), np.ndarray)
    assert isinstance(shares, pd.DataFrame)
    assert list(shares.columns) == NAMES
    np.testing.assert_array_equal(np.asarray(shares), model.explain(frame_of(X)))


def test_names_of_explanations_are_those_of_the_features(default, X):
    assert default.fit(X).get_feature_names_out().tolist() == [
        f"x{j}" for j in range(6)
    ]
    assert default.get_feature_names_out(NAMES).tolist() == NAMES
    default.fit(frame_of(X))
    assert default.get_feature_names_out().tolist() == NAMES
    with pytest.raises(ValueError, match="not equal to feature_names_in_"):
        default.get_feature_names_out(NAMES[::-1])


# -- with an estimator -----------------------------------------------------------------


@pytest.mark.parametrize(
    "inner",
    [
        AutoencoderTransformer(2, **SMALL),
        AutoencoderTransformer(2, anchor=None, loss="absolute_error", **SMALL),
        DenoisingAutoencoder(2, **SMALL),
        SparseAutoencoder(2, **SMALL),
        ContractiveAutoencoder(2, **SMALL),
        ConvolutionalAutoencoder((2, 3), channels=(4,), n_components=2, max_iter=20),
        VAE(2, **SMALL),
    ],
    ids=lambda inner: type(inner).__name__,
)
def test_the_scores_are_the_estimator_s(X, inner):
    model = AutoencoderOutlierDetector(inner, n_splits=2, random_state=0).fit(X)
    assert model.estimator_ is not inner
    assert type(model.estimator_) is type(inner)
    assert not hasattr(inner, "n_iter_")
    scores = model.score_samples(X)
    np.testing.assert_array_equal(scores, model.estimator_.score_samples(X))
    alone = clone(inner).set_params(random_state=model.estimator_.random_state).fit(X)
    np.testing.assert_array_equal(scores, alone.score_samples(X))
    if not isinstance(inner, VAE):
        np.testing.assert_allclose(model.explain(X).sum(axis=1), -scores)


def test_what_the_estimator_refuses_is_refused(X):
    inner = AutoencoderTransformer(2, loss="binary_cross_entropy", **SMALL)
    model = AutoencoderOutlierDetector(inner, n_splits=2, random_state=0)
    unit = (X > np.median(X, axis=0)).astype(float)
    assert np.isfinite(model.fit(unit).decision_function(unit)).all()
    with pytest.raises(ValueError, match=r"features in \[0, 1\]"):
        model.fit(X)


def test_a_class_is_no_estimator(X):
    with pytest.raises(TypeError, match=r"estimator=VAE is a class; pass an object"):
        AutoencoderOutlierDetector(VAE).fit(X)


def test_a_random_state_is_passed_on(X):
    inner = AutoencoderTransformer(2, random_state=7, **SMALL)
    model = AutoencoderOutlierDetector(inner, n_splits=2)
    assert model.fit(X).estimator_.random_state == 7
    model.set_params(random_state=0).fit(X)
    assert model.estimator_.random_state != 7
    assert inner.random_state == 7


def test_a_grid_search_over_parameters_of_the_estimator(X):
    model = AutoencoderOutlierDetector(
        AutoencoderTransformer(1, **SMALL), n_splits=None, random_state=0
    )
    grid = {"estimator__n_components": [1, 4], "n_splits": [None, 2]}

    def scorer(fitted, X, y=None):
        return fitted.score_samples(X).mean()

    search = GridSearchCV(model, grid, scoring=scorer, cv=2, error_score="raise")
    search.fit(X)
    assert search.best_params_["estimator__n_components"] == 4
    assert search.best_estimator_.estimator_.n_components_ == 4


def test_a_grid_search_over_parameters_of_the_recipe(X):
    grid = {"memory": [True, False, 10], "contamination": ["auto", 0.1]}
    labels = np.arange(len(X)) % 12 == 0
    rows = np.where(labels[:, None], X + 5, X)

    def scorer(fitted, X, y):
        return roc_auc_score(y, -fitted.score_samples(X))

    model = AutoencoderOutlierDetector(**QUICK)
    search = GridSearchCV(model, grid, scoring=scorer, error_score="raise")
    search.fit(rows, labels)
    assert search.best_score_ > 0.9


FITS = []


class Remembering(BaseEstimator):
    """Notes what it is fitted to, and what it scores."""

    def __init__(self, random_state=None):
        self.random_state = random_state

    def fit(self, X, y=None, sample_weight=None):
        self.seen_, self.weight_, self.scored_ = X, sample_weight, []
        self.loss_curve_, self.n_iter_, self.device_ = [], 1, "cpu"
        FITS.append(self)
        return self

    def score_samples(self, X):
        self.scored_.append(X)
        return -np.abs(X - self.seen_.mean(axis=0)).sum(axis=1)

    def reconstruct(self, X):
        return np.broadcast_to(self.seen_.mean(axis=0), X.shape)


@pytest.fixture
def fits():
    FITS.clear()
    yield FITS
    FITS.clear()


def as_set(rows):
    return {tuple(row) for row in rows}


@pytest.mark.parametrize("n_splits", [2, 3, 5])
def test_calibration_is_out_of_fold(fits, X, n_splits):
    rows = np.concatenate([X, X[::2]])  # copies stay on one side
    AutoencoderOutlierDetector(Remembering(), n_splits=n_splits, random_state=0).fit(
        rows
    )
    whole, *folds = fits
    np.testing.assert_array_equal(whole.seen_, rows)
    assert whole.weight_ is None
    assert len(folds) == n_splits
    for fold in folds:
        (scored,) = fold.scored_
        assert as_set(fold.seen_).isdisjoint(as_set(scored))
        assert as_set(fold.seen_) | as_set(scored) == as_set(rows)
        assert len(scored) <= -(-len(X) // n_splits)
    assert sum(fold.weight_.sum() for fold in folds) == (n_splits - 1) * len(rows)
    assert sum(len(fold.scored_[0]) for fold in folds) == len(X)


def test_without_folds_there_is_one_fit(fits, X):
    model = AutoencoderOutlierDetector(Remembering(), n_splits=None).fit(X)
    assert len(fits) == 1
    np.testing.assert_array_equal(fits[0].seen_, X)
    p = model.p_values(X)
    np.testing.assert_allclose(np.sort(p), np.arange(2, len(X) + 2) / (len(X) + 1))


def test_all_fits_have_one_random_state_where_one_is_given(fits, X):
    AutoencoderOutlierDetector(Remembering(3)).fit(X)
    assert {fit.random_state for fit in fits} == {3}
    AutoencoderOutlierDetector(Remembering(3), random_state=0).fit(X)
    assert all(isinstance(fit.random_state, int) for fit in fits)
    assert len({fit.random_state for fit in fits[6:]}) == 1


# -- reproducibility -------------------------------------------------------------------


def test_a_random_state_gives_one_model(detector, X):
    first, again = (clone(detector).fit(X) for _ in range(2))
    assert_same(first, again, X)
    other = detector.set_params(random_state=1).fit(X)
    assert not np.allclose(other.score_samples(X), first.score_samples(X))


def test_without_a_random_state_fits_differ(default, X):
    default.set_params(random_state=None)
    first, second = (default.fit(X).score_samples(X) for _ in range(2))
    assert not np.array_equal(first, second)


def test_a_random_state_instance_moves_on(default, X):
    default.set_params(random_state=np.random.RandomState(0))
    first, second = (default.fit(X).score_samples(X) for _ in range(2))
    assert not np.array_equal(first, second)


@pytest.mark.parametrize(
    "random_state", [None, np.random.RandomState(0)], ids=["None", "instance"]
)
def test_global_states_stay_as_they_are(detector, X, global_states, random_state):
    before, threads = global_states(), torch.get_num_threads()
    detector.set_params(random_state=random_state, max_samples=100).fit(X)
    for method in SAYINGS:
        getattr(detector, method)(X)
    np.testing.assert_equal(global_states(), before)
    assert torch.get_num_threads() == threads
    assert torch.is_grad_enabled()
    assert not torch.is_inference_mode_enabled()


def test_threads_share_a_detector(all_fitted, X):
    model = all_fitted["default"]
    expected, results = model.score_samples(X), []
    threads = [
        threading.Thread(target=lambda: results.append(model.score_samples(X)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 4
    for result in results:
        np.testing.assert_array_equal(result, expected)


# -- sizes -----------------------------------------------------------------------------


def test_as_many_rows_are_remembered_as_are_allowed(default, X):
    for memory in (1, 5, 20):
        state = default.set_params(memory=memory).fit(X)._state
        assert [len(state[name]["table"]) for name in ("core", "table")] == 2 * [memory]
        assert np.isfinite(default.score_samples(X)).all()
    state = default.set_params(memory=10_000).fit(X)._state
    assert len(state["core"]["table"]) < len(state["table"]["table"]) == len(X)
    state = default.set_params(memory=False).fit(X)._state
    assert state["core"] is state["table"] is None


def test_a_fit_looks_at_some_rows_of_a_large_table(default, X_large):
    default.set_params(max_samples=100).fit(X_large)
    assert len(default._state["calibration"]) == 100
    assert np.isfinite(default.score_samples(X_large)).all()
    assert (default.predict(X_large) == -1).mean() < 0.2


def test_a_fit_has_as_many_steps_as_it_is_allowed(default, X):
    for memory in (True, False):
        default.set_params(max_iter=17, memory=memory).fit(X)
        assert default.n_iter_ in (17, 34)


# -- callbacks -------------------------------------------------------------------------


@pytest.mark.parametrize("name", ALL)
def test_tasks_begin_and_end_between_setup_and_teardown(X, name):
    told = Recorder()
    clone(VARIANTS[name]).set_params(verbose=0).set_callbacks(told).fit(X)
    first, *middle, last = told.calls
    assert (first, last) == ("setup", "teardown")
    assert middle.count("begin") == middle.count("end") == len(told.ended)
    assert told.ended[-1][0] is told.root
    assert len(told.ended) - 1 <= told.root.max_subtasks


@pytest.mark.parametrize("max_iter", [1, 17])
@pytest.mark.parametrize("n_rows", [2, 120])
def test_there_are_never_more_subtasks_than_announced(recipe, X, n_rows, max_iter):
    told = Recorder()
    recipe.set_params(max_iter=max_iter).set_callbacks(told).fit(X[:n_rows])
    assert 0 < len(told.ended) - 1 <= told.root.max_subtasks


def test_phases_are_named(recipe, X):
    told = Recorder()
    recipe.set_callbacks(told).fit(X)
    both = not recipe.memory and recipe.contamination == "auto"
    expected = ["usual rows", *(["all rows"] * both), "fit"]
    assert list(dict.fromkeys(told.phases)) == expected


def test_the_fitted_estimator_works_at_every_step(detector, X):
    told = Recorder()
    detector.set_params(max_iter=40).set_callbacks(told).fit(X)
    for context, fitted in told.ended:
        assert fitted is not detector
        for method in SAYINGS:
            result = getattr(fitted, method)(X)
            assert len(result) == len(X)
            if context is told.root:
                np.testing.assert_array_equal(result, getattr(detector, method)(X))


def test_it_is_of_this_fit_not_of_an_earlier_one(X):
    model = clone(VARIANTS["plain"]).fit(X)
    told = Recorder()
    model.set_params(estimator=None, **QUICK).set_callbacks(told).fit(X)
    for _, fitted in told.ended:
        assert not hasattr(fitted, "estimator_")
    _, last = told.ended[-1]
    assert_same(model, last, X)


def test_the_target_is_the_table_unless_one_is_given(detector, X):
    told = Recorder()
    detector.set_callbacks(told).fit(X)
    np.testing.assert_array_equal(told.data["X"], X)
    np.testing.assert_array_equal(told.data["y"], X)
    y = np.arange(len(X))
    detector.fit(X, y)
    assert told.data["y"] is y


def test_callbacks_change_nothing(detector, X):
    plain = clone(detector).fit(X)
    assert_same(plain, detector.set_callbacks(Recorder()).fit(X), X)


def test_a_callback_ends_one_phase_after_the_other(X):
    told = Recorder(lambda told: True)
    model = clone(VARIANTS["networks only"]).set_params(max_iter=80)
    model.set_callbacks(told).fit(X)
    assert told.phases == ["usual rows", "all rows", "fit"]
    assert model.n_iter_ < 80
    assert np.isfinite(model.score_samples(X)).all()


def test_a_monitor_logs_one_score_for_each_step(detector, X):
    def scorer(model, X, y):
        return {"score": float(model.score_samples(X).mean())}

    monitor, told = ScoringMonitor(scoring=scorer), Recorder()
    detector.set_callbacks(monitor, told).fit(X)
    logs = monitor.get_logs().data
    assert len(logs) == len(told.ended)
    assert np.isfinite([entry["score"] for entry in logs]).all()


@pytest.mark.parametrize("name", ["default", "networks only", "plain"])
def test_a_progress_bar(X, capsys, name):
    clone(VARIANTS[name]).set_callbacks(ProgressBar()).fit(X)
    printed = capsys.readouterr().out
    assert "AutoencoderOutlierDetector - fit" in printed
    assert "100%" in printed


def test_progress_bars_nest_inside_a_detector(X, capsys):
    model = clone(VARIANTS["plain"])
    model.set_callbacks(ProgressBar(max_propagation_depth=None)).fit(X)
    printed = capsys.readouterr().out
    assert "AutoencoderOutlierDetector - fit" in printed
    assert "AutoencoderTransformer - fit" in printed


def test_verbose_prints_progress(recipe, X, capsys):
    recipe.set_params(verbose=1).fit(X)
    assert "usual rows step 20: loss" in capsys.readouterr().out
    recipe.set_params(verbose=0).fit(X)
    assert capsys.readouterr().out == ""


# -- interrupts and divergence ---------------------------------------------------------


@pytest.mark.parametrize("times", [1, 2, 3])
@pytest.mark.parametrize("phase", ["usual rows", "all rows"])
def test_an_interrupt_keeps_the_networks_so_far_and_warns(X, phase, times):
    told = Recorder(raising(KeyboardInterrupt, phase, times))
    model = AutoencoderOutlierDetector(memory=False, max_iter=48, random_state=0)
    model.set_callbacks(told)
    with pytest.warns(ConvergenceWarning, match="Training was interrupted") as caught:
        model.fit(X)
    assert [warning.filename for warning in caught] == [__file__]
    for method in SAYINGS:
        assert np.isfinite(getattr(model, method)(X)).all()


def test_divergence_keeps_what_was_finite_and_warns(recipe, X, monkeypatch):
    monkeypatch.setattr(_detecting, "RATE", 1e30)
    with pytest.warns(ConvergenceWarning, match="Training diverged; .* extreme values"):
        recipe.fit(X)
    for method in SAYINGS:
        assert np.isfinite(getattr(recipe, method)(X)).all()


# -- devices ---------------------------------------------------------------------------


def test_devices_agree(default, X, device):
    here = clone(default).fit(X).score_samples(X)
    default.set_params(device=device).fit(X)
    assert default.device_.startswith(device)
    there = default.score_samples(X)
    assert spearmanr(there, here).statistic > 0.8
    moved = default.set_params(device="cpu").score_samples(X)
    np.testing.assert_allclose(moved, there, atol=1e-3)


@pytest.mark.parametrize("method", SAYINGS)
def test_a_detector_of_a_device_that_is_gone_predicts_on_the_cpu(default, X, method):
    expected = getattr(default.fit(X), method)(X)
    default.set_params(device="cuda:99")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result = getattr(default, method)(X)
    (warning,) = caught
    assert "'cuda:99' is not available here; the CPU" in str(warning.message)
    assert warning.filename == __file__
    np.testing.assert_array_equal(result, expected)


# -- tables that are easily misread ----------------------------------------------------


@pytest.mark.parametrize("kind", [np.float32, np.int16])
def test_the_same_numbers_of_another_type_give_the_same_model(kind):
    table = np.random.default_rng(0).integers(0, 50, size=(60, 3)).astype(float)
    results = [
        AutoencoderOutlierDetector(max_iter=20, random_state=0)
        .fit(rows)
        .score_samples(table)
        for rows in (table, table.astype(kind))
    ]
    np.testing.assert_array_equal(*results)


@pytest.mark.parametrize("memory", [True, False])
def test_categories_are_no_outliers_by_rounding(memory):
    rng = np.random.default_rng(0)
    train, new = ((rng.random((n, 1)) < 0.3) * 1.0 for n in (300, 1000))
    model = AutoencoderOutlierDetector(memory=memory, max_iter=40, random_state=0)
    model.fit(train)
    assert (model.p_values(new) <= 0.05).mean() < 0.1
    assert (model.predict(new) == -1).mean() < 0.1


def test_one_sentinel_does_not_hide_a_column():
    table = np.random.default_rng(0).normal(size=(300, 3))
    table[0, 0] = 1e10
    new = np.random.default_rng(1).normal(size=(50, 3))
    new[:, 0] = 1000
    model = AutoencoderOutlierDetector(max_iter=40, random_state=0).fit(table)
    assert (model.predict(new) == -1).mean() > 0.9


def test_a_few_rows_flag_few():
    rng = np.random.default_rng(0)
    flagged = [
        AutoencoderOutlierDetector(max_iter=40, random_state=seed)
        .fit(rng.normal(size=(10, 3)))
        .predict(rng.normal(size=(100, 3)))
        == -1
        for seed in range(5)
    ]
    assert np.mean(flagged) < 0.15
