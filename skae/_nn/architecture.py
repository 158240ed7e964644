"""What all architectures offer, and that of a dense autoencoder."""

import math
from dataclasses import dataclass
from typing import ClassVar, Protocol

import torch
from torch import Tensor

from .activations import ACTIVATIONS
from .autoencoder import Decoder, Encoder
from .mlp import MLPDecoder, MLPEncoder
from .parameters import ParameterBuffer, Shapes


class Architecture(Protocol):
    """Layout, first values and construction of an encoder and its decoder."""

    uses_autograd: ClassVar[bool]

    @property
    def n_features(self) -> int:
        """Number of features."""
        ...

    @property
    def n_components(self) -> int:
        """Number of latent codes."""
        ...

    def shapes(self) -> Shapes:
        """Return the shape of every parameter by name."""
        ...

    def zero_initialized(self, params: ParameterBuffer) -> list[Tensor]:
        """Return views of the parameters that start at zero over an anchor."""
        ...

    def initialize(
        self, params: ParameterBuffer, generator: torch.Generator, *, zero: bool
    ) -> None:
        """Set the first values; with ``zero`` the correction of the anchor is zero."""
        ...

    def build(
        self,
        params: ParameterBuffer,
        grads: ParameterBuffer | None,
        clip: tuple[Tensor, Tensor] | None,
        batch_size: int,
    ) -> tuple[Encoder, Decoder]:
        """Return encoder and decoder over these parameters."""
        ...


@dataclass(frozen=True)
class DenseArchitecture:
    """Sizes of a dense autoencoder.

    Attributes
    ----------
    n_features, n_components : int
        Number of features and of latent codes.
    hidden_layer_sizes : tuple of int
        Sizes of the encoder's hidden layers; the decoder mirrors them.
    activation : str, default="silu"
        Activation of the hidden layers, a key of ``ACTIVATIONS``.
    skip : bool, default=True
        Whether encoder and decoder have linear skip connections. Without a hidden layer
        there are none.
    n_outputs : int or None, default=None
        Size of the encoder's output; None for the number of codes.
    learns_variance : bool, default=False
        Whether the noise variance of each feature is a parameter, too.
    """

    uses_autograd: ClassVar[bool] = False
    n_features: int
    n_components: int
    hidden_layer_sizes: tuple[int, ...]
    activation: str = "silu"
    skip: bool = True
    n_outputs: int | None = None
    learns_variance: bool = False

    @property
    def encoder_widths(self) -> tuple[int, ...]:
        """Sizes from the features to the encoder's output."""
        last = self.n_outputs or self.n_components
        return (self.n_features, *self.hidden_layer_sizes, last)

    @property
    def decoder_widths(self) -> tuple[int, ...]:
        """Sizes from the codes to the features."""
        return (self.n_components, *self.hidden_layer_sizes[::-1], self.n_features)

    @property
    def has_skip(self) -> bool:
        """Whether there are linear skip connections."""
        return self.skip and bool(self.hidden_layer_sizes)

    def shapes(self) -> Shapes:
        """Return the shape of every parameter by name."""
        shapes: dict[str, tuple[int, ...]] = dict(self.variance_shapes())
        last = len(self.hidden_layer_sizes)
        parts = ("encoder", self.encoder_widths), ("decoder", self.decoder_widths)
        for part, widths in parts:
            for i in range(last + 1):
                fan_in, fan_out = widths[i], widths[i + 1]
                if self.has_skip and part == "encoder" and i == 0:
                    fan_out += self.encoder_widths[-1]
                if self.has_skip and part == "decoder" and i == last:
                    fan_in += self.n_components
                shapes[f"{part}.{i}.weight"] = (fan_in, fan_out)
                shapes[f"{part}.{i}.bias"] = (1, fan_out)
        return shapes

    def variance_shapes(self) -> Shapes:
        """Return the shape of the learned variances, if there are any."""
        return {"noise.bias": (1, self.n_features)} if self.learns_variance else {}

    def zero_initialized(self, params: ParameterBuffer) -> list[Tensor]:
        """Return views of last layers, skip connections and variances."""
        last = len(self.hidden_layer_sizes)
        views = [
            params.views[f"{part}.{last}.{group}"]
            for part in ("encoder", "decoder")
            for group in ("weight", "bias")
        ]
        if self.learns_variance:
            views.append(params.views["noise.bias"])
        if self.has_skip:
            views += [
                params.views[f"encoder.0.{group}"][..., self.hidden_layer_sizes[0] :]
                for group in ("weight", "bias")
            ]
        return views

    def initialize(
        self, params: ParameterBuffer, generator: torch.Generator, *, zero: bool
    ) -> None:
        """Draw the weights uniformly with variance ``gain^2 / fan_in``.

        The gain is 1 in layers that read inputs or codes, the activation's own in the
        others. Biases are zero, and with ``zero`` so is all that is zero-initialized.
        Draws are made on the CPU, so that every device has the same first values.
        """
        params.flat.zero_()
        gain = ACTIVATIONS[self.activation].gain
        for name, view in params.views.items():
            if name.endswith(".weight"):
                layer = int(name.split(".")[1])
                bound = (gain if layer else 1.0) * math.sqrt(3 / view.shape[-2])
                draw = torch.rand(
                    view.shape,
                    generator=generator,
                    dtype=torch.float64,
                    device=generator.device,
                )
                view.copy_(draw.mul_(2 * bound).sub_(bound).to(view.dtype))
        if zero:
            for view in self.zero_initialized(params):
                view.zero_()

    def build(
        self,
        params: ParameterBuffer,
        grads: ParameterBuffer | None,
        clip: tuple[Tensor, Tensor] | None,
        batch_size: int,
    ) -> tuple[MLPEncoder, MLPDecoder]:
        """Return encoder and decoder over these parameters.

        Parameters
        ----------
        params, grads : ParameterBuffer
            Parameters and their gradients; None for ``grads`` to predict only.
        clip : (Tensor, Tensor) or None
            The decoder's input is clipped to this range, each ``(1, n_components)``.
        batch_size : int
            Samples of every batch.
        """
        phi, skip = ACTIVATIONS[self.activation], self.has_skip
        encoder = MLPEncoder(self.encoder_widths, phi, skip, params, grads, batch_size)
        decoder = MLPDecoder(
            self.decoder_widths, phi, skip, clip, params, grads, batch_size
        )
        return encoder, decoder
