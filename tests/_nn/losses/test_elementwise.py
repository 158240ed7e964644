import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.special import expit
from sklearn.metrics import log_loss

from skae._nn.losses import (
    AbsoluteError,
    Bernoulli,
    BinaryCrossEntropy,
    Huber,
    SquaredError,
)

ALL = [
    SquaredError(),
    SquaredError(weight=0.3),
    AbsoluteError(weight=2.0),
    Huber(),
    Huber(weight=0.7, delta=0.5),
    BinaryCrossEntropy(weight=1.5),
    Bernoulli(),
]
tables = st.tuples(st.integers(1, 5), st.integers(1, 4)).flatmap(
    lambda shape: arrays(np.float64, (2, *shape), elements=st.floats(-3, 3, width=32))
)


def pair(*shape):
    """A prediction and a target in (0, 1), which every loss takes."""
    generator = torch.Generator().manual_seed(0)
    prediction = torch.randn(shape, generator=generator, dtype=torch.float64)
    return prediction, torch.rand(shape, generator=generator, dtype=torch.float64)


@given(tables)
def test_per_sample_is_what_the_formulas_say(tables):
    prediction, target = tables
    error = prediction - target
    y, t = torch.from_numpy(prediction), torch.from_numpy(target)
    np.testing.assert_allclose(
        SquaredError(weight=3).per_sample(y, t), 3 * (error**2).sum(1), atol=1e-12
    )
    np.testing.assert_allclose(AbsoluteError().per_sample(y, t), np.abs(error).sum(1))
    size = np.abs(error)
    huber = np.where(size <= 0.5, error**2 / 2, 0.5 * (size - 0.25)).sum(1)
    np.testing.assert_allclose(Huber(delta=0.5).per_sample(y, t), huber, atol=1e-12)


def test_cross_entropy_is_log_loss_of_the_probabilities():
    logits, target = pair(6, 4)
    target = (target > 0.5).double()
    losses = BinaryCrossEntropy().per_sample(logits, target)
    expected = [
        4 * log_loss(t, p, labels=[0, 1])
        for t, p in zip(target.numpy(), expit(logits.numpy()), strict=True)
    ]
    np.testing.assert_allclose(losses, expected)


def test_cross_entropy_stays_finite_for_huge_logits():
    logits = torch.tensor([[1e4, -1e4]])
    losses = BinaryCrossEntropy().per_sample(logits, torch.tensor([[1.0, 1.0]]))
    torch.testing.assert_close(losses, torch.tensor([1e4]))


@pytest.mark.parametrize("shape", [(5, 4), (3, 5, 4)], ids=["single", "stacked"])
@pytest.mark.parametrize("loss", ALL, ids=repr)
def test_value_and_gradient_agrees_with_autograd(loss, shape):
    prediction, target = pair(*shape)
    prediction.requires_grad_()
    expected = loss.per_sample(prediction, target).sum()
    expected.backward()
    out = torch.empty(shape, dtype=torch.float64)
    value = loss.value_and_gradient(prediction.detach(), target, out)
    torch.testing.assert_close(value, expected.detach())
    torch.testing.assert_close(out, prediction.grad)
    assert value.shape == ()


@pytest.mark.parametrize("loss", ALL, ids=repr)
def test_losses_do_not_change_their_arguments(loss):
    prediction, target = pair(5, 4)
    before = prediction.clone(), target.clone()
    loss.per_sample(prediction, target)
    loss.value_and_gradient(prediction, target, torch.empty_like(prediction))
    torch.testing.assert_close((prediction, target), before, rtol=0, atol=0)
