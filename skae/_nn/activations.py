"""Elementwise activations with their derivatives, written into given buffers.

Each activation is a set of functions on tensors of any shape:

``forward(x, out=out)``
    writes ``phi(x)`` into ``out`` (which may not be ``x``);
``backward(grad, x, y)``
    multiplies ``grad`` in place by ``phi'(x)``, given ``y = phi(x)``;
``second_derivative(x, y)``
    returns ``phi''(x)``, or None if it is zero everywhere.

The forward functions are torch's own, for a Python function around them would cost as
much as the kernel on a small batch. The backward kernels are those that autograd calls.
"""

import math
from collections.abc import Callable
from functools import partial
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

_aten = torch.ops.aten


class _Forward(Protocol):
    def __call__(self, x: Tensor, /, *, out: Tensor) -> object: ...


class Activation(NamedTuple):
    """An elementwise function and its derivatives.

    ``gain`` is the factor on the standard deviation of the weights for which a layer
    keeps the variance of its inputs.
    """

    forward: _Forward
    backward: Callable[[Tensor, Tensor, Tensor], object]
    gain: float
    second_derivative: Callable[[Tensor, Tensor], Tensor | None] = lambda x, y: None


def _silu_second_derivative(x: Tensor, y: Tensor) -> Tensor:
    s = torch.sigmoid(x)
    return (x * (1 - 2 * s)).add_(2).mul_(s).mul_(1 - s)


def _gelu_second_derivative(x: Tensor, y: Tensor) -> Tensor:
    a, c = math.sqrt(2 / math.pi), 0.044715
    t = torch.tanh(a * (x + c * x**3))
    first = a * (1 + 3 * c * x**2)
    return (1 - t**2) * (first + 0.5 * x * (6 * a * c * x - 2 * t * first**2))


def _identity(x: Tensor, *, out: Tensor) -> Tensor:
    return out.copy_(x)


def _identity_backward(grad: Tensor, x: Tensor, y: Tensor) -> Tensor:
    return grad


ACTIVATIONS: dict[str, Activation] = {
    "identity": Activation(_identity, _identity_backward, 1.0),
    "logistic": Activation(
        torch.sigmoid,
        lambda g, x, y: _aten.sigmoid_backward.grad_input(g, y, grad_input=g),
        1.0,
        lambda x, y: y * (1 - y) * (1 - 2 * y),
    ),
    "tanh": Activation(
        torch.tanh,
        lambda g, x, y: _aten.tanh_backward.grad_input(g, y, grad_input=g),
        5 / 3,
        lambda x, y: -2 * y * (1 - y * y),
    ),
    "relu": Activation(
        partial(torch.clamp_min, min=0),
        lambda g, x, y: _aten.threshold_backward.grad_input(g, y, 0, grad_input=g),
        2**0.5,
    ),
    "leaky_relu": Activation(
        partial(_aten.leaky_relu.out, negative_slope=0.01),
        lambda g, x, y: _aten.leaky_relu_backward.grad_input(
            g, x, 0.01, False, grad_input=g
        ),
        2**0.5,
    ),
    "elu": Activation(
        _aten.elu.out,
        lambda g, x, y: _aten.elu_backward.grad_input(
            g, 1.0, 1.0, 1.0, False, x, grad_input=g
        ),
        1.3,
        lambda x, y: (y + 1) * (x < 0),
    ),
    "gelu": Activation(
        partial(_aten.gelu.out, approximate="tanh"),
        lambda g, x, y: _aten.gelu_backward.grad_input(
            g, x, approximate="tanh", grad_input=g
        ),
        1.5,
        _gelu_second_derivative,
    ),
    "silu": Activation(
        _aten.silu.out,
        lambda g, x, y: _aten.silu_backward.grad_input(g, x, grad_input=g),
        1.7,
        _silu_second_derivative,
    ),
}
