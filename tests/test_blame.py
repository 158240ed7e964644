"""Columns that set a row apart from rows that are like it otherwise."""

import numpy as np
import pytest

from skae._outliers import attribution as _blame
from skae._outliers.attribution import neighbor_differences


@pytest.fixture
def stored():
    """Rows around two centres."""
    rng = np.random.default_rng(0)
    return np.repeat([[0.0], [10.0]], 50, axis=0) + 0.1 * rng.normal(size=(100, 6))


def everything(x, stored):
    return np.tile(np.arange(len(stored)), (len(x), 1))


def test_a_row_is_compared_with_rows_that_are_like_it_otherwise(stored):
    x = np.repeat([[0.0], [10.0]], 6, axis=0) + np.zeros((12, 6))
    column = np.arange(12) % 6
    x[np.arange(12), column] = 5.0
    apart = neighbor_differences(x, stored, everything(x, stored))
    expected = np.zeros((12, 6))
    expected[np.arange(12), column] = np.repeat([5.0, -5.0], 6)
    np.testing.assert_allclose(apart, expected, atol=0.3)


def test_two_columns_may_be_wrong(stored):
    x = np.zeros((1, 6))
    x[0, [1, 4]] = 10.0
    apart = neighbor_differences(x, stored, everything(x, stored))
    np.testing.assert_allclose(apart, x, atol=0.3)


def test_only_candidates_are_compared_with(stored):
    x = np.zeros((3, 6))
    apart = neighbor_differences(x, stored, np.tile(np.arange(50, 100), (3, 1)))
    np.testing.assert_allclose(apart, -10, atol=0.3)


@pytest.mark.parametrize("values", [1, 500, 1 << 20])
def test_rows_are_compared_in_parts(stored, monkeypatch, values):
    rng = np.random.default_rng(1)
    x = 5 * rng.normal(size=(40, 6))
    candidates = rng.integers(100, size=(40, 30))
    alone = [
        neighbor_differences(row[None], stored, some[None])[0]
        for row, some in zip(x, candidates, strict=True)
    ]
    monkeypatch.setattr(_blame, "VALUES", values)
    np.testing.assert_array_equal(neighbor_differences(x, stored, candidates), alone)


@pytest.mark.parametrize("d", [1, 2, 3])
@pytest.mark.parametrize("count", [1, 2, 9])
def test_few_columns_and_few_rows_are_enough(stored, d, count):
    x = stored[:7, :d] + 1.0
    apart = neighbor_differences(x, stored[:, :d], everything(x, stored)[:, :count])
    assert apart.shape == (7, d)
    np.testing.assert_allclose(apart, 1, atol=0.6)
