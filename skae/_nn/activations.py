"""Elementwise activations with their derivatives, written into given buffers.

Each activation is a pair of functions on tensors of any shape:

``forward(x, out)``
    writes ``phi(x)`` into ``out`` (which may not be ``x``);
``backward(grad, x, y)``
    multiplies ``grad`` in place by ``phi'(x)``, given ``y = phi(x)``;
``second(x, y)``
    returns ``phi''(x)``, None where it is zero.

The backward kernels are the ones that autograd itself calls.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

_aten = torch.ops.aten


class Activation(NamedTuple):
    """An elementwise function, its derivatives and the gain that keeps its variance."""

    forward: Callable[[Tensor, Tensor], object]
    backward: Callable[[Tensor, Tensor, Tensor], object]
    gain: float
    second: Callable[[Tensor, Tensor], Tensor | None] = lambda x, y: None


def _silu_second(x: Tensor, y: Tensor) -> Tensor:
    s = torch.sigmoid(x)
    return (x * (1 - 2 * s)).add_(2).mul_(s).mul_(1 - s)


def _gelu_second(x: Tensor, y: Tensor) -> Tensor:
    a, c = math.sqrt(2 / math.pi), 0.044715
    t = torch.tanh(a * (x + c * x**3))
    first = a * (1 + 3 * c * x**2)
    return (1 - t**2) * (first + 0.5 * x * (6 * a * c * x - 2 * t * first**2))


def _identity_backward(grad: Tensor, x: Tensor, y: Tensor) -> Tensor:
    return grad


ACTIVATIONS: dict[str, Activation] = {
    "identity": Activation(lambda x, out: out.copy_(x), _identity_backward, 1.0),
    "logistic": Activation(
        lambda x, out: torch.sigmoid(x, out=out),
        lambda g, x, y: _aten.sigmoid_backward.grad_input(g, y, grad_input=g),
        1.0,
        lambda x, y: y * (1 - y) * (1 - 2 * y),
    ),
    "tanh": Activation(
        lambda x, out: torch.tanh(x, out=out),
        lambda g, x, y: _aten.tanh_backward.grad_input(g, y, grad_input=g),
        5 / 3,
        lambda x, y: -2 * y * (1 - y * y),
    ),
    "relu": Activation(
        lambda x, out: torch.clamp_min(x, 0, out=out),
        lambda g, x, y: _aten.threshold_backward.grad_input(g, y, 0, grad_input=g),
        2**0.5,
    ),
    "leaky_relu": Activation(
        lambda x, out: _aten.leaky_relu.out(x, 0.01, out=out),
        lambda g, x, y: _aten.leaky_relu_backward.grad_input(
            g, x, 0.01, False, grad_input=g
        ),
        2**0.5,
    ),
    "elu": Activation(
        lambda x, out: _aten.elu.out(x, out=out),
        lambda g, x, y: _aten.elu_backward.grad_input(
            g, 1.0, 1.0, 1.0, False, x, grad_input=g
        ),
        1.3,
        lambda x, y: (y + 1) * (x < 0),
    ),
    "gelu": Activation(
        lambda x, out: _aten.gelu.out(x, approximate="tanh", out=out),
        lambda g, x, y: _aten.gelu_backward.grad_input(
            g, x, approximate="tanh", grad_input=g
        ),
        1.5,
        _gelu_second,
    ),
    "silu": Activation(
        lambda x, out: _aten.silu.out(x, out=out),
        lambda g, x, y: _aten.silu_backward.grad_input(g, x, grad_input=g),
        1.7,
        _silu_second,
    ),
}
