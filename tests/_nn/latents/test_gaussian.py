import math

import pytest
import torch
from latent_cases import (
    LEADS,
    K,
    N,
    assert_layer_agrees_with_autograd,
    context,
    outputs_of,
)

from skae._nn.latents import GaussianLatent


@LEADS
def test_gradients_of_an_anchored_posterior_agree_with_autograd(lead):
    log_variance = torch.linspace(-3, 0, K, dtype=torch.float64).expand(*lead, 1, K)
    latent = GaussianLatent(beta=0.5)
    assert_layer_agrees_with_autograd(latent, outputs_of(latent, lead), log_variance)


def test_clamped_log_variances_have_no_gradient():
    latent = GaussianLatent()
    outputs = outputs_of(latent)
    outputs[:, K : K + 2] = torch.tensor([-8.5, 4.5])
    assert_layer_agrees_with_autograd(latent, outputs)
    layer = latent.layer(K, context())
    layer.forward(outputs.detach().clone())
    grad = layer.backward(torch.ones(N, K, dtype=torch.float64))
    assert not grad[:, K : K + 2].any()
    assert grad[:, K + 2 :].all()


def test_divergence_is_zero_at_the_prior_and_else_positive():
    layer = GaussianLatent().layer(K, context())
    prior = torch.zeros(1, 2 * K)
    _, divergence = layer.evaluate(prior)
    assert divergence == 0
    for j in range(2 * K):
        _, divergence = layer.evaluate(prior + torch.eye(2 * K)[j])
        assert divergence > 0


def test_forward_draws_have_the_moments_of_the_posterior():
    layer = GaussianLatent().layer(2, context())
    outputs = torch.tensor([1.0, -2.0, math.log(4), math.log(0.25)]).expand(40_000, 4)
    draws = layer.forward(outputs.clone())
    expected = torch.tensor([1.0, -2.0]), torch.tensor([2.0, 0.5])
    torch.testing.assert_close(draws.mean(0), expected[0], rtol=0, atol=0.03)
    torch.testing.assert_close(draws.std(0), expected[1], rtol=0.02, atol=0)


def penalties(layer, n_steps):
    outputs = torch.ones(3, 2 * K)
    for _ in range(n_steps):
        layer.forward(outputs.clone())
        yield float(layer.penalty)


def test_weight_of_the_divergence_grows_during_the_warmup():
    layer = GaussianLatent(beta=2.0, warmup=0.5).layer(K, context(n_steps=8))
    values = list(penalties(layer, 8))
    _, full = layer.evaluate(torch.ones(3, 2 * K))
    shares = [0.25, 0.5, 0.75, 1, 1, 1, 1, 1]
    assert values == pytest.approx([float(full.sum()) * share for share in shares])


def test_anchored_posterior_has_no_warmup():
    layer = GaussianLatent(warmup=0.5).layer(K, context(torch.zeros(1, K), n_steps=8))
    first, second = penalties(layer, 2)
    assert first == second > 0


def test_anchored_posterior_starts_at_the_variance_of_the_anchor():
    log_variance = torch.linspace(-3, 0, K)[None]
    layer = GaussianLatent().layer(K, context(log_variance))
    mean, initial = layer.split(torch.zeros(N, 2 * K))
    assert not mean.any()
    torch.testing.assert_close(initial, log_variance.expand(N, K))
