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
    inputs : ndarray of the same shape as the values, or None, default=None
        What a network sees in place of the values, which then are its target: noisy
        samples. None means the values themselves, or noise that is added to them.
    """

    values: np.ndarray
    observed: np.ndarray | None = None
    weight: np.ndarray | None = None
    inputs: np.ndarray | None = None

    @property
    def sample_weight(self) -> np.ndarray:
        """Weights, ones if there are none."""
        return np.ones(len(self.values)) if self.weight is None else self.weight

    @property
    def network_inputs(self) -> np.ndarray:
        """What a network sees: the inputs, or the values if there are none."""
        return self.values if self.inputs is None else self.inputs


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


@dataclass(frozen=True, eq=False)
class PairSource:
    """Clean samples of one array and their noisy copies of another, row by row."""

    clean: np.ndarray
    noisy: np.ndarray

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of samples, and of features."""
        return self.clean.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the clean values."""
        return self.clean.dtype

    def read(self, index: slice | np.ndarray) -> Block:
        """Return the samples at these positions; an array may have any shape."""
        return Block(self.clean[index], inputs=self.noisy[index])
