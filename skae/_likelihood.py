"""The normal likelihood of a decoder, with a variance of each feature to learn.

Targets are in units of the noise that the anchor starts with, so that a log-variance of
zero is the anchor's.

References
----------
Rybkin, O., Daniilidis, K. and Levine, S. (2021). Simple and effective VAE training with
calibrated decoders. ICML.
"""

from dataclasses import dataclass, field

import torch
from torch import Tensor

from .losses import Loss

SPEED = 5.0  # variances may have orders of magnitude to go, weights have not


@dataclass(frozen=True)
class NormalLikelihood(Loss):
    """Minus the log-likelihood, less ``log(2 pi) / 2`` for each feature.

    Attributes
    ----------
    noise : Tensor of shape ([models,] 1, n_features)
        Logarithm of each feature's variance, divided by ``SPEED``.
    grad : Tensor or None, default=None
        Where its gradient goes; None to evaluate only.
    floor : Tensor of shape ([models,] 1, n_features)
        The least that counts as such. A feature that is constant, or that the codes
        determine, would have none and be all that matters.
    """

    noise: Tensor = field(default_factory=lambda: torch.zeros(1, 1))
    grad: Tensor | None = None
    floor: Tensor = field(default_factory=lambda: torch.full((1, 1), -torch.inf))

    def rows(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Return the loss of each row."""
        log_variance = SPEED * torch.maximum(self.noise, self.floor)
        squares = (prediction - target).square_().mul_((-log_variance).exp())
        result = squares.sum(-1).add_(log_variance.sum(-1))
        return result.mul_(0.5 * self.weight)

    def gradient(self, prediction: Tensor, target: Tensor, out: Tensor) -> Tensor:
        """Write the gradient into ``out`` and return the summed loss."""
        torch.sub(prediction, target, out=out)
        log_variance = SPEED * torch.maximum(self.noise, self.floor)
        precision = (-log_variance).exp()
        squares = out.square().mul_(precision).sum(-2, keepdim=True)
        out.mul_(precision)
        rows = out.shape[-2]
        loss = squares.sum().add_(log_variance.sum(), alpha=rows).mul_(0.5)
        if self.grad is not None:
            torch.sub(rows, squares, out=self.grad)
            self.grad.mul_(0.5 * SPEED * self.weight)
            # From the floor a variance may only rise.
            self.grad.masked_fill_((self.noise <= self.floor) & (self.grad > 0), 0.0)
        return self._weigh(loss, out)
