import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from skae._data.dataset import Dataset
from skae._data.grouping import (
    group_folds,
    group_split,
    hash_samples,
    weight_of_groups,
)
from skae._data.splitting import hash_rows

labels = st.lists(st.integers(0, 8), min_size=2, max_size=60).map(np.array)


def grouped(groups, weight=None, n_features=2):
    table = np.arange(len(groups) * n_features, dtype=float).reshape(-1, n_features)
    return Dataset(table, None, weight, np.asarray(groups))


def test_subsets_keep_the_groups():
    data = grouped([0, 0, 1, 1, 2]).subset(np.array([4, 1]))
    np.testing.assert_array_equal(data.groups, [2, 0])
    np.testing.assert_array_equal(data.reweighted(np.ones(2)).groups, [2, 0])


def test_equal_rows_of_two_groups_are_two_samples():
    table = np.array([[1.0], [1.0], [2.0]])
    data = Dataset(table, groups=np.array([0, 1, 1]))
    assert len(np.unique(hash_samples(data, 0))) == 3
    same = Dataset(table, groups=np.array([1, 1, 1]))
    assert len(np.unique(hash_samples(same, 0))) == 2
    alone = Dataset(table)
    np.testing.assert_array_equal(hash_samples(alone, 0), hash_rows(alone, 0))


@given(labels, st.integers(2, 7))
def test_folds_separate_no_group_and_hold_consecutive_ones(groups, n_folds):
    assume(len(np.unique(groups)) > 1)
    fold = group_folds(grouped(groups), n_folds)
    assert 2 <= len(np.unique(fold)) <= n_folds
    assert set(fold) == set(range(fold.max() + 1))
    of_group = [np.unique(fold[groups == group]) for group in np.unique(groups)]
    assert all(len(found) == 1 for found in of_group)
    assert (np.diff(np.concatenate(of_group)) >= 0).all()


def test_folds_have_equal_weights_where_groups_do():
    fold = group_folds(grouped(np.repeat(np.arange(40), 30)), 5)
    np.testing.assert_array_equal(np.bincount(fold), [240] * 5)
    weight = np.where(np.arange(1200) < 600, 3.0, 1.0)
    fold = group_folds(grouped(np.repeat(np.arange(40), 30), weight), 4)
    np.testing.assert_allclose(np.bincount(fold, weight), 600, atol=90)


@given(labels, st.sampled_from([0.1, 0.3, 0.6]), st.integers(0, 3))
def test_splits_separate_no_group(groups, fraction, seed):
    assume(len(np.unique(groups)) > 1)
    train, validation = group_split(grouped(groups), fraction, seed)
    assert len(train)
    assert len(validation)
    assert not set(groups[train]) & set(groups[validation])
    assert sorted([*train, *validation]) == list(range(len(groups)))


@pytest.mark.parametrize("fraction", [0.1, 0.25])
def test_splits_hold_out_the_share_that_was_asked_for(fraction):
    data = grouped(np.repeat(np.arange(2000), 3))
    _, validation = group_split(data, fraction, 0)
    assert len(validation) / 6000 == pytest.approx(fraction, abs=0.02)
    # Most groups that are held out have their neighbors held out, too.
    held_out = np.unique(data.groups[validation])
    assert (np.diff(held_out) == 1).mean() > 0.9


def test_large_tables_hold_out_few_groups():
    data = grouped(np.repeat(np.arange(10_000), 20))
    _, validation = group_split(data, 0.1, 0)
    assert 1000 < len(validation) < 3000


def test_weights_of_groups_sum_to_one():
    data = grouped([3, 3, 3, 5, 7, 7])
    np.testing.assert_allclose(weight_of_groups(data), [1 / 3] * 3 + [1] + [1 / 2] * 2)
    weighted = grouped([3, 3, 5], np.array([1.0, 3.0, 2.0]))
    np.testing.assert_allclose(weight_of_groups(weighted), [0.25, 0.75, 1])
    assert weight_of_groups(Dataset(np.ones((3, 1)))) is None
