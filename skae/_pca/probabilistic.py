"""Probabilistic PCA: the anchor of a density, and the density it falls back on."""

import math
from dataclasses import replace

import numpy as np

from skae._data.dataset import Dataset

from .anchor import NEGLIGIBLE, Anchor
from .decomposition import Eigendecomposition

PRIOR_RANGE = 4.0  # deviations of the prior that a decoder must know
LEAST_NOISE = 1e-2  # share of the variance that is the least noise to start from
FALLBACK_WEIGHT = 0.01  # weight of PCA in the mixture with a network


def to_probabilistic(anchor: Anchor, data: Dataset) -> Anchor:
    r"""Return probabilistic PCA: other deviations and ranges, and its noise.

    With eigenvalues :math:`\lambda` and noise :math:`\sigma^2`, the mean of the
    eigenvalues that are left out, decoder and posterior are

    .. math::

        x \sim \mathcal N(\mu + V s z, \sigma^2 I), \qquad
        z \mid x \sim \mathcal N(c\, s^{-1} V^\top (x - \mu), 1 - c), \qquad
        s^2 = \lambda - \sigma^2, \quad c = s^2 / \lambda,

    and the evidence bound of every sample equals its log-likelihood under PCA.

    Parameters
    ----------
    anchor : Anchor
        PCA of the samples.
    data : Dataset
        The samples. Where their weights are counts, variances divide by n - 1, as
        scikit-learn's PCA does.

    References
    ----------
    Tipping, M. E. and Bishop, C. M. (1999). Probabilistic principal component analysis.
    Journal of the Royal Statistical Society B 61, 611-622.
    """
    k, d = anchor.components.shape
    mass, counts = float(data.sample_weight.sum()), data.weights_are_counts
    unbiased = mass / (mass - 1) if counts and mass > 1 else 1.0
    variances = unbiased * anchor.variances
    n_residual = int(min(mass if counts else len(data), d)) - k
    noise = unbiased * anchor.residual_variance / n_residual if n_residual > 0 else 0.0
    total = float(variances.sum()) + unbiased * anchor.residual_variance
    noise = max(noise, NEGLIGIBLE * total / d) or 1.0
    floor = 1e-12 * max(variances.max(initial=0.0), noise)
    signal = np.maximum(variances - noise, floor)
    score_std, shrinkage = np.sqrt(signal), signal / (signal + noise)
    codes = anchor.code_range * (shrinkage * anchor.score_std / score_std)
    limits = np.array([[-PRIOR_RANGE], [PRIOR_RANGE]])
    codes = np.stack([np.minimum(codes[0], limits[0]), np.maximum(codes[1], limits[1])])
    return replace(
        anchor,
        score_std=score_std,
        shrinkage=shrinkage,
        code_range=codes,
        noise_variance=float(noise),
    )


def with_noise_variance(
    anchor: Anchor, data: Dataset, eigen: Eigendecomposition, *, anchored: bool
) -> Anchor:
    """Return an anchor with the noise that a likelihood starts from, PCA's.

    A network that is not anchored starts from it, too: with more noise, latent codes
    that carry no information are the best that it finds.
    """
    if anchored:
        return to_probabilistic(anchor, data)
    k, d = anchor.components.shape
    total = float(eigen.column_variances.sum())
    residual = total - float(eigen.variances[:k].sum())
    variance = max(residual / max(1, min(len(data), d) - k), LEAST_NOISE * total / d)
    return replace(anchor, noise_variance=variance if variance > 0 else 1.0)


def posterior_log_variance(anchor: Anchor) -> np.ndarray:
    """Return the log-variance of each code's posterior, ``log(1 - shrinkage)``."""
    noise = anchor.noise_variance
    return np.log(noise) - np.log(anchor.score_std**2 + noise)


def mixture_log_density(losses: np.ndarray, pca: np.ndarray) -> np.ndarray:
    """Return minus the log-density of a network's mixture with PCA.

    Both arguments are negative log-densities of the same samples.
    """
    return -np.logaddexp(
        math.log1p(-FALLBACK_WEIGHT) - losses, math.log(FALLBACK_WEIGHT) - pca
    )
