"""Tables that cannot be fitted: the error names the column and says what to do."""

import datetime

import numpy as np
import pandas as pd
import polars as pl
import pytest
from bad_tables import BAD_VALUES, NAMES, frame_of, put
from estimator_cases import CLASSES, ESTIMATORS, is_detector, methods_of
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

ALL = pytest.mark.parametrize("name", CLASSES)
CASES = {name: next(k for k, v in ESTIMATORS.items() if v is CLASSES[name])
         for name in CLASSES}  # fmt: skip


@pytest.fixture
def fitted(fitted_model):
    return lambda name: fitted_model(CASES[name])


def new(name):
    return clone(CLASSES[name])


# -- values ----------------------------------------------------------------------------


@ALL
@pytest.mark.parametrize(("value", "message"), BAD_VALUES)
def test_bad_values_name_their_columns(fitted, X, value, message, name):
    model = fitted(name)
    for method in (new(name).fit, *(getattr(model, m) for m in methods_of(model))):
        with pytest.raises(ValueError, match=message.format("column 2")):
            method(put(X, value, 2))
        with pytest.raises(ValueError, match=message.format("columns 0, 4")):
            method(put(X, value, 0, 4))
    with pytest.raises(ValueError, match=message.format("columns 'b', 'e'")):
        new(name).fit(frame_of(put(X, value, 1, 4)))


@ALL
@pytest.mark.parametrize(
    "dtype", [np.float16, np.float32, ">f8", np.longdouble, object]
)
def test_bad_values_of_any_type_are_found(X, dtype, name):
    for value, what in [(np.nan, "NaN"), (np.inf, "infinity")]:
        with pytest.raises(ValueError, match=f"{what} in column 2"):
            new(name).fit(put(X, value, 2).astype(dtype))


@ALL
def test_bad_value_in_the_last_block_is_found(curved, name):
    X = curved(9000)
    X[-1, 3] = np.nan
    with pytest.raises(ValueError, match="NaN in column 3"):
        new(name).fit(X)


# -- kinds -----------------------------------------------------------------------------

DATES = {
    "datetime64": pd.date_range("2020-01-01", periods=120),
    "with a zone": pd.date_range("2020-01-01", periods=120, tz="UTC"),
    "timedelta": pd.timedelta_range("1 day", periods=120),
    "period": pd.period_range("2020-01", periods=120, freq="M"),
    "dates as objects": pd.Series(
        pd.date_range("2020-01-01", periods=120).date, dtype=object
    ),
    "timestamps as objects": pd.Series(pd.date_range("2020", periods=120)).astype(
        object
    ),
    "spans as objects": pd.Series(pd.to_timedelta(np.arange(120), "D")).astype(object),
}


@ALL
@pytest.mark.parametrize("dates", DATES.values(), ids=DATES)
def test_columns_of_dates_are_named(X, dates, name):
    with pytest.raises(TypeError, match=r"holds dates or times in columns 'b', 'c'\. "):
        new(name).fit(frame_of(X, b=dates, c=dates))


@ALL
def test_columns_of_dates_in_polars_are_named(X, name):
    frame = pl.DataFrame(dict(zip(NAMES, X.T, strict=True)))
    for value in (datetime.date(2020, 1, 1), datetime.datetime(2020, 1, 1)):
        with pytest.raises(TypeError, match="dates or times in column 'd'"):
            new(name).fit(frame.with_columns(pl.lit(value).alias("d")))


@ALL
def test_array_of_dates_is_refused(name):
    with pytest.raises(TypeError, match="dates or times in columns 0, 1"):
        new(name).fit(np.zeros((20, 2), dtype="datetime64[s]"))


@ALL
@pytest.mark.parametrize("dtype", [object, "str", "category"])
def test_columns_of_strings_are_named(X, dtype, name):
    words = pd.Series(["red", "blue"] * 60).astype(dtype)
    with pytest.raises(
        (ValueError, TypeError), match=r"Not numeric: column 'c'\. Encode"
    ):
        new(name).fit(frame_of(X, c=words))


@ALL
def test_strings_in_an_array_are_refused(name):
    with pytest.raises(ValueError, match="could not convert string to float: 'red'"):
        new(name).fit(np.array([["red", 1.0], ["blue", 2.0]], dtype=object))


@ALL
def test_numbers_in_columns_of_objects_are_fitted(fitted, X, name):
    frame, expected = frame_of(X).astype(object), fitted(name)
    model = new(name).fit(frame)
    method = methods_of(expected)[0]
    np.testing.assert_array_equal(
        getattr(model, method)(frame), getattr(expected, method)(X)
    )


@ALL
@pytest.mark.parametrize(
    "kind", [sparse.csr_array, sparse.csc_matrix, sparse.coo_array]
)
def test_sparse_tables_say_what_to_do(fitted, X, kind, name):
    model = fitted(name)
    for method in (new(name).fit, *(getattr(model, m) for m in methods_of(model))):
        with pytest.raises(TypeError, match=r"Use X\.toarray\(\), or .* TruncatedSVD"):
            method(kind(X))


@ALL
def test_complex_numbers_are_refused(X, name):
    with pytest.raises(ValueError, match="Complex data not supported"):
        new(name).fit(X + 1j)


# -- shapes ----------------------------------------------------------------------------


@ALL
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
def test_tables_have_samples_and_features(shape, message, name):
    with pytest.raises(ValueError, match=message):
        new(name).fit(np.ones(shape))


@ALL
def test_number_and_names_of_features_stay(fitted, X, name):
    model = fitted(name)
    class_name = type(model).__name__
    for method in methods_of(model):
        message = f"X has 5 features, but {class_name} is expecting 6 features"
        with pytest.raises(ValueError, match=message):
            getattr(model, method)(X[:, :5])
    named = new(name).fit(frame_of(X))
    with pytest.raises(ValueError, match="feature names should match"):
        getattr(named, methods_of(named)[0])(frame_of(X)[NAMES[::-1]])


@ALL
def test_unfitted_estimator_says_so(X, name):
    model = new(name)
    extra = [] if is_detector(model) else ["inverse_transform", "score"]
    for method in [*methods_of(model), *extra]:
        with pytest.raises(NotFittedError, match="is not fitted yet"):
            getattr(model, method)(X)


# -- weights and devices ---------------------------------------------------------------


@ALL
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
def test_weights_are_checked(X, weight, message, name):
    with pytest.raises(ValueError, match=message):
        new(name).fit(X, sample_weight=weight)


@ALL
@pytest.mark.parametrize(
    ("device", "message"),
    [("gpu", "'gpu' is not a device"), ("cuda:99", "'cuda:99' is not available")],
)
def test_missing_devices_are_named(X, device, message, name):
    with pytest.raises(ValueError, match=message):
        new(name).set_params(device=device).fit(X)
