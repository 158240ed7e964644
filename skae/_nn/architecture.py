"""The sizes of a dense autoencoder, and its first weights."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from .activations import ACTIVATIONS
from .mlp import MLPDecoder, MLPEncoder
from .parameters import ParameterBuffer, Shapes


@dataclass(frozen=True)
class DenseArchitecture:
    """Sizes of a dense autoencoder: ``n_features -> hidden -> n_components -> ...``.

    With ``shortcuts`` (and a hidden layer) the linear shortcuts are there. The encoder
    ends in ``outputs`` units, where that is not the number of codes; with ``noise``
    there is a variance of each feature to learn (:mod:`skae._likelihood`).
    """

    n_features: int
    n_components: int
    hidden: tuple[int, ...]
    activation: str = "silu"
    shortcuts: bool = True
    outputs: int | None = None
    noise: bool = False

    @property
    def encoder(self) -> tuple[int, ...]:
        """Units of each layer from the features to the encoder's outputs."""
        return (self.n_features, *self.hidden, self.outputs or self.n_components)

    @property
    def decoder(self) -> tuple[int, ...]:
        """Units of each layer from the codes to the features."""
        return (self.n_components, *self.hidden[::-1], self.n_features)

    @property
    def straight(self) -> bool:
        """Whether there are linear shortcuts."""
        return self.shortcuts and bool(self.hidden)

    def shapes(self) -> Shapes:
        """Return the shape of every parameter by name."""
        shapes: dict[str, tuple[int, ...]] = dict(self.noise_shapes())
        last = len(self.hidden)
        for part, sizes in (("encoder", self.encoder), ("decoder", self.decoder)):
            for i in range(last + 1):
                rows, columns = sizes[i], sizes[i + 1]
                if self.straight and part == "encoder" and i == 0:
                    columns += self.encoder[-1]
                if self.straight and part == "decoder" and i == last:
                    rows += self.n_components
                shapes[f"{part}.{i}.weight"] = (rows, columns)
                shapes[f"{part}.{i}.bias"] = (1, columns)
        return shapes

    def noise_shapes(self) -> Shapes:
        """Return the shape of the learned variances, if there are any."""
        return {"noise.bias": (1, self.n_features)} if self.noise else {}

    def corrections(self, params: ParameterBuffer) -> list[Tensor]:
        """Return views of what starts at zero: last layers and shortcuts."""
        last = len(self.hidden)
        views = [
            params.views[f"{part}.{last}.{kind}"]
            for part in ("encoder", "decoder")
            for kind in ("weight", "bias")
        ]
        if self.noise:
            views.append(params.views["noise.bias"])
        if self.straight:
            views += [
                params.views[f"encoder.0.{kind}"][..., self.hidden[0] :]
                for kind in ("weight", "bias")
            ]
        return views

    def initialise(
        self, params: ParameterBuffer, generator: torch.Generator, *, zero: bool
    ) -> None:
        """Draw the weights uniformly with variance ``gain^2 / fan_in``.

        The gain is 1 in layers that read inputs or codes, the activation's own in the
        others; biases and, with ``zero``, the corrections are zero. Draws are made on
        the CPU, so that every device starts at the same place.
        """
        params.flat.zero_()
        gain = ACTIVATIONS[self.activation].gain
        for name, view in params.views.items():
            if name.endswith(".weight"):
                layer = int(name.split(".")[1])
                bound = (gain if layer else 1.0) * math.sqrt(3 / view.shape[-2])
                draw = torch.rand(view.shape, generator=generator, dtype=torch.float64)
                view.copy_(draw.mul_(2 * bound).sub_(bound).to(view.dtype))
        if zero:
            for view in self.corrections(params):
                view.zero_()

    def halves(
        self,
        params: ParameterBuffer,
        grads: ParameterBuffer | None,
        clip: tuple[Tensor, Tensor] | None,
        rows: int,
    ) -> tuple[MLPEncoder, MLPDecoder]:
        """Return encoder and decoder for batches of ``rows`` rows.

        Parameters
        ----------
        params, grads : ParameterBuffer
            Where parameters and gradients are; None for ``grads`` to predict only.
        clip : (Tensor, Tensor) or None
            The decoder sees codes clipped to this range, each ``(1, n_components)``.
        rows : int
            Rows of every batch.
        """
        phi, straight = ACTIVATIONS[self.activation], self.straight
        return (
            MLPEncoder(self.encoder, phi, straight, params, grads, rows),
            MLPDecoder(self.decoder, phi, straight, clip, params, grads, rows),
        )
