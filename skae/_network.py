"""A dense autoencoder over a linear skip path.

The anchored network is a correction of PCA (see :mod:`skae._anchor`)::

    z = z0 + f(u) + u A               u: standardised, clipped inputs; z0: PCA's scores
    y = base(z) + r * (g(v) + v B)    v = clip(z)

with multilayer perceptrons f, g and linear shortcuts A, B, which are columns of the
encoder's first and rows of the decoder's last weight. The last layers and the shortcuts
start at zero, so at step 0 the network is its skip path. What is clipped bounds what
the correction can do to a row far from the training rows.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from ._activations import ACTIVATIONS
from ._layers import Decoder, Encoder
from ._parameters import Parameters, Shapes
from .losses import Loss


@dataclass(frozen=True)
class Architecture:
    """Sizes of an autoencoder: ``n_features -> hidden -> n_components -> ...``.

    With ``shortcuts`` (and a hidden layer) the linear shortcuts are there.
    """

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

    @property
    def extra(self) -> int:
        """Linear units of the encoder's first layer, inputs of the decoder's last."""
        return self.n_components if self.shortcuts and self.hidden else 0

    def shapes(self) -> Shapes:
        """Return the shape of every parameter by name."""
        shapes: dict[str, tuple[int, int]] = {}
        last = len(self.hidden)
        for part, sizes in (("encoder", self.encoder), ("decoder", self.decoder)):
            for i in range(last + 1):
                rows, columns = sizes[i], sizes[i + 1]
                if part == "encoder" and i == 0:
                    columns += self.extra
                if part == "decoder" and i == last:
                    rows += self.extra
                shapes[f"{part}.{i}.weight"] = (rows, columns)
                shapes[f"{part}.{i}.bias"] = (1, columns)
        return shapes

    def corrections(self, params: Parameters) -> list[Tensor]:
        """Return views of what starts at zero: last layers and shortcuts."""
        last = len(self.hidden)
        views = [
            params.views[f"{part}.{last}.{kind}"]
            for part in ("encoder", "decoder")
            for kind in ("weight", "bias")
        ]
        if self.extra:
            views += [
                params.views[f"encoder.0.{kind}"][..., self.hidden[0] :]
                for kind in ("weight", "bias")
            ]
        return views

    def initialise(
        self, params: Parameters, generator: torch.Generator, *, zero: bool
    ) -> None:
        """Draw the weights uniformly with variance ``gain^2 / fan_in``.

        The gain is 1 in layers that read inputs or codes, the activation's own in the
        others; biases and, with ``zero``, the corrections are zero. Draws are made on
        the CPU, so that every device starts at the same place.
        """
        params.flat.zero_()
        gain = ACTIVATIONS[self.activation].gain
        for name, view in params.views.items():
            _, layer, kind = name.split(".")
            if kind == "weight":
                bound = (gain if int(layer) else 1.0) * math.sqrt(3 / view.shape[-2])
                draw = torch.rand(view.shape, generator=generator, dtype=torch.float64)
                view.copy_(draw.mul_(2 * bound).sub_(bound).to(view.dtype))
        if zero:
            for view in self.corrections(params):
                view.zero_()


class Batch(NamedTuple):
    """What one step reads; all tensors have the network's number of rows.

    ``inputs`` are the standardised features u, ``scores`` the anchor's codes z0 (None
    without an anchor), ``targets`` what the reconstruction is compared with, ``trust``
    (rows, 1) how far the correction of each row's codes is believed (None: wholly).
    """

    inputs: Tensor
    scores: Tensor | None
    targets: Tensor
    trust: Tensor | None = None


def clip_with_trust(x: Tensor, bounds: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    """Return x clipped to a box and the share of its squared length that is inside.

    The share is one for rows in the box and falls with the square of the distance for
    rows far out, where a correction that was learned in the box would be a guess.
    """
    clipped = torch.clamp(x, *bounds)
    inside = clipped.square().sum(-1, keepdim=True)
    whole = x.square().sum(-1, keepdim=True)
    return clipped, torch.where(whole > 4 * inside, 4 * inside / whole, 1.0)


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


class Autoencoder:
    """A dense autoencoder, for batches of ``rows`` rows.

    Parameters
    ----------
    architecture : Architecture
        Its sizes.
    params : Parameters
        The parameters to read.
    head : Head
        The skip path from codes to reconstruction.
    clip : (Tensor, Tensor) or None
        The decoder sees codes clipped to this range, each ``(1, n_components)``.
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
        clip: tuple[Tensor, Tensor] | None,
        rows: int,
        grads: Parameters | None = None,
    ) -> None:
        a, phi = architecture, ACTIVATIONS[architecture.activation]
        shortcut = bool(a.extra)
        self._encoder = Encoder(a.encoder, phi, shortcut, params, grads, rows)
        self._decoder = Decoder(a.decoder, phi, shortcut, clip, params, grads, rows)
        self._head = head
        self._grad: Tensor | None = None

    def encode(
        self, inputs: Tensor, scores: Tensor | None, trust: Tensor | None = None
    ) -> Tensor:
        """Return the codes; the next call may overwrite them."""
        codes = self._encoder.forward(inputs)
        if trust is not None:
            codes.mul_(trust)
        return codes if scores is None else codes.add_(scores)

    def decode(self, codes: Tensor, trust: Tensor | None = None) -> Tensor:
        """Return the reconstruction; the next call may overwrite it."""
        raw = self._decoder.forward(codes)
        if trust is not None:
            raw.mul_(trust)
        return self._head.forward(codes, raw)

    def step(self, batch: Batch, loss: Loss, code: Code | None = None) -> Tensor:
        """Leave the gradient of the loss summed over the rows, and return that loss."""
        codes = self.encode(batch.inputs, batch.scores)
        if code is not None:
            codes = code.forward(codes)
        prediction = self.decode(codes)
        if self._grad is None:
            self._grad = torch.empty_like(prediction)
        value = loss.gradient(prediction, batch.targets, self._grad)
        grad_raw, grad_skip = self._head.backward(self._grad)
        grad = self._decoder.backward(grad_raw)
        if grad_skip is not None:
            grad.add_(grad_skip)
        self._encoder.backward(grad if code is None else code.backward(grad))
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
