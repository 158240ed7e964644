"""A weighted selection of the samples of a source, read a block at a time."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from .source import ArraySource, Block, PairSource, Source

BLOCK_ROWS = 4096
BLOCK_BYTES = 1 << 20


class Dataset:
    """Some weighted samples of a source.

    No pass over a dataset holds more than a block of about a megabyte beside it.

    Parameters
    ----------
    source : Source or ndarray of shape (n, n_features)
        Where the samples are.
    index : ndarray of shape (n_samples,) or None, default=None
        Positions of the samples in the source; None means all.
    weight : ndarray of shape (n_samples,) or None, default=None
        Positive weight of each; None means one each.
    groups : ndarray of int of shape (n_samples,) or None, default=None
        The group of each: samples of a group depend on each other. None means that
        all are independent.
    """

    def __init__(
        self,
        source: Source | np.ndarray,
        index: np.ndarray | None = None,
        weight: np.ndarray | None = None,
        groups: np.ndarray | None = None,
    ) -> None:
        array = isinstance(source, np.ndarray)
        self.source: Source = ArraySource(source) if array else source
        self.index, self.weight, self.groups = index, weight, groups

    def __len__(self) -> int:
        """Return the number of samples."""
        return self.source.shape[0] if self.index is None else len(self.index)

    @property
    def n_features(self) -> int:
        """Number of features."""
        return self.source.shape[1]

    @property
    def is_paired(self) -> bool:
        """Whether noisy samples come with the clean ones, as inputs of a network."""
        return isinstance(self.source, PairSource)

    @property
    def sample_weight(self) -> np.ndarray:
        """Weights, ones if there are none."""
        return np.ones(len(self)) if self.weight is None else self.weight

    @property
    def total_weight(self) -> float:
        """Sum of the weights."""
        return float(len(self) if self.weight is None else self.weight.sum())

    @property
    def weights_are_counts(self) -> bool:
        """Whether weights count samples: there are none, or all are whole numbers."""
        return self.weight is None or bool((self.weight % 1 == 0).all())

    def subset(self, positions: np.ndarray) -> "Dataset":
        """Return the samples at these positions."""
        weight = None if self.weight is None else self.weight[positions]
        groups = None if self.groups is None else self.groups[positions]
        return Dataset(self.source, self.source_index(positions), weight, groups)

    def source_index(self, positions: np.ndarray) -> np.ndarray:
        """Return where in the source the samples at these positions are."""
        return positions if self.index is None else self.index[positions]

    def reweighted(self, weight: np.ndarray) -> "Dataset":
        """Return the same samples with other weights."""
        return Dataset(self.source, self.index, weight, self.groups)

    def sample(self, size: int, seed: int) -> "Dataset":
        """Return random samples in their order; all of them if there are no more."""
        if size >= len(self):
            return self
        rng = np.random.default_rng(seed)
        return self.subset(np.sort(rng.choice(len(self), size, replace=False)))

    def slices(self, at_least: int = 1) -> Iterator[slice]:
        """Yield the positions of block after block, of so many samples at least."""
        width = 8 * max(1, self.n_features)
        size = min(BLOCK_ROWS, max(at_least, BLOCK_BYTES // width))
        for start in range(0, len(self), size):
            yield slice(start, min(start + size, len(self)))

    def read(self, at: slice, dtype: Any = None) -> Block:
        """Return the samples at these positions with their weights.

        Parameters
        ----------
        at : slice
            The positions.
        dtype : numpy dtype or None, default=None
            Type of the values; None keeps that of the source.
        """
        block = self.source.read(at if self.index is None else self.index[at])
        values, inputs = block.values, block.inputs
        if dtype is not None:
            # In one order of memory sums are rounded in one way.
            values = np.ascontiguousarray(values, dtype=dtype)
            if inputs is not None:
                inputs = np.ascontiguousarray(inputs, dtype=dtype)
        weight = None if self.weight is None else self.weight[at]
        return replace(block, values=values, weight=weight, inputs=inputs)

    def blocks(self, dtype: Any = None, at_least: int = 1) -> Iterator[Block]:
        """Yield all samples, a block at a time; see :meth:`read`."""
        for at in self.slices(at_least):
            yield self.read(at, dtype)

    def to_array(self) -> np.ndarray:
        """Return the values as one array; that of the source where it is all of it."""
        return self.source.read(
            slice(None) if self.index is None else self.index
        ).values
