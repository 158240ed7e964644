r"""What a variational autoencoder says of samples: posteriors, bounds, likelihoods.

The log-likelihood is estimated from K draws of each sample's posterior,

.. math::

    \log p(x) \approx \log \frac1K \sum_{i=1}^K w_i, \qquad
    w_i = \frac{p(x \mid z_i)\, p(z_i)}{q(z_i \mid x)}, \quad z_i \sim q,

and the evidence lower bound is the mean of :math:`\log w_i`. All samples share their
standard normal draws, which are the same at each call: a score depends on its sample
alone.

References
----------
Burda, Y., Grosse, R. and Salakhutdinov, R. (2016). Importance weighted autoencoders.
ICLR.
"""

# torch.from_numpy carries no type.
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false

import math
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from skae._nn.losses import LOG_VARIANCE_RATE
from skae._pca.probabilistic import FALLBACK_WEIGHT

from .inference import Codec


class DensityCodec(Codec):
    """A codec that knows the distributions behind latent codes and samples."""

    def noise_variance(self) -> np.ndarray:
        """Return the variance of each feature about the decoder's mean."""
        model = self._model
        variance = np.full(self._n_features, model.output_scale.scale**2)
        if model.weights is not None and "noise.bias" in model.weights:
            noise = model.weights["noise.bias"][0].astype(np.float64)
            variance *= np.exp(LOG_VARIANCE_RATE * noise)
        return variance

    def _log_likelihood(self, x: Tensor, z: Tensor, noise: Tensor | None) -> Tensor:
        """Return log p(x | z); ``noise`` are the features' variances."""
        if noise is not None:
            squares = (x - self._map.decode(z)).square_().div_(noise)
            constant = (2 * math.pi * noise).log().sum()
            return squares.sum(-1).add_(constant).mul_(-0.5)
        return -torch.nn.functional.binary_cross_entropy_with_logits(
            self._map.predict(z), x, reduction="none"
        ).sum(-1)

    def _log_weights(self, x: Tensor, n_draws: int) -> Iterator[Tensor]:
        """Yield the logarithm of each draw's weight for each sample."""
        mean, log_variance = self._map.posterior(x)
        deviation = (0.5 * log_variance).exp()
        normal = self._model.objective.loss.learns_variance
        noise = self._tensor(self.noise_variance()) if normal else None
        generator = torch.Generator().manual_seed(0)
        draws = torch.empty(
            (n_draws + 1) // 2, 1, mean.shape[1], dtype=torch.float32, device="cpu"
        )
        for one in draws:
            one.normal_(generator=generator)
        for i in range(n_draws):
            # Each draw comes with its opposite: what is linear in it cancels.
            draw = draws[i // 2].to(mean) * (-1) ** i
            z = deviation * draw + mean
            ratio = (draw.square() + log_variance - z.square()).sum(-1).mul_(0.5)
            yield self._log_likelihood(x, z, noise) + ratio

    def _posterior(self, x: Tensor) -> Tensor:
        mean, log_variance = self._map.posterior(x)
        return torch.stack([mean, (0.5 * log_variance).exp()], 1)

    def _with_fallback(self, x: Tensor, scores: Tensor) -> Tensor:
        """Return the log-density of the mixture with PCA."""
        a = self._model.fallback
        if a is None:
            return scores
        k, d = a.components.shape
        centred = x - self._tensor(a.mean)
        projected = (centred @ self._tensor(a.components.T)).square_()
        variances = a.score_std**2 + a.noise_variance
        residual = (centred.square_().sum(-1) - projected.sum(-1)).clamp_min_(0)
        squares = (projected / self._tensor(variances)).sum(-1)
        squares += residual / a.noise_variance
        constant = d * math.log(2 * math.pi) + (d - k) * math.log(a.noise_variance)
        squares += constant + float(np.log(variances).sum())
        return torch.logaddexp(
            scores + math.log1p(-FALLBACK_WEIGHT),
            squares.mul_(-0.5) + math.log(FALLBACK_WEIGHT),
        )

    def posterior(self, values: np.ndarray) -> np.ndarray:
        """Return means and standard deviations, ``(n_samples, 2, n_components)``."""
        return self.apply(self._posterior, values, (2, self._n_components))

    def log_likelihood(self, values: np.ndarray, n_draws: int) -> np.ndarray:
        """Return the estimated log-likelihood of each sample, in nats."""

        def estimate(x: Tensor) -> Tensor:
            total = x.new_full((len(x),), -torch.inf)
            for weight in self._log_weights(x, n_draws):
                total = torch.logaddexp(total, weight)
            return self._with_fallback(x, total - math.log(n_draws))

        return self.apply(estimate, values)

    def evidence_lower_bound(self, values: np.ndarray, n_draws: int) -> np.ndarray:
        """Return the evidence lower bound of each sample, in nats."""

        def bound(x: Tensor) -> Tensor:
            total = x.new_zeros(len(x))
            for weight in self._log_weights(x, n_draws):
                total += weight / n_draws
            return self._with_fallback(x, total)

        return self.apply(bound, values)
