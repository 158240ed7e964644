"""Any table, of any type and in any units, with any weights."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from bad_tables import NAMES, put
from detectors import (
    DETECTORS,
    ENSEMBLES,
    METHODS,
    QUICK,
    assert_finite_results,
    assert_same_results,
    auc,
)
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import spearmanr
from sklearn.base import clone

from skae import AutoencoderOutlierDetector

pytestmark = pytest.mark.usefixtures("small_blocks")

# -- sizes -----------------------------------------------------------------------------


@pytest.mark.parametrize("n_samples", [2, 5])
def test_fit_with_a_handful_of_samples(ensemble, X, n_samples):
    assert_finite_results(ensemble.fit(X[:n_samples]), X)


def test_fit_with_a_single_feature(ensemble, X):
    ensemble.fit(X[:, :1])
    assert ensemble.predict([[1e3]]) == -1
    assert ensemble.explain(X[:, :1]).shape == (len(X), 1)


def test_fit_with_more_features_than_samples(detector):
    rng = np.random.default_rng(0)
    detector.fit(rng.normal(size=(30, 80)))
    scores = detector.score_samples(rng.normal(size=(50, 80)))
    outliers = detector.score_samples(5 * rng.normal(size=(50, 80)))
    assert auc(scores, outliers) > 0.9


# -- values ----------------------------------------------------------------------------


def test_constant_features_do_no_harm(ensemble, curved):
    samples = curved(120)
    wider = np.insert(samples, [0, 3], [5.0, 1e6], axis=1)
    ensemble.set_params(max_iter=100)
    plain = clone(ensemble).fit(samples).score_samples(samples)
    ensemble.fit(wider)
    assert spearmanr(ensemble.score_samples(wider), plain).statistic > 0.6
    for feature in (0, 4):
        moved = wider.copy()
        moved[:, feature] *= 3
        assert (ensemble.predict(moved) == -1).all()
        assert (ensemble.explain(moved).argmax(axis=1) == feature).all()


@pytest.mark.parametrize("name", ["default", "networks only", "autoencoder", "VAE"])
def test_the_only_value_of_a_table_is_no_outlier(name):
    samples = np.full((20, 4), 7.0)
    model = clone(DETECTORS[name]).fit(samples)
    assert (model.predict(samples) == 1).all()
    assert np.isfinite(model.explain(samples)).all()
    assert (model.predict(samples + 1) == -1).all()


def test_samples_with_many_copies_do_no_harm(detector, X):
    assert_finite_results(detector.fit(X[:7].repeat(20, axis=0)), X)


@pytest.fixture(scope="module")
def scores_of_X(X, small_blocks):
    model = AutoencoderOutlierDetector(max_iter=100, random_state=0)
    return model.fit(X).score_samples(X)


@pytest.mark.parametrize("scale", [1e-25, 1e-6, 1e6, 1e25])
def test_units_do_not_matter(default, X, scores_of_X, scale):
    default.set_params(max_iter=100)
    scales = np.where(np.arange(X.shape[1]) % 2, scale, 1.0)
    for units in (scale, scales):
        samples = units * (X + 3)
        scores = default.fit(samples).score_samples(samples)
        assert spearmanr(scores, scores_of_X).statistic > 0.8


@pytest.mark.parametrize("name", ["default", "networks only"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_columns_times_powers_of_two_have_the_same_scores(name, dtype, curved):
    X, new = curved(90).astype(dtype), curved(40, seed=1).astype(dtype)
    factors = np.array([0.5, 8, 2**-20, 1, 2**15, 4], dtype)
    model = clone(DETECTORS[name]).fit(X)
    other = clone(DETECTORS[name]).fit(X * factors)
    np.testing.assert_array_equal(
        other.score_samples(new * factors), model.score_samples(new)
    )
    np.testing.assert_array_equal(other.explain(new * factors), model.explain(new))


@pytest.mark.parametrize(
    ("offset", "spread"),
    [(4027893.7, 0.003), (2460000.5, 1e-3), (1.7e12, 3.6e6), (1.0, 1e-9), (0.0, 1e-31)],
    ids=["offset", "Julian dates", "Unix time in ms", "nearly one", "tiny"],
)
def test_outliers_are_seen_whatever_the_offset(offset, spread):
    rng = np.random.default_rng(0)
    X = offset + spread * rng.normal(size=(300, 3))
    far = offset + spread * np.full((5, 3), 30.0)
    detector = AutoencoderOutlierDetector(max_iter=60, random_state=0).fit(X)
    assert (detector.predict(far) == -1).all()
    assert (detector.predict(X) == -1).mean() < 0.15


def test_one_huge_value_is_an_outlier(ensemble, X):
    samples = put(X, 1e29, 2)
    ensemble.set_params(max_iter=100).fit(samples)
    scores, labels = ensemble.score_samples(samples), ensemble.predict(samples)
    assert scores.argmin() == 3
    assert labels[3] == -1
    assert ensemble.explain(samples)[3].argmax() == 2
    assert (labels == -1).mean() < 0.25


def test_one_huge_value_hides_no_other(ensemble, curved):
    samples = put(curved(300), 1e20, 2)
    ensemble.set_params(max_iter=100).fit(samples)
    outliers = curved(50, seed=1)
    outliers[:, 2] += 100
    assert (ensemble.predict(outliers) == -1).mean() > 0.9


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
    assert_finite_results(model, table)


# -- types -----------------------------------------------------------------------------

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
@pytest.mark.parametrize("name", ["default", "autoencoder"])
def test_any_type_of_table_is_read_and_not_changed(name, stored):
    rng = np.random.default_rng(0)
    values = rng.integers(0, 9, size=(80, 4)).astype(float)
    table = AS_STORED[stored](values)
    before = np.array(table)
    if stored != "list":
        table.setflags(write=False)
    model = clone(DETECTORS[name]).fit(table)
    assert_finite_results(model, table)
    if stored in ("Fortran order", "list"):
        assert_same_results(model, clone(model).fit(values), table)
    np.testing.assert_array_equal(table, before)


@pytest.mark.parametrize("dtype", [np.float32, np.int16])
def test_the_same_numbers_of_another_type_give_the_same_model(dtype):
    table = np.random.default_rng(0).integers(0, 50, size=(60, 3)).astype(float)
    results = [
        AutoencoderOutlierDetector(**QUICK).fit(samples).score_samples(table)
        for samples in (table, table.astype(dtype))
    ]
    np.testing.assert_array_equal(*results)


@pytest.mark.parametrize(
    "frame", [pd.DataFrame, pl.DataFrame], ids=["pandas", "polars"]
)
@pytest.mark.parametrize("name", ["default", "autoencoder"])
def test_frames_give_the_results_of_arrays(fitted_to_X, X, name, frame):
    table = frame(dict(zip(NAMES, X.T, strict=True)))
    model = clone(DETECTORS[name]).fit(table)
    assert model.feature_names_in_.tolist() == NAMES
    for method in METHODS:
        expected = getattr(fitted_to_X(name), method)(X)
        np.testing.assert_array_equal(getattr(model, method)(table), expected)


# -- weights ---------------------------------------------------------------------------


def test_a_weight_counts_as_copies(detector, X):
    weight = np.arange(len(X)) % 3
    order = np.random.default_rng(0).permutation(weight.sum())
    weighted = clone(detector).fit(X, sample_weight=weight)
    copied = detector.fit(X.repeat(weight, axis=0)[order])
    assert_same_results(weighted, copied, X)
    assert copied.offset_ == pytest.approx(weighted.offset_, abs=1e-6)


@pytest.mark.parametrize("name", [*ENSEMBLES, "autoencoder"])
def test_weights_of_one_are_none_and_of_zero_leave_samples_out(fitted_to_X, X, name):
    garbage = np.full((30, X.shape[1]), 1e6)
    ones, some = np.ones(len(X)), np.repeat([1.0, 0.0], [len(X), 30])
    model = clone(DETECTORS[name]).fit(X, sample_weight=ones)
    assert_same_results(fitted_to_X(name), model, X)
    both = clone(model).fit(np.concatenate([X, garbage]), sample_weight=some)
    assert_same_results(both, model, X)
    assert both.offset_ == model.offset_


@pytest.mark.parametrize("weight", [2.5, 1 / 120, 1e-200, 1e200])
@pytest.mark.parametrize("name", ["default", "networks only"])
def test_equal_weights_of_any_size_are_nearly_none(fitted_to_X, X, name, weight):
    plain = fitted_to_X(name).score_samples(X)
    model = clone(DETECTORS[name]).fit(X, sample_weight=np.full(len(X), weight))
    assert spearmanr(model.score_samples(X), plain).statistic > 0.7


def test_weights_count_in_p_values(default, X):
    default.fit(X, sample_weight=np.full(len(X), 3.0))
    assert default.p_values(X + 1e3).max() == pytest.approx(1 / (1 + 3 * len(X)))


@settings(max_examples=8)
@given(tables(ordinary), st.data(), options)
def test_any_weights_give_finite_results(table, data, params):
    weight = data.draw(arrays(np.float64, len(table), elements=st.floats(0, 1e6)))
    assume((weight > 0).sum() > 1)
    model = AutoencoderOutlierDetector(max_iter=3, random_state=0, **params)
    assert_finite_results(model.fit(table, sample_weight=weight), table)


# -- order -----------------------------------------------------------------------------


def test_a_sample_alone_has_the_results_of_samples_together(fitted, X):
    order = np.random.default_rng(0).permutation(len(X))
    crowd = np.concatenate([X[::-1], 1e9 * X, X])
    close = {"atol": 1e-12, "rtol": 1e-9}
    for method in ("score_samples", "explain", "p_values"):
        result = getattr(fitted, method)
        together = result(X)
        np.testing.assert_array_equal(result(X), together)
        np.testing.assert_allclose(result(X[order]), together[order], **close)
        np.testing.assert_allclose(result(crowd)[-len(X) :], together, **close)
        alone = np.concatenate([result(X[i : i + 1]) for i in (0, 17, 119)])
        np.testing.assert_allclose(alone, together[[0, 17, 119]], **close)


@pytest.mark.parametrize("name", ENSEMBLES)
def test_the_order_of_training_samples_does_not_matter(fitted_to_X, X, name):
    order = np.random.default_rng(0).permutation(len(X))
    expected, model = fitted_to_X(name), clone(DETECTORS[name]).fit(X[order])
    assert_same_results(expected, model, X)
    assert model.offset_ == pytest.approx(expected.offset_, abs=1e-6)
