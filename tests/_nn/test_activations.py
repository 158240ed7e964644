import pytest
import torch
from by_autograd import PHI

from skae._nn.activations import ACTIVATIONS

X = torch.linspace(-4, 4, 40, dtype=torch.float64)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_forward_agrees_with_torch(activation):
    x = torch.linspace(-4, 4, 41, dtype=torch.float64)
    out = torch.empty_like(x)
    ACTIVATIONS[activation].forward(x, out=out)
    torch.testing.assert_close(out, PHI[activation](x))


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_backward_agrees_with_autograd(activation):
    x = X.clone().requires_grad_()
    y = PHI[activation](x)
    grad = torch.linspace(-1, 2, 40, dtype=torch.float64)
    (expected,) = torch.autograd.grad((grad * y).sum(), x)
    ACTIVATIONS[activation].backward(grad, x.detach(), y.detach())
    torch.testing.assert_close(grad, expected)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_second_derivative_agrees_with_autograd(activation):
    x = X.clone().requires_grad_()
    y = PHI[activation](x)
    (first,) = torch.autograd.grad(y.sum(), x, create_graph=True)
    expected = torch.zeros_like(x)
    if first.requires_grad:
        (expected,) = torch.autograd.grad(first.sum(), x)
    second = ACTIVATIONS[activation].second_derivative(x.detach(), y.detach())
    second = torch.zeros_like(x) if second is None else second
    torch.testing.assert_close(second, expected, rtol=1e-9, atol=1e-12)
