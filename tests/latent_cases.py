"""Latent codes of every kind, and outputs of an encoder for them."""

import pytest
import torch
from by_autograd import latent_layer

from skae._nn.latents import (
    GaussianLatent,
    LatentContext,
    PlainLatent,
    SparseLatent,
)

K, N = 5, 12
LEADS = pytest.mark.parametrize("lead", [(), (2,)], ids=["single", "stacked"])
VARIANTS = {
    "plain": PlainLatent(),
    "nested": PlainLatent(nested=0.6),
    "kl": SparseLatent(0.1, "kl", 2.0),
    "l1": SparseLatent(0.1, "l1", 2.0),
    "topk": SparseLatent(0.4, "topk"),
    "gaussian": GaussianLatent(beta=0.5, warmup=0.4),
}


def outputs_of(latent, lead=(), scale=2.0):
    generator = torch.Generator().manual_seed(0)
    shape = (*lead, N, latent.n_outputs(K))
    return scale * torch.randn(shape, generator=generator, dtype=torch.float64)


def context(initial_log_variance=None, n_steps=10):
    generator = torch.Generator().manual_seed(1)
    return LatentContext(generator, n_steps, initial_log_variance)


def assert_layer_agrees_with_autograd(latent, outputs, initial_log_variance=None):
    layer = latent.layer(K, context(initial_log_variance))
    outputs.requires_grad_()
    x, penalty = latent_layer(latent, outputs, context(initial_log_variance), 2.0)
    grad = torch.linspace(-1, 1, x.numel(), dtype=x.dtype).view(x.shape)
    (expected,) = torch.autograd.grad((x * grad).sum() + penalty, outputs)
    codes = layer.forward(outputs.detach().clone())
    torch.testing.assert_close(layer.decoder_input(codes.clone()), x.detach())
    if layer.penalty is not None:
        torch.testing.assert_close(layer.penalty, penalty.detach())
    result = layer.backward(grad.clone())
    torch.testing.assert_close(result, expected, rtol=1e-6, atol=1e-9)
