"""Layerwise pretraining: a better start for deep networks."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.base import clone
from training_cases import PLAIN, halves, network_of

from skae import (
    VAE,
    AutoencoderTransformer,
    ContractiveAutoencoder,
    DenoisingAutoencoder,
    SparseAutoencoder,
)
from skae._data.dataset import Dataset
from skae._nn.activations import ACTIVATIONS
from skae._training.batches import random_batches
from skae._training.loop import TrainingPlan
from skae._training.pretraining import ActivatedLatent, LayerwisePretraining

DEEP = {
    "hidden_layer_sizes": (12, 8),
    "max_iter": 60,
    "random_state": 0,
    "pretrain": "layerwise",
}
BRIEF = {**DEEP, "max_iter": 20}
FAMILY = {
    "anchored": AutoencoderTransformer(2, **BRIEF),
    "not anchored": AutoencoderTransformer(2, **BRIEF, anchor=None),
    "nested": AutoencoderTransformer(0.8, **BRIEF),
    "denoising": DenoisingAutoencoder(2, **BRIEF),
    "sparse": SparseAutoencoder(6, **BRIEF, sparsity=0.3),
    "contractive": ContractiveAutoencoder(2, **BRIEF),
    "VAE": VAE(2, **BRIEF),
}
NOT_ANCHORED = replace(PLAIN, anchored=False)


@pytest.fixture(params=[1, 2], ids=["single", "stacked"])
def parts(request, curved):
    return halves(curved(300))[: request.param]


def pretraining_of(network, parts, n_steps=300, interrupt_at=None):
    """Return the pretraining of a network, which may be interrupted at a batch."""
    n_read = 0

    def batches():
        nonlocal n_read
        rng = np.random.default_rng(0)
        for batch in random_batches(parts, network.preprocessor, 32, rng):
            n_read += 1
            if n_read == interrupt_at:
                raise KeyboardInterrupt
            yield batch

    plan = TrainingPlan(n_steps, 0.01)
    return LayerwisePretraining(network, batches, plan, 32)


def before_and_after(parts, objective, **options):
    """Return copies of all parameters before and after the pretraining."""
    network = network_of(*parts, objective=objective, hidden_layer_sizes=(9, 7))
    before = {name: view.clone() for name, view in network.params.views.items()}
    pretraining_of(network, parts, **options).run()
    return before, network.params.views


# -- parameters ------------------------------------------------------------------------


@pytest.mark.parametrize("objective", [PLAIN, NOT_ANCHORED], ids=["anchored", "not"])
def test_pretraining_changes_all_that_does_not_start_at_zero(parts, objective):
    before, after = before_and_after(parts, objective)
    same = {name for name in before if torch.equal(before[name], after[name])}
    # The last encoder layer is trained with the network; so is the first decoder layer.
    expected = {
        f"{layer}.{kind}"
        for layer in ("encoder.2", "decoder.0")
        for kind in ("weight", "bias")
    }
    if objective.anchored:
        expected |= {"decoder.2.weight", "decoder.2.bias"}
    assert same == expected


def test_pretraining_leaves_an_anchored_network_at_its_anchor(parts):
    network = network_of(*parts, hidden_layer_sizes=(9, 7))
    pretraining_of(network, parts).run()
    for view in network.architecture.zero_initialized(network.params):
        assert not view.any()


def test_pretraining_of_a_layer_reconstructs_its_inputs(parts):
    network = network_of(*parts, objective=NOT_ANCHORED, hidden_layer_sizes=(9, 7))
    batch = network.preprocess(
        np.stack([part.to_array() for part in parts])
        if len(parts) > 1
        else parts[0].to_array()
    )

    def errors():
        """Return what each layer and its decoder miss of what the layer reads."""
        views, x, found = network.params.views, batch.inputs, []
        for layer in (0, 1):
            y = x @ views[f"encoder.{layer}.weight"] + views[f"encoder.{layer}.bias"]
            y = torch.nn.functional.silu(y)
            name = f"decoder.{2 - layer}"
            back = y @ views[f"{name}.weight"] + views[f"{name}.bias"]
            found.append(float((back - x).square().mean() / x.square().mean()))
            x = y
        return np.array(found)

    before = errors()
    assert not pretraining_of(network, parts, n_steps=1000).run()
    assert (errors() < np.minimum(0.5, 0.5 * before)).all()


@pytest.mark.parametrize(("interrupt_at", "changed"), [(3, []), (50, [0])])
def test_pretraining_keeps_layers_that_were_done_when_interrupted(
    curved, interrupt_at, changed
):
    part = Dataset(curved(300))
    network = network_of(part, hidden_layer_sizes=(9, 7))
    views = network.params.views
    before = {name: view.clone() for name, view in views.items()}
    assert pretraining_of(network, [part], 200, interrupt_at).run()  # 40 steps a layer
    names = [f"encoder.{layer}.weight" for layer in (0, 1)]
    found = [i for i, n in enumerate(names) if not torch.equal(views[n], before[n])]
    assert found == changed


@pytest.mark.parametrize("activation", sorted(ACTIVATIONS))
def test_activated_latent_agrees_with_autograd(activation):
    generator = torch.Generator().manual_seed(0)
    outputs, grad = torch.randn(2, 5, 3, generator=generator, dtype=torch.float64)
    layer = ActivatedLatent(ACTIVATIONS[activation])
    codes = layer.forward(outputs.clone())

    def phi(x):
        out = torch.empty_like(x)
        ACTIVATIONS[activation].forward(x.clone(), out=out)
        return out

    step = 1e-6
    slope = (phi(outputs + step) - phi(outputs - step)) / (2 * step)
    torch.testing.assert_close(codes, phi(outputs), rtol=0, atol=0)
    torch.testing.assert_close(
        layer.backward(grad.clone()), slope * grad, rtol=1e-6, atol=1e-8
    )


# -- estimators ------------------------------------------------------------------------


@pytest.mark.parametrize("name", FAMILY)
def test_pretraining_works_in_every_estimator(curved, n_rows, name):
    X = curved(n_rows)
    model = clone(FAMILY[name])
    first = model.fit(X).reconstruct(X)
    assert np.isfinite(first).all()
    np.testing.assert_array_equal(clone(model).fit(X).reconstruct(X), first)


def test_pretraining_starts_nearer_to_the_samples(curved):
    X, params = curved(700), {**DEEP, "anchor": None, "early_stopping": False}
    cold, warm = (
        AutoencoderTransformer(2, **{**params, "pretrain": how}).fit(X)
        for how in (None, "layerwise")
    )
    assert warm.loss_curve_[0] < cold.loss_curve_[0]


def test_pretraining_of_an_anchored_network_still_starts_at_pca(curved, n_rows):
    X = curved(n_rows)
    model = AutoencoderTransformer(2, **BRIEF).fit(X)
    assert model.validation_curve_[0] == pytest.approx(1.0)


@pytest.mark.parametrize("sizes", [(5,), (9, 7, 5)], ids=str)
@pytest.mark.parametrize("anchor", ["pca", None])
def test_pretraining_trains_any_number_of_layers(curved, sizes, anchor):
    X = curved(200)
    model = AutoencoderTransformer(
        2, **{**BRIEF, "hidden_layer_sizes": sizes}, anchor=anchor
    )
    assert np.isfinite(model.fit_transform(X)).all()


@pytest.mark.parametrize(
    "model",
    [AutoencoderTransformer(2, hidden_layer_sizes=()), SparseAutoencoder(2)],
    ids=["given", "auto"],
)
def test_pretraining_needs_hidden_layers(model, X):
    with pytest.raises(ValueError, match="trains hidden layers, and there are none"):
        model.set_params(pretrain="layerwise").fit(X)


def test_pretraining_changes_the_fit(curved, n_rows):
    X = curved(n_rows)
    cold, warm = (
        AutoencoderTransformer(2, **{**BRIEF, "pretrain": how}, anchor=None).fit(X)
        for how in (None, "layerwise")
    )
    assert not np.array_equal(cold.transform(X), warm.transform(X))


@pytest.mark.parametrize("how", ["greedy", True])
def test_pretraining_names_wrong_values(X, how):
    with pytest.raises(ValueError, match="'pretrain' parameter"):
        AutoencoderTransformer(pretrain=how).fit(X)
