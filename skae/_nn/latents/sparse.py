"""Sparse codes: sigmoids that are mostly near zero, or exactly so."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from .base import Latent, LatentContext, LatentLayer

FIRST_WEIGHT = {"kl": 1.0, "l1": 0.1}  # of a penalty whose weight adapts
ADAPT = 0.05  # largest change of the logarithm of such a weight in a step
NEAR = 0.06  # relative deviation from the asked sparsity up to which weights shrink
MET = 0.1  # and up to which it counts as met by a few held-out rows
PRESSED = 0.5  # deviation at which a one-sided penalty adapts fastest
MISSED = 10.0  # loss of held-out rows for each such deviation by the whole
MEMORY = 0.05  # weight of a batch in the moving average of activations


@dataclass(frozen=True)
class SparseLatent(Latent):
    """Sigmoid codes that are mostly near zero.

    Attributes
    ----------
    sparsity : float
        Mean activation that is asked for, rho; with ``topk`` the share of codes that
        are not zero.
    penalty : {"kl", "l1", "topk"}
        How it is reached.
    weight : float or None
        Weight of the penalty; None adapts it.
    """

    sparsity: float = 0.05
    penalty: str = "kl"
    weight: float | None = None

    def layer(self, n_components: int, context: LatentContext) -> LatentLayer:
        """Return the layer of a network."""
        if self.penalty == "topk":
            n_active = max(1, round(self.sparsity * n_components))
            return TopK(self.sparsity, n_active)
        return SparsityPenalty(self)


class SigmoidLatent(LatentLayer):
    """Sigmoid codes, which the decoder sees standardised as if they were zero or one.

    A code that is rarely active then needs no huge weights.
    """

    def __init__(self, rho: float) -> None:
        self._rho, self._unit = rho, math.sqrt(rho * (1 - rho))
        self._codes = torch.empty(0)

    def present(self, codes: Tensor) -> Tensor:
        """Return the codes as the decoder sees them."""
        return (codes - self._rho).div_(self._unit)

    def slope(self, codes: Tensor) -> Tensor:
        """Return the derivative of each code by its output."""
        return codes * (1 - codes)

    def forward(self, outputs: Tensor) -> Tensor:
        """Return the codes."""
        self._codes = self.predict(outputs)
        return self._codes

    def backward(self, grad: Tensor) -> Tensor:
        """Return the gradient with respect to the outputs."""
        return grad.div_(self._unit).mul_(self.slope(self._codes))


class SparsityPenalty(SigmoidLatent):
    r"""Sigmoid codes whose mean activations are penalised.

    With :math:`\hat\rho_j` the mean of code j over the batch, the penalty of a batch of
    n rows is :math:`n w` times

    .. math::

        \frac1k \sum_j \rho \log\frac{\rho}{\hat\rho_j}
            + (1 - \rho) \log\frac{1 - \rho}{1 - \hat\rho_j}
        \quad\text{(kl)}, \qquad
        \frac1k \sum_j \hat\rho_j \quad\text{(l1)}.

    A weight w that adapts grows while the activations are off and shrinks once they are
    near what is asked, so that the penalty costs no more reconstruction than it must.

    References
    ----------
    Ng, A. (2011). Sparse autoencoder. CS294A lecture notes, Stanford.
    """

    def __init__(self, kind: SparseLatent) -> None:
        super().__init__(kind.sparsity)
        self._kl = kind.penalty == "kl"
        self._adapts = kind.weight is None
        self.weight = FIRST_WEIGHT[kind.penalty] if self._adapts else kind.weight or 0.0
        self._offset = math.log(self._rho / (1 - self._rho))
        self._usual: Tensor | None = None

    def predict(self, outputs: Tensor) -> Tensor:
        """Return activations between 0 and 1; outputs of zero give what is asked."""
        return outputs.add_(self._offset).sigmoid_()

    def judge(self, outputs: Tensor) -> tuple[Tensor, Tensor | None]:
        """Return codes and their penalty; a weight that adapts asks whether it is met.

        The same penalty is then no measure, for its weight changes.
        """
        codes = self.predict(outputs)
        if not self._adapts:
            value, _ = self._penalties(codes.mean(-2, keepdim=True))
            price = value.sum(-1).mul_(self.weight / codes.shape[-1])
        else:
            off = (codes.mean((-2, -1)) / self._rho - 1).abs_()
            price = (off[..., None] - MET).clamp_min_(0).mul_(MISSED)
        return codes, price.expand(codes.shape[:-1])

    def forward(self, outputs: Tensor) -> Tensor:
        """Return the codes, note their penalty and adapt its weight."""
        super().forward(outputs)
        mean = self._codes.mean(-2, keepdim=True)
        self._adapt(mean)
        n, k = outputs.shape[-2:]
        value, self._slope = self._penalties(mean)
        self._slope.mul_(self.weight / k)
        self.penalty = value.sum().mul_(n * self.weight / k)
        return self._codes

    def _penalties(self, mean: Tensor) -> tuple[Tensor, Tensor]:
        """Return the penalty of each mean activation and its derivative."""
        if not self._kl:
            return mean, torch.ones_like(mean)
        rho, mean = self._rho, mean.clamp(1e-6, 1 - 1e-6)
        value = rho * torch.log(rho / mean)
        value += (1 - rho) * torch.log((1 - rho) / (1 - mean))
        return value, (mean - rho).div_(mean).div_(1 - mean)

    def _adapt(self, mean: Tensor) -> None:
        if self._usual is None:
            self._usual = mean.clone()
        self._usual.lerp_(mean, MEMORY)
        if not self._adapts:
            return
        off = float(self._usual.mean()) / self._rho - 1
        if self._kl:  # pulls from both sides: as strong as it must be, and no more
            off = abs(off) - NEAR
        push = max(-1.0, min(1.0, off / (NEAR if self._kl else PRESSED)))
        self.weight = min(max(self.weight * math.exp(ADAPT * push), 1e-4), 1e4)

    def backward(self, grad: Tensor) -> Tensor:
        """Return the gradient with respect to the outputs."""
        return super().backward(grad.add_(self._slope, alpha=self._unit))


class TopK(SigmoidLatent):
    """Sigmoid codes of which each row keeps the largest.

    References
    ----------
    Makhzani, A. and Frey, B. (2014). k-sparse autoencoders. ICLR.
    """

    def __init__(self, rho: float, n_active: int) -> None:
        super().__init__(rho)
        self._n_active = n_active

    def predict(self, outputs: Tensor) -> Tensor:
        """Return the codes, all but the largest of each row zero."""
        top = outputs.topk(self._n_active, dim=-1, sorted=False).indices
        mask = torch.zeros_like(outputs).scatter_(-1, top, 1.0)
        return outputs.sigmoid_().clamp_min_(1e-30).mul_(mask)
