"""The subspace that the samples of a wide table span, and coordinates in it.

n samples lie in an affine subspace of at most n - 1 dimensions, so a table with many
more features than samples is, but for an exact change of coordinates, one of n - 1
features.
"""

from dataclasses import dataclass
from itertools import accumulate

import numpy as np

from skae._data.dataset import Dataset
from skae._data.source import ArraySource

NEGLIGIBLE = 1e-10  # share of the largest eigenvalue below which one is rounding
ROUNDING = 1e-24  # that of the sum of squares of samples whose mean is far from zero
RATIO = 2  # times as many features as samples from which a subspace pays
MIN_FEATURES = 500  # below which it does not, however few samples there are
MAX_SAMPLES = 2000  # whose subspace is found in a moment


def is_wide(n_samples: int, n_features: int, ratio: int = RATIO) -> bool:
    """Return whether networks are trained in the subspace that samples span.

    They are if there are so many times as many features as samples.
    """
    few = n_samples <= min(MAX_SAMPLES, n_features // ratio)
    return few and n_features >= MIN_FEATURES


@dataclass(frozen=True)
class Subspace:
    """An affine subspace with orthonormal coordinates.

    Attributes
    ----------
    origin : ndarray of shape (n_features,)
        The sample at the origin, a mean.
    basis : ndarray of shape (n_features, rank)
        Orthonormal directions.
    """

    origin: np.ndarray
    basis: np.ndarray

    @property
    def rank(self) -> int:
        """Number of dimensions."""
        return self.basis.shape[1]

    @classmethod
    def spanned_by(
        cls, x: np.ndarray, weight: np.ndarray | None = None, *, seed: int = 0
    ) -> "Subspace":
        """Return the subspace of weighted samples, in random directions.

        In random directions no coordinate is special: the variance is spread over all
        of them, so that scaling each by its own deviation is no whitening.
        """
        origin = np.average(x, axis=0, weights=weight)
        centred = x - origin
        values, vectors = np.linalg.eigh(centred @ centred.T)
        smallest = max(NEGLIGIBLE * values[-1], ROUNDING * float(np.vdot(x, x)))
        kept = values > smallest
        rng, rank = np.random.default_rng(seed), int(kept.sum())
        rotation = np.linalg.qr(rng.normal(size=(rank, rank)))[0]
        scaled = (vectors[:, kept] / np.sqrt(values[kept])) @ rotation
        return cls(origin, centred.T @ scaled)

    def padded(self, rank: int) -> "Subspace":
        """Return it with more coordinates, which are always zero."""
        missing = ((0, 0), (0, rank - self.rank))
        return Subspace(self.origin, np.pad(self.basis, missing))

    def coordinates(self, x: np.ndarray) -> np.ndarray:
        """Return coordinates of the projected samples, shape (..., rank)."""
        return (x - self.origin) @ self.basis

    def within(self, outer: "Subspace") -> "Subspace":
        """Return a subspace of this one's coordinates in those of the outer one's."""
        return Subspace(
            outer.origin + outer.basis @ self.origin, outer.basis @ self.basis
        )


def spanned_by_parts(
    parts: list[Dataset], seed: int
) -> tuple[list[Subspace], list[Dataset]]:
    """Return the subspace of each part, and the samples of each in its own.

    All have one rank; coordinates that a part is short of are zero. Equal parts have
    one subspace.
    """
    found: dict[bytes, Subspace] = {}
    keys = [part.source_index(np.arange(len(part))).tobytes() for part in parts]
    for key, part in zip(keys, parts, strict=True):
        if key not in found:
            values = part.to_array().astype(np.float64)
            found[key] = Subspace.spanned_by(values, part.weight, seed=seed)
    rank = max(1, *(space.rank for space in found.values()))
    spaces = [found[key].padded(rank) for key in keys]
    tables = [
        space.coordinates(part.to_array())
        for space, part in zip(spaces, parts, strict=True)
    ]
    source, ends = ArraySource(np.concatenate(tables)), accumulate(map(len, parts))
    return spaces, [
        Dataset(source, np.arange(end - len(part), end), part.weight, part.groups)
        for end, part in zip(ends, parts, strict=True)
    ]
