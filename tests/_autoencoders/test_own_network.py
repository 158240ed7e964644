import pickle
from functools import partial

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.decomposition import PCA
from torch import nn

from skae import (
    VAE,
    AutoencoderTransformer,
    ContractiveAutoencoder,
    DenoisingAutoencoder,
    SparseAutoencoder,
)
from skae.metrics import reconstruction_error, reconstruction_r2


def dense(n_features, n_components, width=32, outputs=None):
    return (
        nn.Sequential(
            nn.Linear(n_features, width),
            nn.SiLU(),
            nn.Linear(width, outputs or n_components),
        ),
        nn.Sequential(
            nn.Linear(n_components, width), nn.SiLU(), nn.Linear(width, n_features)
        ),
    )


def posterior(n_features, n_components):
    return dense(n_features, n_components, outputs=2 * n_components)


def normalised(n_features, n_components):
    encoder, decoder = dense(n_features, n_components)
    encoder.insert(1, nn.BatchNorm1d(32))
    return encoder, decoder


def dropping(n_features, n_components):
    encoder, decoder = dense(n_features, n_components)
    decoder.insert(1, nn.Dropout(0.2))
    return encoder, decoder


class Tied(nn.Module):
    """A decoder with the weight of its encoder."""

    def __init__(self, encoder):
        super().__init__()
        self.encoder = encoder

    def forward(self, codes):
        return codes @ self.encoder.weight


def tied(n_features, n_components):
    encoder = nn.Linear(n_features, n_components)
    return encoder, Tied(encoder)


def partly_frozen(n_features, n_components):
    encoder, decoder = dense(n_features, n_components)
    encoder[0].requires_grad_(False)
    return encoder, decoder


class Recurrent(nn.Module):
    """An encoder that reads the features one after the other."""

    def __init__(self, n_components):
        super().__init__()
        self.reader = nn.GRU(1, 8, batch_first=True)
        self.last = nn.Linear(8, n_components)

    def forward(self, x):
        return self.last(self.reader(x[..., None])[0][:, -1])


def recurrent(n_features, n_components):
    return Recurrent(n_components), nn.Linear(n_components, n_features)


FACTORIES = [dense, normalised, dropping, tied, partly_frozen, recurrent]
FAMILY = {
    "plain": AutoencoderTransformer(2, network=dense),
    "not anchored": AutoencoderTransformer(2, network=dense, anchor=None),
    "whitened": AutoencoderTransformer(2, network=dense, whiten=True),
    "absolute": AutoencoderTransformer(2, network=dense, loss="absolute_error"),
    "plainly": AutoencoderTransformer(2, network=dense, early_stopping=False),
    "denoising": DenoisingAutoencoder(2, network=dense),
    "sparse": SparseAutoencoder(8, network=dense, sparsity=0.3),
    "topk": SparseAutoencoder(8, network=dense, sparsity=0.3, penalty="topk"),
    "contractive": ContractiveAutoencoder(2, network=dense),
    "VAE": VAE(2, network=posterior),
    "VAE, not anchored": VAE(2, network=posterior, anchor=None),
}
METHODS = ["transform", "reconstruct", "score_samples", "jacobian_norm"]


@pytest.fixture
def learner():
    return AutoencoderTransformer(2, network=dense, max_iter=200, random_state=0)


@pytest.fixture
def model():
    return AutoencoderTransformer(2, network=dense, max_iter=20, random_state=0)


# -- every estimator -------------------------------------------------------------------


@pytest.mark.parametrize("name", FAMILY)
def test_network_fits_in_every_estimator(curved, n_samples, name):
    X = curved(n_samples)
    n_steps = 70 if name == "VAE" else 30  # until it is better than its anchor
    model = clone(FAMILY[name]).set_params(max_iter=n_steps, random_state=0).fit(X)
    assert model._state["architecture"]["factory"] is model.network
    assert model.loss_curve_[-1] < model.loss_curve_[0]
    codes = model.transform(X)
    assert codes.shape == (n_samples, model.n_components_)
    np.testing.assert_allclose(model.inverse_transform(codes), model.reconstruct(X))
    again = clone(model).fit(X)
    loaded = pickle.loads(pickle.dumps(model))
    for method in METHODS:
        expected = getattr(model, method)(X)
        assert np.isfinite(expected).all()
        np.testing.assert_array_equal(getattr(again, method)(X), expected)
        np.testing.assert_array_equal(getattr(loaded, method)(X), expected)


