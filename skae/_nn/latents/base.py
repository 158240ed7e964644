"""Layers between encoder and decoder: what a code is, and plain and nested ones.

A *kind* of code is a frozen dataclass that a fitted model keeps; ``kind.layer`` makes
the layer of one network. A layer turns the encoder's outputs into codes::

    predict(outputs)    the codes, deterministic: what `transform` is made of
    forward(outputs)    the codes in training, which may be cut short or noisy;
                        ``penalty`` then is what they add to the loss of the batch
    backward(grad)      from the gradient of the codes to that of the outputs,
                        penalty included
    judge(outputs)      codes and penalty of each row, for held-out rows

Outputs and codes are ``(..., rows, units)``. Layers may overwrite what they are given.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor


class LatentContext(NamedTuple):
    """What a layer is made for.

    ``generator`` draws its noise; ``n_steps`` is the length of training;
    ``log_variance`` (..., 1, n_components) is that of the anchor's posterior, None
    without an anchor.
    """

    generator: torch.Generator | None = None
    n_steps: int = 1
    log_variance: Tensor | None = None


class LatentLayer:
    """Codes that are the encoder's outputs."""

    penalty: Tensor | None = None

    def predict(self, outputs: Tensor) -> Tensor:
        """Return the codes of the encoder's outputs."""
        return outputs

    def present(self, codes: Tensor) -> Tensor:
        """Return the codes as the decoder sees them."""
        return codes

    def slope(self, codes: Tensor) -> Tensor:
        """Return the derivative of each code, as ``predict`` gave it, by its output."""
        return torch.ones_like(codes)

    def judge(self, outputs: Tensor) -> tuple[Tensor, Tensor | None]:
        """Return codes and the penalty of each row (None for none)."""
        return self.predict(outputs), None

    def forward(self, outputs: Tensor) -> Tensor:
        """Return what the decoder gets in training."""
        return outputs

    def backward(self, grad: Tensor) -> Tensor:
        """Return the gradient with respect to the outputs."""
        return grad


class Latent(ABC):
    """A kind of code; a dataclass of plain values.

    Attributes
    ----------
    standard : bool
        Whether codes are in the units of a standard normal prior, not in the anchor's.
    """

    standard: ClassVar[bool] = False

    def outputs(self, n_components: int) -> int:
        """Return how many units the encoder ends in."""
        return n_components

    def grace(self, n_steps: int) -> int:
        """Return the steps over which a penalty grows, without an anchor."""
        return 0

    @abstractmethod
    def layer(self, n_components: int, context: LatentContext) -> LatentLayer:
        """Return the layer of a network."""


@dataclass(frozen=True)
class PlainLatent(Latent):
    """The encoder's outputs; in training a share of the rows is cut.

    Attributes
    ----------
    nested : float, default=0.0
        Share of the rows that keep only their first codes.
    """

    nested: float = 0.0

    def layer(self, n_components: int, context: LatentContext) -> LatentLayer:
        """Return the layer of a network."""
        if self.nested and context.generator is not None:
            return NestedDropout(self.nested, context.generator)
        return LatentLayer()


class NestedDropout(LatentLayer):
    """Keep only the first m codes of some rows, m uniform in 1 .. n_components.

    Rows are cut with probability ``rate``. The codes become ordered: the first m learn
    to reconstruct on their own.

    References
    ----------
    Rippel, O., Gelbart, M. and Adams, R. (2014). Learning ordered representations with
    nested dropout. ICML.
    """

    def __init__(self, rate: float, generator: torch.Generator) -> None:
        self._rate, self._generator = rate, generator
        self._mask = torch.empty(0)

    def forward(self, outputs: Tensor) -> Tensor:
        """Return the codes with the tails of some rows zeroed."""
        n, device = outputs.shape[-1], outputs.device
        shape = (*outputs.shape[:-1], 1)
        draw = torch.rand(shape, generator=self._generator, device=device)
        # One draw decides both: below the rate it is cut, where tells the length.
        length = torch.where(draw < self._rate, (draw * (n / self._rate)).ceil(), n)
        self._mask = torch.arange(n, device=device) < length.clamp_(1)
        return outputs.mul_(self._mask)

    def backward(self, grad: Tensor) -> Tensor:
        """Return the gradient, zero where the codes were."""
        return grad.mul_(self._mask)
