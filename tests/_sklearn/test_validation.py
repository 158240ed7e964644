"""Tables and weights that cannot be fitted: errors name the column and the cure."""

import datetime

import numpy as np
import pandas as pd
import polars as pl
import pytest
from bad_tables import BAD_VALUES, NAMES, frame_of, put
from scipy import sparse
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError

from skae._sklearn.validation import (
    column_names,
    restore_on_error,
    validate_table,
    weighted_dataset,
)

# -- values ----------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["fit", "transform", "score"])
@pytest.mark.parametrize(("value", "message"), BAD_VALUES)
def test_bad_values_name_their_columns(model, X, value, message, method):
    if method != "fit":
        model.fit(X)
    with pytest.raises(ValueError, match=message.format("column 2")):
        getattr(model, method)(put(X, value, 2))
    with pytest.raises(ValueError, match=message.format("columns 0, 4")):
        getattr(model, method)(put(X, value, 0, 4))


@pytest.mark.parametrize(("value", "message"), BAD_VALUES)
def test_bad_values_in_a_frame_name_their_columns(model, X, value, message):
    with pytest.raises(ValueError, match=message.format("columns 'b', 'e'")):
        model.fit(frame_of(put(X, value, 1, 4)))


@pytest.mark.parametrize(
    "dtype", [np.float16, np.float32, ">f8", np.longdouble, object]
)
def test_bad_values_of_any_type_are_found(model, X, dtype):
    for value, what in [(np.nan, "NaN"), (np.inf, "infinity")]:
        with pytest.raises(ValueError, match=f"{what} in column 2"):
            model.fit(put(X, value, 2).astype(dtype))


def test_a_bad_value_in_the_last_chunk_is_found(model, curved):
    X = curved(9000)
    X[-1, 3] = np.nan
    with pytest.raises(ValueError, match="NaN in column 3"):
        model.fit(X)


def test_of_many_columns_five_are_named():
    assert column_names([4], None) == "column 4"
    assert column_names(range(5), None) == "columns 0, 1, 2, 3, 4"
    assert column_names(range(7), None) == "columns 0, 1, 2, 3, 4 and 2 more"
    names = np.array(["x", "y"], dtype=object)
    assert column_names([0, 1], names) == "columns 'x', 'y'"


def test_probabilities_must_be_probabilities(model, X):
    model.set_params(loss="binary_cross_entropy")
    unit = np.clip(np.abs(X), 0, 1)
    message = r"features in \[0, 1\], which is not so in column {}\. Scale them"
    for value in (-0.1, 1.1):
        with pytest.raises(ValueError, match=message.format(5)):
            model.fit(put(unit, value, 5))
    with pytest.raises(ValueError, match=message.format(5)):
        model.fit(put(np.zeros((20, 6), dtype=int), 2, 5))
    model.fit(unit)
    assert np.isfinite(model.transform(put(unit, 7.0, 5))).all()


# -- kinds -----------------------------------------------------------------------------

DATES = {
    "datetime64": pd.date_range("2020-01-01", periods=120),
    "with a zone": pd.date_range("2020-01-01", periods=120, tz="UTC"),
    "timedelta": pd.timedelta_range("1 day", periods=120),
    "period": pd.period_range("2020-01", periods=120, freq="M"),
}


@pytest.mark.parametrize("dates", DATES.values(), ids=DATES)
def test_columns_of_dates_are_named(model, X, dates):
    with pytest.raises(TypeError, match=r"holds dates or times in columns 'b', 'c'\. "):
        model.fit(frame_of(X, b=dates, c=dates))


def test_dates_of_polars_are_named(model, X):
    frame = pl.DataFrame(dict(zip(NAMES, X.T, strict=True)))
    for value in (datetime.date(2020, 1, 1), datetime.datetime(2020, 1, 1)):
        with pytest.raises(TypeError, match="dates or times in column 'd'"):
            model.fit(frame.with_columns(pl.lit(value).alias("d")))


def test_an_array_of_dates_is_refused(model):
    with pytest.raises(TypeError, match="dates or times in columns 0, 1"):
        model.fit(np.zeros((20, 2), dtype="datetime64[s]"))


@pytest.mark.parametrize("dtype", [object, "str", "category"])
def test_columns_of_strings_are_named(model, X, dtype):
    words = pd.Series(["red", "blue"] * 60).astype(dtype)
    with pytest.raises(
        (ValueError, TypeError), match=r"Not numeric: column 'c'\. Encode"
    ):
        model.fit(frame_of(X, c=words))


def test_strings_in_an_array_are_refused(model):
    with pytest.raises(ValueError, match="could not convert string to float: 'red'"):
        model.fit(np.array([["red", 1.0], ["blue", 2.0]], dtype=object))


def test_numbers_in_columns_of_objects_are_fine(model, X):
    frame = frame_of(X).astype(object)
    np.testing.assert_array_equal(
        model.fit(frame).transform(frame), model.fit(X).transform(X)
    )


@pytest.mark.parametrize(
    "kind", [sparse.csr_array, sparse.csc_matrix, sparse.coo_array]
)
@pytest.mark.parametrize("method", ["fit", "transform", "reconstruct"])
def test_sparse_tables_say_what_to_do(model, X, method, kind):
    if method != "fit":
        model.fit(X)
    with pytest.raises(TypeError, match=r"Use X\.toarray\(\), or .* TruncatedSVD"):
        getattr(model, method)(kind(X))


def test_complex_numbers_are_refused(model, X):
    with pytest.raises(ValueError, match="Complex data not supported"):
        model.fit(X + 1j)


