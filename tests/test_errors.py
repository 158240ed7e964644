"""What cannot be fitted says why, names the column, and breaks nothing."""

import datetime

import numpy as np
import pandas as pd
import polars as pl
import pytest
from bad_tables import BAD_VALUES, NAMES, frame_of, put
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.utils._param_validation import InvalidParameterError

from skae._sklearn.validation import column_names

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


# -- parameters ------------------------------------------------------------------------


@pytest.mark.parametrize("n_components", [7, 100])
def test_pca_has_no_more_components_than_columns(model, X, n_components):
    model.set_params(n_components=n_components)
    message = r"between 1 and min\(n_samples, n_features\)=6.* or anchor=None"
    with pytest.raises(ValueError, match=message):
        model.fit(X)


def test_nor_than_rows(model, X):
    model.set_params(n_components=5)
    with pytest.raises(ValueError, match=r"min\(n_samples, n_features\)=4"):
        model.fit(X[:4])


@pytest.mark.parametrize(
    "sizes", [0, -1, (0,), (8, -2), (2.5,), ("a",), [[4, 4]], "large"], ids=repr
)
def test_widths_are_positive_integers(model, X, sizes):
    with pytest.raises(ValueError, match="hidden_layer_sizes"):
        model.set_params(hidden_layer_sizes=sizes).fit(X)


@pytest.mark.parametrize("sizes", [8, (8,), [8], np.array([8])], ids=repr)
def test_widths_may_be_given_in_any_way(model, X, sizes):
    expected = model.set_params(hidden_layer_sizes=(8,)).fit(X).transform(X)
    other = clone(model).set_params(hidden_layer_sizes=sizes).fit(X)
    np.testing.assert_array_equal(other.transform(X), expected)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("n_components", 0),
        ("n_components", 1.5),
        ("n_components", "mle"),
        ("activation", "swish"),
        ("anchor", "ica"),
        ("loss", "mse"),
        ("alpha", -1),
        ("learning_rate_init", 0),
        ("batch_size", 0),
        ("max_iter", 0),
        ("validation_fraction", 1.0),
        ("n_iter_no_change", 0),
        ("tol", -1.0),
        ("early_stopping", "yes"),
        ("random_state", "seed"),
    ],
)
def test_parameters_are_checked_by_name(model, X, name, value):
    with pytest.raises(InvalidParameterError, match=f"The '{name}' parameter"):
        model.set_params(**{name: value}).fit(X)


@pytest.mark.parametrize(
    ("device", "message"),
    [("gpu", "'gpu' is not a device"), ("cuda:99", "'cuda:99' is not available")],
)
def test_devices_that_are_not_there_are_named(model, X, device, message):
    with pytest.raises(ValueError, match=message):
        model.set_params(device=device).fit(X)


