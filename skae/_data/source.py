"""The unit of data: a block of samples, and the sources that blocks are read from.

Nothing above this package holds a table. An array or a memory map is a source; so is
whatever else can return any of its samples by position.
"""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np


@dataclass(frozen=True)
class Block:
    """Some samples.

    Attributes
    ----------
    values : ndarray of shape (..., n_samples, n_features)
        Their values, in the type of the source unless another was asked for.
    observed : ndarray of bool of the same shape, or None, default=None
        Which values were observed; None means all.
    weight : ndarray of shape (n_samples,) or None, default=None
        Weight of each sample; None means one each.
    """

    values: np.ndarray
    observed: np.ndarray | None = None
    weight: np.ndarray | None = None

    @property
    def sample_weight(self) -> np.ndarray:
        """Weights, ones if there are none."""
        return np.ones(len(self.values)) if self.weight is None else self.weight


class Source(Protocol):
    """Samples that can be read by position, in any order."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of samples, and of features."""
        ...

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the values."""
        ...

    def read(self, index: slice | np.ndarray) -> Block:
        """Return the samples at these positions; an array may have any shape."""
        ...


@dataclass(frozen=True, eq=False)
class ArraySource:
    """Samples of an array or a memory map, which is neither copied nor changed."""

    array: np.ndarray

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of samples, and of features."""
        return self.array.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the values."""
        return self.array.dtype

    def read(self, index: slice | np.ndarray) -> Block:
        """Return the samples at these positions; an array may have any shape."""
        return Block(self.array[index])
