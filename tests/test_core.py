"""The rows of a table that belong together."""

import numpy as np
import pytest

from skae._data.dataset import Dataset
from skae._outliers.inliers import select_inliers


def planted(n_rows=300, n_odd=60, d=4, seed=0):
    """Rows of one cloud, and others around a point away from it."""
    rng = np.random.default_rng(seed)
    cloud = rng.normal(size=(n_rows, d))
    cloud[:, 1] += cloud[:, 0]
    odd = 7 + rng.normal(size=(n_odd, d))
    return np.concatenate([cloud, odd]).astype(np.float32)


def test_three_quarters_are_usual():
    for n_rows in (40, 300):
        table = planted(n_rows, 0)
        found = select_inliers(Dataset(table), 0)
        assert len(found) == -(-3 * n_rows // 4)
        assert (np.diff(found) > 0).all()


@pytest.mark.parametrize("n_rows", [300, 3000])
@pytest.mark.parametrize("seed", [0, 1])
def test_rows_from_elsewhere_are_not(n_rows, seed):
    found = select_inliers(Dataset(planted(n_rows, n_rows // 10, seed=seed)), seed)
    assert found.max() < n_rows


def test_rows_that_break_a_relation_are_not():
    rng = np.random.default_rng(0)
    line = rng.normal(size=(200, 1)) + 0.05 * rng.normal(size=(200, 6))
    odd = rng.permuted(line[:20], axis=1) * rng.choice([-1, 1], size=(20, 6))
    odd = odd[np.abs(odd).std(axis=1) + odd.std(axis=1) > 0.5]
    found = select_inliers(Dataset(np.concatenate([line, odd]).astype(np.float32)), 0)
    assert found.max() < 200


def test_weights_are_copies():
    table = planted(80, 20)
    weight = np.arange(100) % 3 + 1
    weighted = select_inliers(Dataset(table, weight=weight.astype(float)), 0)
    copied = select_inliers(Dataset(table.repeat(weight, axis=0)), 0)
    np.testing.assert_array_equal(
        np.unique(np.arange(100).repeat(weight)[copied]), weighted
    )


@pytest.mark.parametrize("n_rows", [1, 2, 3, 4])
@pytest.mark.parametrize("weighted", [True, False])
def test_there_are_always_some(n_rows, weighted):
    table = planted(n_rows, 0)
    weight = np.ones(n_rows) if weighted else None
    assert len(select_inliers(Dataset(table, weight=weight), 0)) == -(-3 * n_rows // 4)
    equal = np.zeros((n_rows, 2), np.float32)
    assert len(select_inliers(Dataset(equal, weight=weight), 0)) == n_rows


def test_columns_may_be_constant_or_more_than_rows():
    table = planted(30, 0, d=50)
    table[:, :5] = 0
    table[:, 5] = table[:, 6]
    assert len(select_inliers(Dataset(table), 0)) == 23
