"""An autoencoder over a linear skip path, and the sizes of a dense one.

The anchored network is a correction of PCA (see :mod:`skae._anchor`)::

    z = z0 + f(u) + u A               u: standardised, clipped inputs; z0: PCA's scores
    y = base(z) + r * (g(v) + v B)    v = clip(z)

with multilayer perceptrons f, g and linear shortcuts A, B, which are columns of the
encoder's first and rows of the decoder's last weight. The last layers and the shortcuts
start at zero, so at step 0 the network is its skip path. What is clipped bounds what
the correction can do to a row far from the training rows.

Between encoder and decoder there may be a layer of another kind (:mod:`skae._codes`),
and f and g may be modules (:mod:`skae._modules`): an autoencoder is put together here
from two halves, a head and a layer, each of which knows its own gradient.
"""

from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from skae._nn.latents.base import LatentLayer

from .losses import Loss


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


def clip_and_attenuate(
    x: Tensor, bounds: tuple[Tensor, Tensor]
) -> tuple[Tensor, Tensor]:
    """Return x clipped to a box and the share of its squared length that is inside.

    The share is one for rows in the box and falls with the square of the distance for
    rows far out, where a correction that was learned in the box would be a guess.
    """
    clipped = torch.clamp(x, *bounds)
    inside = clipped.square().sum(-1, keepdim=True)
    whole = x.square().sum(-1, keepdim=True)
    return clipped, torch.where(whole > 4 * inside, 4 * inside / whole, 1.0)


class Encoder(Protocol):
    """From inputs to the encoder's outputs."""

    def forward(self, x: Tensor) -> Tensor:
        """Return the outputs; the next call may overwrite them."""
        ...

    def backward(self, grad: Tensor) -> None:
        """Leave the gradients of the parameters."""
        ...

    def pull(self, v: Tensor) -> Tensor:
        """Return the transposed Jacobian of the last ``forward`` times v."""
        ...

    def pull_gradient(self, grad: Tensor) -> None:
        """Note the gradient with respect to the last pull, for ``backward``."""
        ...


class Decoder(Protocol):
    """From codes to the correction of the reconstruction."""

    def forward(self, codes: Tensor) -> Tensor:
        """Return the correction; the next call may overwrite it."""
        ...

    def backward(self, grad: Tensor) -> Tensor:
        """Leave the gradients of the parameters and return that of the codes."""
        ...


class Penalty(Protocol):
    """A penalty on the encoder itself."""

    def forward(self, encoder: Encoder, like: Tensor) -> Tensor:
        """Leave its gradient with the encoder and return it, summed over the rows."""
        ...

    def rows(self, encoder: Encoder, like: Tensor) -> Tensor:
        """Return the penalty of each row."""
        ...


class Head(Protocol):
    """How the linear skip path and the decoder's output make the reconstruction."""

    def forward(self, codes: Tensor, raw: Tensor) -> Tensor:
        """Return the reconstruction in the units of the target."""
        ...

    def backward(self, grad: Tensor) -> tuple[Tensor, Tensor | None]:
        """Return the gradients with respect to ``raw`` and ``codes`` (None if zero)."""
        ...


class AutoencoderNetwork:
    """Encoder, code layer, decoder and head, for batches of one size.

    Parameters
    ----------
    halves : (EncoderHalf, DecoderHalf)
        The networks.
    head : Head
        The skip path from codes to reconstruction.
    layer : LatentLayer or None, default=None
        The layer between the halves; None for plain codes.
    penalty : Penalty or None, default=None
        What the loss of the encoder is besides.
    """

    def __init__(
        self,
        halves: tuple[Encoder, Decoder],
        head: Head,
        layer: LatentLayer | None = None,
        penalty: Penalty | None = None,
    ) -> None:
        self.encoder, self._decoder = halves
        self.layer = LatentLayer() if layer is None else layer
        self._head, self._penalty = head, penalty
        self._grad: Tensor | None = None

    def outputs(
        self, inputs: Tensor, scores: Tensor | None, trust: Tensor | None = None
    ) -> Tensor:
        """Return the encoder's outputs; the next call may overwrite them."""
        outputs = self.encoder.forward(inputs)
        if trust is not None:
            outputs.mul_(trust)
        if scores is not None:
            k = scores.shape[-1]
            (outputs if outputs.shape[-1] == k else outputs[..., :k]).add_(scores)
        return outputs

    def encode(
        self, inputs: Tensor, scores: Tensor | None, trust: Tensor | None = None
    ) -> Tensor:
        """Return the codes; the next call may overwrite them."""
        return self.layer.predict(self.outputs(inputs, scores, trust))

    def decode(self, codes: Tensor, trust: Tensor | None = None) -> Tensor:
        """Return the reconstruction; the next call may overwrite it."""
        codes = self.layer.present(codes)
        raw = self._decoder.forward(codes)
        if trust is not None:
            raw.mul_(trust)
        return self._head.forward(codes, raw)

    def rows(self, batch: Batch, loss: Loss, m: int | None = None) -> Tensor:
        """Return the loss of each row, penalties included.

        With m only the first m codes are kept, the others are zero.
        """
        outputs = self.outputs(batch.inputs, batch.scores, batch.trust)
        codes, penalty = self.layer.judge(outputs)
        if m is not None:
            codes[..., m:] = 0
        result = loss.rows(self.decode(codes), batch.targets)
        if penalty is not None:
            result = result + penalty
        if self._penalty is not None:
            result = result + self._penalty.rows(self.encoder, codes)
        return result

    def step(self, batch: Batch, loss: Loss) -> Tensor:
        """Leave the gradient of the loss summed over the rows, and return that loss."""
        layer = self.layer
        codes = layer.forward(self.outputs(batch.inputs, batch.scores))
        prediction = self.decode(codes)
        if self._grad is None:
            self._grad = torch.empty_like(prediction)
        value = loss.gradient(prediction, batch.targets, self._grad)
        if layer.penalty is not None:
            value = value + layer.penalty
        if self._penalty is not None:
            value = value + self._penalty.forward(self.encoder, codes)
        grad_raw, grad_skip = self._head.backward(self._grad)
        grad = self._decoder.backward(grad_raw)
        if grad_skip is not None:
            grad.add_(grad_skip)
        self.encoder.backward(layer.backward(grad))
        return value
