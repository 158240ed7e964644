"""Dense autoencoders with hand-derived backward passes over flat buffers.

Every part is a layer with ``forward(x)`` and ``backward(grad)``. A layer owns its
output buffers, so all batches of a network have the same number of rows, and keeps
what its backward pass needs from the last forward pass. Tensors are ``(rows, units)``,
or ``(models, rows, units)`` for networks that are trained in lock-step.

The anchored network is a correction of a linear skip path (see :mod:`skae._anchor`)::

    z = z0 + f(u) + c u A                 u: standardised, clipped inputs; z0: anchor's
    y = base(z) + r * (g(v) + c v B)      v = clip(z); c = 0.3

with multilayer perceptrons f, g and linear shortcuts A, B. The last layers and the
shortcuts start at zero, so at step 0 the network is its skip path. The constant c
makes the shortcuts learn at 0.3 times the rate of the other weights.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from ._activations import ACTIVATIONS
from ._parameters import Parameters, Shapes
from .losses import Loss

SHORTCUT_RATE = 0.3


@dataclass(frozen=True)
class Architecture:
    """Sizes of an autoencoder: ``n_features -> hidden -> n_components -> ...``."""

    n_features: int
    n_components: int
    hidden: tuple[int, ...]
    activation: str = "silu"
    shortcuts: bool = True

    @property
    def encoder(self) -> tuple[int, ...]:
        """Units of each layer from the features to the codes."""
        return (self.n_features, *self.hidden, self.n_components)

    @property
    def decoder(self) -> tuple[int, ...]:
        """Units of each layer from the codes to the features."""
        return self.encoder[::-1]

    def shapes(self) -> Shapes:
        """Return the shape of every parameter by name."""
        shapes: dict[str, tuple[int, int]] = {}
        for part, sizes in (("encoder", self.encoder), ("decoder", self.decoder)):
            for i, (fan_in, fan_out) in enumerate(zip(sizes, sizes[1:], strict=False)):
                shapes[f"{part}.{i}.weight"] = (fan_in, fan_out)
                shapes[f"{part}.{i}.bias"] = (1, fan_out)
            if self.shortcuts:
                shapes[f"{part}.shortcut"] = (sizes[0], sizes[-1])
        return shapes

    def initialise(
        self, params: Parameters, generator: torch.Generator, *, zero_last: bool
    ) -> None:
        """Draw the weights uniformly with variance ``gain^2 / fan_in``.

        The gain is 1 in layers that read inputs or codes, the activation's own in the
        others; biases, shortcuts and, with ``zero_last``, the last layers are zero.
        Draws are made on the CPU, so that a device gives the same start.
        """
        params.flat.zero_()
        gain = ACTIVATIONS[self.activation].gain
        last = len(self.hidden)
        for name, view in params.views.items():
            part, _, kind = name.rpartition(".")
            if kind != "weight":
                continue
            layer = int(part.rpartition(".")[2])
            if zero_last and layer == last:
                continue
            bound = (gain if layer else 1.0) * math.sqrt(3 / view.shape[-2])
            draw = torch.rand(view.shape, generator=generator, dtype=torch.float64)
            view.copy_(draw.mul_(2 * bound).sub_(bound))


class Batch(NamedTuple):
    """What one step reads; all tensors have the network's number of rows.

    ``inputs`` are the standardised features u, ``scores`` the anchor's codes z0 (None
    without an anchor), ``targets`` what the reconstruction is compared with.
    """

    inputs: Tensor
    scores: Tensor | None
    targets: Tensor


class Code(Protocol):
    """A layer between encoder and decoder that is active in training only."""

    def forward(self, codes: Tensor) -> Tensor:
        """Return what the decoder gets."""
        ...

    def backward(self, grad: Tensor) -> Tensor:
        """Return the gradient with respect to the encoder's output."""
        ...


class Head(Protocol):
    """How the linear skip path and the decoder's output make the reconstruction."""

    def forward(self, codes: Tensor, raw: Tensor) -> Tensor:
        """Return the reconstruction in the units of the target."""
        ...

    def backward(self, grad: Tensor) -> tuple[Tensor, Tensor | None]:
        """Return the gradients with respect to ``raw`` and ``codes`` (None if zero)."""
        ...


