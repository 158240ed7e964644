import numpy as np
import pytest
from dataset_cases import datasets
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from skae._data import dataset
from skae._data.dataset import Dataset
from skae._data.source import PairSource
from skae._data.splitting import (
    MAX_VALIDATION_ROWS,
    count_distinct,
    deduplicate,
    group_by_target,
    has_many_copies,
    hash_rows,
    kfold_labels,
    rescale_weights,
    train_validation_split,
)

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


def split_of(table, fraction=0.1, weight=None, seed=0):
    data = Dataset(table, None, weight)
    return train_validation_split(data, hash_rows(data, seed), fraction)


# -- hash_rows -------------------------------------------------------------------------


@pytest.mark.parametrize("block_rows", [7, 4096])
@pytest.mark.parametrize("n_features", [1, 2, 3, 8, 9])
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_hashes_are_equal_for_equal_samples_only(
    monkeypatch, dtype, n_features, block_rows
):
    monkeypatch.setattr(dataset, "BLOCK_ROWS", block_rows)
    rng = np.random.default_rng(0)
    table = rng.integers(0, 3, size=(300, n_features)).astype(dtype)
    hashes = hash_rows(Dataset(table), seed=0)
    _, groups = np.unique(table, axis=0, return_inverse=True)
    _, found = np.unique(hashes, return_inverse=True)
    assert len(set(zip(groups, found, strict=True))) == groups.max() + 1
    assert found.max() == groups.max()
    assert count_distinct(hashes) == groups.max() + 1


@pytest.mark.parametrize(
    "same",
    [
        np.asfortranarray,
        lambda table: np.repeat(table, 2, axis=1)[:, ::2],
        lambda table: table[::-1].copy()[::-1],
        lambda table: np.where(table == 0, -0.0, table),
        lambda table: table.astype(np.int16),
        lambda table: table.astype(np.float32),
        lambda table: table.astype(">i8"),
        lambda table: table.astype(np.longdouble),
    ],
    ids=[
        *("fortran", "strided", "reversed", "minus zero"),
        *("int16", "float32", "big-endian", "longdouble"),
    ],
)
def test_hashes_depend_on_values_alone(same):
    table = np.random.default_rng(0).integers(-2, 3, size=(50, 3)).astype(float)
    expected = hash_rows(Dataset(table), seed=0)
    np.testing.assert_array_equal(hash_rows(Dataset(same(table)), seed=0), expected)
    order = np.random.default_rng(1).permutation(50)
    np.testing.assert_array_equal(hash_rows(Dataset(table, order), 0), expected[order])


def test_hashes_depend_on_the_seed():
    data = Dataset(np.random.default_rng(0).normal(size=(50, 3)))
    assert not np.isin(hash_rows(data, 0), hash_rows(data, 1)).any()


def test_hashes_are_spread_evenly():
    table = np.arange(20_000)[:, None] * np.ones(3)
    hashes = hash_rows(Dataset(table), seed=0)
    share = np.bincount((hashes >> np.uint64(60)).astype(int), minlength=16) / 20_000
    np.testing.assert_allclose(share, 1 / 16, atol=0.01)


# -- deduplicate, rescale_weights ------------------------------------------------------


@given(datasets())
def test_deduplicate_adds_up_the_weights_of_equal_samples(data):
    merged = deduplicate(data, hash_rows(data, seed=0))
    table, weight = data.to_array() + 0.0, data.sample_weight
    expected, group = np.unique(table, axis=0, return_inverse=True)
    found = merged.to_array() + 0.0
    order = np.lexsort(found.T[::-1])
    np.testing.assert_array_equal(found[order], expected)
    mass = np.bincount(group.ravel(), weights=weight)
    np.testing.assert_allclose(merged.sample_weight[order], mass)


