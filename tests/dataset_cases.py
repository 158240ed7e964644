"""Datasets that Hypothesis draws, and sources that are no arrays."""

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from skae._data.dataset import Dataset
from skae._data.source import Block

_shapes = st.tuples(st.integers(1, 12), st.integers(1, 4))
_values = st.floats(-1e3, 1e3, width=32)
tables = _shapes.flatmap(lambda shape: arrays(np.float64, shape, elements=_values))


@st.composite
def datasets(draw):
    """Some samples of a table, repeated and in any order, with or without weights."""
    table = draw(tables)
    positions = st.integers(0, len(table) - 1)
    index = draw(st.none() | st.lists(positions, min_size=1, max_size=15).map(np.array))
    n_samples = len(table) if index is None else len(index)
    elements = st.floats(0.125, 8, width=32)
    weight = draw(st.none() | arrays(np.float64, n_samples, elements=elements))
    return Dataset(table, index, weight)


# Values that are equal, or differ by more than rounding errors.
scores = st.integers(-5, 5).map(float) | st.integers(-(10**5), 10**5).map(
    lambda i: i / 8
)


@st.composite
def counted_scores(draw):
    """Values, often equal ones, and how often each occurs."""
    values = draw(st.lists(scores, min_size=1, max_size=20))
    counts = [draw(st.integers(1, 4)) for _ in values]
    return np.array(values), np.array(counts, dtype=float)


def copies(values, weight):
    """Each value as often as its weight says."""
    return values.repeat(weight.astype(int), axis=0)


class ChunkedSource:
    """A source that keeps its samples as a list of arrays, and notes what is read."""

    def __init__(self, table, size):
        self._chunks = [table[i : i + size].copy() for i in range(0, len(table), size)]
        self._size = size
        self.shape, self.dtype = table.shape, table.dtype
        self.n_reads = self.largest_read = 0

    def read(self, index):
        if isinstance(index, slice):
            index = np.arange(*index.indices(self.shape[0]))
        self.n_reads += 1
        self.largest_read = max(self.largest_read, index.size)
        values = np.empty((*index.shape, self.shape[1]), self.dtype)
        for number in np.unique(index // self._size):
            here = index // self._size == number
            values[here] = self._chunks[number][index[here] % self._size]
        return Block(values)
