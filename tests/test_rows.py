import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from skae._data.deduplication import deduplicate, hash_rows, rescale_weights

from skae._data import dataset as _rows
from skae._data.dataset import Dataset
from skae._data.statistics import column_statistics

values = st.floats(-1e3, 1e3, width=32)
shapes = st.tuples(st.integers(1, 12), st.integers(1, 4))
tables = shapes.flatmap(lambda shape: arrays(np.float64, shape, elements=values))


@st.composite
def weighted(draw):
    """Some rows of a table, repeated and in any order, with weights or without."""
    table = draw(tables)
    positions = st.integers(0, len(table) - 1)
    index = draw(st.none() | st.lists(positions, min_size=1, max_size=15).map(np.array))
    n_rows = len(table) if index is None else len(index)
    elements = st.floats(0.125, 8, width=32)
    weight = draw(st.none() | arrays(np.float64, n_rows, elements=elements))
    return Dataset(table, index, weight)


@pytest.fixture(params=[1, 3, 4096], ids="chunks of {}".format)
def chunk_rows(request, monkeypatch):
    monkeypatch.setattr(_rows, "CHUNK_ROWS", request.param)


def picked(rows):
    return rows.table if rows.index is None else rows.table[rows.index]


# -- Rows ------------------------------------------------------------------------------


@given(weighted())
def test_rows_are_the_indexed_rows(rows):
    assert len(rows) == len(picked(rows)) == len(rows.weights())
    assert rows.n_features == rows.table.shape[1]
    last_first = rows.pick(np.arange(len(rows))[::-1])
    np.testing.assert_array_equal(picked(last_first), picked(rows)[::-1])
    np.testing.assert_array_equal(last_first.weights(), rows.weights()[::-1])


@pytest.mark.parametrize("index", [None, np.array([9, 1, 1, 4])], ids=["all", "some"])
@pytest.mark.parametrize("dtype", [np.uint8, np.float16, ">f4", np.float64])
def test_chunks_put_together_are_the_rows(chunk_rows, dtype, index):
    table = np.arange(30).reshape(10, 3).astype(dtype)
    rows = Dataset(table, index)
    positions, chunks = zip(*rows.chunks(), strict=True)
    expected = picked(rows)
    np.testing.assert_array_equal(np.concatenate(chunks), expected)
    assert all(chunk.dtype == np.float64 for chunk in chunks)
    order = np.concatenate([np.arange(len(rows))[at] for at in positions])
    np.testing.assert_array_equal(order, np.arange(len(rows)))


def test_chunks_of_wide_tables_are_small():
    wide = Dataset(np.zeros((20, 100_000), dtype=np.uint8))
    assert max(chunk.nbytes for _, chunk in wide.chunks()) <= 4 << 20


# -- moments ---------------------------------------------------------------------------


@given(weighted())
def test_moments_are_numpy_s(rows):
    table, weight = picked(rows), rows.weights()
    found = column_statistics(rows)
    mean = np.average(table, axis=0, weights=weight)
    variance = np.average((table - mean) ** 2, axis=0, weights=weight)
    scale = np.abs(table).max(initial=1.0)
    np.testing.assert_allclose(found.mean, mean, atol=1e-12 * scale)
    np.testing.assert_allclose(found.deviation, np.sqrt(variance), atol=1e-12 * scale)
    np.testing.assert_array_equal(found.low, table.min(axis=0))
    np.testing.assert_array_equal(found.high, table.max(axis=0))


@given(weighted(), st.integers(1, 12))
def test_moments_do_not_depend_on_chunks(rows, size):
    whole = column_statistics(rows)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_rows, "CHUNK_ROWS", size)
        pieces = column_statistics(rows)
    np.testing.assert_allclose(pieces.mean, whole.mean, atol=1e-9)
    np.testing.assert_allclose(pieces.deviation, whole.deviation, atol=1e-9)


def test_moments_keep_their_precision_far_from_zero(chunk_rows):
    table = 1e8 + np.random.default_rng(0).normal(size=(1000, 2))
    np.testing.assert_allclose(
        column_statistics(Dataset(table)).deviation, table.std(axis=0), rtol=1e-7
    )


