import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA

from skae import (
    VAE,
    AutoencoderTransformer,
    ContractiveAutoencoder,
    DenoisingAutoencoder,
    SparseAutoencoder,
)

TRAINED = {"hidden_layer_sizes": (16, 8), "max_iter": 150, "random_state": 0}
SMOOTH = {
    "anchored": AutoencoderTransformer(2, **TRAINED),
    "not anchored": AutoencoderTransformer(3, **TRAINED, anchor=None),
    "whitened": AutoencoderTransformer(2, **TRAINED, whiten=True),
    "tanh": AutoencoderTransformer(2, **TRAINED, activation="tanh"),
    "gelu": AutoencoderTransformer(2, **TRAINED, activation="gelu"),
    "nested": AutoencoderTransformer(0.8, **TRAINED),
    "PCA": AutoencoderTransformer(2, max_iter=1, learning_rate_init=1e-12),
    "whitened PCA": AutoencoderTransformer(
        2, max_iter=1, learning_rate_init=1e-12, whiten=True
    ),
    "denoising": DenoisingAutoencoder(2, **TRAINED),
    "sparse": SparseAutoencoder(4, **TRAINED, sparsity=0.3),
    "contractive": ContractiveAutoencoder(2, **TRAINED),
    "contractive, whitened": ContractiveAutoencoder(
        2, **TRAINED, whiten=True, anchor=None
    ),
    "VAE": VAE(2, **TRAINED),
    "VAE, not anchored": VAE(2, **TRAINED, anchor=None),
    "VAE, nothing learned": VAE(2, max_iter=1, learning_rate_init=1e-12),
}


def by_differences(model, X, step=1e-5):
    """Return the squared norm of each row's Jacobian from differences of codes."""
    total = np.zeros(len(X))
    for move in step * np.eye(X.shape[1]):
        change = model.transform(X + move) - model.transform(X - move)
        total += np.square(change / (2 * step)).sum(axis=1)
    return total


@pytest.fixture(scope="module")
def table(curved):
    return curved(700) * [1, 2, 3, 1, 2, 3] + 5


@pytest.fixture(scope="module")
def inner(table):
    """Rows that are not on the edge of the training range, where codes have a kink."""
    low, high = np.quantile(table, [0.02, 0.98], axis=0)
    inside = ((table > low) & (table < high)).all(axis=1)
    assert inside.sum() > 400
    return table[inside]


# -- the norm that is reported ---------------------------------------------------------


@pytest.mark.parametrize("name", SMOOTH)
def test_the_norm_is_that_of_finite_differences(table, inner, name):
    model = SMOOTH[name].fit(table)
    norms = model.jacobian_norm(inner)
    assert norms.shape == (len(inner),)
    np.testing.assert_allclose(norms, by_differences(model, inner), rtol=1e-4)


def test_a_column_outside_the_training_range_has_no_part_in_the_norm(table, inner):
    model = SMOOTH["not anchored"].fit(table)
    far, farther = inner[:50].copy(), inner[:50].copy()
    far[:, 0], farther[:, 0] = 100, 200
    norms = model.jacobian_norm(far)
    np.testing.assert_allclose(norms, by_differences(model, far), rtol=1e-4)
    np.testing.assert_allclose(norms, model.jacobian_norm(farther))


def test_far_out_the_norm_of_an_anchored_model_is_pca_s(table, inner):
    model = SMOOTH["anchored"].fit(table)
    far = inner + 1e4
    np.testing.assert_allclose(model.jacobian_norm(far), 2, rtol=1e-3)


def test_pca_s_norm_is_the_number_of_its_codes(linear):
    X = linear(300)
    model = ContractiveAutoencoder(3, max_iter=1, learning_rate_init=1e-12).fit(X)
    np.testing.assert_allclose(model.jacobian_norm(X), 3)
    model.set_params(whiten=True).fit(X)
    variances = PCA(3).fit(X).explained_variance_
    np.testing.assert_allclose(model.jacobian_norm(X), (1 / variances).sum(), rtol=1e-6)


def test_rows_of_single_precision_have_norms_of_single_precision(table, inner):
    model = SMOOTH["contractive"].fit(table)
    single = model.jacobian_norm(inner.astype(np.float32))
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, model.jacobian_norm(inner), rtol=1e-3)


# -- contraction -----------------------------------------------------------------------


@pytest.mark.parametrize("anchor", ["pca", None])
def test_contraction_shrinks_the_norm(curved, n_samples, anchor):
    X, new = curved(n_samples), curved(500, seed=1)
    params = {**TRAINED, "max_iter": 300, "early_stopping": False}
    norms = [
        ContractiveAutoencoder(2, contraction=contraction, anchor=anchor, **params)
        .fit(X)
        .jacobian_norm(new)
        .mean()
        for contraction in (0.0, 0.1, 3.0)
    ]
    assert norms[2] < norms[1] < norms[0]
    assert norms[2] < 0.5 * norms[0]


def test_without_contraction_it_is_the_plain_autoencoder(curved, n_samples):
    X = curved(n_samples)
    plain = AutoencoderTransformer(2, **TRAINED).fit(X)
    free = ContractiveAutoencoder(2, contraction=0.0, **TRAINED).fit(X)
    np.testing.assert_array_equal(free.transform(X), plain.transform(X))


def test_the_gain_over_pca_counts_the_contraction(curved, n_samples):
    X = curved(n_samples)
    model = ContractiveAutoencoder(2, **TRAINED).fit(X)
    assert model.validation_curve_[0] == pytest.approx(1.0)
    assert 0 < model.pca_ratio_ < 1


@pytest.mark.parametrize("scale", [1e-4, 1e4])
def test_units_of_the_table_do_not_matter(curved, scale):
    X = curved(700)
    one, other = (
        ContractiveAutoencoder(2, contraction=1.0, **TRAINED).fit(table)
        for table in (X, scale * X)
    )
    assert other.pca_ratio_ == pytest.approx(one.pca_ratio_, abs=0.1)
    np.testing.assert_allclose(
        other.jacobian_norm(scale * X).mean(), one.jacobian_norm(X).mean(), rtol=0.3
    )


@pytest.mark.parametrize(
    "params",
    [{"loss": "absolute_error"}, {"n_components": 0.8}, {"activation": "relu"}],
)
def test_every_mode_fits(curved, n_samples, params, quick):
    X = curved(n_samples)
    model = ContractiveAutoencoder(**{"n_components": 2, **quick, **params})
    assert np.isfinite(model.fit_transform(X)).all()
    assert (model.jacobian_norm(X) > 0).all()


@pytest.mark.parametrize("contraction", [-0.1, "much", None])
def test_wrong_weights_are_named(X, contraction):
    with pytest.raises(ValueError, match="'contraction' parameter"):
        ContractiveAutoencoder(2, contraction=contraction).fit(X)


def test_codes_stay_where_they_are_beyond_the_training_range():
    X = load_digits().data / 16
    params = {"hidden_layer_sizes": (64,), "max_iter": 300, "random_state": 0}
    model = ContractiveAutoencoder(4, contraction=1.0, **params).fit(X)
    codes = model.transform(X)
    noisy = X + 0.05 * np.random.default_rng(0).normal(size=X.shape)
    moved = ((model.transform(noisy) - codes) ** 2).sum(axis=1).mean()
    assert moved < 0.05 * codes.var(axis=0).sum()
    outside = np.where(X == X.min(axis=0), X - 1, X)
    np.testing.assert_allclose(model.transform(outside), codes, atol=1e-8)
