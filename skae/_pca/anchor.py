"""The anchor: PCA of the training rows, and the scales in which the network works.

``z = V'(x - mu) / s`` are PCA's scores in units of their standard deviation, and
``x_hat = mu + V (s z)`` is PCA's reconstruction. Everything is float64 linear algebra
on chunks, on one thread, so that a fit is the same wherever it runs.
"""

# torch.linalg, torch.from_numpy and scikit-learn carry no types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportMissingTypeStubs=false

from dataclasses import dataclass, replace

import numpy as np
import torch

from skae._data.dataset import Dataset
from skae._data.statistics import ColumnStatistics

from .decomposition import Eigendecomposition

SMALLEST = 1e-30  # deviation below which a column is constant in single precision
NEGLIGIBLE = 1e-9  # share of the variance below which a residual is rounding


@dataclass(frozen=True)
class Anchor:
    """PCA and the scales around it; all arrays float64.

    Attributes
    ----------
    mean, scale : ndarray of shape (n_features,)
        Inputs of the network are ``(x - mean) / scale``.
    components : ndarray of shape (n_components, n_features)
        PCA's directions, or zeros without an anchor.
    deviations : ndarray of shape (n_components,)
        Standard deviations s of PCA's scores.
    variances : ndarray of shape (n_components,)
        Their squares, zero where the rows do not vary (s is one there).
    input_range : ndarray of shape (2, n_features)
        Range of the standardised training rows; inputs are clipped to it.
    code_range : ndarray of shape (2, n_components)
        Range of the training scores z; the decoder's inputs are clipped to it.
    column_range : ndarray of shape (2, n_features)
        Range of the centred training rows, in units of x.
    residual : ndarray of shape (n_features,)
        Scale r of what the anchor cannot reconstruct, in the units of x.
    left : float
        Variance that the anchor leaves, summed over the features.
    explained : bool
        Whether that is nothing but rounding.
    shrink : ndarray of shape (n_components,)
        Codes are ``shrink * V'(x - mean) / s``: one, but for probabilistic PCA.
    noise : float
        Variance of each feature's noise in probabilistic PCA; 0 where there is no such
        model.
    """

    mean: np.ndarray
    scale: np.ndarray
    components: np.ndarray
    deviations: np.ndarray
    variances: np.ndarray
    input_range: np.ndarray
    code_range: np.ndarray
    column_range: np.ndarray
    residual: np.ndarray
    left: float
    explained: bool
    shrink: np.ndarray
    noise: float = 0.0


def fit_anchor(
    rows: Dataset,
    stats: ColumnStatistics,
    found: Eigendecomposition,
    k: int,
    *,
    linear: bool = True,
    seen: ColumnStatistics | None = None,
) -> Anchor:
    """Return the anchor with k components.

    Parameters
    ----------
    rows : Dataset
        The training rows.
    stats : ColumnStatistics
        Their moments.
    found : Eigendecomposition
        Their spectrum, at least k long where the rank allows.
    k : int
        Number of codes.
    linear : bool, default=True
        False leaves the components zero: the residual then is ``x - mean``.
    seen : ColumnStatistics or None, default=None
        Moments of the rows as the network sees them, where noise is added.
    """
    mean, seen = stats.mean, seen or stats
    tiny = np.maximum(1e-7 * np.maximum(-seen.low, seen.high), SMALLEST)
    scale = np.where(seen.deviation > tiny, seen.deviation, 1.0)
    top = found.head(k)
    if not linear:
        top = replace(top, components=np.zeros_like(top.components))
    variances = top.variances if linear else np.zeros(k)
    captured = (variances[:, None] * top.components**2).sum(axis=0)
    residual2 = np.maximum(found.column_variances - captured, 0.0)
    whole = found.column_variances.sum()
    explained = residual2.sum() <= max(NEGLIGIBLE * whole, SMALLEST**2)
    rms = np.sqrt(residual2.mean())
    residual = np.maximum(np.sqrt(residual2), 0.1 * rms)
    deviations = np.sqrt(variances)
    floor = 1e-6 * max(deviations.max(initial=0.0), 1e-300)
    deviations = np.where(deviations > floor, deviations, 1.0)
    low, high = np.zeros(k), np.zeros(k)
    project = torch.from_numpy(top.components.T / deviations)
    for _, chunk in rows.chunks():
        scores = (torch.from_numpy(chunk - mean) @ project).numpy()
        np.minimum(low, scores.min(axis=0), out=low)
        np.maximum(high, scores.max(axis=0), out=high)
    return Anchor(
        mean=mean,
        scale=scale,
        components=top.components,
        deviations=deviations,
        variances=variances,
        input_range=(np.stack([seen.low, seen.high]) - mean) / scale,
        code_range=np.stack([low, high]),
        column_range=np.stack([stats.low, stats.high]) - mean,
        residual=residual,
        left=float(residual2.sum()),
        explained=bool(explained),
        shrink=np.ones(k),
    )
