r"""The dense encoder: codes, their gradient, and the gradient of their Jacobian.

``pull`` multiplies the transposed Jacobian with a vector for each row,

.. math::

    J^\top v = W_1 D_1 W_2 D_2 \cdots W_L v + A v, \qquad D_l = \phi'(p_l),

with pre-activations p and linear shortcuts A. What is made of it can be
differentiated: ``pull_gradient`` takes the gradient with respect to the product, and
the next ``backward`` adds what follows from it, second derivatives of the activation
included.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from .activations import Activation
from .linear import Linear
from .matmul import matmul
from .parameters import ParameterBuffer


class MLPEncoder:
    """A perceptron whose first layer also has linear units that bypass the others.

    Parameters
    ----------
    widths : sequence of int
        Units of the input, the hidden layers and the output.
    phi : Activation
        Activation of the hidden layers.
    shortcut : bool
        Whether the linear units are there, one for each output.
    params, grads : ParameterBuffer
        Where parameters and gradients are; None for ``grads`` to predict only.
    rows : int
        Rows of every batch.
    """

    def __init__(
        self,
        widths: Sequence[int],
        phi: Activation,
        shortcut: bool,
        params: ParameterBuffer,
        grads: ParameterBuffer | None,
        rows: int,
    ) -> None:
        n = len(widths) - 1
        self._phi, self._shortcut = phi, shortcut
        self._layers = [Linear(f"encoder.{i}", params, grads, rows) for i in range(n)]
        first, self._width = self._layers[0].output, widths[1]
        lead = first.shape[:-1]
        self._hidden = [first.new_empty((*lead, width)) for width in widths[1:-1]]
        # What a pull leaves: (gradient of r, q) for each weight, and for each p.
        self._pulled: list[tuple[Tensor, Tensor]] = []
        self._bends: list[Tensor | None] = [None] * len(self._hidden)
        if grads is not None:
            self._first_grad = torch.empty_like(first)
            self._grads = [torch.empty_like(h) for h in self._hidden]
            if shortcut:
                self._grads[0] = self._first_grad[..., : self._width]
                self._straight_grad = self._first_grad[..., self._width :]

    def forward(self, x: Tensor) -> Tensor:
        """Return the outputs; the next call may overwrite them."""
        y = self._layers[0].forward(x)
        straight = None
        if self._shortcut:
            y, straight = y[..., : self._width], y[..., self._width :]
        self._first = y
        for layer, hidden in zip(self._layers[1:], self._hidden, strict=True):
            self._phi.forward(y, hidden)
            y = layer.forward(hidden)
        return y if straight is None else y.add_(straight)

    def backward(self, grad: Tensor) -> None:
        """Leave the gradients of the parameters."""
        if self._shortcut:
            self._straight_grad.copy_(grad)
        for i in range(len(self._layers) - 1, 0, -1):
            out = self._grads[i - 1]
            self._layers[i].backward(grad, out)
            self._phi.backward(out, self._before(i), self._hidden[i - 1])
            bend = self._bends[i - 1]
            if bend is not None:
                out.add_(bend)
            grad = out
        self._layers[0].backward(self._first_grad if self._shortcut else grad, None)
        for layer, (left, right) in zip(self._layers, self._pulled, strict=False):
            layer.weight_grad.add_(matmul(left.mT, right))
        self._pulled = []
        self._bends = [None] * len(self._hidden)

    def _before(self, i: int) -> Tensor:
        """Return what the activation before layer i got."""
        return self._first if i == 1 else self._layers[i - 1].output

    def pull(self, v: Tensor) -> Tensor:
        """Return ``J' v`` for the rows of the last ``forward``, (..., rows, inputs)."""
        self._products: list[Tensor] = []
        self._factors = [v]
        for i in range(len(self._layers) - 1, 0, -1):
            r = matmul(self._factors[0], self._layers[i].weight.mT)
            q = r.clone()
            self._phi.backward(q, self._before(i), self._hidden[i - 1])
            self._products.insert(0, r)
            self._factors.insert(0, q)
        if self._shortcut:
            self._factors[0] = torch.cat([self._factors[0], v], -1)
        return matmul(self._factors[0], self._layers[0].weight.mT)

    def pull_gradient(self, grad: Tensor) -> None:
        """Note the gradient with respect to the last pull, for ``backward``."""
        self._pulled = [(grad, self._factors[0])]
        grad = matmul(grad, self._layers[0].weight)
        if self._shortcut:
            grad = grad[..., : self._width]
        for i in range(1, len(self._layers)):
            x, y = self._before(i), self._hidden[i - 1]
            bend = self._phi.second(x, y)
            if bend is not None:
                self._bends[i - 1] = bend.mul_(grad).mul_(self._products[i - 1])
            grad = grad.clone()
            self._phi.backward(grad, x, y)
            self._pulled.append((grad, self._factors[i]))
            grad = matmul(grad, self._layers[i].weight)


