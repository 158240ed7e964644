import math

import numpy as np
import pytest
import torch
from training_cases import parameter_buffer

from skae._training.optimizer import (
    AdamW,
    AdaptiveGradientClipping,
    Optimizer,
    cosine_schedule,
)

FUSED = pytest.mark.parametrize("fused", [True, False], ids=["fused", "plain"])


def set_kernel(monkeypatch, *, fused):
    if not fused:
        monkeypatch.delattr(torch, "_fused_adam_")


# -- schedule --------------------------------------------------------------------------


@pytest.mark.parametrize("n_steps", [1, 2, 10, 600, 2000])
def test_cosine_schedule_warms_up_and_falls(n_steps):
    rates = np.array(
        [cosine_schedule(step, n_steps, 3e-3) for step in range(n_steps + 1)]
    )
    warm = max(1, n_steps // 10)
    assert rates.max() == rates[warm - 1] == pytest.approx(3e-3)
    assert (np.diff(rates[:warm]) > 0).all()
    assert (np.diff(rates[warm:]) < 0).all()
    assert (rates[:-1] > 0).all()


@pytest.mark.parametrize("n_steps", [2, 10, 600])
def test_cosine_schedule_ends_at_zero(n_steps):
    assert cosine_schedule(n_steps, n_steps, 1.0) == pytest.approx(0)


def test_cosine_schedule_is_half_the_peak_in_the_middle():
    assert cosine_schedule(550, 1000, 1.0) == pytest.approx(0.5)


# -- AdamW -----------------------------------------------------------------------------


def adam_by_hand(start, gradients, rates):
    """Write Adam as its paper does, one parameter vector in float64."""
    x, mean, square = start.copy(), 0.0, 0.0
    for t, (gradient, rate) in enumerate(zip(gradients, rates, strict=True), 1):
        mean = 0.9 * mean + 0.1 * gradient
        square = 0.999 * square + 0.001 * gradient**2
        x -= rate * mean / (1 - 0.9**t) / (np.sqrt(square / (1 - 0.999**t)) + 1e-8)
    return x


@pytest.mark.parametrize("n_models", [None, 2])
@FUSED
def test_adamw_agrees_with_the_paper(monkeypatch, device, fused, n_models):
    set_kernel(monkeypatch, fused=fused)
    params = parameter_buffer(n_models, fill=1.0, device=device)
    grads = params.zeros_like()
    adam = AdamW(params, grads, weight_decay=0.0)
    rng = np.random.default_rng(0)
    sizes = np.tile([1e-3, 1, 50], 10)[:, None]
    gradients = rng.normal(size=(30, params.flat.numel())) * sizes
    rates = [cosine_schedule(t, 30, 1e-2) for t in range(30)]
    for gradient, rate in zip(gradients, rates, strict=True):
        grads.flat.copy_(torch.from_numpy(gradient).float())
        adam.step(rate)
    expected = adam_by_hand(np.ones(params.flat.numel()), gradients, rates)
    np.testing.assert_allclose(params.flat.cpu(), expected, rtol=1e-4)


@FUSED
def test_adamw_decays_weights_only(monkeypatch, fused):
    set_kernel(monkeypatch, fused=fused)
    params = parameter_buffer(fill=1.0)
    adam = AdamW(params, params.zeros_like(), weight_decay=0.5)
    for _ in range(80):
        adam.step(0.01)
    assert params.views["a.bias"].unique().tolist() == [1.0]
    torch.testing.assert_close(
        params.views["a.weight"], torch.full((4, 3), math.exp(-80 * 0.01 * 0.5))
    )


def test_adamw_agrees_without_the_fused_kernel(monkeypatch):
    results = []
    for fused in (True, False):
        set_kernel(monkeypatch, fused=fused)
        params = parameter_buffer(fill=2.0)
        grads = params.zeros_like()
        adam = AdamW(params, grads, weight_decay=0.1)
        for step in range(50):
            grads.flat.copy_(params.flat)
            adam.step(cosine_schedule(step, 50, 0.05))
        results.append(params.flat)
    torch.testing.assert_close(*results, rtol=1e-5, atol=1e-6)


def test_torch_still_has_the_private_optimizer():
    assert hasattr(torch, "_fused_adam_"), (
        "torch._fused_adam_ is gone. Nothing breaks: skae falls back to plain tensor "
        "operations, which are slower for small networks. Look for its successor."
    )


# -- clipping --------------------------------------------------------------------------


def norms(grads):
    squares = sum(group.square().sum(1) for group in grads.groups.values())
    return squares.sqrt()


@pytest.mark.parametrize("n_models", [None, 1, 3])
def test_clipping_shrinks_long_gradients_to_the_limit(device, n_models):
    grads = parameter_buffer(n_models, device=device)
    clipping = AdaptiveGradientClipping(grads, factor=1.5)
    grads.flat.fill_(1.0)
    usual = norms(grads)
    clipping.apply()  # the first one says what is usual
    grads.flat.fill_(1.4)
    clipping.apply()
    assert grads.flat.unique().tolist() == pytest.approx([1.4])  # below the limit
    usual = usual * (1 + 0.05 * 0.4)
    grads.flat.fill_(100.0)
    clipping.apply()
    torch.testing.assert_close(norms(grads), 1.5 * usual)


def test_clipping_treats_each_model_of_a_stack_on_its_own():
    rng = np.random.default_rng(0)
    scale = np.exp(rng.normal(size=(20, 3)))
    drawn = rng.normal(size=(20, 15))
    stack = parameter_buffer(3)
    stacked = AdaptiveGradientClipping(stack)
    alone = [parameter_buffer() for _ in range(3)]
    clippings = [AdaptiveGradientClipping(grads) for grads in alone]
    for gradient, sizes in zip(drawn, scale, strict=True):
        for m, size in enumerate(sizes):
            alone[m].flat.copy_(torch.from_numpy(gradient * size))
            for name, view in stack.views.items():
                view[m] = alone[m].views[name]
            clippings[m].apply()
        stacked.apply()
        for m in range(3):
            for name, view in stack.views.items():
                torch.testing.assert_close(view[m], alone[m].views[name])


@pytest.mark.parametrize("n_models", [None, 2])
def test_clipping_leaves_zero_gradients_zero(device, n_models):
    grads = parameter_buffer(n_models, device=device)
    clipping = AdaptiveGradientClipping(grads)
    for _ in range(3):
        clipping.apply()
    assert not grads.flat.any()


# -- both ------------------------------------------------------------------------------


@pytest.mark.parametrize("n_models", [None, 2])
def test_optimizer_is_adamw_after_clipping(n_models):
    rng = np.random.default_rng(0)
    params, expected = (parameter_buffer(n_models, fill=1.0) for _ in range(2))
    grads, clipped = (parameter_buffer(n_models) for _ in range(2))
    optimizer = Optimizer(params, grads, weight_decay=0.1)
    adam = AdamW(expected, clipped, weight_decay=0.1)
    clipping = AdaptiveGradientClipping(clipped)
    assert optimizer.params is params
    for size in np.exp(2 * rng.normal(size=20)):
        gradient = rng.normal(size=grads.flat.numel()) * size
        grads.flat.copy_(torch.from_numpy(gradient))
        clipped.flat.copy_(grads.flat)
        clipping.apply()
        adam.step(0.01)
        optimizer.step(0.01)
        torch.testing.assert_close(params.flat, expected.flat, rtol=0, atol=0)
