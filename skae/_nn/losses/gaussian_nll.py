"""The negative log-likelihood of normal features whose variances are learned."""

from dataclasses import dataclass, field, replace
from math import log, pi
from typing import Self

import torch
from torch import Tensor

from .base import Loss

LOG_VARIANCE_RATE = 5.0  # variances may change by orders of magnitude, weights do not


@dataclass(frozen=True)
class GaussianNLL(Loss):
    """Minus the log-likelihood of normal features, less a constant.

    Without ``log_variance`` all variances are one. Tensors take no part in comparisons:
    a loss that is bound to parameters equals the one that it was made of.

    Attributes
    ----------
    weight : float, default=1.0
        Factor of the loss and of its gradient.
    log_variance : Tensor of shape ([models,] 1, n_features) or None, default=None
        Logarithm of each feature's noise variance, divided by ``LOG_VARIANCE_RATE``.
    grad : Tensor or None, default=None
        Where its gradient is written.
    floor : Tensor of shape ([models,] 1, n_features) or None, default=None
        Lower limit of ``log_variance``. The variance of a feature that is constant, or
        that the codes determine, would go to zero, and its term dominate the loss.
    """

    name = "normal"
    in_nats = True
    learns_variance = True
    log_variance: Tensor | None = field(default=None, compare=False)
    grad: Tensor | None = field(default=None, compare=False)
    floor: Tensor | None = field(default=None, compare=False)

    def bound_to(
        self,
        log_variance: Tensor,
        *,
        grad: Tensor | None = None,
        floor: Tensor | None = None,
    ) -> Self:
        """Return the loss with learned variances."""
        return replace(self, log_variance=log_variance, grad=grad, floor=floor)

    def target_scale(
        self, residual_squares: float, noise_variance: float, n_features: int
    ) -> float:
        """Return the standard deviation of the noise."""
        return noise_variance**0.5

    def nll_constant(self, target_scale: float) -> float:
        """Return what the loss omits of each feature's log-likelihood."""
        return 0.5 * log(2 * pi) + log(target_scale)

    def _floored_log_variance(self, like: Tensor) -> Tensor:
        if self.log_variance is None:
            return like.new_zeros(1, 1)
        if self.floor is None:
            return LOG_VARIANCE_RATE * self.log_variance
        return LOG_VARIANCE_RATE * torch.maximum(self.log_variance, self.floor)

    def per_sample(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Return the loss of each sample."""
        log_variance = self._floored_log_variance(prediction)
        squares = (prediction - target).square_().mul_((-log_variance).exp())
        result = squares.sum(-1).add_(log_variance.sum(-1))
        return result.mul_(0.5 * self.weight)

    def value_and_gradient(
        self, prediction: Tensor, target: Tensor, out: Tensor
    ) -> Tensor:
        """Return the summed loss, and write its gradient into ``out``."""
        torch.sub(prediction, target, out=out)
        log_variance = self._floored_log_variance(prediction)
        precision = (-log_variance).exp()
        squares = out.square().mul_(precision).sum(-2, keepdim=True)
        out.mul_(precision)
        n = out.shape[-2]
        loss = squares.sum().add_(log_variance.sum(), alpha=n).mul_(0.5)
        if self.grad is not None:
            torch.sub(n, squares, out=self.grad)
            self.grad.mul_(0.5 * LOG_VARIANCE_RATE * self.weight)
            self._keep_above_floor(self.grad)
        return self._weigh(loss, out)

    def _keep_above_floor(self, grad: Tensor) -> None:
        """Zero the gradient of a variance that is at the floor and would fall."""
        if self.log_variance is not None and self.floor is not None:
            grad.masked_fill_((self.log_variance <= self.floor) & (grad > 0), 0.0)
