"""Eigenvalues and eigenvectors of a covariance: exact, from a sample, or randomized.

All is linear algebra over blocks, on one thread, so that a fit is the same wherever it
runs.
"""

# torch.linalg, torch.from_numpy and scikit-learn carry no types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportMissingTypeStubs=false

from dataclasses import dataclass, replace

import numpy as np
import torch
from sklearn.utils.extmath import svd_flip

from skae._data.dataset import Dataset
from skae._nn.matmul import gram

EXACT_PRODUCTS = 2e9  # multiply-adds of a covariance that are not worth saving
SAMPLE_ROWS = 8192
LONG = 2  # times as many columns as samples from which a QR decomposition pays
WIDE = 2000  # columns from which a full eigendecomposition takes too long


@dataclass(frozen=True)
class Eigendecomposition:
    """Eigenvalues and eigenvectors of a covariance, largest first.

    ``components`` is (k, n_features) with orthonormal rows, ``variances`` (k,);
    ``column_variances`` (n_features,) is the diagonal of the covariance.
    """

    components: np.ndarray
    variances: np.ndarray
    column_variances: np.ndarray

    def truncate(self, k: int) -> "Eigendecomposition":
        """Keep the first k, padded with zero rows where there are fewer."""
        short = max(0, k - len(self.variances))
        return replace(
            self,
            components=np.pad(self.components[:k], ((0, short), (0, 0))),
            variances=np.pad(self.variances[:k], (0, short)),
        )

    def n_components_for(self, share: float) -> int:
        """Return the smallest number that explains this share of the variance."""
        total = self.column_variances.sum()
        if total <= 0:
            return 1
        enough = np.cumsum(self.variances) >= share * total * (1 - 1e-12)
        return int(np.argmax(enough)) + 1 if enough.any() else len(self.variances)


def anchor_sample(data: Dataset, seed: int) -> tuple[Dataset, torch.dtype]:
    """Return the samples that an anchor for training is made from, and its precision.

    A covariance of all samples where that is cheap, else one of some in float32: what
    it costs the anchor, training wins back.
    """
    if len(data) * data.n_features**2 <= EXACT_PRODUCTS:
        return data, torch.float64
    size = SAMPLE_ROWS if data.n_features <= WIDE else SAMPLE_ROWS // 2
    return data.sample(size, seed), torch.float32


def _covariance(data: Dataset, mean: np.ndarray, dtype: torch.dtype) -> torch.Tensor:
    d = data.n_features
    total = torch.zeros(d, d, dtype=torch.float64, device="cpu")
    for block in data.blocks(np.float64):
        centred = block.values - mean
        if block.weight is not None:
            centred *= np.sqrt(block.weight)[:, None]
        total += gram(torch.from_numpy(centred).to(dtype))
    return total.div_(data.total_weight)


def _centred(data: Dataset, mean: np.ndarray) -> torch.Tensor:
    total = data.sample_weight.sum()
    parts = [
        (block.values - mean) * np.sqrt(block.sample_weight / total)[:, None]
        for block in data.blocks(np.float64)
    ]
    return torch.from_numpy(np.concatenate(parts))


def randomized_range_finder(
    x: torch.Tensor, k: int, seed: int, *, symmetric: bool = False
) -> torch.Tensor:
    """Return an orthonormal basis (n, k + 10) that holds x's top k right vectors.

    References
    ----------
    Halko, N., Martinsson, P. G. and Tropp, J. A. (2011). Finding structure with
    randomness. SIAM Review 53, 217-288.
    """
    generator = torch.Generator().manual_seed(seed)
    shape = (x.shape[1], k + 10)
    q = torch.randn(shape, generator=generator, dtype=x.dtype, device="cpu")
    for _ in range(6):
        q = torch.linalg.qr(x @ q if symmetric else x.mT @ (x @ q))[0]
    return q


def eigendecompose(
    data: Dataset,
    mean: np.ndarray,
    k: int | None,
    *,
    dtype: torch.dtype = torch.float64,
    seed: int,
) -> Eigendecomposition:
    """Return PCA's eigenvalues and eigenvectors.

    Parameters
    ----------
    data : Dataset
        The samples.
    mean : ndarray of shape (n_features,)
        Their mean.
    k : int or None
        How many are needed; None for all. More may be returned.
    dtype : torch.dtype, default=torch.float64
        Precision of the products. With float32 the decomposition may be randomized.
    seed : int
        Seed of a randomized decomposition.
    """
    n, d = len(data), data.n_features
    few = k is not None and k < 0.2 * min(n, d) and min(n, d) > 500
    rough = few and dtype == torch.float32
    if n >= d and not (rough and d > WIDE):
        covariance = _covariance(data, mean, dtype)
        diagonal = covariance.diagonal().clone()
        q = None
        if rough and k is not None:
            q = randomized_range_finder(covariance, k, seed, symmetric=True)
            covariance = q.mT @ covariance @ q
        values, vectors = torch.linalg.eigh(covariance)
        values, vectors = values.flip(0), vectors.flip(1)
        components = (vectors if q is None else q @ vectors).mT
    else:
        x = _centred(data, mean).to(dtype)
        q = randomized_range_finder(x, k, seed) if few and k is not None else None
        y = x if q is None else x @ q
        if q is None and d >= LONG * n:
            q, upper = torch.linalg.qr(x.mT)
            y = upper.mT
        _, singular, right = torch.linalg.svd(y, full_matrices=False)
        components = right if q is None else right @ q.mT
        values, diagonal = singular.double() ** 2, (x**2).sum(0)
    v = components.double().numpy()
    v = np.asarray(svd_flip(u=None, v=v, u_based_decision=False)[1])
    return Eigendecomposition(v, values.clamp_min(0).numpy(), diagonal.double().numpy())