def _products(stacked: bool) -> tuple[Callable[..., Tensor], Callable[..., Tensor]]:
    return (torch.bmm, torch.baddbmm) if stacked else (torch.mm, torch.addmm)


class Dense:
    """A fully connected layer, ``y = x W + b``."""

    def __init__(
        self, name: str, params: Parameters, grads: Parameters | None, rows: int
    ) -> None:
        weight = params.views[f"{name}.weight"]
        self.weight, self.bias = weight, params.views[f"{name}.bias"]
        lead = weight.shape[:-2]
        self._mm, self._addmm = _products(bool(lead))
        self.output = weight.new_empty((*lead, rows, weight.shape[-1]))
        if grads is not None:
            self.weight_grad = grads.views[f"{name}.weight"]
            self.bias_grad = grads.views[f"{name}.bias"]
            self._ones = weight.new_ones((*lead, 1, rows))
            self._input_grad = weight.new_empty((*lead, rows, weight.shape[-2]))
        self._input = self.output

    def forward(self, x: Tensor) -> Tensor:
        """Return ``x W + b``."""
        self._input = x
        return self._addmm(self.bias, x, self.weight, out=self.output)

    def backward_parameters(self, grad: Tensor) -> None:
        """Leave the gradients of W and b in the gradient buffer."""
        self._mm(self._input.mT, grad, out=self.weight_grad)
        self._mm(self._ones, grad, out=self.bias_grad)

    def backward(self, grad: Tensor) -> Tensor:
        """Leave the parameters' gradients, return the input's."""
        self.backward_parameters(grad)
        return self._mm(grad, self.weight.mT, out=self._input_grad)


class Perceptron:
    """Dense layers with an activation between them; the last one is linear."""

    def __init__(
        self,
        name: str,
        n_layers: int,
        activation: str,
        params: Parameters,
        grads: Parameters | None,
        rows: int,
    ) -> None:
        self._phi = ACTIVATIONS[activation]
        self.layers = [
            Dense(f"{name}.{i}", params, grads, rows) for i in range(n_layers)
        ]
        self._hidden = [torch.empty_like(layer.output) for layer in self.layers[:-1]]

    def forward(self, x: Tensor) -> Tensor:
        """Return the output of the last layer."""
        for layer, hidden in zip(self.layers[:-1], self._hidden, strict=True):
            self._phi.forward(layer.forward(x), hidden)
            x = hidden
        return self.layers[-1].forward(x)

    def backward(self, grad: Tensor, *, to_input: bool) -> Tensor:
        """Leave the parameters' gradients; return the input's if it is asked for."""
        for i in range(len(self.layers) - 1, 0, -1):
            grad = self.layers[i].backward(grad)
            below = self.layers[i - 1]
            self._phi.backward(grad, below.output, self._hidden[i - 1])
        if to_input:
            return self.layers[0].backward(grad)
        self.layers[0].backward_parameters(grad)
        return grad


class Shortcut:
    """A linear map that is added in place, ``y += c x A``."""

    def __init__(
        self, name: str, params: Parameters, grads: Parameters | None
    ) -> None:
        self.weight = params.views[f"{name}.shortcut"]
        self._addmm = _products(self.weight.ndim == 3)[1]
        if grads is not None:
            self.weight_grad = grads.views[f"{name}.shortcut"]

    def forward(self, x: Tensor, y: Tensor) -> None:
        """Add ``c x A`` to ``y``."""
        self._addmm(y, x, self.weight, alpha=SHORTCUT_RATE, out=y)

    def backward_parameters(self, x: Tensor, grad: Tensor) -> None:
        """Leave the gradient of A."""
        g = self.weight_grad
        self._addmm(g, x.mT, grad, beta=0, alpha=SHORTCUT_RATE, out=g)

    def backward(self, x: Tensor, grad: Tensor, grad_x: Tensor) -> None:
        """Leave the gradient of A and add that of ``x`` to ``grad_x``."""
        self.backward_parameters(x, grad)
        self._addmm(grad_x, grad, self.weight.mT, alpha=SHORTCUT_RATE, out=grad_x)


