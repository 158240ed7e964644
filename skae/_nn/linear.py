"""A dense layer and the dense decoder, with hand-derived backward passes.

A layer owns its buffers, so all its batches have the same number of rows, and keeps
what ``backward`` needs from the last ``forward``. Tensors are ``(rows, units)``, or
``(models, rows, units)`` for networks that are trained in lock-step.
"""

import torch
from torch import Tensor

from .matmul import onednn, use_onednn
from .parameters import ParameterBuffer


class Linear:
    """A fully connected layer, ``y = x W + b``."""

    def __init__(
        self,
        name: str,
        params: ParameterBuffer,
        grads: ParameterBuffer | None,
        rows: int,
    ) -> None:
        weight = params.views[f"{name}.weight"]
        *lead, fan_in, fan_out = weight.shape
        self.weight, self._bias = weight, params.views[f"{name}.bias"]
        self._transposed, self._row = weight.mT, self._bias.flatten()
        self._large = use_onednn(weight, rows, fan_in, fan_out)
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
