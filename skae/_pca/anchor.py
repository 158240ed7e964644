"""The anchor: PCA of the training samples, and the scales in which the network works.

``z = V'(x - mu) / s`` are PCA's scores in units of their standard deviation, and
``x_hat = mu + V (s z)`` is PCA's reconstruction.
"""

# torch.linalg, torch.from_numpy and scikit-learn carry no types.
# pyright: reportUnknownMemberType=false

from dataclasses import dataclass, replace

import numpy as np
import torch

from skae._data.dataset import Dataset
from skae._data.statistics import ColumnStatistics

from .decomposition import Eigendecomposition

SMALLEST = 1e-37  # whose inverse single precision can hold
ROUNDING = 1e-12  # deviation that float64 may give to a constant, relative to its size
NEGLIGIBLE = 1e-9  # share of the variance below which a residual is rounding


@dataclass(frozen=True)
class Anchor:
    """PCA and the scales around it; all arrays float64.

    Attributes
    ----------
    mean, scale : ndarray of shape (n_features,)
        Inputs of the network are ``(x - mean) / scale``.
    components : ndarray of shape (n_components, n_features)
        PCA's directions; zeros in a network without an anchor.
    score_std : ndarray of shape (n_components,)
        Standard deviations s of PCA's scores; one where the scores do not vary.
    variances : ndarray of shape (n_components,)
        Variances of the scores.
    input_range : ndarray of shape (2, n_features)
        Range of the standardised training samples; inputs are clipped to it.
    code_range : ndarray of shape (2, n_components)
        Range of the training scores z; the decoder's inputs are clipped to it.
    column_range : ndarray of shape (2, n_features)
        Range of the centred training samples, in units of x.
    residual_scale : ndarray of shape (n_features,)
        Scale r of what PCA cannot reconstruct, in units of x.
    residual_variance : float
        Variance that PCA leaves unexplained, summed over the features.
    is_exact : bool
        Whether that is nothing but rounding.
    shrinkage : ndarray of shape (n_components,)
        Codes are ``shrinkage * V'(x - mean) / s``: one, but for probabilistic PCA.
    noise_variance : float, default=0.0
        Variance of each feature's noise in probabilistic PCA; zero without such a
        model.
    """

    mean: np.ndarray
    scale: np.ndarray
    components: np.ndarray
    score_std: np.ndarray
    variances: np.ndarray
    input_range: np.ndarray
    code_range: np.ndarray
    column_range: np.ndarray
    residual_scale: np.ndarray
    residual_variance: float
    is_exact: bool
    shrinkage: np.ndarray
    noise_variance: float = 0.0

    @property
    def n_components(self) -> int:
        """Number of latent codes."""
        return len(self.components)

    def truncate(self, k: int) -> "Anchor":
        """Return the anchor with the first k components only."""
        return replace(
            self,
            components=self.components[:k],
            score_std=self.score_std[:k],
            variances=self.variances[:k],
            code_range=self.code_range[:, :k],
            shrinkage=self.shrinkage[:k],
        )


def fit_anchor(
    data: Dataset,
    statistics: ColumnStatistics,
    eigen: Eigendecomposition,
    k: int,
    *,
    anchored: bool = True,
    inputs: ColumnStatistics | None = None,
) -> Anchor:
    """Return the anchor with k components.

    Parameters
    ----------
    data : Dataset
        The training samples.
    statistics : ColumnStatistics
        Statistics of their features.
    eigen : Eigendecomposition
        That of their covariance, at least k long where the rank allows.
    k : int
        Number of latent codes.
    anchored : bool, default=True
        False leaves the components zero: the residual then is ``x - mean``.
    inputs : ColumnStatistics or None, default=None
        Statistics of what the network sees, where noise is added to the samples.
    """
    mean, inputs = statistics.mean, inputs or statistics
    tiny = np.maximum(ROUNDING * np.maximum(-inputs.min, inputs.max), SMALLEST)
    varies = (inputs.std > tiny) & (inputs.max > inputs.min)
    scale = np.where(varies, inputs.std, 1.0)
    top = eigen.truncate(k)
    if not anchored:
        top = replace(top, components=np.zeros_like(top.components))
    variances = top.variances if anchored else np.zeros(k)
    captured = (variances[:, None] * top.components**2).sum(axis=0)
    residual = np.maximum(eigen.column_variances - captured, 0.0)
    total = eigen.column_variances.sum()
    score_std = np.sqrt(variances)
    floor = 1e-6 * max(score_std.max(initial=0.0), 1e-300)
    score_std = np.where(score_std > floor, score_std, 1.0)
    return Anchor(
        mean=mean,
        scale=scale,
        components=top.components,
        score_std=score_std,
        variances=variances,
        input_range=(np.stack([inputs.min, inputs.max]) - mean) / scale,
        code_range=_score_range(data, mean, top.components.T / score_std),
        column_range=np.stack([statistics.min, statistics.max]) - mean,
        residual_scale=residual_scale(residual),
        residual_variance=float(residual.sum()),
        is_exact=is_negligible(residual.sum(), total),
        shrinkage=np.ones(k),
    )


def residual_scale(variances: np.ndarray) -> np.ndarray:
    """Return the scale of residuals of these variances, at least a tenth of the usual.

    The usual one is the root of their mean: no feature is corrected in steps so small
    that rounding in it would matter.
    """
    return np.maximum(np.sqrt(variances), 0.1 * np.sqrt(variances.mean()))


def is_negligible(variance: float, total: float) -> bool:
    """Return whether a variance is nothing but rounding of the total."""
    return bool(variance <= max(NEGLIGIBLE * total, SMALLEST**2))


def _score_range(data: Dataset, mean: np.ndarray, projection: np.ndarray) -> np.ndarray:
    """Return minima and maxima of the projected samples, zero included."""
    k = projection.shape[1]
    low, high = np.zeros(k), np.zeros(k)
    matrix = torch.from_numpy(projection)
    for block in data.blocks(np.float64):
        scores = (torch.from_numpy(block.values - mean) @ matrix).numpy()
        np.minimum(low, scores.min(axis=0), out=low)
        np.maximum(high, scores.max(axis=0), out=high)
    return np.stack([low, high])