@pytest.mark.parametrize(
    ("weight", "message"),
    [
        (np.zeros(120), "zero"),
        (np.r_[np.zeros(119), 1.0], "Only one row has a sample_weight above zero"),
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


# -- overflow and divergence -----------------------------------------------------------


@pytest.mark.parametrize("scale", [1e-25, 1e-12, 1e12, 1e25])
def test_tiny_and_huge_units_work(model, curved, scale):
    X = curved(120)
    model.set_params(max_iter=60)
    ratio = model.fit(X).pca_ratio_
    codes = model.transform(X)
    model.fit(scale * X)
    assert model.pca_ratio_ == pytest.approx(ratio, rel=0.05)
    np.testing.assert_allclose(model.transform(scale * X) / scale, codes, atol=0.1)


def test_rows_too_far_for_single_precision_name_their_column(model, X):
    model.fit(frame_of(X).astype(np.float32))
    far = frame_of(put(X, 1e25, 2)).astype(np.float32)
    message = "too far from the training rows for single precision in column 'c'. Pass"
    with pytest.raises(ValueError, match=message):
        model.score_samples(far)
    assert np.isfinite(model.score_samples(far.astype(np.float64))).all()


@pytest.mark.parametrize("anchor", ["pca", None])
def test_divergence_keeps_the_best_and_warns(model, curved, anchor, n_rows):
    X = curved(n_rows)
    model.set_params(learning_rate_init=1e30, anchor=anchor)
    with pytest.warns(ConvergenceWarning, match=r"Training diverged; .* Lower"):
        model.fit(X)
    assert np.isfinite(model.reconstruct(X)).all()
    if anchor == "pca":
        assert model.pca_ratio_ == 1.0


def test_divergence_without_held_out_rows_keeps_what_was_finite(model, X):
    model.set_params(learning_rate_init=1e30, early_stopping=False)
    with pytest.warns(ConvergenceWarning, match="diverged"):
        model.fit(X)
    assert np.isfinite(model.reconstruct(X)).all()


class Interrupt:
    """Stands for a user's Ctrl-C after some reports."""

    def __init__(self, after, error=KeyboardInterrupt):
        self.left, self.error = after, error

    def setup(self, estimator, context):
        pass

    def teardown(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context):
        pass

    def on_fit_task_end(self, estimator, context):
        self.left -= 1
        if self.left == 0:
            raise self.error


@pytest.mark.parametrize("params", [{}, {"anchor": None}, {"early_stopping": False}])
def test_an_interrupt_keeps_the_best_so_far_and_warns(model, curved, n_rows, params):
    X = curved(n_rows)
    model.set_params(max_iter=200, **params).set_callbacks(Interrupt(after=2))
    with pytest.warns(ConvergenceWarning, match="Training was interrupted; the best"):
        model.fit(X)
    assert np.isfinite(model.reconstruct(X)).all()
    assert model.n_iter_ < 200


def test_an_interrupt_of_the_last_phase_keeps_the_best_so_far(model, X):
    folds = model.set_params(max_iter=200).fit(X).validation_curve_[1:]
    model.set_callbacks(Interrupt(after=len(folds) + 2))
    with pytest.warns(ConvergenceWarning, match="Training was interrupted"):
        model.fit(X)
    assert np.isfinite(model.reconstruct(X)).all()


# -- what a failed fit leaves behind ---------------------------------------------------

FAILING = {
    "NaN": lambda model, X: model.fit(put(X, np.nan, 1)),
    "strings": lambda model, X: model.fit(frame_of(X, a="red")),
    "sparse": lambda model, X: model.fit(sparse.csr_array(X)),
    "n_components": lambda model, X: model.set_params(n_components=50).fit(X),
    "weights": lambda model, X: model.fit(X, sample_weight=-np.ones(len(X))),
    "device": lambda model, X: model.set_params(device="cuda:99").fit(X),
    "other columns": lambda model, X: model.fit(put(X, np.inf, 1)[:, :4]),
    "during training": lambda model, X: model.set_callbacks(
        Interrupt(after=2, error=RuntimeError)
    ).fit(X[:, :4]),
}


@pytest.mark.parametrize("fail", FAILING.values(), ids=FAILING)
@pytest.mark.parametrize("named", [True, False], ids=["frame", "array"])
def test_a_failed_fit_leaves_the_model_as_it_was(model, X, fail, named):
    table = frame_of(X) if named else X
    codes = model.fit(table).transform(table)
    params, attributes = model.get_params(), dict(vars(model))
    with pytest.raises((ValueError, TypeError, RuntimeError)):
        fail(model, X)
    model.set_params(**params).set_callbacks()
    assert vars(model) == attributes
    np.testing.assert_array_equal(model.transform(table), codes)


@pytest.mark.parametrize("fail", FAILING.values(), ids=FAILING)
def test_a_failed_first_fit_leaves_nothing(model, X, fail):
    with pytest.raises((ValueError, TypeError, RuntimeError)):
        fail(model, X)
    model.set_callbacks()
    assert set(vars(model)) == set(model.get_params())
