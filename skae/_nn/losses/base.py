"""What a loss is: a value that computes, and knows the scale of its target."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Self

from torch import Tensor


@dataclass(frozen=True)
class Loss(ABC):
    """A loss per sample, times a constant weight.

    Attributes
    ----------
    name : str
        Its key in ``LOSSES``.
    in_nats : bool
        Whether it is minus the logarithm of a likelihood.
    is_logit : bool
        Whether the prediction is the logit of a feature in [0, 1].
    learns_variance : bool
        Whether the noise variance of each feature is learned.
    weight : float, default=1.0
        Factor of the loss and of its gradient.
    """

    name: ClassVar[str]
    in_nats: ClassVar[bool] = False
    is_logit: ClassVar[bool] = False
    learns_variance: ClassVar[bool] = False
    weight: float = 1.0

    @classmethod
    def weighted(cls, n_features: int) -> Self:
        """Return the loss with the weight for which the anchor's own is about one."""
        return cls()

    def target_scale(
        self, residual_squares: float, noise_variance: float, n_features: int
    ) -> float:
        """Return what targets are divided by, so that the anchor's loss is about one.

        ``residual_squares`` is the sum over the features of the anchor's mean squared
        residuals, ``noise_variance`` that of probabilistic PCA.
        """
        return 1.0

    def nll_constant(self, target_scale: float) -> float:
        """Return what a loss in nats omits of each feature's log-likelihood."""
        return 0.0

    @abstractmethod
    def per_sample(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Return the loss of each sample, shape ``(..., samples)``."""

    @abstractmethod
    def value_and_gradient(
        self, prediction: Tensor, target: Tensor, out: Tensor
    ) -> Tensor:
        """Return the summed loss, and write its gradient into ``out``.

        The sum is over all samples, and over a leading model axis if there is one.
        """

    def _weigh(self, loss: Tensor, grad: Tensor) -> Tensor:
        """Multiply both by the weight, which is one where speed matters most."""
        if self.weight != 1.0:
            loss.mul_(self.weight)
            grad.mul_(self.weight)
        return loss
