r"""Multilayer perceptrons with skip connections: a dense encoder and a dense decoder.

The encoder also knows the gradient of products with its Jacobian. ``vjp`` multiplies
the transposed Jacobian of each sample with a vector,

.. math::

    J^\top v = W_1 D_1 W_2 D_2 \cdots W_L v + A v, \qquad D_l = \phi'(p_l),

with pre-activations p and a linear skip connection A. ``vjp_backward`` takes the
gradient of the loss with respect to that product, and the next ``backward`` adds the
gradients of the parameters that follow from it. Those include the second derivative of
the activation.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from .activations import Activation
from .matmul import matmul, onednn, use_onednn
from .parameters import ParameterBuffer


class Linear:
    """A fully connected layer, ``y = x W + b``.

    Parameters
    ----------
    name : str
        The layer's parameters are ``{name}.weight`` and ``{name}.bias``.
    params, grads : ParameterBuffer
        Parameters and their gradients; None for ``grads`` to predict only.
    batch_size : int
        Samples of every batch.
    """

    def __init__(
        self,
        name: str,
        params: ParameterBuffer,
        grads: ParameterBuffer | None,
        batch_size: int,
    ) -> None:
        weight = params.views[f"{name}.weight"]
        *lead, fan_in, fan_out = weight.shape
        self.weight, self._bias = weight, params.views[f"{name}.bias"]
        self._transposed, self._flat_bias = weight.mT, self._bias.flatten()
        self._use_onednn = use_onednn(weight, batch_size, fan_in, fan_out)
        stacked = bool(lead)
        self._mm = torch.bmm if stacked else torch.mm
        self._addmm = torch.baddbmm if stacked else torch.addmm
        self.output = weight.new_empty((*lead, batch_size, fan_out))
        self._input = self._input_transposed = weight.new_empty(0, 0)
        if grads is not None:
            self.weight_grad = grads.views[f"{name}.weight"]
            self._bias_grad = grads.views[f"{name}.bias"]
            self._ones = weight.new_ones((*lead, 1, batch_size))

    def forward(self, x: Tensor) -> Tensor:
        """Return ``x W + b``."""
        if x is not self._input:
            self._input, self._input_transposed = x, x.mT
        if self._use_onednn:
            self.output = onednn(x, self._transposed, self._flat_bias)
        else:
            self._addmm(self._bias, x, self.weight, out=self.output)
        return self.output

    def backward(self, grad: Tensor, out: Tensor | None) -> None:
        """Write the gradients of the parameters, and of the input into ``out``."""
        self._mm(self._ones, grad, out=self._bias_grad)
        if self._use_onednn:
            self.weight_grad.copy_(onednn(self._input_transposed, grad.mT))
            if out is not None:
                out.copy_(onednn(grad, self.weight))
        else:
            self._mm(self._input_transposed, grad, out=self.weight_grad)
            if out is not None:
                self._mm(grad, self._transposed, out=out)


class MLPEncoder:
    """A perceptron with a linear skip connection from its input to its output.

    The skip connection's weights are the last columns of the first layer's.

    Parameters
    ----------
    widths : sequence of int
        Sizes of the input, the hidden layers and the output.
    activation : Activation
        Activation of the hidden layers.
    skip : bool
        Whether there is a skip connection.
    params, grads : ParameterBuffer
        Parameters and their gradients; None for ``grads`` to predict only.
    batch_size : int
        Samples of every batch.
    """

    def __init__(
        self,
        widths: Sequence[int],
        activation: Activation,
        skip: bool,
        params: ParameterBuffer,
        grads: ParameterBuffer | None,
        batch_size: int,
    ) -> None:
        self._activation, self._skip = activation, skip
        self._layers = [
            Linear(f"encoder.{i}", params, grads, batch_size)
            for i in range(len(widths) - 1)
        ]
        first, self._width = self._layers[0].output, widths[1]
        lead = first.shape[:-1]
        self._hidden = [first.new_empty((*lead, width)) for width in widths[1:-1]]
        # Left by vjp_backward: for each weight two factors whose product is added to
        # its gradient, and for each pre-activation a term of its gradient.
        self._weight_factors: list[tuple[Tensor, Tensor]] = []
        self._curvature_grads: list[Tensor | None] = [None] * len(self._hidden)
        if grads is not None:
            self._first_grad = torch.empty_like(first)
            self._grads = [torch.empty_like(h) for h in self._hidden]
            if skip:
                self._grads[0] = self._first_grad[..., : self._width]
                self._skip_grad = self._first_grad[..., self._width :]

    def forward(self, x: Tensor) -> Tensor:
        """Return the outputs; the next call may overwrite them."""
        y = self._layers[0].forward(x)
        skip = None
        if self._skip:
            y, skip = y[..., : self._width], y[..., self._width :]
        self._first = y
        for layer, hidden in zip(self._layers[1:], self._hidden, strict=True):
            self._activation.forward(y, out=hidden)
            y = layer.forward(hidden)
        return y if skip is None else y.add_(skip)

    def backward(self, grad: Tensor) -> None:
        """Write the gradients of the parameters."""
        if self._skip:
            self._skip_grad.copy_(grad)
        for i in range(len(self._layers) - 1, 0, -1):
            out = self._grads[i - 1]
            self._layers[i].backward(grad, out)
            self._activation.backward(out, self._pre_activation(i), self._hidden[i - 1])
            curvature_grad = self._curvature_grads[i - 1]
            if curvature_grad is not None:
                out.add_(curvature_grad)
            grad = out
        self._layers[0].backward(self._first_grad if self._skip else grad, None)
        for layer, (x, y) in zip(self._layers, self._weight_factors, strict=False):
            layer.weight_grad.add_(matmul(x.mT, y))
        self._weight_factors = []
        self._curvature_grads = [None] * len(self._hidden)

    def _pre_activation(self, i: int) -> Tensor:
        """Return the input of the activation before layer i."""
        return self._first if i == 1 else self._layers[i - 1].output

    def vjp(self, v: Tensor) -> Tensor:
        """Return ``J' v`` for the samples of the last ``forward``.

        The shape of v is that of the outputs, the result's that of the inputs.
        """
        self._products: list[Tensor] = []
        self._factors = [v]
        for i in range(len(self._layers) - 1, 0, -1):
            product = matmul(self._factors[0], self._layers[i].weight.mT)
            factor = product.clone()
            x, y = self._pre_activation(i), self._hidden[i - 1]
            self._activation.backward(factor, x, y)
            self._products.insert(0, product)
            self._factors.insert(0, factor)
        if self._skip:
            self._factors[0] = torch.cat([self._factors[0], v], -1)
        return matmul(self._factors[0], self._layers[0].weight.mT)

    def vjp_backward(self, grad: Tensor) -> None:
        """Keep the gradient with respect to the last ``vjp`` for ``backward``."""
        self._weight_factors = [(grad, self._factors[0])]
        grad = matmul(grad, self._layers[0].weight)
        if self._skip:
            grad = grad[..., : self._width]
        for i in range(1, len(self._layers)):
            x, y = self._pre_activation(i), self._hidden[i - 1]
            curvature = self._activation.second_derivative(x, y)
            if curvature is not None:
                self._curvature_grads[i - 1] = curvature.mul_(grad).mul_(
                    self._products[i - 1]
                )
            grad = grad.clone()
            self._activation.backward(grad, x, y)
            self._weight_factors.append((grad, self._factors[i]))
            grad = matmul(grad, self._layers[i].weight)


class MLPDecoder:
    """A perceptron on clipped latent codes, with a skip connection from them.

    The skip connection's weights are the last rows of the last layer's, whose input is
    the last hidden layer beside the clipped codes.

    Parameters
    ----------
    widths : sequence of int
        Sizes of the codes, the hidden layers and the output.
    activation : Activation
        Activation of the hidden layers.
    skip : bool
        Whether there is a skip connection.
    clip : (Tensor, Tensor) or None
        Range to which codes are clipped.
    params, grads : ParameterBuffer
        Parameters and their gradients; None for ``grads`` to predict only.
    batch_size : int
        Samples of every batch.
    """

    def __init__(
        self,
        widths: Sequence[int],
        activation: Activation,
        skip: bool,
        clip: tuple[Tensor, Tensor] | None,
        params: ParameterBuffer,
        grads: ParameterBuffer | None,
        batch_size: int,
    ) -> None:
        self._activation, self._skip, self._clip = activation, skip, clip
        self._layers = [
            Linear(f"decoder.{i}", params, grads, batch_size)
            for i in range(len(widths) - 1)
        ]
        like = self._layers[0].output
        lead, last = like.shape[:-1], widths[-2]
        self._hidden = [like.new_empty((*lead, width)) for width in widths[1:-1]]
        self._input = like.new_empty((*lead, widths[0]))
        if skip:
            joint = like.new_empty((*lead, last + widths[0]))
            self._joint = joint
            self._hidden[-1], self._input = joint[..., :last], joint[..., last:]
        if grads is not None:
            self._grads = [torch.empty_like(x) for x in (self._input, *self._hidden)]
            self._unclipped = torch.empty_like(self._input, dtype=torch.bool)
            if skip:
                self._joint_grad = torch.empty_like(self._joint)
                self._grads[-1] = self._joint_grad[..., :last]
                self._skip_grad = self._joint_grad[..., last:]

    def forward(self, codes: Tensor) -> Tensor:
        """Return the output; the next call may overwrite it."""
        self._codes = x = codes
        if self._clip is not None:
            x = torch.clamp(codes, *self._clip, out=self._input)
        elif self._skip:
            x = self._input.copy_(codes)
        for layer, hidden in zip(self._layers[:-1], self._hidden, strict=True):
            self._activation.forward(layer.forward(x), out=hidden)
            x = hidden
        return self._layers[-1].forward(self._joint if self._skip else x)

    def backward(self, grad: Tensor) -> Tensor:
        """Write the gradients of the parameters and return that of the codes."""
        last = len(self._layers) - 1
        for i in range(last, -1, -1):
            out = self._grads[i]
            joint = i == last and self._skip
            self._layers[i].backward(grad, self._joint_grad if joint else out)
            if i:
                pre_activation = self._layers[i - 1].output
                self._activation.backward(out, pre_activation, self._hidden[i - 1])
            grad = out
        if self._skip:
            grad.add_(self._skip_grad)
        if self._clip is not None:
            torch.eq(self._codes, self._input, out=self._unclipped)
            grad.mul_(self._unclipped)
        return grad