@pytest.mark.parametrize("factory", FACTORIES, ids=lambda factory: factory.__name__)
@pytest.mark.parametrize("anchor", ["pca", None])
def test_network_of_any_modules_fits_to_the_same_model(
    model, curved, n_samples, factory, anchor
):
    X = curved(n_samples)
    model.set_params(network=factory, anchor=anchor)
    first = model.fit(X).reconstruct(X)
    assert np.isfinite(first).all()
    np.testing.assert_array_equal(model.reconstruct(X), first)
    np.testing.assert_allclose(model.reconstruct(X[:3]), first[:3], rtol=1e-9)
    np.testing.assert_array_equal(clone(model).fit(X).reconstruct(X), first)
    if anchor is None:
        other = clone(model).set_params(random_state=1).fit(X).reconstruct(X)
        assert not np.array_equal(other, first)


def test_frozen_parameters_stay_as_they_were(model, X_large):
    kept = []

    def factory(n_features, n_components):
        pair = partly_frozen(n_features, n_components)
        kept.append(pair[0][0].weight.detach().clone())
        return pair

    model.set_params(network=factory, early_stopping=False).fit(X_large)
    weight = torch.from_numpy(model._state["weights"]["encoder.0.weight.bias"])
    assert any(torch.equal(weight, one) for one in kept)


# -- what it learns --------------------------------------------------------------------


@pytest.mark.parametrize("factory", [dense, normalised])
def test_network_improves_on_pca_for_curved_tables(learner, curved, n_samples, factory):
    X, new = curved(n_samples), curved(500, seed=1)
    learner.set_params(network=factory).fit(X)
    assert learner.pca_ratio_ < 0.9
    error = reconstruction_error(PCA(2).fit(X), new)
    assert reconstruction_error(learner, new) < 0.9 * error


def test_network_is_dropped_where_pca_is_as_good(model, linear, n_samples):
    X = linear(n_samples)
    model.set_params(learning_rate_init=1e-12).fit(X)
    assert model.pca_ratio_ == 1.0
    np.testing.assert_allclose(model.transform(X), PCA(2).fit_transform(X), atol=1e-5)


def test_training_starts_at_pca_with_any_network(model, X_large):
    for factory in FACTORIES:
        model.set_params(network=factory).fit(X_large)
        assert model.validation_curve_[0] == pytest.approx(1.0)


def test_network_learns_without_an_anchor(learner, curved, n_samples):
    X, new = curved(n_samples), curved(500, seed=1)
    learner.set_params(anchor=None).fit(X)
    assert reconstruction_r2(learner, new) > 0.5


@pytest.mark.parametrize("anchor", ["pca", None])
def test_dense_network_is_as_good_as_the_built_in_one(curved, anchor):
    X, new = curved(700), curved(500, seed=1)
    shared = {"anchor": anchor, "max_iter": 300, "random_state": 0}
    own = AutoencoderTransformer(2, network=dense, **shared).fit(X)
    built_in = AutoencoderTransformer(2, hidden_layer_sizes=(32,), **shared).fit(X)
    assert reconstruction_r2(own, new) > reconstruction_r2(built_in, new) - 0.1


def test_samples_far_outside_are_reconstructed_about_as_by_pca(learner, curved):
    X = curved(700)
    far = 1e4 * np.random.default_rng(0).normal(size=(50, 6))
    pca = PCA(2).fit(X)
    errors = np.mean((pca.inverse_transform(pca.transform(far)) - far) ** 2, axis=1)
    np.testing.assert_allclose(-learner.fit(X).score_samples(far), errors, rtol=0.2)


@pytest.mark.parametrize("params", [{}, {"anchor": None}])
def test_warm_start_continues_training(learner, X_large, params):
    learner.set_params(warm_start=True, max_iter=100, **params).fit(X_large)
    first = learner.score(X_large)
    learner.set_params(max_iter=400).fit(X_large)
    assert learner.score(X_large) > first


def test_warm_start_needs_the_same_network(learner, X_large):
    learner.set_params(warm_start=True, max_iter=100).fit(X_large)
    for other in (tied, None):
        learner.set_params(network=other)
        with pytest.raises(ValueError, match="warm_start=True goes on"):
            learner.fit(X_large)


# -- side effects ----------------------------------------------------------------------


@pytest.mark.parametrize("factory", [dense, dropping], ids=["dense", "dropping"])
def test_global_random_states_are_neither_used_nor_changed(
    model, curved, n_samples, factory, global_states
):
    X = curved(n_samples)
    model.set_params(network=factory)
    expected = clone(model).fit(X).transform(X)
    torch.manual_seed(12345)
    before = global_states()
    codes = model.fit(X).transform(X)
    model.jacobian_norm(X)
    np.testing.assert_equal(global_states(), before)
    np.testing.assert_array_equal(codes, expected)