class MLPDecoder:
    """A perceptron on clipped codes whose last layer also sees these codes.

    Parameters
    ----------
    widths : sequence of int
        Units of the code, the hidden layers and the output.
    phi : Activation
        Activation of the hidden layers.
    shortcut : bool
        Whether the last layer sees the codes.
    clip : (Tensor, Tensor) or None
        Range to which codes are clipped.
    params, grads : ParameterBuffer
        Where parameters and gradients are; None for ``grads`` to predict only.
    rows : int
        Rows of every batch.
    """

    def __init__(
        self,
        widths: Sequence[int],
        phi: Activation,
        shortcut: bool,
        clip: tuple[Tensor, Tensor] | None,
        params: ParameterBuffer,
        grads: ParameterBuffer | None,
        rows: int,
    ) -> None:
        n = len(widths) - 1
        self._phi, self._shortcut, self._clip = phi, shortcut, clip
        self._layers = [Linear(f"decoder.{i}", params, grads, rows) for i in range(n)]
        like = self._layers[0].output
        lead, last = like.shape[:-1], widths[-2]
        self._hidden = [like.new_empty((*lead, width)) for width in widths[1:-1]]
        self._seen = like.new_empty((*lead, widths[0]))
        if shortcut:
            joint = like.new_empty((*lead, last + widths[0]))
            self._joint = joint
            self._hidden[-1], self._seen = joint[..., :last], joint[..., last:]
        if grads is not None:
            self._grads = [torch.empty_like(x) for x in (self._seen, *self._hidden)]
            self._inside = torch.empty_like(self._seen, dtype=torch.bool)
            if shortcut:
                self._joint_grad = torch.empty_like(self._joint)
                self._grads[-1] = self._joint_grad[..., :last]
                self._straight_grad = self._joint_grad[..., last:]

    def forward(self, codes: Tensor) -> Tensor:
        """Return the output; the next call may overwrite it."""
        self._codes = x = codes
        if self._clip is not None:
            x = torch.clamp(codes, *self._clip, out=self._seen)
        elif self._shortcut:
            x = self._seen.copy_(codes)
        for layer, hidden in zip(self._layers[:-1], self._hidden, strict=True):
            self._phi.forward(layer.forward(x), hidden)
            x = hidden
        return self._layers[-1].forward(self._joint if self._shortcut else x)

    def backward(self, grad: Tensor) -> Tensor:
        """Leave the gradients of the parameters and return that of the codes."""
        for i in range(len(self._layers) - 1, -1, -1):
            out = self._grads[i]
            top = i == len(self._layers) - 1
            self._layers[i].backward(
                grad, self._joint_grad if top and self._shortcut else out
            )
            if i:
                below = self._layers[i - 1].output
                self._phi.backward(out, below, self._hidden[i - 1])
            grad = out
        if self._shortcut:
            grad.add_(self._straight_grad)
        if self._clip is not None:
            torch.eq(self._codes, self._seen, out=self._inside)
            grad.mul_(self._inside)
        return grad
