"""An autoencoder: an encoder and a decoder over a linear skip path, from parts.

The anchored network is a correction of PCA (:mod:`skae._pca.anchor`)::

    z = z0 + f(u) + u A               u: standardized, clipped inputs; z0: PCA's scores
    y = base(z) + r * (g(v) + v B)    v = clip(z)

with f and g multilayer perceptrons and A and B linear skip connections, or with f and g
torch modules (:mod:`skae._nn.modules`). What starts at zero makes f, A, g and B zero,
so at step 0 the network is its skip path. Clipping limits what the correction can do to
a sample far from the training data.

A latent layer (:mod:`skae._nn.latents`) makes the latent codes z of the encoder's
outputs, and an output head makes the reconstruction y. Each part knows its own gradient
and is replaced on its own.
"""

from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from .latents.base import LatentLayer
from .losses import Loss


class Batch(NamedTuple):
    """The tensors that one step reads, ``([models,] batch_size, ...)``.

    ``inputs`` are the standardized features u, ``scores`` the anchor's codes z0 (None
    without an anchor) and ``targets`` what the reconstruction is compared with.
    ``attenuation``, of shape ``(batch_size, 1)``, is a factor in (0, 1] on the
    encoder's correction of each sample (None for 1).
    """

    inputs: Tensor
    scores: Tensor | None
    targets: Tensor
    attenuation: Tensor | None = None


def clip_and_attenuate(
    x: Tensor, bounds: tuple[Tensor, Tensor]
) -> tuple[Tensor, Tensor]:
    """Return x clipped to a box, and the attenuation factor of each sample.

    The factor is 1 while at least a quarter of the squared norm remains after clipping
    and then falls with the square of the distance: a correction that was learned inside
    the box would be a guess far outside.
    """
    clipped = torch.clamp(x, *bounds)
    limit = 4 * clipped.square().sum(-1, keepdim=True)
    total = x.square().sum(-1, keepdim=True)
    return clipped, torch.where(total > limit, limit / total, 1.0)


class Encoder(Protocol):
    """From inputs to the outputs that a latent layer reads."""

    def forward(self, x: Tensor) -> Tensor:
        """Return the outputs; the next call may overwrite them."""
        ...

    def backward(self, grad: Tensor) -> None:
        """Write the gradients of the parameters."""
        ...

    def vjp(self, v: Tensor) -> Tensor:
        """Return the transposed Jacobian of the last ``forward`` times v."""
        ...

    def vjp_backward(self, grad: Tensor) -> None:
        """Keep the gradient with respect to the last ``vjp`` for ``backward``."""
        ...


class Decoder(Protocol):
    """From latent codes to the correction of the reconstruction."""

    def forward(self, codes: Tensor) -> Tensor:
        """Return the correction; the next call may overwrite it."""
        ...

    def backward(self, grad: Tensor) -> Tensor:
        """Write the gradients of the parameters and return that of the codes."""
        ...


class ZeroEncoder:
    """The encoder whose correction is zero: of a network, its skip path alone.

    Parameters
    ----------
    n_outputs : int
        Size of the output.
    """

    def __init__(self, n_outputs: int) -> None:
        self._n_outputs = n_outputs

    def forward(self, x: Tensor) -> Tensor:
        """Return zeros."""
        self._input = x
        return x.new_zeros((*x.shape[:-1], self._n_outputs))

    def backward(self, grad: Tensor) -> None:
        """Do nothing: there are no parameters."""

    def vjp(self, v: Tensor) -> Tensor:
        """Return zeros."""
        return torch.zeros_like(self._input)

    def vjp_backward(self, grad: Tensor) -> None:
        """Do nothing: there are no parameters."""


class ZeroDecoder:
    """The decoder whose correction is zero: of a network, its skip path alone.

    Parameters
    ----------
    n_features : int
        Size of the output.
    """

    def __init__(self, n_features: int) -> None:
        self._n_features = n_features

    def forward(self, codes: Tensor) -> Tensor:
        """Return zeros."""
        self._codes = codes
        return codes.new_zeros((*codes.shape[:-1], self._n_features))

    def backward(self, grad: Tensor) -> Tensor:
        """Return zeros."""
        return torch.zeros_like(self._codes)


