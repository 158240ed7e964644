"""The base class of latent layers, and plain and nested latent codes.

A :class:`Latent` is a frozen dataclass that a fitted model keeps; ``latent.layer``
makes the layer of one network. A :class:`LatentLayer` turns the encoder's outputs into
codes::

    predict(outputs)        the codes, deterministic: what `transform` returns
    forward(outputs)        the codes in training, which may be truncated or noisy;
                            ``penalty`` is then what they add to the batch's loss
    backward(grad)          from the gradient of the codes to that of the outputs,
                            penalty included
    evaluate(outputs)       codes and penalty of each sample, for validation data
    decoder_input(codes)    the codes as the decoder reads them

Outputs and codes are ``(..., samples, codes)``. Layers may overwrite their arguments.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor

NESTED_SHARE = 0.2  # of the samples of which only the first codes are kept


class LatentContext(NamedTuple):
    """What a latent layer needs of its surroundings.

    Attributes
    ----------
    generator : torch.Generator or None, default=None
        Source of its noise; None to predict only.
    n_steps : int, default=1
        Length of the training.
    initial_log_variance : Tensor of shape (..., 1, n_components) or None, default=None
        Log-variance of the anchor's posterior; None without an anchor.
    """

    generator: torch.Generator | None = None
    n_steps: int = 1
    initial_log_variance: Tensor | None = None


class LatentLayer:
    """Latent codes that are the encoder's outputs."""

    penalty: Tensor | None = None

    def predict(self, outputs: Tensor) -> Tensor:
        """Return the codes of the encoder's outputs."""
        return outputs

    def decoder_input(self, codes: Tensor) -> Tensor:
        """Return the codes as the decoder reads them."""
        return codes

    def derivative(self, codes: Tensor) -> Tensor:
        """Return the derivative of each code, given by ``predict``, by its output."""
        return torch.ones_like(codes)

    def evaluate(self, outputs: Tensor) -> tuple[Tensor, Tensor | None]:
        """Return the codes, and the penalty of each sample (None for none)."""
        return self.predict(outputs), None

    def forward(self, outputs: Tensor) -> Tensor:
        """Return the codes in training."""
        return outputs

    def backward(self, grad: Tensor) -> Tensor:
        """Return the gradient with respect to the outputs."""
        return grad


class Latent(ABC):
    """The kind of the latent codes; a dataclass of plain values.

    Attributes
    ----------
    name : str
        Its key in ``LATENTS``.
    standard_normal : bool
        Whether codes are in the scale of a standard normal prior, not in the anchor's.
    """

    name: ClassVar[str]
    standard_normal: ClassVar[bool] = False

    def n_outputs(self, n_components: int) -> int:
        """Return the size of the encoder's output."""
        return n_components

    def warmup_steps(self, n_steps: int) -> int:
        """Return the steps over which a penalty grows, without an anchor."""
        return 0

    @abstractmethod
    def layer(self, n_components: int, context: LatentContext) -> LatentLayer:
        """Return the layer of a network."""


@dataclass(frozen=True)
class PlainLatent(Latent):
    """The encoder's outputs; in training those of some samples are truncated.

    Attributes
    ----------
    nested : float, default=0.0
        Share of the samples of which only the first codes are kept.
    """

    name: ClassVar[str] = "plain"
    nested: float = 0.0

    @classmethod
    def ordered(cls) -> "PlainLatent":
        """Return codes of which the first m are to do on their own, for all m."""
        return cls(NESTED_SHARE)

    def layer(self, n_components: int, context: LatentContext) -> LatentLayer:
        """Return the layer of a network."""
        if self.nested and context.generator is not None:
            return NestedDropout(self.nested, context.generator)
        return LatentLayer()


class NestedDropout(LatentLayer):
    """Keep only the first m codes of some samples, m uniform in 1 .. n_components.

    A sample's codes are truncated with probability ``rate``. The codes become ordered:
    the first m learn to reconstruct on their own.

    References
    ----------
    Rippel, O., Gelbart, M. and Adams, R. (2014). Learning ordered representations with
    nested dropout. ICML.
    """

    def __init__(self, rate: float, generator: torch.Generator) -> None:
        self._rate, self._generator = rate, generator
        self._mask = torch.empty(0, dtype=torch.bool, device="cpu")

    def forward(self, outputs: Tensor) -> Tensor:
        """Return the codes, of some samples only the first."""
        n, device = outputs.shape[-1], outputs.device
        shape = (*outputs.shape[:-1], 1)
        draw = torch.rand(
            shape, generator=self._generator, dtype=torch.float32, device=device
        )
        # One draw decides both: given that it is below the rate, it is uniform there.
        length = torch.where(draw < self._rate, (draw * (n / self._rate)).ceil(), n)
        self._mask = torch.arange(n, device=device) < length.clamp_(1)
        return outputs.mul_(self._mask)

    def backward(self, grad: Tensor) -> Tensor:
        """Return the gradient, zero for the codes that were not kept."""
        return grad.mul_(self._mask)