class Autoencoder:
    """A dense autoencoder over a linear skip path, for batches of ``rows`` rows.

    Parameters
    ----------
    architecture : Architecture
        Its sizes.
    params : Parameters
        The parameters to read.
    head : Head
        The skip path from codes to reconstruction.
    code_range : (Tensor, Tensor) or None
        The decoder's perceptron sees codes clipped to it, each ``(1, n_components)``.
    rows : int
        Rows of every batch.
    grads : Parameters or None, default=None
        Where :meth:`step` leaves the gradient; without it the network only predicts.
    """

    def __init__(
        self,
        architecture: Architecture,
        params: Parameters,
        head: Head,
        code_range: tuple[Tensor, Tensor] | None,
        rows: int,
        grads: Parameters | None = None,
    ) -> None:
        n, phi = len(architecture.hidden) + 1, architecture.activation
        self._f = Perceptron("encoder", n, phi, params, grads, rows)
        self._g = Perceptron("decoder", n, phi, params, grads, rows)
        self._a = self._b = None
        if architecture.shortcuts:
            self._a = Shortcut("encoder", params, grads)
            self._b = Shortcut("decoder", params, grads)
        self._head, self._range = head, code_range
        self._codes = self._f.layers[-1].output
        self._clipped = torch.empty_like(self._codes)
        if grads is not None:
            self._inside = torch.empty_like(self._codes, dtype=torch.bool)
            self._grad = torch.empty_like(self._g.layers[-1].output)

    def encode(self, inputs: Tensor, scores: Tensor | None) -> Tensor:
        """Return the codes; the result is overwritten by the next call."""
        codes = self._f.forward(inputs)
        if self._a is not None:
            self._a.forward(inputs, codes)
        if scores is not None:
            codes.add_(scores)
        return codes

    def decode(self, codes: Tensor) -> Tensor:
        """Return the reconstruction; it is overwritten by the next call."""
        self._codes = self._clipped_codes = codes
        if self._range is not None:
            self._clipped_codes = torch.clamp(codes, *self._range, out=self._clipped)
        raw = self._g.forward(self._clipped_codes)
        if self._b is not None:
            self._b.forward(self._clipped_codes, raw)
        return self._head.forward(codes, raw)

    def _backward_decoder(self, grad: Tensor) -> Tensor:
        grad_raw, grad_skip = self._head.backward(grad)
        grad_codes = self._g.backward(grad_raw, to_input=True)
        if self._b is not None:
            self._b.backward(self._clipped_codes, grad_raw, grad_codes)
        if self._range is not None:
            torch.eq(self._codes, self._clipped_codes, out=self._inside)
            grad_codes.mul_(self._inside)
        return grad_codes if grad_skip is None else grad_codes.add_(grad_skip)

    def _backward_encoder(self, inputs: Tensor, grad: Tensor) -> None:
        if self._a is not None:
            self._a.backward_parameters(inputs, grad)
        self._f.backward(grad, to_input=False)

    def step(self, batch: Batch, loss: Loss, code: Code | None = None) -> Tensor:
        """Leave the gradient of the mean loss and return that loss."""
        codes = self.encode(batch.inputs, batch.scores)
        if code is not None:
            codes = code.forward(codes)
        prediction = self.decode(codes)
        value = loss.gradient(prediction, batch.targets, self._grad)
        grad = self._backward_decoder(self._grad)
        if code is not None:
            grad = code.backward(grad)
        self._backward_encoder(batch.inputs, grad)
        return value


class NestedDropout:
    """Keep only the first m codes of some rows, m uniform in 1 .. n_components.

    Rows are cut with probability ``rate``. The codes become ordered: the first m
    reconstruct on their own as well as they can.

    References
    ----------
    Rippel, O., Gelbart, M. and Adams, R. (2014). Learning ordered representations with
    nested dropout. ICML.
    """

    def __init__(self, rate: float, generator: torch.Generator) -> None:
        self._rate, self._generator = rate, generator
        self._mask = torch.empty(0)

    def forward(self, codes: Tensor) -> Tensor:
        """Return the codes with the tails of some rows zeroed."""
        n = codes.shape[-1]
        draw = torch.rand(
            (*codes.shape[:-1], 1), generator=self._generator, device=codes.device
        )
        # One draw decides both: below the rate it is cut, where tells the length.
        length = torch.where(draw < self._rate, (draw * (n / self._rate)).ceil(), n)
        self._mask = torch.arange(n, device=codes.device) < length.clamp_(1)
        return codes.mul_(self._mask)

    def backward(self, grad: Tensor) -> Tensor:
        """Return the gradient, zero where the codes were."""
        return grad.mul_(self._mask)
