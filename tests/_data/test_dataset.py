import numpy as np
import pytest
from dataset_cases import datasets
from hypothesis import given

from skae._data import dataset
from skae._data.dataset import Dataset
from skae._data.source import Block, PairSource


@pytest.fixture(params=[1, 3, 4096], ids="blocks of {}".format)
def block_rows(request, monkeypatch):
    monkeypatch.setattr(dataset, "BLOCK_ROWS", request.param)


# -- selections ------------------------------------------------------------------------


@given(datasets())
def test_dataset_is_its_indexed_samples(data):
    table = data.source.array
    expected = table if data.index is None else table[data.index]
    np.testing.assert_array_equal(data.to_array(), expected)
    assert len(data) == len(expected) == len(data.sample_weight)
    assert data.n_features == table.shape[1]
    assert data.total_weight == pytest.approx(data.sample_weight.sum())


@given(datasets())
def test_subset_takes_samples_and_their_weights(data):
    reverse = np.arange(len(data))[::-1]
    last_first = data.subset(reverse)
    np.testing.assert_array_equal(last_first.to_array(), data.to_array()[::-1])
    np.testing.assert_array_equal(last_first.sample_weight, data.sample_weight[::-1])
    np.testing.assert_array_equal(
        data.source.array[data.source_index(reverse)], last_first.to_array()
    )


def test_subset_of_a_subset_reads_the_same_source():
    data = Dataset(np.arange(20.0).reshape(10, 2))
    inner = data.subset(np.array([8, 2, 5])).subset(np.array([2, 0]))
    np.testing.assert_array_equal(inner.index, [5, 8])
    assert inner.source is data.source


def test_to_array_of_all_samples_is_the_array_itself():
    table = np.zeros((5, 2))
    assert np.shares_memory(Dataset(table).to_array(), table)


def test_reweighted_samples_are_the_same():
    data = Dataset(np.arange(10.0)[:, None], np.array([3, 1]), np.array([1.0, 2.0]))
    other = data.reweighted(np.array([4.0, 5.0]))
    np.testing.assert_array_equal(other.to_array(), data.to_array())
    np.testing.assert_array_equal(other.sample_weight, [4, 5])
    np.testing.assert_array_equal(data.sample_weight, [1, 2])


@pytest.mark.parametrize(
    ("weight", "expected"),
    [(None, True), ([1.0, 3.0], True), ([1.0, 0.5], False)],
    ids=["none", "whole numbers", "fractions"],
)
def test_weights_are_counts_if_they_are_whole_numbers(weight, expected):
    weight = None if weight is None else np.array(weight)
    assert Dataset(np.zeros((2, 1)), None, weight).weights_are_counts is expected


def test_sample_draws_without_replacement_in_order():
    data = Dataset(np.arange(100.0)[:, None], None, np.arange(1.0, 101.0))
    drawn = data.sample(30, seed=0)
    values = drawn.to_array()[:, 0]
    assert len(drawn) == 30
    assert (np.diff(values) > 0).all()
    np.testing.assert_array_equal(drawn.sample_weight, values + 1)
    np.testing.assert_array_equal(data.sample(30, seed=0).index, drawn.index)
    assert not np.array_equal(data.sample(30, seed=1).index, drawn.index)


@pytest.mark.parametrize("size", [100, 1000])
def test_sample_of_all_is_the_dataset(size):
    data = Dataset(np.zeros((100, 1)))
    assert data.sample(size, seed=0) is data


# -- blocks ----------------------------------------------------------------------------


@pytest.mark.parametrize("index", [None, np.array([9, 1, 1, 4])], ids=["all", "some"])
@pytest.mark.parametrize("dtype", [np.uint8, np.float16, ">f4", np.float64])
def test_blocks_put_together_are_the_samples(block_rows, dtype, index):
    table = np.arange(30).reshape(10, 3).astype(dtype)
    weight = np.arange(1.0, 1 + (10 if index is None else len(index)))
    data = Dataset(table, index, weight)
    blocks = list(data.blocks(np.float64))
    np.testing.assert_array_equal(
        np.concatenate([block.values for block in blocks]), data.to_array()
    )
    np.testing.assert_array_equal(
        np.concatenate([block.sample_weight for block in blocks]), weight
    )
    assert all(block.values.dtype == np.float64 for block in blocks)
    assert all(block.values.dtype == dtype for block in data.blocks())


def test_slices_follow_each_other(block_rows):
    positions = [np.arange(10)[at] for at in Dataset(np.zeros((10, 3))).slices()]
    np.testing.assert_array_equal(np.concatenate(positions), np.arange(10))


def test_blocks_without_weights_have_none():
    assert all(block.weight is None for block in Dataset(np.zeros((9, 2))).blocks())


def test_blocks_of_wide_tables_are_small():
    wide = Dataset(np.zeros((20, 100_000), dtype=np.uint8))
    sizes = [block.values.nbytes for block in wide.blocks(np.float64)]
    assert max(sizes) <= 1 << 20
    assert len(sizes) == 20


def test_blocks_hold_a_sample_of_the_widest_tables():
    widest = Dataset(np.zeros((3, 200_000), dtype=np.uint8))
    assert [len(block.values) for block in widest.blocks()] == [1, 1, 1]


def test_read_keeps_what_the_source_says_was_observed():
    values = np.arange(12.0).reshape(6, 2)

    class MaskedSource:
        shape, dtype = values.shape, values.dtype

        def read(self, index):
            return Block(values[index], observed=values[index] > 5)

    data = Dataset(MaskedSource(), np.array([5, 0]), np.array([2.0, 3.0]))
    block = data.read(slice(0, 2), np.float32)
    np.testing.assert_array_equal(block.values, values[[5, 0]])
    np.testing.assert_array_equal(block.observed, values[[5, 0]] > 5)
    np.testing.assert_array_equal(block.weight, [2, 3])
    assert block.values.dtype == np.float32


def test_dataset_reads_pairs():
    clean = np.arange(12, dtype=np.int16).reshape(6, 2)
    noisy = clean + np.float32(0.5)
    data = Dataset(PairSource(clean, noisy), np.array([4, 1]), np.array([1.0, 2.0]))
    assert data.is_paired
    assert not Dataset(clean).is_paired
    block = data.read(slice(0, 2), np.float64)
    np.testing.assert_array_equal(block.values, clean[[4, 1]])
    np.testing.assert_array_equal(block.inputs, noisy[[4, 1]])
    assert block.inputs.dtype == block.values.dtype == np.float64
    assert data.subset(np.array([1])).reweighted(np.ones(1)).is_paired


def test_blocks_have_as_many_samples_as_asked_for():
    data = Dataset(np.zeros((7, 1 << 17)))
    sizes = [
        [len(block.values) for block in data.blocks(**options)]
        for options in ({}, {"at_least": 3}, {"at_least": 100})
    ]
    assert sizes == [[1] * 7, [3, 3, 1], [7]]
