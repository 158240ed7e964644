"""Probabilistic PCA: the anchor of a density."""

from dataclasses import replace

import numpy as np

from ._anchor import NEGLIGIBLE, Anchor
from ._rows import Rows

PRIOR_RANGE = 4.0  # deviations of the prior that a decoder must know


def probabilistic(anchor: Anchor, rows: Rows) -> Anchor:
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
    rows : Rows
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
