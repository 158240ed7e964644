r"""What a variational autoencoder says of rows: posteriors, evidence, likelihood.

The log-likelihood is estimated from K draws of each row's posterior,

.. math::

    \log p(x) \approx \log \frac1K \sum_{i=1}^K w_i, \qquad
    w_i = \frac{p(x \mid z_i)\, p(z_i)}{q(z_i \mid x)}, \quad z_i \sim q,

and the evidence bound is the mean of :math:`\log w_i`. All rows share their standard
normal draws, which are the same at each call: a row's score depends on the row alone.

References
----------
Burda, Y., Grosse, R. and Salakhutdinov, R. (2016). Importance weighted autoencoders.
ICLR.
"""

import math
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from skae._nn.latents.gaussian import GaussianPosterior
from skae._nn.losses import LOG_VARIANCE_RATE
from skae._pca.probabilistic import FALLBACK_WEIGHT

from .inference import Codec


class DensityCodec(Codec):
    """A codec that knows the distributions behind codes and rows."""

    def _posterior(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and log-variance of each row's codes."""
        outputs = self._outputs(x)
        if self._network is None:
            base = self._base()
            assert base is not None
            return outputs, base.expand_as(outputs)
        layer = self._network.layer
        assert isinstance(layer, GaussianPosterior)
        return layer.split(outputs)

    def noise_variance(self) -> np.ndarray:
        """Return the variance of each feature about the decoder's mean."""
        model = self._model
        variance = np.full(len(model.anchor.mean), model.units.unit**2)
        if model.weights is not None and "noise.bias" in model.weights:
            variance *= np.exp(
                LOG_VARIANCE_RATE * model.weights["noise.bias"][0].astype(np.float64)
            )
        return variance

    def _log_likelihood(self, x: Tensor, z: Tensor, noise: Tensor | None) -> Tensor:
        """Return log p(x | z) of each row; ``noise`` are the features' variances."""
        if noise is not None:
            squares = (x - self._decode_standard(z)).square_().div_(noise)
            constant = (2 * math.pi * noise).log().sum()
            return squares.sum(-1).add_(constant).mul_(-0.5)
        logits = self._raw(z)
        return -torch.nn.functional.binary_cross_entropy_with_logits(
            logits, x, reduction="none"
        ).sum(-1)

    def _log_weights(self, x: Tensor, n_draws: int) -> Iterator[Tensor]:
        """Yield the logarithm of each draw's weight for each row."""
        mean, log_variance = self._posterior(x)
        deviation = (0.5 * log_variance).exp()
        normal = self._model.units.loss == "normal"
        noise = self._tensor(self.noise_variance()) if normal else None
        generator = torch.Generator().manual_seed(0)
        draw = torch.empty(1, mean.shape[1])
        for i in range(n_draws):
            # Each draw comes with its opposite: what is linear in it cancels.
            draw = -draw if i % 2 else torch.randn(draw.shape, generator=generator)
            draw = draw.to(mean)
            z = deviation * draw + mean
            ratio = (draw.square() + log_variance - z.square()).sum(-1).mul_(0.5)
            yield self._log_likelihood(x, z, noise) + ratio

    def posterior(self, rows: np.ndarray) -> np.ndarray:
        """Return means and standard deviations, shape ``(n, 2, n_components)``."""
        result = np.empty((len(rows), 2, self._model.n_components), self._numpy)
        for at, x in self._chunks(rows):
            mean, log_variance = self._posterior(x)
            both = torch.stack([mean, (0.5 * log_variance).exp()], 1)
            result[at] = both[: at.stop - at.start].cpu().numpy()
        return result

    def _with_background(self, x: Tensor, scores: Tensor) -> Tensor:
        """Return the log-density of which PCA has its share."""
        a = self._model.background
        if a is None:
            return scores
        k, d = a.components.shape
        centred = x - self._tensor(a.mean)
        projected = (centred @ self._tensor(a.components.T)).square_()
        variances = a.deviations**2 + a.noise
        left = (centred.square_().sum(-1) - projected.sum(-1)).clamp_min_(0)
        squares = (projected / self._tensor(variances)).sum(-1) + left / a.noise
        constant = d * math.log(2 * math.pi) + (d - k) * math.log(a.noise)
        squares += constant + float(np.log(variances).sum())
        return torch.logaddexp(
            scores + math.log1p(-FALLBACK_WEIGHT),
            squares.mul_(-0.5) + math.log(FALLBACK_WEIGHT),
        )

    def log_likelihood(self, rows: np.ndarray, n_draws: int) -> np.ndarray:
        """Return the estimated log-likelihood of each row, in nats."""
        result = np.empty(len(rows), self._numpy)
        for at, x in self._chunks(rows):
            total = x.new_full((len(x),), -torch.inf)
            for weight in self._log_weights(x, n_draws):
                total = torch.logaddexp(total, weight)
            total = self._with_background(x, total - math.log(n_draws))
            result[at] = total[: at.stop - at.start].cpu().numpy()
        return result

    def bound(self, rows: np.ndarray, n_draws: int) -> np.ndarray:
        """Return the evidence bound of each row, in nats."""
        result = np.empty(len(rows), self._numpy)
        for at, x in self._chunks(rows):
            total = x.new_zeros(len(x))
            for weight in self._log_weights(x, n_draws):
                total += weight / n_draws
            total = self._with_background(x, total)
            result[at] = total[: at.stop - at.start].cpu().numpy()
        return result