def test_deduplicate_does_not_depend_on_the_order_of_the_samples():
    table = np.random.default_rng(0).integers(0, 3, size=(60, 3))
    results = []
    for order in (np.arange(60), np.arange(60)[::-1]):
        data = Dataset(table[order])
        merged = deduplicate(data, hash_rows(data, seed=0))
        results.append((merged.to_array(), merged.weight))
        assert (np.diff(hash_rows(merged, 0).astype(float)) > 0).all()
    np.testing.assert_equal(*results)


@pytest.mark.parametrize("scale", [1e-90, 0.01, 1.0, 3.0])
def test_rescaled_weights_count_samples_and_never_shrink(scale):
    table = np.zeros((5, 2))
    weight = scale * np.array([1.0, 2.0, 3.0])
    data = Dataset(table, np.array([4, 0, 2]), weight)
    found = rescale_weights(data, 6)
    np.testing.assert_array_equal(found.index, data.index)
    expected = weight if scale > 1 else np.array([1.0, 2.0, 3.0])
    np.testing.assert_allclose(found.weight, expected)
    assert rescale_weights(Dataset(table), 100).weight is None


# -- train_validation_split ------------------------------------------------------------


@pytest.mark.parametrize("fraction", [0.05, 0.1, 0.5, 0.9])
@pytest.mark.parametrize("weighted", [False, True])
def test_split_holds_out_the_share_of_the_weight(fraction, weighted):
    rng = np.random.default_rng(0)
    table = rng.normal(size=(1000, 3))
    weight = rng.uniform(1, 1.4, size=1000) if weighted else np.ones(1000)
    train, validation = split_of(table, fraction, weight)
    np.testing.assert_array_equal(np.sort(np.r_[train, validation]), np.arange(1000))
    share = weight[validation].sum() / weight.sum()
    assert share == pytest.approx(fraction, abs=0.005)


def test_split_holds_out_no_more_than_a_measurement_needs():
    table = np.random.default_rng(0).normal(size=(30_000, 1))
    assert len(split_of(table, 0.1)[1]) == MAX_VALIDATION_ROWS


def test_split_holds_out_fewer_samples_of_wide_tables():
    table = np.random.default_rng(0).integers(0, 9, (900, 4096)).astype(np.uint8)
    assert len(split_of(table, 0.5)[1]) == 256


@given(arrays(np.int8, (40, 2), elements=st.integers(0, 3)), st.floats(0.05, 0.9))
def test_split_keeps_equal_samples_together(table, fraction):
    table[0], table[1] = 100, 101  # at least two kinds
    train, validation = split_of(table.astype(float), fraction)
    assert len(train) > 0
    assert len(validation) > 0
    assert not {*map(tuple, table[train])} & {*map(tuple, table[validation])}


def test_split_keeps_samples_with_many_copies_in_training():
    table = np.random.default_rng(0).normal(size=(1000, 2))
    table[300:700] = table[0]
    for seed in range(10):
        train, validation = split_of(table, 0.1, None, seed)
        assert set(range(300, 700)) | {0} <= set(train)
        assert len(validation) > 0


def test_split_holds_out_heavy_samples_in_proportion():
    table = np.random.default_rng(0).normal(size=(2000, 2))
    weight = np.where(np.arange(2000) % 3 == 0, 50.0, 1.0)
    shares = []
    for seed in range(5):
        _, validation = split_of(table, 0.1, weight, seed)
        shares.append(weight[validation].sum() / weight.sum())
        assert (weight[validation] == 50).mean() == pytest.approx(1 / 3, abs=0.15)
    assert np.mean(shares) == pytest.approx(0.1, abs=0.01)


def test_split_follows_the_samples_wherever_they_stand():
    table = np.random.default_rng(0).normal(size=(500, 3))
    order = np.random.default_rng(1).permutation(500)
    _, validation = split_of(table)
    _, moved = split_of(table[order])
    assert set(order[moved]) == set(validation)


def test_split_depends_on_the_seed():
    table = np.random.default_rng(0).normal(size=(500, 3))
    assert set(split_of(table, seed=0)[1]) != set(split_of(table, seed=1)[1])


