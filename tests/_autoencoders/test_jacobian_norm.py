"""`jacobian_norm` against finite differences of `transform`."""

import functools

import numpy as np
import pytest
from estimator_cases import OwnNetwork
from sklearn.base import clone
from sklearn.decomposition import PCA

from skae import (
    VAE,
    AutoencoderTransformer,
    ContractiveAutoencoder,
    DenoisingAutoencoder,
    SparseAutoencoder,
)

TRAINED = {"hidden_layer_sizes": (16, 8), "max_iter": 150, "random_state": 0}
OWN = {"network": OwnNetwork(32), "max_iter": 120, "random_state": 0}
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
    "VAE, probabilistic PCA": VAE(2, max_iter=1, learning_rate_init=1e-12),
    "own network": AutoencoderTransformer(2, **OWN),
    "own network, not anchored": AutoencoderTransformer(2, **OWN, anchor=None),
    "own network, whitened": AutoencoderTransformer(2, **OWN, whiten=True),
    "own network, denoising": DenoisingAutoencoder(2, **OWN),
    "own network, contractive": ContractiveAutoencoder(2, **OWN),
    "own network, VAE": VAE(2, **OWN | {"network": OwnNetwork(32, outputs=2)}),
}


def by_differences(model, X, step=1e-5):
    """Return the squared norm of each sample's Jacobian from differences of codes."""
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
    """Samples off the edge of the training range, where codes have a kink."""
    low, high = np.quantile(table, [0.02, 0.98], axis=0)
    inside = ((table > low) & (table < high)).all(axis=1)
    assert inside.sum() > 400
    return table[inside]


@pytest.fixture(scope="module")
def fitted(table):
    return functools.cache(lambda name: clone(SMOOTH[name]).fit(table))


@pytest.mark.parametrize("name", SMOOTH)
def test_jacobian_norm_is_that_of_finite_differences(fitted, inner, name):
    model = fitted(name)
    norms = model.jacobian_norm(inner)
    assert norms.shape == (len(inner),)
    np.testing.assert_allclose(norms, by_differences(model, inner), rtol=1e-4)


def test_jacobian_norm_is_zero_in_features_outside_the_training_range(fitted, inner):
    model = fitted("not anchored")
    far, farther = inner[:50].copy(), inner[:50].copy()
    far[:, 0], farther[:, 0] = 100, 200
    norms = model.jacobian_norm(far)
    np.testing.assert_allclose(norms, by_differences(model, far), rtol=1e-4)
    np.testing.assert_allclose(norms, model.jacobian_norm(farther))


def test_jacobian_norm_far_outside_is_that_of_pca(fitted, inner):
    model = fitted("anchored")
    far = inner + 1e4
    np.testing.assert_allclose(model.jacobian_norm(far), 2, rtol=1e-3)


def test_jacobian_norm_of_pca_is_the_number_of_codes(linear):
    X = linear(300)
    model = ContractiveAutoencoder(3, max_iter=1, learning_rate_init=1e-12).fit(X)
    np.testing.assert_allclose(model.jacobian_norm(X), 3)
    model.set_params(whiten=True).fit(X)
    variances = PCA(3).fit(X).explained_variance_
    np.testing.assert_allclose(model.jacobian_norm(X), (1 / variances).sum(), rtol=1e-6)


def test_jacobian_norm_has_the_precision_of_the_samples(fitted, inner):
    model = fitted("contractive")
    single = model.jacobian_norm(inner.astype(np.float32))
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, model.jacobian_norm(inner), rtol=1e-3)
