"""Whatever the table: a finite model or a clear error."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.decomposition import PCA

from skae import AutoencoderTransformer

METHODS = ["transform", "reconstruct", "score_samples"]
ordinary = st.integers(-(10**4), 10**4).map(lambda i: i / 100) | st.sampled_from([0, 1])
any_finite = st.floats(allow_nan=False, allow_infinity=False) | ordinary
any_single = st.floats(allow_nan=False, allow_infinity=False, width=32) | ordinary


def tables(elements, dtype=np.float64, most=24):
    shapes = st.tuples(st.integers(1, most), st.integers(1, 5))
    return shapes.flatmap(lambda shape: arrays(dtype, shape, elements=elements))


def autoencoder(**params):
    quick = {"hidden_layer_sizes": (4,), "max_iter": 5, "random_state": 0}
    return AutoencoderTransformer(**{**quick, **params})


sizes = st.none() | st.integers(1, 4) | st.sampled_from([0.5, 0.95])
options = st.fixed_dictionaries(
    {
        "n_components": sizes,
        "anchor": st.sampled_from(["pca", None]),
        "whiten": st.booleans(),
        "early_stopping": st.booleans(),
        "loss": st.sampled_from(["squared_error", "absolute_error", "huber"]),
    }
)
REASONS = (
    "minimum of 2 is required",
    "must be between 1 and",
    "would overflow",
    "for single precision in column",
)


def unless_refused(call, *args, **kwargs):
    """Call; None if that is refused for one of the reasons that there are."""
    try:
        return call(*args, **kwargs)
    except ValueError as error:
        if not any(reason in str(error) for reason in REASONS):
            raise
        return None


@pytest.mark.parametrize(
    ("elements", "dtype"),
    [(any_finite, np.float64), (any_single, np.float32), (ordinary, np.float64)],
    ids=["float64", "float32", "ordinary"],
)
@given(data=st.data(), params=options)
def test_finite_tables_give_finite_results_or_a_clear_error(
    elements, dtype, data, params
):
    X = data.draw(tables(elements, dtype))
    model = unless_refused(autoencoder(**params).fit, X)
    codes = model and unless_refused(model.transform, X)
    if codes is None:
        return
    assert codes.shape == (len(X), model.n_components_)
    assert codes.dtype == dtype
    assert model.inverse_transform(codes).shape == X.shape
    assert np.isfinite(model.explained_variance_ratio_).all()
    for method in METHODS:
        result = unless_refused(getattr(model, method), X)
        assert result is None or np.isfinite(result).all()
    if isinstance(params["n_components"], int):
        assert model.n_components_ == params["n_components"]


@given(tables(ordinary), st.data(), options)
def test_any_weights_give_finite_results(X, data, params):
    weight = data.draw(arrays(np.float64, len(X), elements=st.floats(0, 1e6)))
    assume((weight > 0).sum() > 1)
    model = unless_refused(autoencoder(**params).fit, X, sample_weight=weight)
    assume(model is not None)
    assert np.isfinite(model.reconstruct(X)).all()


@given(tables(ordinary), st.randoms(use_true_random=False), options)
def test_order_of_samples_does_not_matter(X, random, params):
    order = np.array(random.sample(range(len(X)), len(X)))
    model = unless_refused(autoencoder(**params).fit, X)
    assume(model is not None)
    again = autoencoder(**params).fit(X[order])
    for method in METHODS:
        samples = getattr(model, method)(X)
        close = {"rtol": 1e-6, "atol": 1e-9 * (1 + np.square(X).max())}
        np.testing.assert_allclose(
            getattr(model, method)(X[order]), samples[order], **close
        )
        np.testing.assert_array_equal(getattr(again, method)(X), samples)


@st.composite
def graded(draw):
    """A table whose directions have variances that are clearly apart."""
    rng = np.random.default_rng(draw(st.integers(0, 999)))
    n_samples, n_features = draw(st.integers(12, 40)), draw(st.integers(1, 6))
    left = np.linalg.qr(rng.normal(size=(n_samples, n_features)))[0]
    right = np.linalg.qr(rng.normal(size=(n_features, n_features)))[0]
    scale, shift = 10.0 ** draw(st.integers(-6, 6)), draw(st.integers(-9, 9))
    return scale * (left * 0.6 ** np.arange(n_features) @ right + shift)


@given(graded(), st.integers(1, 6), st.booleans())
def test_model_that_keeps_its_anchor_is_pca(X, k, whiten):
    k = min(k, X.shape[1])
    model = autoencoder(n_components=k, learning_rate_init=1e-12, whiten=whiten).fit(X)
    assert model.pca_ratio_ == 1.0
    pca = PCA(k, whiten=whiten).fit(X)
    codes = pca.transform(X)
    np.testing.assert_allclose(
        model.transform(X), codes, atol=1e-5 * np.abs(codes).max()
    )
    np.testing.assert_allclose(
        model.reconstruct(X), pca.inverse_transform(codes), atol=1e-5 * np.ptp(X)
    )


@given(tables(ordinary), st.floats(1e-3, 1e3), st.floats(-1e3, 1e3))
def test_scale_and_shift_do_not_matter_to_pca(X, scale, shift):
    assume(len(X) > 1 and (np.ptp(X, axis=0) > 0.1).all())
    first = autoencoder(n_components=1, learning_rate_init=1e-12).fit(X)
    moved = autoencoder(n_components=1, learning_rate_init=1e-12).fit(scale * X + shift)
    np.testing.assert_allclose(
        moved.reconstruct(scale * X + shift),
        scale * first.reconstruct(X) + shift,
        atol=1e-6 * (scale * np.abs(X).max() + abs(shift)),
    )


@given(tables(ordinary), st.integers(0, 9))
def test_table_is_never_changed(X, seed):
    assume(len(X) > 1)
    before = X.copy()
    X.setflags(write=False)
    model = autoencoder(n_components=1, random_state=seed).fit(X)
    for method in METHODS:
        getattr(model, method)(X)
    np.testing.assert_array_equal(X, before)
