"""Gaussian codes: posteriors with a standard normal prior, and draws of them."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from .base import Latent, LatentContext, LatentLayer

LOG_VARIANCE = (-8.0, 4.0)  # range of a posterior's, relative to where it starts


@dataclass(frozen=True)
class GaussianLatent(Latent):
    """A normal posterior: the encoder gives means and log-variances.

    Attributes
    ----------
    beta : float, default=1.0
        Weight of the divergence from the prior.
    warmup : float, default=0.3
        Share of the steps over which the weight grows from zero; with an anchor, which
        is where it would have led, there is no such time.
    """

    standard: ClassVar[bool] = True
    beta: float = 1.0
    warmup: float = 0.3

    def outputs(self, n_components: int) -> int:
        """Return how many units the encoder ends in."""
        return 2 * n_components

    def grace(self, n_steps: int) -> int:
        """Return the steps over which the weight grows, without an anchor."""
        return int(self.warmup * n_steps)

    def layer(self, n_components: int, context: LatentContext) -> "GaussianPosterior":
        """Return the layer of a network."""
        return GaussianPosterior(self, n_components, context)


class GaussianPosterior(LatentLayer):
    r"""Reparametrised draws of a normal posterior with a standard normal prior.

    .. math::

        z = m + \sigma \varepsilon, \qquad
        \mathrm{KL} = \frac12 \sum_j (m_j^2 + \sigma_j^2 - 1 - \log \sigma_j^2)

    References
    ----------
    Kingma, D. P. and Welling, M. (2014). Auto-encoding variational Bayes. ICLR.
    """

    def __init__(
        self, kind: GaussianLatent, n_components: int, context: LatentContext
    ) -> None:
        self._k, self._beta, self._context = n_components, kind.beta, context
        anchored = context.log_variance is not None
        self._warm = 0.0 if anchored else kind.warmup * context.n_steps
        self._step = 0

    def split(self, outputs: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and log-variance."""
        mean, change = outputs[..., : self._k], outputs[..., self._k :]
        log_variance = change.clamp(*LOG_VARIANCE)
        if self._context.log_variance is not None:
            log_variance += self._context.log_variance
        return mean, log_variance

    def predict(self, outputs: Tensor) -> Tensor:
        """Return the posterior means."""
        return outputs[..., : self._k]

    def _draw(self, like: Tensor, generator: torch.Generator | None) -> Tensor:
        return like.new_empty(like.shape).normal_(generator=generator)

    @staticmethod
    def divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
        """Return the divergence of each row from the prior."""
        terms = mean.square() + log_variance.exp() - 1 - log_variance
        return terms.sum(-1).mul_(0.5)

    def judge(self, outputs: Tensor) -> tuple[Tensor, Tensor | None]:
        """Return a draw that is always the same, and the divergence of each row."""
        mean, log_variance = self.split(outputs)
        generator = torch.Generator(outputs.device).manual_seed(0)
        noise = self._draw(mean, generator)
        codes = noise.mul_((0.5 * log_variance).exp_()).add_(mean)
        return codes, self.divergence(mean, log_variance).mul_(self._beta)

    def forward(self, outputs: Tensor) -> Tensor:
        """Return a draw, and note the divergence."""
        self._step += 1
        self._now = self._beta * min(1.0, self._step / max(1.0, self._warm))
        self._outputs = outputs
        self._mean, log_variance = self.split(outputs)
        self._deviation = (0.5 * log_variance).exp_()
        self._noise = self._draw(self._mean, self._context.generator)
        divergence = self.divergence(self._mean, log_variance)
        self.penalty = divergence.sum().mul_(self._now)
        return (self._noise * self._deviation).add_(self._mean)

    def backward(self, grad: Tensor) -> Tensor:
        """Return the gradient with respect to means and log-variances."""
        deviation, k = self._deviation, self._k
        result = torch.empty_like(self._outputs)
        torch.add(grad, self._mean, alpha=self._now, out=result[..., :k])
        variance = grad.mul_(self._noise).mul_(deviation)
        variance.add_(deviation.square().sub_(1), alpha=self._now).mul_(0.5)
        low, high = LOG_VARIANCE
        change = self._outputs[..., k:]
        result[..., k:] = variance.mul_((change > low) & (change < high))
        return result