def test_gradient_mode_is_restored(model, X):
    for enabled in (True, False):
        with torch.set_grad_enabled(enabled):
            model.fit(X).jacobian_norm(X)
            assert torch.is_grad_enabled() is enabled


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_fit_works_where_gradients_are_disabled(model, X, mode):
    expected = clone(model).fit(X).transform(X)
    with mode():
        codes = model.fit(X).transform(X)
        assert np.isfinite(model.jacobian_norm(X)).all()
    np.testing.assert_array_equal(codes, expected)


def test_network_may_be_any_callable(model, X):
    expected = model.fit(X).transform(X)
    model.set_params(network=partial(dense, width=32)).fit(X)
    np.testing.assert_array_equal(model.transform(X), expected)
    loaded = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(loaded.transform(X), expected)


def test_network_is_called_with_the_sizes(model, X):
    asked = set()

    def factory(*sizes):
        asked.add(sizes)
        return dense(*sizes)

    model.set_params(network=factory, n_components=3).fit(X)
    assert asked == {(6, 3)}
    assert all(type(size) is int for size in next(iter(asked)))


def test_n_components_none_is_what_pca_needs(model, X):
    model.set_params(n_components=None).fit(X)
    expected = PCA(0.95, svd_solver="full").fit(X).n_components_
    assert abs(model.n_components_ - expected) <= 1


# -- errors ----------------------------------------------------------------------------


def test_share_of_the_variance_needs_codes_that_can_be_cut(model, X):
    with pytest.raises(ValueError, match=r"n_components=0.9, a share .* Give an int"):
        model.set_params(n_components=0.9).fit(X)


@pytest.mark.parametrize("network", ["dense", 3, nn.Linear(6, 2).weight.detach()])
def test_network_must_be_callable(model, X, network):
    with pytest.raises(ValueError, match="'network' parameter"):
        model.set_params(network=network).fit(X)


def short(n_features, n_components):
    return nn.Linear(n_features, 1), nn.Linear(n_components, n_features)


def encoder_only(n_features, n_components):
    return nn.Linear(n_features, n_components)


def mismatched(n_features, n_components):
    return nn.Linear(99, n_components), nn.Linear(n_components, n_features)


@pytest.mark.parametrize("anchor", ["pca", None])
@pytest.mark.parametrize(
    ("factory", "message"),
    [
        (short, r"network's encoder must turn samples of 6 values into 2"),
        (encoder_only, r"network must return two torch.nn.Module, .* returned Linear"),
        (mismatched, r"network's encoder must turn samples of 6 values into 2"),
    ],
)
def test_wrong_networks_are_refused_before_training(
    model, curved, n_samples, factory, message, anchor
):
    model.set_params(network=factory, anchor=anchor)
    with pytest.raises((ValueError, TypeError), match=message):
        model.fit(curved(n_samples))
    assert not hasattr(model, "n_features_in_")


def test_encoder_of_a_vae_returns_means_and_variances(X):
    with pytest.raises(
        ValueError, match="encoder must turn samples of 6 values into 4"
    ):
        VAE(2, network=dense).fit(X)


class Masked(nn.Module):
    """A layer of whose weights a random half is missing, and that works in place."""

    def __init__(self, n_in, n_out):
        super().__init__()
        self.layer = nn.Linear(n_in, n_out)
        self.register_buffer("mask", torch.rand(n_out, n_in) < 0.5)

    def forward(self, x):
        x.mul_(0.5)
        return nn.functional.linear(x, self.layer.weight * self.mask, self.layer.bias)


def masked(n_features, n_components):
    encoder = nn.Sequential(Masked(n_features, 16), nn.SiLU(), nn.Linear(16, 2))
    return encoder, nn.Sequential(Masked(n_components, 16), nn.Linear(16, n_features))


def test_random_buffers_stay_the_same(X_large):
    params = {"anchor": None, "max_iter": 400, "random_state": 3}
    model = AutoencoderTransformer(2, network=masked, **params).fit(X_large)
    pca = PCA(2).fit(X_large)
    errors = [((X_large - m) ** 2).mean() for m in (
        model.reconstruct(X_large), pca.inverse_transform(pca.transform(X_large))
    )]  # fmt: skip
    assert errors[0] / errors[1] == pytest.approx(model.pca_ratio_, rel=0.3)


def test_network_must_make_new_modules_at_each_call(X_large):
    made = dense(6, 2)
    with pytest.raises(ValueError, match="must make new modules at each call"):
        AutoencoderTransformer(2, network=lambda d, k: made).fit(X_large)
