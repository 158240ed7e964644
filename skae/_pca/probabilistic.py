"""Probabilistic PCA: the anchor of a density."""

import math
from dataclasses import replace

import numpy as np

from skae._data.dataset import Dataset

from .anchor import NEGLIGIBLE, Anchor
from .decomposition import Eigendecomposition

PRIOR_RANGE = 4.0  # deviations of the prior that a decoder must know


def to_probabilistic(anchor: Anchor, rows: Dataset) -> Anchor:
    r"""Return probabilistic PCA: other deviations and ranges, and its noise.

    With eigenvalues :math:`\lambda` and noise :math:`\sigma^2`, the mean eigenvalue of
    what is left, decoder and posterior are

    .. math::

        x \sim \mathcal N(\mu + V s z, \sigma^2 I), \qquad
        z \mid x \sim \mathcal N(c\, s^{-1} V^\top (x - \mu), 1 - c), \qquad
        s^2 = \lambda - \sigma^2, \quad c = s^2 / \lambda,

    and the evidence bound of every row equals its log-likelihood under PCA.

    Parameters
    ----------
    anchor : Anchor
        PCA of the rows.
    rows : Dataset
        The rows. Where their weights count rows, variances divide by n - 1, as
        scikit-learn's PCA does.

    References
    ----------
    Tipping, M. E. and Bishop, C. M. (1999). Probabilistic principal component analysis.
    Journal of the Royal Statistical Society B 61, 611-622.
    """
    k, d = anchor.components.shape
    mass = float(rows.weights().sum())
    counts = rows.weight is None or bool((rows.weight % 1 == 0).all())
    unbiased = mass / (mass - 1) if counts and mass > 1 else 1.0
    variances = unbiased * anchor.variances
    left = int(min(mass if counts else len(rows), d)) - k
    noise = unbiased * anchor.left / left if left > 0 else 0.0
    whole = float(variances.sum()) + unbiased * anchor.left
    noise = max(noise, NEGLIGIBLE * whole / d) or 1.0
    floor = 1e-12 * max(variances.max(initial=0.0), noise)
    signal = np.maximum(variances - noise, floor)
    deviations, shrink = np.sqrt(signal), signal / (signal + noise)
    codes = anchor.code_range * (shrink * anchor.deviations / deviations)
    limits = np.array([[-PRIOR_RANGE], [PRIOR_RANGE]])
    codes = np.stack([np.minimum(codes[0], limits[0]), np.maximum(codes[1], limits[1])])
    return replace(
        anchor,
        deviations=deviations,
        shrink=shrink,
        code_range=codes,
        noise=float(noise),
    )


def posterior_log_variance(anchor: Anchor) -> np.ndarray:
    """Return the logarithm of each code's posterior variance, ``1 - shrink``."""
    return np.log(anchor.noise) - np.log(anchor.deviations**2 + anchor.noise)


QUIET = 1e-2  # share of the variance that is the least noise to start from


def with_noise_variance(
    anchor: Anchor, rows: Dataset, found: Eigendecomposition, *, linear: bool
) -> Anchor:
    """Return an anchor with the noise that a likelihood starts from, PCA's.

    A network that is not anchored starts from it, too: with more noise, codes that say
    nothing are the best that it finds.
    """
    if linear:
        return to_probabilistic(anchor, rows)
    k, d = anchor.components.shape
    whole = float(found.column_variances.sum())
    left = whole - float(found.variances[:k].sum())
    variance = max(left / max(1, min(len(rows), d) - k), QUIET * whole / d)
    return replace(anchor, noise=variance if variance > 0 else 1.0)


FALLBACK_WEIGHT = 0.01  # share of the rows that a density leaves to PCA


def mixture_log_density(losses: np.ndarray, pca: np.ndarray) -> np.ndarray:
    """Return minus the log-density of rows, a share of which PCA is to explain."""
    return -np.logaddexp(
        math.log1p(-FALLBACK_WEIGHT) - losses, math.log(FALLBACK_WEIGHT) - pca
    )