@pytest.mark.parametrize("fraction", [1e-6, 1 - 1e-9])
def test_split_leaves_no_part_empty(fraction):
    train, validation = split_of(np.arange(20.0)[:, None], fraction)
    assert len(train) > 0
    assert len(validation) > 0


# -- kfold_labels ----------------------------------------------------------------------


@pytest.mark.parametrize(("n", "n_folds"), [(10, 5), (13, 5), (5, 5), (101, 3)])
def test_folds_are_runs_of_about_equal_length(n, n_folds):
    labels = kfold_labels(n, n_folds)
    sizes = np.bincount(labels, minlength=n_folds)
    assert (np.diff(labels) >= 0).all()
    assert sizes.sum() == n
    assert np.ptp(sizes) <= 1


# -- has_many_copies -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ([20] * 5, True),
        ([1, *[40] * 4], True),  # hardly any sample came only once
        ([1] * 5 + [40] * 5, False),
        ([19] * 5, False),
        ([20.5] * 5, False),  # weights that are no counts
        (None, False),
    ],
)
def test_has_many_copies_needs_counts_and_few_singles(counts, expected):
    weight = None if counts is None else np.array(counts, dtype=float)
    n = 5 if counts is None else len(counts)
    data = Dataset(np.arange(2.0 * n).reshape(n, 2), weight=weight)
    assert has_many_copies(data) is expected


# -- pairs -----------------------------------------------------------------------------


def repeated_pairs(n_clean=40, n_copies=5):
    rng = np.random.default_rng(0)
    label = rng.permutation(np.arange(n_clean).repeat(n_copies))
    clean = rng.normal(size=(n_clean, 3))[label]
    return Dataset(PairSource(clean, clean + rng.normal(size=clean.shape))), label


def test_hashes_of_pairs_are_equal_where_both_samples_are():
    clean, noisy = np.zeros((4, 2)), np.array([[0, 1], [1, 0], [0, 1], [0, -0.0]])
    hashes = hash_rows(Dataset(PairSource(clean, noisy)), seed=0)
    assert hashes[0] == hashes[2]
    assert count_distinct(hashes) == 3
    swapped = hash_rows(Dataset(PairSource(noisy, clean)), seed=0)
    assert count_distinct(np.concatenate([hashes, swapped])) == 5
    of_clean = hash_rows(Dataset(PairSource(noisy, clean)), seed=0, inputs=False)
    np.testing.assert_array_equal(of_clean, hash_rows(Dataset(noisy), seed=0))


def test_equal_pairs_are_merged_and_no_others():
    data, _ = repeated_pairs()
    twice = data.subset(np.arange(len(data)).repeat(2))
    merged = deduplicate(twice, hash_rows(twice, seed=0))
    assert len(merged) == len(data)
    np.testing.assert_array_equal(merged.weight, 2)


def test_copies_of_a_clean_sample_stay_together():
    data, _ = repeated_pairs()
    grouped, hashes = group_by_target(data, hash_rows(data, seed=0), seed=0)
    clean, start = np.unique(grouped.to_array(), axis=0, return_index=True)
    assert len(grouped) == len(data)
    for first in start:
        same = slice(first, first + 5)
        assert len(np.unique(grouped.to_array()[same], axis=0)) == 1
    train, held_out = train_validation_split(grouped, hashes, 0.2)
    sides = [{*map(tuple, grouped.to_array()[part])} for part in (train, held_out)]
    assert sides[0].isdisjoint(sides[1])
    assert len(sides[1]) == 0.2 * len(clean)


def test_samples_without_pairs_or_of_one_target_keep_their_order():
    table = np.random.default_rng(0).normal(size=(9, 2))
    for data in (Dataset(table), Dataset(PairSource(np.ones_like(table), table))):
        hashes = hash_rows(data, seed=0)
        found, kept = group_by_target(data, hashes, seed=0)
        assert found is data
        assert kept is hashes
