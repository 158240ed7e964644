"""Reconstruction losses: the loss of each row and its gradient.

A loss compares a prediction ``y`` with a target ``t``, both ``(..., rows, features)``,
and sums over the features::

    squared_error          sum_j (y_j - t_j)^2
    absolute_error         sum_j |y_j - t_j|
    huber                  sum_j h(y_j - t_j),  h(e) = e^2 / 2          if |e| <= delta
                                                       delta (|e| - delta / 2)   else
    binary_cross_entropy   sum_j log(1 + exp(y_j)) - t_j y_j      (y_j is a logit)

All carry a ``weight``, so that a fit can choose units in which the anchor's own loss
is one: learning rates then need not know the scale of the data.

References
----------
Huber, P. J. (1964). Robust estimation of a location parameter. Annals of Mathematical
Statistics 35, 73-101.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field

import torch
from torch import Tensor


@dataclass(frozen=True)
class Loss(ABC):
    """A loss per row, times a constant weight.

    Parameters
    ----------
    weight : float, default=1.0
        Factor of the loss and of its gradient.
    """

    weight: float = 1.0

    @abstractmethod
    def rows(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Return the loss of each row, shape ``(..., rows)``."""

    @abstractmethod
    def gradient(self, prediction: Tensor, target: Tensor, out: Tensor) -> Tensor:
        """Write d(sum of the loss over all rows)/d(prediction) into ``out``.

        Returns that sum, over a leading model axis too if there is one, as a tensor
        without dimensions.
        """

    def _weigh(self, loss: Tensor, grad: Tensor) -> Tensor:
        """Multiply both with the weight, which is one where speed matters most."""
        if self.weight != 1.0:
            loss.mul_(self.weight)
            grad.mul_(self.weight)
        return loss


@dataclass(frozen=True)
class SquaredError(Loss):
    """Squared error, summed over the features."""

    def rows(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Return the loss of each row."""
        return (prediction - target).square_().sum(-1).mul_(self.weight)

    def gradient(self, prediction: Tensor, target: Tensor, out: Tensor) -> Tensor:
        """Write the gradient into ``out`` and return the summed loss."""
        torch.sub(prediction, target, out=out)
        flat = out.view(-1)
        loss = torch.dot(flat, flat)
        torch.add(out, out, out=out)
        return self._weigh(loss, out)


@dataclass(frozen=True)
class AbsoluteError(Loss):
    """Absolute error, summed over the features."""

    def rows(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Return the loss of each row."""
        return (prediction - target).abs_().sum(-1).mul_(self.weight)

    def gradient(self, prediction: Tensor, target: Tensor, out: Tensor) -> Tensor:
        """Write the gradient into ``out`` and return the summed loss."""
        torch.sub(prediction, target, out=out)
        loss = out.abs().sum()
        out.sign_()
        return self._weigh(loss, out)


@dataclass(frozen=True)
class Huber(Loss):
    """Huber's loss, summed over the features.

    Parameters
    ----------
    weight : float, default=1.0
        Factor of the loss and of its gradient.
    delta : float, default=1.0
        Where the loss turns from quadratic to linear, in units of the target.
    """

    delta: float = 1.0

    def _elements(self, prediction: Tensor, target: Tensor) -> Tensor:
        return torch.nn.functional.huber_loss(
            prediction, target, reduction="none", delta=self.delta
        )

    def rows(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Return the loss of each row."""
        return self._elements(prediction, target).sum(-1).mul_(self.weight)

    def gradient(self, prediction: Tensor, target: Tensor, out: Tensor) -> Tensor:
        """Write the gradient into ``out`` and return the summed loss."""
        loss = self._elements(prediction, target).sum()
        torch.sub(prediction, target, out=out)
        out.clamp_(-self.delta, self.delta)
        return self._weigh(loss, out)


@dataclass(frozen=True)
class BinaryCrossEntropy(Loss):
    """Cross-entropy of targets in [0, 1] and predicted logits, summed over features."""

    def _elements(self, prediction: Tensor, target: Tensor) -> Tensor:
        return torch.nn.functional.binary_cross_entropy_with_logits(
            prediction, target, reduction="none"
        )

    def rows(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Return the loss of each row."""
        return self._elements(prediction, target).sum(-1).mul_(self.weight)

    def gradient(self, prediction: Tensor, target: Tensor, out: Tensor) -> Tensor:
        """Write the gradient into ``out`` and return the summed loss."""
        loss = self._elements(prediction, target).sum()
        torch.sigmoid(prediction, out=out)
        out.sub_(target)
        return self._weigh(loss, out)


LOSSES: dict[str, type[Loss]] = {
    "squared_error": SquaredError,
    "absolute_error": AbsoluteError,
    "huber": Huber,
    "binary_cross_entropy": BinaryCrossEntropy,
}
LOG_VARIANCE_RATE = (
    5.0  # variances may have orders of magnitude to go, weights have not
)


@dataclass(frozen=True)
class GaussianNLL(Loss):
    """Minus the log-likelihood, less ``log(2 pi) / 2`` for each feature.

    Attributes
    ----------
    noise : Tensor of shape ([models,] 1, n_features)
        Logarithm of each feature's variance, divided by ``LOG_VARIANCE_RATE``.
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
        log_variance = LOG_VARIANCE_RATE * torch.maximum(self.noise, self.floor)
        squares = (prediction - target).square_().mul_((-log_variance).exp())
        result = squares.sum(-1).add_(log_variance.sum(-1))
        return result.mul_(0.5 * self.weight)

    def gradient(self, prediction: Tensor, target: Tensor, out: Tensor) -> Tensor:
        """Write the gradient into ``out`` and return the summed loss."""
        torch.sub(prediction, target, out=out)
        log_variance = LOG_VARIANCE_RATE * torch.maximum(self.noise, self.floor)
        precision = (-log_variance).exp()
        squares = out.square().mul_(precision).sum(-2, keepdim=True)
        out.mul_(precision)
        rows = out.shape[-2]
        loss = squares.sum().add_(log_variance.sum(), alpha=rows).mul_(0.5)
        if self.grad is not None:
            torch.sub(rows, squares, out=self.grad)
            self.grad.mul_(0.5 * LOG_VARIANCE_RATE * self.weight)
            # From the floor a variance may only rise.
            self.grad.masked_fill_((self.noise <= self.floor) & (self.grad > 0), 0.0)
        return self._weigh(loss, out)
