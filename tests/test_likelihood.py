import math

import pytest
import torch
from torch.distributions import Normal

from skae._nn.losses import LOG_VARIANCE_RATE, GaussianNLL

LEADS = pytest.mark.parametrize("lead", [(), (3,)], ids=["single", "stacked"])


def drawn(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def minus_log_likelihood(noise, prediction, target):
    normal = Normal(prediction, (0.5 * LOG_VARIANCE_RATE * noise).exp())
    return -normal.log_prob(target).sum(-1) - 0.5 * math.log(2 * math.pi) * 4


@LEADS
def test_it_is_minus_the_log_likelihood_less_a_constant(lead):
    noise, prediction = 0.3 * drawn(*lead, 1, 4), drawn(*lead, 7, 4, seed=1)
    target = drawn(*lead, 7, 4, seed=2)
    rows = GaussianNLL(0.7, noise).rows(prediction, target)
    expected = minus_log_likelihood(noise, prediction, target)
    torch.testing.assert_close(rows, 0.7 * expected)


@LEADS
@pytest.mark.parametrize("weight", [1.0, 0.7])
def test_gradients_agree_with_autograd(lead, weight):
    noise = (0.3 * drawn(*lead, 1, 4)).requires_grad_()
    prediction = drawn(*lead, 7, 4, seed=1).requires_grad_()
    target = drawn(*lead, 7, 4, seed=2)
    loss = weight * minus_log_likelihood(noise, prediction, target).sum()
    by_noise, by_prediction = torch.autograd.grad(loss, [noise, prediction])
    out, grad = torch.empty(*lead, 7, 4).double(), torch.empty(*lead, 1, 4).double()
    likelihood = GaussianNLL(weight, noise.detach(), grad)
    value = likelihood.gradient(prediction.detach(), target, out)
    torch.testing.assert_close(value, loss.detach())
    torch.testing.assert_close(out, by_prediction, rtol=1e-6, atol=1e-9)
    torch.testing.assert_close(grad, by_noise, rtol=1e-6, atol=1e-9)


def test_without_a_place_for_it_the_noise_has_no_gradient():
    prediction, target, out = drawn(7, 4), drawn(7, 4, seed=1), drawn(7, 4)
    likelihood = GaussianNLL(1.0, torch.zeros(1, 4).double())
    value = likelihood.gradient(prediction, target, out)
    torch.testing.assert_close(value, likelihood.rows(prediction, target).sum())
    torch.testing.assert_close(out, prediction - target)
