import math

import pytest
import torch
from torch.distributions import Normal

from skae._nn.losses import LOG_VARIANCE_RATE, GaussianNLL

LEADS = pytest.mark.parametrize("lead", [(), (3,)], ids=["single", "stacked"])


def drawn(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def negative_log_likelihood(scaled, prediction, target):
    normal = Normal(prediction, (0.5 * LOG_VARIANCE_RATE * scaled).exp())
    return -normal.log_prob(target).sum(-1) - 0.5 * math.log(2 * math.pi) * 4


@LEADS
def test_per_sample_is_minus_the_log_likelihood_less_a_constant(lead):
    scaled, prediction = 0.3 * drawn(*lead, 1, 4), drawn(*lead, 7, 4, seed=1)
    target = drawn(*lead, 7, 4, seed=2)
    losses = GaussianNLL(0.7).bound_to(scaled).per_sample(prediction, target)
    expected = negative_log_likelihood(scaled, prediction, target)
    torch.testing.assert_close(losses, 0.7 * expected)


@LEADS
@pytest.mark.parametrize("weight", [1.0, 0.7])
def test_gradients_agree_with_autograd(lead, weight):
    scaled = (0.3 * drawn(*lead, 1, 4)).requires_grad_()
    prediction = drawn(*lead, 7, 4, seed=1).requires_grad_()
    target = drawn(*lead, 7, 4, seed=2)
    loss = weight * negative_log_likelihood(scaled, prediction, target).sum()
    by_scaled, by_prediction = torch.autograd.grad(loss, [scaled, prediction])
    out, grad = torch.empty(*lead, 7, 4).double(), torch.empty(*lead, 1, 4).double()
    nll = GaussianNLL(weight).bound_to(scaled.detach(), grad=grad)
    value = nll.value_and_gradient(prediction.detach(), target, out)
    torch.testing.assert_close(value, loss.detach())
    torch.testing.assert_close(out, by_prediction, rtol=1e-6, atol=1e-9)
    torch.testing.assert_close(grad, by_scaled, rtol=1e-6, atol=1e-9)


def test_value_and_gradient_without_a_place_for_that_of_the_variance():
    prediction, target, out = drawn(7, 4), drawn(7, 4, seed=1), drawn(7, 4)
    nll = GaussianNLL().bound_to(torch.zeros(1, 4).double())
    value = nll.value_and_gradient(prediction, target, out)
    torch.testing.assert_close(value, nll.per_sample(prediction, target).sum())
    torch.testing.assert_close(out, prediction - target)


def test_floor_limits_the_variance_and_lets_it_only_rise():
    prediction, target, out = drawn(7, 2), drawn(7, 2, seed=1), drawn(7, 2)
    target[:, 1] = 100.0  # such errors ask for more variance
    low, floor = torch.full((1, 2), -3.0).double(), torch.full((1, 2), -1.0).double()
    grad = torch.empty(1, 2).double()
    nll = GaussianNLL().bound_to(low, grad=grad, floor=floor)
    nll.value_and_gradient(prediction, 0.01 * target + 0.99 * prediction, out)
    assert grad[0, 0] == 0
    assert grad[0, 1] < 0
    at_floor = GaussianNLL().bound_to(floor).per_sample(prediction, target)
    torch.testing.assert_close(nll.per_sample(prediction, target), at_floor)


def test_without_parameters_all_variances_are_one():
    prediction, target, out = drawn(7, 4), drawn(7, 4, seed=1), drawn(7, 4)
    zeros = GaussianNLL().bound_to(torch.zeros(1, 4).double())
    expected = zeros.per_sample(prediction, target)
    assert torch.equal(GaussianNLL().per_sample(prediction, target), expected)
    value = GaussianNLL().value_and_gradient(prediction, target, out)
    torch.testing.assert_close(value, expected.sum())


def test_bound_loss_equals_the_one_that_it_was_made_of():
    nll = GaussianNLL(0.5)
    bound = nll.bound_to(torch.zeros(1, 4), grad=torch.zeros(1, 4))
    assert bound == nll != GaussianNLL()
    assert hash(bound) == hash(nll)
