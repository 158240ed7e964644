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
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from skae._nn.losses import LOG_VARIANCE_RATE
from skae._pca.probabilistic import FALLBACK_WEIGHT

from .blocks import SIZES, padded_blocks, sizes_up_to
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

    @cached_property
    def _noise(self) -> Tensor | None:
        """The features' variances; None for probabilities."""
        normal = self._model.objective.loss.learns_variance
        return self._tensor(self.noise_variance()) if normal else None

    def _log_likelihood(self, x: Tensor, codes: Tensor) -> Tensor:
        """Return log p(x | z) for ``codes`` of shape (n_draws, n_samples, k)."""
        shape, flat = codes.shape[:2], codes.flatten(0, 1)
        if self._noise is None:
            logits = self._map.predict(flat).reshape(*shape, -1)
            return -torch.nn.functional.binary_cross_entropy_with_logits(
                logits, x.expand_as(logits), reduction="none"
            ).sum(-1)
        means = self._map.decode(flat).reshape(*shape, -1)
        squares = (x - means).square_().div_(self._noise)
        constant = (2 * math.pi * self._noise).log().sum()
        return squares.sum(-1).add_(constant).mul_(-0.5)

    def _draws(self, n_draws: int) -> np.ndarray:
        """Return standard normal draws, ``(n_draws, n_components)``."""
        generator = torch.Generator().manual_seed(0)
        draws = torch.empty(
            (n_draws + 1) // 2, self._n_components, dtype=torch.float32, device="cpu"
        )
        for one in draws:
            one.normal_(generator=generator)
        # Each draw comes with its opposite: what is linear in it cancels.
        return torch.stack([draws, -draws], 1).flatten(0, 1)[:n_draws].numpy()

    def _log_weights(self, x: Tensor, draws: np.ndarray) -> Iterator[Tensor]:
        """Yield the logarithm of the draws' weights, ``(some draws, n_samples)``.

        Draws times samples are a block's size, too.
        """
        mean, log_variance = self._map.posterior(x)
        deviation = (0.5 * log_variance).exp()
        sizes = sizes_up_to(SIZES[-1] // len(x))
        for at, draw in padded_blocks(draws, self._placement, sizes):
            draw = draw[:, None]
            z = deviation * draw + mean
            ratio = (draw.square() + log_variance - z.square()).sum(-1).mul_(0.5)
            yield (self._log_likelihood(x, z) + ratio)[: at.stop - at.start]

    def _posterior(self, x: Tensor) -> Tensor:
        mean, log_variance = self._map.posterior(x)
        return torch.stack([mean, (0.5 * log_variance).exp()], 1)

    @cached_property
    def _fallback(self) -> tuple[Tensor, Tensor, Tensor]:
        """Mean, directions and variances along them of the PCA to mix with."""
        a = self._model.fallback
        assert a is not None
        variances = a.score_std**2 + a.noise_variance
        arrays = (a.mean, a.components.T, variances)
        mean, directions, variances = (self._tensor(array) for array in arrays)
        return mean, directions, variances

    def _with_fallback(self, x: Tensor, scores: Tensor) -> Tensor:
        """Return the log-density of the mixture with PCA."""
        a = self._model.fallback
        if a is None:
            return scores
        k, d = a.components.shape
        mean, directions, variances = self._fallback
        centred = x - mean
        projected = (centred @ directions).square_()
        residual = (centred.square_().sum(-1) - projected.sum(-1)).clamp_min_(0)
        squares = (projected / variances).sum(-1)
        squares += residual / a.noise_variance
        constant = d * math.log(2 * math.pi) + (d - k) * math.log(a.noise_variance)
        squares += variances.log().sum().add_(constant)
        return torch.logaddexp(
            scores + math.log1p(-FALLBACK_WEIGHT),
            squares.mul_(-0.5) + math.log(FALLBACK_WEIGHT),
        )

    def posterior(self, values: np.ndarray) -> np.ndarray:
        """Return means and standard deviations, ``(n_samples, 2, n_components)``."""
        return self.apply(self._posterior, values, (2, self._n_components))

    def log_likelihood(self, values: np.ndarray, n_draws: int) -> np.ndarray:
        """Return the estimated log-likelihood of each sample, in nats."""
        draws = self._draws(n_draws)

        def estimate(x: Tensor) -> Tensor:
            total = x.new_full((len(x),), -torch.inf)
            for weights in self._log_weights(x, draws):
                total = torch.logaddexp(total, weights.logsumexp(0))
            return self._with_fallback(x, total - math.log(n_draws))

        return self.apply(estimate, values)

    def evidence_lower_bound(self, values: np.ndarray, n_draws: int) -> np.ndarray:
        """Return the evidence lower bound of each sample, in nats."""
        draws = self._draws(n_draws)

        def bound(x: Tensor) -> Tensor:
            total = x.new_zeros(len(x))
            for weights in self._log_weights(x, draws):
                total += weights.sum(0) / n_draws
            return self._with_fallback(x, total)

        return self.apply(bound, values)
