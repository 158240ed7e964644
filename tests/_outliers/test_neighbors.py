import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from skae._data.dataset import Dataset
from skae._outliers import neighbors
from skae._outliers.neighbors import StoredNeighbors


def distance_by_hand(table, weight, sample, count):
    """Return the distance within which the weight of stored samples is the count."""
    distance = np.abs(table.astype(float) - sample.astype(float)).sum(axis=1)
    remaining = weight.copy()
    if (distance == 0).any():
        itself = distance.argmin()
        remaining[itself] = max(remaining[itself] - 1, 0)
    order = np.argsort(distance, kind="stable")
    enough = np.cumsum(remaining[order]) >= count
    return distance[order][enough.argmax() if enough.any() else -1]


def by_hand(table, weight, x, counts):
    return [
        [distance_by_hand(table, weight, sample, count) for sample in x]
        for count in counts
    ]


integers = st.integers(-2, 2).map(np.float32)
shapes = st.tuples(st.integers(1, 12), st.just(2))


@given(
    shapes.flatmap(lambda shape: arrays(np.float32, shape, elements=integers)),
    arrays(np.float32, (5, 2), elements=integers),
    st.data(),
)
def test_distances_equal_a_search_by_hand(table, x, data):
    counts = (1, 3, 5)
    x = np.concatenate([x, table])
    found = StoredNeighbors(table, None).distances(x, counts)
    np.testing.assert_allclose(found, by_hand(table, np.ones(len(table)), x, counts))
    # Distinct samples with integer weights are as many samples.
    table = np.unique(table, axis=0)
    weight = np.array([data.draw(st.integers(1, 3)) for _ in table], dtype=float)
    found = StoredNeighbors(table, weight).distances(x, counts)
    np.testing.assert_allclose(found, by_hand(table, weight, x, counts))
    copied = StoredNeighbors(table.repeat(weight.astype(int), axis=0), None)
    np.testing.assert_allclose(copied.distances(x, counts), found)


@pytest.mark.parametrize("values", [1, 200, 1 << 19])
def test_distances_do_not_depend_on_the_block(monkeypatch, values):
    table, x = np.random.default_rng(0).normal(size=(2, 70, 3)).astype(np.float32)
    stored = StoredNeighbors(table, None)
    expected = [stored.distances(sample[None], (1, 5)) for sample in x]
    monkeypatch.setattr(neighbors, "BLOCK_VALUES", values)
    found = stored.distances(x, (1, 5))
    np.testing.assert_array_equal(found, np.concatenate(expected, axis=1))


@pytest.mark.parametrize("least", [0.1, 1.0, 1e-12, 1e-310])
def test_distances_with_weights_of_any_size(least):
    rng = np.random.default_rng(0)
    table, x = rng.normal(size=(2, 60, 3)).astype(np.float32)
    weight = rng.uniform(0.1, 3.0, size=60)
    weight[7] = least
    x = np.concatenate([x, table])
    found = StoredNeighbors(table, weight).distances(x, (1, 10))
    np.testing.assert_allclose(found, by_hand(table, weight, x, (1, 10)), rtol=1e-6)


def test_distances_of_a_stored_sample_count_its_copies_but_not_itself():
    table = np.array([[0.0], [0.0], [3.0], [7.0]], dtype=np.float32)
    neighbors = StoredNeighbors(table, None)
    assert neighbors.distances(table, (1,))[0].tolist() == [0.0, 0.0, 3.0, 4.0]
    assert neighbors.distances(table + 1, (1,))[0].tolist() == [1.0, 1.0, 1.0, 1.0]
    assert StoredNeighbors(table[2:3], None).distances(table[2:3], (1, 9)) == [
        [0.0],
        [0.0],
    ]


def test_distances_are_to_the_last_where_fewer_are_stored():
    table = np.array([[0.0], [2.0], [5.0]], dtype=np.float32)
    far = np.array([[9.0]], dtype=np.float32)
    near, last = StoredNeighbors(table, None).distances(far, (1, 10))
    assert (near, last) == ([4.0], [9.0])


@pytest.mark.parametrize("weighted", [True, False])
def test_store_draws_from_the_samples_that_may_be_stored(weighted):
    table = np.arange(200, dtype=np.float32).reshape(100, 2)
    weight = np.arange(100.0) + 1 if weighted else None
    which = np.arange(0, 100, 2)
    data = Dataset(table, weight=weight)
    for size in (10, 50, 80):
        stored = StoredNeighbors.store(data, which, size, 0)
        position = (stored.samples[:, 0] / 2).astype(int)
        assert len(position) == len(set(position)) == min(size, 50)
        assert set(position) <= set(which)
        assert (stored.weight is not None) == weighted
        if weighted:
            np.testing.assert_array_equal(stored.weight, weight[position])
    first, other, again = (
        StoredNeighbors.store(data, which, 10, seed).samples for seed in (0, 1, 1)
    )
    assert not np.array_equal(first, other)
    np.testing.assert_array_equal(again, other)


def test_nearest_returns_which_stored_samples_are_nearest():
    rng = np.random.default_rng(0)
    table, x = rng.normal(size=(2, 30, 3)).astype(np.float32)
    distance = np.abs(x[:, None].astype(float) - table).sum(axis=2)
    expected = np.argsort(distance, axis=1)
    neighbors = StoredNeighbors(table, None)
    np.testing.assert_array_equal(neighbors.nearest(x, 7), expected[:, :7])
    np.testing.assert_array_equal(neighbors.nearest(x, 99), expected)