class Penalty(Protocol):
    """An additional penalty on the encoder."""

    def forward(self, encoder: Encoder, like: Tensor) -> Tensor:
        """Pass the gradient to the encoder and return the penalty of the batch."""
        ...

    def per_sample(self, encoder: Encoder, like: Tensor) -> Tensor:
        """Return the penalty of each sample."""
        ...


class Head(Protocol):
    """From the codes and the decoder's output to the reconstruction."""

    def forward(self, codes: Tensor, raw: Tensor) -> Tensor:
        """Return the reconstruction in the target's scale."""
        ...

    def backward(self, grad: Tensor) -> tuple[Tensor, Tensor | None]:
        """Return the gradients with respect to ``raw`` and ``codes`` (None if zero)."""
        ...


class AutoencoderNetwork:
    """Encoder, latent layer, decoder and head, for batches of one size.

    Parameters
    ----------
    encoder, decoder : Encoder, Decoder
        The networks.
    head : Head
        Adds the skip path from codes to reconstruction.
    latent_layer : LatentLayer or None, default=None
        From the encoder's outputs to the codes; None if they are the codes.
    penalty : Penalty or None, default=None
        An additional penalty on the encoder.
    """

    def __init__(
        self,
        encoder: Encoder,
        decoder: Decoder,
        head: Head,
        latent_layer: LatentLayer | None = None,
        penalty: Penalty | None = None,
    ) -> None:
        self.encoder, self._decoder = encoder, decoder
        self.latent_layer = LatentLayer() if latent_layer is None else latent_layer
        self._head, self._penalty = head, penalty
        self._grad: Tensor | None = None

    def encoder_outputs(
        self, inputs: Tensor, scores: Tensor | None, attenuation: Tensor | None = None
    ) -> Tensor:
        """Return what the latent layer reads; the next call may overwrite it."""
        outputs = self.encoder.forward(inputs)
        if attenuation is not None:
            outputs.mul_(attenuation)
        if scores is not None:
            k = scores.shape[-1]
            (outputs if outputs.shape[-1] == k else outputs[..., :k]).add_(scores)
        return outputs

    def encode(
        self, inputs: Tensor, scores: Tensor | None, attenuation: Tensor | None = None
    ) -> Tensor:
        """Return the latent codes; the next call may overwrite them."""
        outputs = self.encoder_outputs(inputs, scores, attenuation)
        return self.latent_layer.predict(outputs)

    def decode(self, codes: Tensor, attenuation: Tensor | None = None) -> Tensor:
        """Return the reconstruction; the next call may overwrite it."""
        codes = self.latent_layer.decoder_input(codes)
        raw = self._decoder.forward(codes)
        if attenuation is not None:
            raw.mul_(attenuation)
        return self._head.forward(codes, raw)

    def per_sample_loss(
        self, batch: Batch, loss: Loss, n_codes: int | None = None
    ) -> Tensor:
        """Return the loss of each sample, penalties included.

        With ``n_codes`` only the first of the codes are kept, the others are zero.
        """
        outputs = self.encoder_outputs(batch.inputs, batch.scores, batch.attenuation)
        codes, penalty = self.latent_layer.evaluate(outputs)
        if n_codes is not None:
            codes[..., n_codes:] = 0
        result = loss.per_sample(self.decode(codes), batch.targets)
        if penalty is not None:
            result = result + penalty
        if self._penalty is not None:
            result = result + self._penalty.per_sample(self.encoder, codes)
        return result

    def loss_and_gradient(self, batch: Batch, loss: Loss) -> Tensor:
        """Write the gradients of the summed loss of a batch, and return that loss."""
        latent_layer = self.latent_layer
        codes = latent_layer.forward(self.encoder_outputs(batch.inputs, batch.scores))
        prediction = self.decode(codes)
        if self._grad is None:
            self._grad = torch.empty_like(prediction)
        value = loss.value_and_gradient(prediction, batch.targets, self._grad)
        if latent_layer.penalty is not None:
            value = value + latent_layer.penalty
        if self._penalty is not None:
            value = value + self._penalty.forward(self.encoder, codes)
        grad_raw, grad_skip = self._head.backward(self._grad)
        grad = self._decoder.backward(grad_raw)
        if grad_skip is not None:
            grad.add_(grad_skip)
        self.encoder.backward(latent_layer.backward(grad))
        return value
