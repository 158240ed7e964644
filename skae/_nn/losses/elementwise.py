"""Losses that are a sum over the features.

With prediction ``y`` and target ``t``::

    squared_error          sum_j (y_j - t_j)^2
    absolute_error         sum_j |y_j - t_j|
    huber                  sum_j h(y_j - t_j),  h(e) = e^2 / 2          if |e| <= delta
                                                       delta (|e| - delta / 2)   else
    binary_cross_entropy   sum_j log(1 + exp(y_j)) - t_j y_j      (y_j is a logit)
    bernoulli              the same, as minus the logarithm of a likelihood

References
----------
Huber, P. J. (1964). Robust estimation of a location parameter. Annals of Mathematical
Statistics 35, 73-101.
"""

from abc import abstractmethod
from dataclasses import dataclass
from math import pi
from typing import Self

import torch
import torch.nn.functional as F
from torch import Tensor

from .base import Loss

HUBER_DELTA = 1.35  # in the scale of the anchor's residual, as in HuberRegressor


@dataclass(frozen=True)
class ElementwiseLoss(Loss):
    """A loss of each value, summed over the features."""

    @abstractmethod
    def _elements(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Return the loss of each value, before it is weighted."""

    def per_sample(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Return the loss of each sample, shape ``(..., samples)``."""
        return self._elements(prediction, target).sum(-1).mul_(self.weight)


@dataclass(frozen=True)
class SquaredError(ElementwiseLoss):
    """Squared error, summed over the features."""

    name = "squared_error"

    def target_scale(
        self, residual_squares: float, noise_variance: float, n_features: int
    ) -> float:
        """Return the norm of the anchor's residual."""
        return residual_squares**0.5

    def _elements(self, prediction: Tensor, target: Tensor) -> Tensor:
        return (prediction - target).square_()

    def value_and_gradient(
        self, prediction: Tensor, target: Tensor, out: Tensor
    ) -> Tensor:
        """Return the summed loss, and write its gradient into ``out``."""
        torch.sub(prediction, target, out=out)
        flat = out.view(-1)
        loss = torch.dot(flat, flat)
        torch.add(out, out, out=out)
        return self._weigh(loss, out)


@dataclass(frozen=True)
class AbsoluteError(ElementwiseLoss):
    """Absolute error, summed over the features."""

    name = "absolute_error"

    def target_scale(
        self, residual_squares: float, noise_variance: float, n_features: int
    ) -> float:
        """Return the mean absolute error of the anchor, for normal residuals."""
        return (residual_squares * n_features) ** 0.5 * (2 / pi) ** 0.5

    def _elements(self, prediction: Tensor, target: Tensor) -> Tensor:
        return (prediction - target).abs_()

    def value_and_gradient(
        self, prediction: Tensor, target: Tensor, out: Tensor
    ) -> Tensor:
        """Return the summed loss, and write its gradient into ``out``."""
        torch.sub(prediction, target, out=out)
        loss = out.abs().sum()
        out.sign_()
        return self._weigh(loss, out)


@dataclass(frozen=True)
class Huber(ElementwiseLoss):
    """Huber's loss, summed over the features.

    Attributes
    ----------
    weight : float, default=1.0
        Factor of the loss and of its gradient.
    delta : float, default=1.0
        Where the loss turns from quadratic to linear, in the target's scale.
    """

    name = "huber"
    delta: float = 1.0

    @classmethod
    def weighted(cls, n_features: int) -> Self:
        """Return the loss with the weight for which the anchor's own is about one."""
        return cls(weight=2 / n_features, delta=HUBER_DELTA)

    def target_scale(
        self, residual_squares: float, noise_variance: float, n_features: int
    ) -> float:
        """Return the root mean square of the anchor's residual."""
        return (residual_squares / n_features) ** 0.5

    def _elements(self, prediction: Tensor, target: Tensor) -> Tensor:
        return F.huber_loss(prediction, target, reduction="none", delta=self.delta)

    def value_and_gradient(
        self, prediction: Tensor, target: Tensor, out: Tensor
    ) -> Tensor:
        """Return the summed loss, and write its gradient into ``out``."""
        loss = self._elements(prediction, target).sum()
        torch.sub(prediction, target, out=out)
        out.clamp_(-self.delta, self.delta)
        return self._weigh(loss, out)


@dataclass(frozen=True)
class BinaryCrossEntropy(ElementwiseLoss):
    """Cross-entropy of targets in [0, 1] and predicted logits, summed over features."""

    name = "binary_cross_entropy"
    is_logit = True

    @classmethod
    def weighted(cls, n_features: int) -> Self:
        """Return the mean over the features."""
        return cls(weight=1 / n_features)

    def _elements(self, prediction: Tensor, target: Tensor) -> Tensor:
        return F.binary_cross_entropy_with_logits(prediction, target, reduction="none")

    def value_and_gradient(
        self, prediction: Tensor, target: Tensor, out: Tensor
    ) -> Tensor:
        """Return the summed loss, and write its gradient into ``out``."""
        loss = self._elements(prediction, target).sum()
        torch.sigmoid(prediction, out=out)
        out.sub_(target)
        return self._weigh(loss, out)


@dataclass(frozen=True)
class Bernoulli(BinaryCrossEntropy):
    """Minus the log-likelihood of Bernoulli features, given their logits."""

    name = "bernoulli"
    in_nats = True

    @classmethod
    def weighted(cls, n_features: int) -> Self:
        """Return the loss itself: a likelihood has no weight."""
        return cls()
