import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from skae._data.dataset import Dataset
from skae._data.statistics import weighted_quantiles
from skae._outliers.scaling import LIMIT, ROBUST_LIMIT, ColumnScaling

BOTH = pytest.mark.parametrize("robust", [True, False], ids=["robust", "plain"])
ordinary = st.integers(-(10**4), 10**4).map(lambda i: i / 100) | st.sampled_from([0, 1])
tables = st.tuples(st.integers(2, 20), st.integers(1, 3)).flatmap(
    lambda shape: arrays(np.float64, shape, elements=ordinary)
)


@pytest.fixture
def table():
    rng = np.random.default_rng(0)
    return rng.normal([0.0, 5.0, -1e3], [1.0, 0.01, 1e3], size=(500, 3))


def test_scaling_plain_is_the_standard_score(table):
    scaling = ColumnScaling.fit(table, None, robust=False)
    expected = (table - table.mean(0)) / table.std(0)
    np.testing.assert_allclose(scaling(table), expected, rtol=1e-5, atol=1e-6)


def test_scaling_robust_is_the_standard_score_of_an_asinh(table):
    scaling = ColumnScaling.fit(table, None, robust=True)
    low, centre, high = weighted_quantiles(table, None, 0.25, 0.5, 0.75)
    bent = np.arcsinh((table - centre) / ((high - low) / 1.349))
    expected = (bent - bent.mean(0)) / bent.std(0)
    np.testing.assert_allclose(scaling(table), expected, rtol=1e-5, atol=1e-6)


@BOTH
def test_scaling_does_not_depend_on_units(table, robust):
    scale, shift = np.array([1e-20, 1.0, 1e20]), np.array([0.0, 1.0, 1e23])
    moved = scale * table + shift
    np.testing.assert_allclose(
        ColumnScaling.fit(moved, None, robust=robust)(moved),
        ColumnScaling.fit(table, None, robust=robust)(table),
        atol=1e-4,
    )


@BOTH
@given(table=tables, data=st.data())
def test_scaling_counts_a_weight_as_copies(robust, table, data):
    weight = np.array([data.draw(st.integers(1, 3)) for _ in table])
    weighted = ColumnScaling.fit(table, weight.astype(float), robust=robust)
    copied = ColumnScaling.fit(table.repeat(weight, axis=0), None, robust=robust)
    np.testing.assert_allclose(weighted(table), copied(table), rtol=1e-4, atol=1e-4)


@BOTH
@given(table=tables)
def test_scaling_fits_any_table(robust, table):
    scaled = ColumnScaling.fit(table, None, robust=robust)(table)
    assert scaled.dtype == np.float32
    assert np.isfinite(scaled).all()
    np.testing.assert_allclose(scaled.mean(axis=0), 0, atol=1e-4)
    assert scaled.std(axis=0).max() < 1 + 1e-4


@BOTH
@pytest.mark.parametrize("value", [0.0, 7.0, 0.1, -1e9, 1e29])
def test_scaling_keeps_constant_columns_at_zero(robust, value):
    table = np.full((50, 1), value)
    scaling = ColumnScaling.fit(table, None, robust=robust)
    np.testing.assert_allclose(scaling(table), 0, atol=1e-6)
    assert (scaling(table + 1 + abs(value)) > 0.5).all()


@BOTH
def test_scaling_keeps_columns_at_zero_that_are_constant_but_for_rounding(robust):
    rng = np.random.default_rng(0)
    table = 1e6 + 1e-9 * rng.normal(size=(200, 1))
    assert len(np.unique(table)) > 10
    scaled = ColumnScaling.fit(table, None, robust=robust)(table)
    np.testing.assert_allclose(scaled, 0, atol=1e-3)


@BOTH
def test_scaling_of_columns_with_more_than_half_of_equal_values(robust):
    table = np.zeros((100, 1))
    table[:5] = [[1.0], [2.0], [1.0], [3.0], [-1.0]]
    scaled = ColumnScaling.fit(table, None, robust=robust)(table)
    assert scaled.std() == pytest.approx(1, rel=1e-3)
    assert scaled[3] > scaled[1] > scaled[0] > scaled[4]


@pytest.mark.parametrize(("robust", "limit"), [(True, ROBUST_LIMIT), (False, LIMIT)])
def test_scaling_clips_extreme_values(table, robust, limit):
    scaling = ColumnScaling.fit(table, None, robust=robust)
    high, low = scaling(table + 1e30), scaling(table - 1e30)
    assert (high <= limit).all()
    assert (low >= -limit).all()
    assert high.min() > 5
    assert low.max() < -5


def test_scaling_robust_is_not_moved_by_one_extreme_value(table):
    other = table.copy()
    other[0] = 1e20
    robust, plain = (
        np.abs(ColumnScaling.fit(other, None, robust=robust)(table)[1:]).mean()
        for robust in (True, False)
    )
    assert robust > 0.1
    assert plain < 0.1


def test_inverse_undoes_the_plain_scaling(table):
    scaling = ColumnScaling.fit(table, None, robust=False)
    restored = scaling.inverse(scaling(table))
    np.testing.assert_allclose(restored, table, rtol=1e-5, atol=1e-3)


@BOTH
def test_transform_scales_the_samples_of_a_dataset(table, robust):
    scaling = ColumnScaling.fit(table, None, robust=robust)
    index, weight = np.arange(0, 500, 3), np.arange(167.0) + 1
    scaled = scaling.transform(Dataset(table, index, weight))
    np.testing.assert_array_equal(scaled.to_array(), scaling(table[index]))
    np.testing.assert_array_equal(scaled.weight, weight)
    assert scaled.index is None


@BOTH
def test_transform_of_many_blocks(robust):
    table = np.random.default_rng(0).normal(size=(10_000, 2)).astype(np.float32)
    assert len(list(Dataset(table).slices())) > 2
    scaling = ColumnScaling.fit(table, None, robust=robust)
    scaled = scaling.transform(Dataset(table))
    np.testing.assert_array_equal(scaled.to_array(), scaling(table))
    assert scaled.weight is None


@BOTH
@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
@pytest.mark.parametrize("value", [0.0, 7.0])
def test_scaling_puts_a_constant_column_that_changes_five_deviations_off(
    robust, scale, value
):
    table = np.random.default_rng(0).normal(size=(50, 2))
    table[:, 1] = value
    scaling = ColumnScaling.fit(table * scale, None, robust=robust)
    new = np.array([[0.0, value], [0.0, value + 0.1], [0.0, value - 9]]) * scale
    np.testing.assert_array_equal(scaling(new)[:, 1], [0, 5, -5])
