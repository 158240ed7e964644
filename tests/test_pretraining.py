"""Layerwise pretraining: a better start for deep networks."""

import numpy as np
import pytest
from sklearn.base import clone

from skae import (
    VAE,
    AutoencoderTransformer,
    ContractiveAutoencoder,
    DenoisingAutoencoder,
    SparseAutoencoder,
)

DEEP = {
    "hidden_layer_sizes": (12, 8),
    "max_iter": 60,
    "random_state": 0,
    "pretrain": "layerwise",
}
FAMILY = {
    "anchored": AutoencoderTransformer(2, **DEEP),
    "not anchored": AutoencoderTransformer(2, **DEEP, anchor=None),
    "nested": AutoencoderTransformer(0.8, **DEEP),
    "denoising": DenoisingAutoencoder(2, **DEEP),
    "sparse": SparseAutoencoder(6, **DEEP, sparsity=0.3),
    "contractive": ContractiveAutoencoder(2, **DEEP),
    "VAE": VAE(2, **DEEP),
}


@pytest.mark.parametrize("name", FAMILY)
def test_every_estimator_can_be_pretrained(curved, n_rows, name):
    X = curved(n_rows)
    model = clone(FAMILY[name])
    first = model.fit(X).reconstruct(X)
    assert np.isfinite(first).all()
    np.testing.assert_array_equal(clone(model).fit(X).reconstruct(X), first)


def test_it_starts_nearer_to_the_rows(curved):
    X, params = curved(700), {**DEEP, "anchor": None, "early_stopping": False}
    cold, warm = (
        AutoencoderTransformer(2, **{**params, "pretrain": how}).fit(X)
        for how in (None, "layerwise")
    )
    assert warm.loss_curve_[0] < cold.loss_curve_[0]


def test_an_anchored_network_still_starts_at_pca(curved, n_rows):
    X = curved(n_rows)
    model = AutoencoderTransformer(2, **DEEP).fit(X)
    assert model.validation_curve_[0] == pytest.approx(1.0)


@pytest.mark.parametrize("sizes", [(5,), (9, 7, 5)], ids=str)
@pytest.mark.parametrize("anchor", ["pca", None])
def test_any_number_of_layers_is_pretrained(curved, sizes, anchor):
    X = curved(300)
    model = AutoencoderTransformer(
        2, **{**DEEP, "hidden_layer_sizes": sizes}, anchor=anchor
    )
    assert np.isfinite(model.fit_transform(X)).all()


@pytest.mark.parametrize(
    "model",
    [AutoencoderTransformer(2, hidden_layer_sizes=()), SparseAutoencoder(2)],
    ids=["asked", "auto"],
)
def test_without_hidden_layers_there_is_nothing_to_pretrain(model, X):
    with pytest.raises(ValueError, match="trains hidden layers, and there are none"):
        model.set_params(pretrain="layerwise").fit(X)


def test_it_changes_the_fit(curved, n_rows):
    X = curved(n_rows)
    cold, warm = (
        AutoencoderTransformer(2, **{**DEEP, "pretrain": how}, anchor=None).fit(X)
        for how in (None, "layerwise")
    )
    assert not np.array_equal(cold.transform(X), warm.transform(X))


@pytest.mark.parametrize("how", ["greedy", True])
def test_wrong_ways_are_named(X, how):
    with pytest.raises(ValueError, match="'pretrain' parameter"):
        AutoencoderTransformer(pretrain=how).fit(X)
