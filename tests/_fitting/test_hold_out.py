import numpy as np
import pytest
from training_cases import PLAIN

from skae._data.dataset import Dataset
from skae._fitting.config import SMALL, FitParameters
from skae._fitting.hold_out import N_FOLDS, hold_out

TABLE = np.random.default_rng(0).normal(size=(900, 3))


def held_out_of(data, given=None, folds=True, **parameters):
    parameters = FitParameters(objective=PLAIN, **parameters)
    return hold_out(data, parameters, given, folds=folds)


def grouped(n_rows, n_groups):
    groups = np.arange(n_rows) * n_groups // n_rows
    return Dataset(TABLE[:n_rows], groups=groups)


@pytest.mark.parametrize(
    ("data", "n_pairs"),
    [
        (Dataset(TABLE), 1),
        (Dataset(TABLE[: SMALL - 1]), N_FOLDS),
        (Dataset(TABLE[: 2 * N_FOLDS - 1]), 0),
        (grouped(900, 700), 1),
        (grouped(900, 40), N_FOLDS),
        (grouped(900, 2), 2),
        (grouped(100, 10), N_FOLDS),
    ],
)
def test_few_independent_samples_are_held_out_in_folds(data, n_pairs):
    pairs = held_out_of(data).pairs
    assert len(pairs) == n_pairs
    assert len(held_out_of(data, folds=False).pairs) == 1
    assert not held_out_of(data, early_stopping=False).pairs
    for train, validation in pairs:
        assert len(train) + len(validation) == len(data)
        assert not set(train.index) & set(validation.index)
        if data.groups is not None:
            assert not set(train.groups) & set(validation.groups)


def test_groups_are_what_is_independent():
    held_out = held_out_of(grouped(900, 40))
    assert (held_out.n_distinct, held_out.n_independent) == (900, 40)
    assert held_out_of(Dataset(TABLE)).n_independent == 900


def test_equal_samples_of_a_group_are_merged_in_small_tables():
    table = np.repeat(TABLE[:50], 2, axis=0)
    groups = np.repeat(np.arange(10), 10)
    held_out = held_out_of(Dataset(table, groups=groups))
    assert len(held_out.data) == 50
    np.testing.assert_array_equal(held_out.data.weight, 2)
    other = groups.copy()
    other[1::2] = 10 + other[1::2]
    assert len(held_out_of(Dataset(table, groups=other)).data) == 100


def test_patterns_with_many_copies_are_held_out_only_where_groups_say_so():
    table = np.tile(TABLE[:12], (50, 1))
    ((train, validation),) = held_out_of(Dataset(table)).pairs
    assert train is validation
    groups = np.repeat(np.arange(10), 60)
    assert len(held_out_of(Dataset(table, groups=groups)).pairs) == N_FOLDS


@pytest.mark.parametrize("n_rows", [100, 900])
def test_given_samples_and_splits_are_used(n_rows):
    data, other = Dataset(TABLE[:n_rows]), Dataset(TABLE[:7] + 1)
    ((train, validation),) = held_out_of(data, other).pairs
    assert validation is other
    assert len(train) == n_rows
    splits = [(np.arange(50), np.arange(50, 60)), (np.arange(60), np.arange(60, 63))]
    pairs = held_out_of(data, splits).pairs
    for pair, split in zip(pairs, splits, strict=True):
        for part, positions in zip(pair, split, strict=True):
            np.testing.assert_array_equal(part.to_array(), TABLE[positions])
    (pair,) = held_out_of(data, splits, folds=False).pairs
    assert len(pair[0]) == 50
