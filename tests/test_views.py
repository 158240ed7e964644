"""Scalings of a table."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from skae._data.dataset import Dataset
from skae._data.statistics import weighted_quantiles
from skae._outliers.scaling import LIMIT, ROBUST_LIMIT, ColumnScaling

BOTH = pytest.mark.parametrize("robust", [True, False], ids=["robust", "standard"])
ordinary = st.integers(-(10**4), 10**4).map(lambda i: i / 100) | st.sampled_from([0, 1])
tables = st.tuples(st.integers(2, 20), st.integers(1, 3)).flatmap(
    lambda shape: arrays(np.float64, shape, elements=ordinary)
)


@pytest.fixture
def table():
    rng = np.random.default_rng(0)
    return rng.normal([0.0, 5.0, -1e3], [1.0, 0.01, 1e3], size=(500, 3))


def test_the_standard_view_is_the_standard_score(table):
    view = ColumnScaling.of(table, None, robust=False)
    expected = (table - table.mean(0)) / table.std(0)
    np.testing.assert_allclose(view(table), expected, rtol=1e-5, atol=1e-6)


def test_the_robust_view_is_the_standard_score_of_an_asinh(table):
    view = ColumnScaling.of(table, None, robust=True)
    low, centre, high = weighted_quantiles(table, None, 0.25, 0.5, 0.75)
    bent = np.arcsinh((table - centre) / ((high - low) / 1.349))
    expected = (bent - bent.mean(0)) / bent.std(0)
    np.testing.assert_allclose(view(table), expected, rtol=1e-5, atol=1e-6)


@BOTH
def test_rows_look_alike_in_any_units(table, robust):
    scale, shift = np.array([1e-20, 1.0, 1e20]), np.array([0.0, 1.0, 1e23])
    moved = scale * table + shift
    np.testing.assert_allclose(
        ColumnScaling.of(moved, None, robust=robust)(moved),
        ColumnScaling.of(table, None, robust=robust)(table),
        atol=1e-4,
    )


@BOTH
@given(table=tables, data=st.data())
def test_weights_are_copies(robust, table, data):
    weight = np.array([data.draw(st.integers(1, 3)) for _ in table])
    weighted = ColumnScaling.of(table, weight.astype(float), robust=robust)
    copied = ColumnScaling.of(table.repeat(weight, axis=0), None, robust=robust)
    np.testing.assert_allclose(weighted(table), copied(table), rtol=1e-4, atol=1e-4)


@BOTH
@given(table=tables)
def test_any_table_has_a_view(robust, table):
    seen = ColumnScaling.of(table, None, robust=robust)(table)
    assert seen.dtype == np.float32
    assert np.isfinite(seen).all()
    np.testing.assert_allclose(seen.mean(axis=0), 0, atol=1e-4)
    assert seen.std(axis=0).max() < 1 + 1e-4


@BOTH
@pytest.mark.parametrize("value", [0.0, 7.0, 0.1, -1e9, 1e29])
def test_constant_columns_stay_at_zero(robust, value):
    table = np.full((50, 1), value)
    view = ColumnScaling.of(table, None, robust=robust)
    np.testing.assert_allclose(view(table), 0, atol=1e-6)
    assert (view(table + 1 + abs(value)) > 0.5).all()


@BOTH
def test_so_do_columns_that_are_constant_but_for_rounding(robust):
    rng = np.random.default_rng(0)
    table = 1e6 + 1e-9 * rng.normal(size=(200, 1))
    assert len(np.unique(table)) > 10
    seen = ColumnScaling.of(table, None, robust=robust)(table)
    np.testing.assert_allclose(seen, 0, atol=1e-3)


@BOTH
def test_columns_with_more_than_half_of_equal_values_have_a_view(robust):
    table = np.zeros((100, 1))
    table[:5] = [[1.0], [2.0], [1.0], [3.0], [-1.0]]
    seen = ColumnScaling.of(table, None, robust=robust)(table)
    assert seen.std() == pytest.approx(1, rel=1e-3)
    assert seen[3] > seen[1] > seen[0] > seen[4]


def test_values_far_out_are_clipped(table):
    far = table + np.array([[1e30], [-1e30]])[:, :, None].reshape(2, 1, 1)
    for robust, limit in ((True, ROBUST_LIMIT), (False, LIMIT)):
        view = ColumnScaling.of(table, None, robust=robust)
        high, low = view(far[0]), view(far[1])
        assert (high <= limit).all()
        assert (low >= -limit).all()
        assert high.min() > 5
        assert low.max() < -5


def test_in_a_robust_view_a_value_far_out_moves_no_other(table):
    other = table.copy()
    other[0] = 1e20
    robust, standard = (
        np.abs(ColumnScaling.of(other, None, robust=kind)(table)[1:]).mean()
        for kind in (True, False)
    )
    assert robust > 0.1
    assert standard < 0.1


def test_the_standard_view_can_be_undone(table):
    view = ColumnScaling.of(table, None, robust=False)
    np.testing.assert_allclose(view.undo(view(table)), table, rtol=1e-5, atol=1e-3)


@BOTH
def test_a_view_of_rows_is_that_of_their_values(table, robust):
    view = ColumnScaling.of(table, None, robust=robust)
    index, weight = np.arange(0, 500, 3), np.arange(167.0) + 1
    seen = view.rows(Dataset(table, index, weight))
    np.testing.assert_array_equal(seen.table, view(table[index]))
    np.testing.assert_array_equal(seen.weight, weight)
    assert seen.index is None


@BOTH
@pytest.mark.parametrize("unit", [1e-6, 1.0, 1e6])
@pytest.mark.parametrize("value", [0.0, 7.0])
def test_a_constant_column_that_changes_is_five_deviations_off(robust, unit, value):
    table = np.random.default_rng(0).normal(size=(50, 2))
    table[:, 1] = value
    view = ColumnScaling.of(table * unit, None, robust=robust)
    new = np.array([[0.0, value], [0.0, value + 0.1], [0.0, value - 9]]) * unit
    np.testing.assert_array_equal(view(new)[:, 1], [0, 5, -5])
