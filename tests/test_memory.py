"""Remembered rows against a search by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from skae._data.dataset import Dataset
from skae._outliers.neighbors import StoredNeighbors


def nearest(table, weight, row, count):
    """Return the distance within which the weight of stored rows is the count."""
    distance = np.abs(table.astype(float) - row.astype(float)).sum(axis=1)
    left = weight.copy()
    if (distance == 0).any():
        itself = distance.argmin()
        left[itself] = max(left[itself] - 1, 0)
    order = np.argsort(distance, kind="stable")
    enough = np.cumsum(left[order]) >= count
    return distance[order][enough.argmax() if enough.any() else -1]


def by_hand(table, weight, x, counts):
    return [[nearest(table, weight, row, count) for row in x] for count in counts]


whole = st.integers(-2, 2).map(np.float32)
shapes = st.tuples(st.integers(1, 12), st.just(2))


@given(
    shapes.flatmap(lambda shape: arrays(np.float32, shape, elements=whole)),
    arrays(np.float32, (5, 2), elements=whole),
    st.data(),
)
def test_distances_are_those_of_a_search_by_hand(table, x, data):
    counts = (1, 3, 5)
    x = np.concatenate([x, table])
    found = StoredNeighbors(table, None).distances(x, counts)
    np.testing.assert_allclose(found, by_hand(table, np.ones(len(table)), x, counts))
    # Distinct rows with whole weights are as many rows.
    table = np.unique(table, axis=0)
    weight = np.array([data.draw(st.integers(1, 3)) for _ in table], dtype=float)
    found = StoredNeighbors(table, weight).distances(x, counts)
    np.testing.assert_allclose(found, by_hand(table, weight, x, counts))
    copied = StoredNeighbors(table.repeat(weight.astype(int), axis=0), None)
    np.testing.assert_allclose(copied.distances(x, counts), found)


@pytest.mark.parametrize("least", [0.1, 1.0, 1e-12, 1e-310])
def test_weights_may_be_of_any_size(least):
    rng = np.random.default_rng(0)
    table, x = rng.normal(size=(2, 60, 3)).astype(np.float32)
    weight = rng.uniform(0.1, 3.0, size=60)
    weight[7] = least
    x = np.concatenate([x, table])
    found = StoredNeighbors(table, weight).distances(x, (1, 10))
    np.testing.assert_allclose(found, by_hand(table, weight, x, (1, 10)), rtol=1e-6)


def test_a_stored_row_does_not_count_itself_but_its_copies():
    table = np.array([[0.0], [0.0], [3.0], [7.0]], dtype=np.float32)
    memory = StoredNeighbors(table, None)
    assert memory.distances(table, (1,))[0].tolist() == [0.0, 0.0, 3.0, 4.0]
    assert memory.distances(table + 1, (1,))[0].tolist() == [1.0, 1.0, 1.0, 1.0]
    assert StoredNeighbors(table[2:3], None).distances(table[2:3], (1, 9)) == [
        [0.0],
        [0.0],
    ]


def test_where_fewer_are_stored_it_is_the_last():
    table = np.array([[0.0], [2.0], [5.0]], dtype=np.float32)
    far = np.array([[9.0]], dtype=np.float32)
    near, last = StoredNeighbors(table, None).distances(far, (1, 10))
    assert (near, last) == ([4.0], [9.0])


@pytest.mark.parametrize("weighted", [True, False])
def test_rows_to_store_are_drawn_from_those_that_may_be(weighted):
    table = np.arange(200, dtype=np.float32).reshape(100, 2)
    weight = np.arange(100.0) + 1 if weighted else None
    which = np.arange(0, 100, 2)
    rows = Dataset(table, weight=weight)
    for size in (10, 50, 80):
        memory = StoredNeighbors.of(rows, which, size, 0)
        position = (memory.table[:, 0] / 2).astype(int)
        assert len(position) == len(set(position)) == min(size, 50)
        assert set(position) <= set(which)
        assert (memory.weight is not None) == weighted
        if weighted:
            np.testing.assert_array_equal(memory.weight, weight[position])
    other = StoredNeighbors.of(rows, which, 10, 1).table
    assert not np.array_equal(StoredNeighbors.of(rows, which, 10, 0).table, other)
    np.testing.assert_array_equal(StoredNeighbors.of(rows, which, 10, 1).table, other)
