"""Parameters that do not fit, divergence, and what a failed fit leaves behind."""

import numpy as np
import pytest
from bad_tables import frame_of, put
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils._param_validation import InvalidParameterError

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