def test_a_weight_counts_as_that_many_rows():
    table = np.random.default_rng(0).normal(size=(6, 3))
    weight = np.array([1, 3, 2, 1, 1, 4])
    one, many = (
        Dataset(table, None, weight.astype(float)),
        Dataset(table.repeat(weight, 0)),
    )
    np.testing.assert_allclose(
        column_statistics(one).mean, column_statistics(many).mean
    )
    np.testing.assert_allclose(
        column_statistics(one).deviation, column_statistics(many).deviation
    )


# -- hashes ----------------------------------------------------------------------------

DTYPES = [
    np.uint8,
    np.int16,
    np.int64,
    np.float16,
    np.float32,
    np.float64,
    ">f8",
    ">i4",
]


@pytest.mark.parametrize("n_features", [1, 2, 3, 8, 9])
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_hashes_are_equal_for_equal_rows_only(chunk_rows, dtype, n_features):
    rng = np.random.default_rng(0)
    table = rng.integers(0, 3, size=(300, n_features)).astype(dtype)
    hashes = hash_rows(Dataset(table), seed=0)
    _, groups = np.unique(table, axis=0, return_inverse=True)
    _, found = np.unique(hashes, return_inverse=True)
    assert len(set(zip(groups, found, strict=True))) == groups.max() + 1
    assert found.max() == groups.max()


@pytest.mark.parametrize(
    "same",
    [
        np.asfortranarray,
        lambda table: np.repeat(table, 2, axis=1)[:, ::2],
        lambda table: table[::-1].copy()[::-1],
        lambda table: np.where(table == 0, -0.0, table),
    ],
    ids=["fortran", "strided", "reversed", "minus zero"],
)
def test_hashes_depend_on_values_alone(same):
    table = np.random.default_rng(0).integers(-2, 3, size=(50, 3)).astype(float)
    expected = hash_rows(Dataset(table), seed=0)
    np.testing.assert_array_equal(hash_rows(Dataset(same(table)), seed=0), expected)
    order = np.random.default_rng(1).permutation(50)
    np.testing.assert_array_equal(hash_rows(Dataset(table, order), 0), expected[order])


def test_hashes_depend_on_the_seed():
    rows = Dataset(np.random.default_rng(0).normal(size=(50, 3)))
    assert not np.isin(hash_rows(rows, 0), hash_rows(rows, 1)).any()


def test_hashes_are_spread_evenly():
    table = np.arange(20_000)[:, None] * np.ones(3)
    hashes = hash_rows(Dataset(table), seed=0)
    share = np.bincount((hashes >> np.uint64(60)).astype(int), minlength=16) / 20_000
    np.testing.assert_allclose(share, 1 / 16, atol=0.01)


@given(weighted())
def test_distinct_adds_up_the_weights_of_equal_rows(rows):
    hashes = hash_rows(rows, seed=0)
    merged, position = deduplicate(rows, hashes)
    table, weight = picked(rows) + 0.0, rows.weights()
    expected, group = np.unique(table, axis=0, return_inverse=True)
    assert len(merged) == len(expected)
    np.testing.assert_array_equal(picked(merged)[position], table)
    mass = np.bincount(group.ravel(), weights=weight)
    order = np.lexsort(picked(merged).T[::-1])
    np.testing.assert_array_equal(picked(merged)[order], expected)
    np.testing.assert_allclose(merged.weights()[order], mass)


def test_distinct_rows_do_not_depend_on_the_order_of_the_rows():
    table = np.random.default_rng(0).integers(0, 3, size=(60, 3))
    results = []
    for order in (np.arange(60), np.arange(60)[::-1]):
        rows = Dataset(table[order])
        merged, _ = deduplicate(rows, hash_rows(rows, seed=0))
        results.append((picked(merged), merged.weight))
    np.testing.assert_equal(*results)


@pytest.mark.parametrize("scale", [1e-90, 0.01, 1.0, 3.0])
def test_weights_are_numbers_of_rows_as_many_as_there_are_at_least(scale):
    table = np.zeros((5, 2))
    weight = scale * np.array([1.0, 2.0, 3.0])
    one = Dataset(table, np.array([4, 0, 2]), weight)
    found = rescale_weights(one, 6)
    np.testing.assert_array_equal(found.index, one.index)
    expected = weight if scale > 1 else np.array([1.0, 2.0, 3.0])
    np.testing.assert_allclose(found.weight, expected)
    assert rescale_weights(Dataset(table), 100).weight is None