# -- shapes ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((0, 6), r"Found array with 0 sample\(s\)"),
        ((20, 0), r"Found array with 0 feature\(s\)"),
        ((1, 6), r"Found array with 1 sample\(s\) .* minimum of 2 is required"),
        ((20,), "Expected 2D array, got 1D array instead"),
        ((4, 3, 2), "dim 3"),
    ],
    ids=str,
)
def test_tables_have_rows_and_columns(model, shape, message):
    with pytest.raises(ValueError, match=message):
        model.fit(np.ones(shape))


@pytest.mark.parametrize("method", ["transform", "reconstruct", "score_samples"])
def test_the_number_of_features_stays(model, X, method):
    model.fit(X)
    message = "X has 5 features, but AutoencoderTransformer is expecting 6 features"
    with pytest.raises(ValueError, match=message):
        getattr(model, method)(X[:, :5])


def test_the_names_of_features_stay(model, X):
    model.fit(frame_of(X))
    with pytest.raises(ValueError, match="feature names should match"):
        model.transform(frame_of(X)[NAMES[::-1]])


def test_codes_have_the_width_of_the_model(model, X):
    message = (
        "X has 3 codes, but AutoencoderTransformer was fitted with n_components_=2"
    )
    with pytest.raises(ValueError, match=message):
        model.fit(X).inverse_transform(np.ones((4, 3)))
    with pytest.raises(ValueError, match="NaN"):
        model.inverse_transform(np.full((4, 2), np.nan))


@pytest.mark.parametrize(
    "method",
    ["transform", "inverse_transform", "reconstruct", "score_samples", "score"],
)
def test_an_unfitted_model_says_so(model, X, method):
    with pytest.raises(NotFittedError, match="is not fitted yet"):
        getattr(model, method)(X)


@pytest.mark.parametrize("value", [0.0, 7.0])
@pytest.mark.parametrize("n_rows", [20, 700])
def test_a_constant_table_is_its_mean(model, n_rows, value):
    X = np.full((n_rows, 4), value)
    model.fit(X)
    np.testing.assert_allclose(model.transform(X), 0, atol=1e-9)
    np.testing.assert_allclose(model.reconstruct(X), X)
    assert model.pca_ratio_ == 1.0


@pytest.mark.parametrize("anchor", ["pca", None])
def test_constant_columns_stay_constant(model, curved, anchor):
    X = np.insert(curved(120), [0, 3], [5.0, 1e6], axis=1)
    model.set_params(anchor=anchor).fit(X)
    close = {"rtol": 1e-9 if anchor else 0.01}
    np.testing.assert_allclose(model.reconstruct(X)[:, [0, 4]], X[:, [0, 4]], **close)
    assert np.isfinite(model.transform(X)).all()


@pytest.mark.parametrize("n_rows", [2, 3, 9, 10])
@pytest.mark.parametrize("anchor", ["pca", None])
def test_a_handful_of_rows_is_enough(model, X, anchor, n_rows):
    model.set_params(n_components=1, anchor=anchor).fit(X[:n_rows])
    assert np.isfinite(model.reconstruct(X)).all()


def test_a_single_feature_is_enough(model, X):
    model.set_params(n_components=1).fit(X[:, :1])
    np.testing.assert_allclose(model.reconstruct(X[:, :1]), X[:, :1], atol=1e-5)


@pytest.mark.parametrize(
    ("weight", "message"),
    [
        (np.zeros(120), "zero"),
        (np.r_[np.zeros(119), 1.0], "Only one sample has a sample_weight above zero"),
        (np.r_[np.ones(119), -1.0], "Negative values in data passed to"),
        (np.r_[np.ones(119), np.nan], "NaN"),
        (np.ones(5), "sample_weight"),
        (np.ones((120, 2)), "1D array or scalar"),
    ],
    ids=["all zero", "one above zero", "negative", "NaN", "too few", "two-dimensional"],
)
def test_weights_are_checked(model, X, weight, message):
    with pytest.raises(ValueError, match=message):
        model.fit(X, sample_weight=weight)


# -- without an estimator of skae ------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int16])
def test_validate_table_neither_copies_nor_casts(X, dtype):
    table = (10 * X).astype(dtype)
    found = validate_table(PCA(), table, reset=True, unit_interval_for=None)
    assert found is table or found.base is table
    assert found.dtype == dtype


def test_validate_table_names_the_parameter_for_the_unit_interval(X):
    options = {"reset": True, "unit_interval_for": "likelihood='bernoulli'"}
    with pytest.raises(ValueError, match="another likelihood"):
        validate_table(PCA(), X, **options)
    inside = np.clip(X, 0, 1)
    np.testing.assert_array_equal(validate_table(PCA(), inside, **options), inside)


def test_weighted_dataset_has_the_samples_of_positive_weight(X):
    assert weighted_dataset(X, None).weight is None
    weight = np.arange(len(X)) % 3.0
    data = weighted_dataset(X, weight)
    np.testing.assert_array_equal(data.to_array(), X[weight > 0])
    np.testing.assert_array_equal(data.weight, weight[weight > 0])


@pytest.mark.parametrize("scale", [1e-200, 1e200])
def test_weighted_dataset_rescales_extreme_weights(X, scale):
    weight = np.arange(len(X)) % 3.0
    data = weighted_dataset(X, scale * weight)
    np.testing.assert_allclose(data.weight, weight[weight > 0] / 2)


def test_restore_on_error_puts_attributes_back(X):
    def refit(pca, fail):
        with restore_on_error(pca):
            validate_table(pca, X[:, :2], reset=True, unit_interval_for=None)
            if fail:
                raise KeyError

    pca = PCA().fit(X)
    before = dict(vars(pca))
    with pytest.raises(KeyError):
        refit(pca, fail=True)
    assert vars(pca) == before
    refit(pca, fail=False)
    assert pca.n_features_in_ == 2
