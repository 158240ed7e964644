"""Sparse latent codes: sigmoids that are mostly near zero, or exactly so."""

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from .base import Latent, LatentContext, LatentLayer

FIRST_WEIGHT = {"kl": 1.0, "l1": 0.1}  # of a penalty whose weight adapts
ADAPTATION_RATE = 0.05  # largest change of the logarithm of such a weight in a step
TOLERANCE = 0.06  # relative deviation from the target at which a weight is constant
VALIDATION_TOLERANCE = 0.1  # deviation that validation data does not penalize
FULL_RATE_DEVIATION = 0.5  # deviation at which a one-sided penalty adapts fastest
VALIDATION_PENALTY = 10.0  # validation loss per relative deviation of one
MOMENTUM = 0.05  # weight of a batch in the moving average of activations


@dataclass(frozen=True)
class SparseLatent(Latent):
    """Sigmoid codes that are mostly near zero.

    Attributes
    ----------
    sparsity : float
        Target rho of the mean activation; with ``topk`` the share of codes that are not
        zero.
    penalty : {"kl", "l1", "topk"}
        How it is reached.
    weight : float or None
        Weight of the penalty; None adapts it.
    """

    name: ClassVar[str] = "sparse"
    sparsity: float = 0.05
    penalty: str = "kl"
    weight: float | None = None

    def __post_init__(self) -> None:
        """Refuse a penalty that does not exist."""
        if self.penalty not in (*FIRST_WEIGHT, "topk"):
            raise ValueError(f"There is no sparsity penalty {self.penalty!r}.")

    def layer(self, n_components: int, context: LatentContext) -> LatentLayer:
        """Return the layer of a network."""
        if self.penalty == "topk":
            n_active = max(1, round(self.sparsity * n_components))
            return TopK(self.sparsity, n_active)
        return SparsityPenalty(self)


class SigmoidLatent(LatentLayer):
    """Sigmoid codes, which the decoder reads standardized as if they were zero or one.

    A code that is rarely active then needs no huge weights.
    """

    def __init__(self, rho: float) -> None:
        self._rho, self._std = rho, math.sqrt(rho * (1 - rho))
        self._codes = torch.empty(0, dtype=torch.float32, device="cpu")

    def decoder_input(self, codes: Tensor) -> Tensor:
        """Return the standardized codes."""
        return (codes - self._rho).div_(self._std)

    def derivative(self, codes: Tensor) -> Tensor:
        """Return the derivative of each code by its output."""
        return codes * (1 - codes)

    def forward(self, outputs: Tensor) -> Tensor:
        """Return the codes."""
        self._codes = self.predict(outputs)
        return self._codes

    def backward(self, grad: Tensor) -> Tensor:
        """Return the gradient with respect to the outputs."""
        return grad.div_(self._std).mul_(self.derivative(self._codes))


class SparsityPenalty(SigmoidLatent):
    r"""Sigmoid codes whose mean activations are penalized.

    With :math:`\hat\rho_j` the mean of code j over the batch, the penalty of a batch of
    n samples is :math:`n w` times

    .. math::

        \frac1k \sum_j \rho \log\frac{\rho}{\hat\rho_j}
            + (1 - \rho) \log\frac{1 - \rho}{1 - \hat\rho_j}
        \quad\text{(kl)}, \qquad
        \frac1k \sum_j \hat\rho_j \quad\text{(l1)}.

    An adaptive weight w grows while the activations are far from their target and
    shrinks once they are near it, so that the penalty costs no more reconstruction
    than it must.

    References
    ----------
    Ng, A. (2011). Sparse autoencoder. CS294A lecture notes, Stanford.
    """

    def __init__(self, latent: SparseLatent) -> None:
        super().__init__(latent.sparsity)
        self._kl = latent.penalty == "kl"
        self._adaptive = latent.weight is None
        self.weight = latent.weight or 0.0
        if self._adaptive:
            self.weight = FIRST_WEIGHT[latent.penalty]
        self._offset = math.log(self._rho / (1 - self._rho))
        self._running_mean: Tensor | None = None

    def predict(self, outputs: Tensor) -> Tensor:
        """Return activations between 0 and 1; those of zeros are the target."""
        return outputs.add_(self._offset).sigmoid_()

    def evaluate(self, outputs: Tensor) -> tuple[Tensor, Tensor | None]:
        """Return codes and penalty, with an adaptive weight one for the deviation.

        The penalty of the training is then no measure, for its weight changes.
        """
        codes = self.predict(outputs)
        if not self._adaptive:
            value, _ = self._value_and_derivative(codes.mean(-2, keepdim=True))
            penalty = value.sum(-1).mul_(self.weight / codes.shape[-1])
        else:
            deviation = (codes.mean((-2, -1)) / self._rho - 1).abs_()[..., None]
            excess = (deviation - VALIDATION_TOLERANCE).clamp_min_(0)
            penalty = excess.mul_(VALIDATION_PENALTY)
        return codes, penalty.expand(codes.shape[:-1])

    def forward(self, outputs: Tensor) -> Tensor:
        """Return the codes, set the penalty and adapt its weight."""
        super().forward(outputs)
        mean = self._codes.mean(-2, keepdim=True)
        self._adapt(mean)
        n, k = outputs.shape[-2:]
        value, self._penalty_grad = self._value_and_derivative(mean)
        self._penalty_grad.mul_(self.weight / k)
        self.penalty = value.sum().mul_(n * self.weight / k)
        return self._codes

    def _value_and_derivative(self, mean: Tensor) -> tuple[Tensor, Tensor]:
        """Return the penalty of each mean activation and its derivative."""
        if not self._kl:
            return mean, torch.ones_like(mean)
        rho, mean = self._rho, mean.clamp(1e-6, 1 - 1e-6)
        value = rho * torch.log(rho / mean)
        value += (1 - rho) * torch.log((1 - rho) / (1 - mean))
        return value, (mean - rho).div_(mean).div_(1 - mean)

    def _adapt(self, mean: Tensor) -> None:
        if self._running_mean is None:
            self._running_mean = mean.clone()
        self._running_mean.lerp_(mean, MOMENTUM)
        if not self._adaptive:
            return
        deviation = float(self._running_mean.mean()) / self._rho - 1
        scale = FULL_RATE_DEVIATION
        if self._kl:  # it acts on both sides, and only as strongly as it must
            deviation, scale = abs(deviation) - TOLERANCE, TOLERANCE
        change = max(-1.0, min(1.0, deviation / scale))
        weight = self.weight * math.exp(ADAPTATION_RATE * change)
        self.weight = min(max(weight, 1e-4), 1e4)

    def backward(self, grad: Tensor) -> Tensor:
        """Return the gradient with respect to the outputs."""
        return super().backward(grad.add_(self._penalty_grad, alpha=self._std))


class TopK(SigmoidLatent):
    """Sigmoid codes of which each sample keeps the largest.

    References
    ----------
    Makhzani, A. and Frey, B. (2014). k-sparse autoencoders. ICLR.
    """

    def __init__(self, rho: float, n_active: int) -> None:
        super().__init__(rho)
        self._n_active = n_active

    def predict(self, outputs: Tensor) -> Tensor:
        """Return the codes, all but the largest of each sample zero."""
        top = outputs.topk(self._n_active, dim=-1, sorted=False).indices
        mask = torch.zeros_like(outputs).scatter_(-1, top, 1.0)
        return outputs.sigmoid_().clamp_min_(1e-30).mul_(mask)
