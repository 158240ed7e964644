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
from dataclasses import dataclass

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
