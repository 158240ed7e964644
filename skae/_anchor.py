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
from sklearn.utils.extmath import svd_flip

from ._products import gram
from ._rows import Moments, Rows

EXACT_PRODUCTS = 2e9  # multiply-adds of a covariance that are not worth saving
SAMPLE_ROWS = 8192
WIDE = 2000  # columns from which a full eigendecomposition takes too long
SMALLEST = 1e-30  # deviation below which a column is constant in single precision
NEGLIGIBLE = 1e-9  # share of the variance below which a residual is rounding


@dataclass(frozen=True)
class Spectrum:
    """Eigenvalues and eigenvectors of a covariance, largest first.

    ``components`` is (k, n_features) with orthonormal rows, ``variances`` (k,);
    ``column_variances`` (n_features,) is the diagonal of the covariance.
    """

    components: np.ndarray
    variances: np.ndarray
    column_variances: np.ndarray

    def head(self, k: int) -> "Spectrum":
        """Keep the first k, padded with zero rows where there are fewer."""
        short = max(0, k - len(self.variances))
        return replace(
            self,
            components=np.pad(self.components[:k], ((0, short), (0, 0))),
            variances=np.pad(self.variances[:k], (0, short)),
        )

    def count_for(self, share: float) -> int:
        """Return the fewest components that explain this share of the variance."""
        total = self.column_variances.sum()
        if total <= 0:
            return 1
        enough = np.cumsum(self.variances) >= share * total * (1 - 1e-12)
        return int(np.argmax(enough)) + 1 if enough.any() else len(self.variances)


def basis(rows: Rows, seed: int) -> tuple[Rows, torch.dtype]:
    """Return the rows that an anchor for training is made from, and its precision.

    A covariance of all rows where that is cheap, else one of a sample in float32: what
    it costs the anchor, training wins back.
    """
    if len(rows) * rows.n_features**2 <= EXACT_PRODUCTS:
        return rows, torch.float64
    size = SAMPLE_ROWS if rows.n_features <= WIDE else SAMPLE_ROWS // 2
    return rows.sample(size, seed), torch.float32


def _covariance(rows: Rows, mean: np.ndarray, dtype: torch.dtype) -> torch.Tensor:
    d = rows.n_features
    total = torch.zeros(d, d, dtype=torch.float64)
    for at, chunk in rows.chunks():
        chunk = chunk - mean
        if rows.weight is not None:
            chunk *= np.sqrt(rows.weight[at])[:, None]
        total += gram(torch.from_numpy(chunk).to(dtype))
    mass = len(rows) if rows.weight is None else rows.weight.sum()
    return total.div_(float(mass))


def _centred(rows: Rows, mean: np.ndarray) -> torch.Tensor:
    weight = rows.weights()
    parts = [
        (chunk - mean) * np.sqrt(weight[at] / weight.sum())[:, None]
        for at, chunk in rows.chunks()
    ]
    return torch.from_numpy(np.concatenate(parts))


def _subspace(
    x: torch.Tensor, k: int, seed: int, *, symmetric: bool = False
) -> torch.Tensor:
    """Return an orthonormal basis (n, k + 10) that holds x's top k right vectors.

    References
    ----------
    Halko, N., Martinsson, P. G. and Tropp, J. A. (2011). Finding structure with
    randomness. SIAM Review 53, 217-288.
    """
    generator = torch.Generator().manual_seed(seed)
    q = torch.randn(x.shape[1], k + 10, generator=generator, dtype=x.dtype)
    for _ in range(6):
        q = torch.linalg.qr(x @ q if symmetric else x.mT @ (x @ q))[0]
    return q


def spectrum(
    rows: Rows,
    mean: np.ndarray,
    k: int | None,
    *,
    dtype: torch.dtype = torch.float64,
    seed: int,
) -> Spectrum:
    """Return PCA's eigenvalues and eigenvectors.

    Parameters
    ----------
    rows : Rows
        The rows.
    mean : ndarray of shape (n_features,)
        Their mean.
    k : int or None
        How many are needed; None for all. More may be returned.
    dtype : torch.dtype, default=torch.float64
        Precision of the products. With float32 the decomposition may be randomized.
    seed : int
        Seed of a randomized decomposition.
    """
    n, d = len(rows), rows.n_features
    few = k is not None and k < 0.2 * min(n, d) and min(n, d) > 500
    rough = few and dtype == torch.float32
    if n >= d and not (rough and d > WIDE):
        covariance = _covariance(rows, mean, dtype)
        diagonal = covariance.diagonal().clone()
        q = None
        if rough and k is not None:
            q = _subspace(covariance, k, seed, symmetric=True)
            covariance = q.mT @ covariance @ q
        values, vectors = torch.linalg.eigh(covariance)
        values, vectors = values.flip(0), vectors.flip(1)
        components = (vectors if q is None else q @ vectors).mT
    else:
        x = _centred(rows, mean).to(dtype)
        q = _subspace(x, k, seed) if few and k is not None else None
        y = x if q is None else x @ q
        _, singular, right = torch.linalg.svd(y, full_matrices=False)
        components = right if q is None else right @ q.mT
        values, diagonal = singular.double() ** 2, (x**2).sum(0)
    v = components.double().numpy()
    v = np.asarray(svd_flip(u=None, v=v, u_based_decision=False)[1])
    return Spectrum(v, values.clamp_min(0).numpy(), diagonal.double().numpy())


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
    rows: Rows,
    stats: Moments,
    found: Spectrum,
    k: int,
    *,
    linear: bool = True,
    seen: Moments | None = None,
) -> Anchor:
    """Return the anchor with k components.

    Parameters
    ----------
    rows : Rows
        The training rows.
    stats : Moments
        Their moments.
    found : Spectrum
        Their spectrum, at least k long where the rank allows.
    k : int
        Number of codes.
    linear : bool, default=True
        False leaves the components zero: the residual then is ``x - mean``.
    seen : Moments or None, default=None
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
