"""A dense layer and the dense decoder, with hand-derived backward passes.

A layer owns its buffers, so all its batches have the same number of rows, and keeps
what ``backward`` needs from the last ``forward``. Tensors are ``(rows, units)``, or
``(models, rows, units)`` for networks that are trained in lock-step.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from ._activations import Activation
from ._parameters import Parameters
from ._products import onednn, onednn_pays


class Dense:
    """A fully connected layer, ``y = x W + b``."""

    def __init__(
        self, name: str, params: Parameters, grads: Parameters | None, rows: int
    ) -> None:
        weight = params.views[f"{name}.weight"]
        *lead, fan_in, fan_out = weight.shape
        self.weight, self._bias = weight, params.views[f"{name}.bias"]
        self._transposed, self._row = weight.mT, self._bias.flatten()
        self._large = onednn_pays(weight, rows, fan_in, fan_out)
        stacked = bool(lead)
        self._mm = torch.bmm if stacked else torch.mm
        self._addmm = torch.baddbmm if stacked else torch.addmm
        self.output = weight.new_empty((*lead, rows, fan_out))
        self._input = self._input_transposed = weight.new_empty(0, 0)
        if grads is not None:
            self.weight_grad = grads.views[f"{name}.weight"]
            self._bias_grad = grads.views[f"{name}.bias"]
            self._ones = weight.new_ones((*lead, 1, rows))

    def forward(self, x: Tensor) -> Tensor:
        """Return ``x W + b``."""
        if x is not self._input:
            self._input, self._input_transposed = x, x.mT
        if self._large:
            self.output = onednn(x, self._transposed, self._row)
        else:
            self._addmm(self._bias, x, self.weight, out=self.output)
        return self.output

    def backward(self, grad: Tensor, out: Tensor | None) -> None:
        """Leave the parameters' gradients, and the input's in ``out`` if given."""
        self._mm(self._ones, grad, out=self._bias_grad)
        if self._large:
            self.weight_grad.copy_(onednn(self._input_transposed, grad.mT))
            if out is not None:
                out.copy_(onednn(grad, self.weight))
        else:
            self._mm(self._input_transposed, grad, out=self.weight_grad)
            if out is not None:
                self._mm(grad, self._transposed, out=out)


class Decoder:
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
    params, grads : Parameters
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
        params: Parameters,
        grads: Parameters | None,
        rows: int,
    ) -> None:
        n = len(widths) - 1
        self._phi, self._shortcut, self._clip = phi, shortcut, clip
        self._layers = [Dense(f"decoder.{i}", params, grads, rows) for i in range(n)]
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
