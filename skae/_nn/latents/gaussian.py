"""Gaussian latent codes: draws of a posterior with a standard normal prior."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from .base import Latent, LatentContext, LatentLayer

LOG_VARIANCE_RANGE = (-8.0, 4.0)  # of the encoder's change of the initial log-variance


@dataclass(frozen=True)
class GaussianLatent(Latent):
    """A normal posterior: the encoder's outputs are means and log-variances.

    Attributes
    ----------
    beta : float, default=1.0
        Weight of the divergence from the prior.
    warmup : float, default=0.3
        Share of the steps over which the weight grows from zero. With an anchor, a good
        posterior from the start, it is constant.
    """

    name: ClassVar[str] = "gaussian"
    standard_normal: ClassVar[bool] = True
    beta: float = 1.0
    warmup: float = 0.3

    def n_outputs(self, n_components: int) -> int:
        """Return the size of the encoder's output."""
        return 2 * n_components

    def warmup_steps(self, n_steps: int) -> int:
        """Return the steps over which the weight grows, without an anchor."""
        return int(self.warmup * n_steps)

    def layer(self, n_components: int, context: LatentContext) -> "GaussianPosterior":
        """Return the layer of a network."""
        return GaussianPosterior(self, n_components, context)


class GaussianPosterior(LatentLayer):
    r"""Reparametrized draws of a normal posterior with a standard normal prior.

    .. math::

        z = m + \sigma \varepsilon, \qquad
        \mathrm{KL} = \frac12 \sum_j (m_j^2 + \sigma_j^2 - 1 - \log \sigma_j^2)

    References
    ----------
    Kingma, D. P. and Welling, M. (2014). Auto-encoding variational Bayes. ICLR.
    """

    def __init__(
        self, latent: GaussianLatent, n_components: int, context: LatentContext
    ) -> None:
        self._k, self._beta, self._context = n_components, latent.beta, context
        anchored = context.initial_log_variance is not None
        self._warmup = 0.0 if anchored else latent.warmup * context.n_steps
        self._step = 0

    def split(self, outputs: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and log-variance of the posterior."""
        mean, change = outputs[..., : self._k], outputs[..., self._k :]
        log_variance = change.clamp(*LOG_VARIANCE_RANGE)
        if self._context.initial_log_variance is not None:
            log_variance += self._context.initial_log_variance
        return mean, log_variance

    def predict(self, outputs: Tensor) -> Tensor:
        """Return the posterior means."""
        return outputs[..., : self._k]

    def _draw_noise(self, like: Tensor, generator: torch.Generator | None) -> Tensor:
        return like.new_empty(like.shape).normal_(generator=generator)

    @staticmethod
    def divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
        """Return the divergence of each sample's posterior from the prior."""
        terms = mean.square() + log_variance.exp() - 1 - log_variance
        return terms.sum(-1).mul_(0.5)

    def evaluate(self, outputs: Tensor) -> tuple[Tensor, Tensor | None]:
        """Return a draw, the same at every call, and each sample's divergence."""
        mean, log_variance = self.split(outputs)
        generator = torch.Generator(outputs.device).manual_seed(0)
        noise = self._draw_noise(mean, generator)
        codes = noise.mul_((0.5 * log_variance).exp_()).add_(mean)
        return codes, self.divergence(mean, log_variance).mul_(self._beta)

    def forward(self, outputs: Tensor) -> Tensor:
        """Return a draw, and set the penalty."""
        self._step += 1
        self._weight = self._beta * min(1.0, self._step / max(1.0, self._warmup))
        self._outputs = outputs
        self._mean, log_variance = self.split(outputs)
        self._std = (0.5 * log_variance).exp_()
        self._noise = self._draw_noise(self._mean, self._context.generator)
        divergence = self.divergence(self._mean, log_variance)
        self.penalty = divergence.sum().mul_(self._weight)
        return (self._noise * self._std).add_(self._mean)

    def backward(self, grad: Tensor) -> Tensor:
        """Return the gradient with respect to means and log-variances."""
        std, k = self._std, self._k
        result = torch.empty_like(self._outputs)
        torch.add(grad, self._mean, alpha=self._weight, out=result[..., :k])
        log_variance_grad = grad.mul_(self._noise).mul_(std)
        log_variance_grad.add_(std.square().sub_(1), alpha=self._weight).mul_(0.5)
        low, high = LOG_VARIANCE_RANGE
        change = self._outputs[..., k:]
        result[..., k:] = log_variance_grad.mul_((change > low) & (change < high))
        return result
