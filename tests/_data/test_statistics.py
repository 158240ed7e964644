import numpy as np
import pytest
from dataset_cases import copies, counted_scores, datasets
from hypothesis import given
from hypothesis import strategies as st

from skae._data import dataset
from skae._data.dataset import Dataset
from skae._data.statistics import (
    RunningMean,
    column_statistics,
    standard_error,
    weighted_quantiles,
    weighted_ranks,
)


def statistics_of(data):
    return column_statistics(data.blocks(np.float64))


# -- column_statistics -----------------------------------------------------------------


@given(datasets())
def test_column_statistics_are_numpy_s(data):
    table, weight = data.to_array(), data.sample_weight
    found = statistics_of(data)
    mean = np.average(table, axis=0, weights=weight)
    variance = np.average((table - mean) ** 2, axis=0, weights=weight)
    scale = np.abs(table).max(initial=1.0)
    np.testing.assert_allclose(found.mean, mean, atol=1e-12 * scale)
    np.testing.assert_allclose(found.std, np.sqrt(variance), atol=1e-12 * scale)
    np.testing.assert_array_equal(found.min, table.min(axis=0))
    np.testing.assert_array_equal(found.max, table.max(axis=0))


@given(datasets(), st.integers(1, 12))
def test_column_statistics_do_not_depend_on_blocks(data, size):
    expected = statistics_of(data)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dataset, "BLOCK_ROWS", size)
        found = statistics_of(data)
    np.testing.assert_allclose(found.mean, expected.mean, atol=1e-9)
    np.testing.assert_allclose(found.std, expected.std, atol=1e-9)


@pytest.mark.parametrize("block_rows", [1, 3, 4096])
def test_column_statistics_keep_their_precision_far_from_zero(monkeypatch, block_rows):
    monkeypatch.setattr(dataset, "BLOCK_ROWS", block_rows)
    table = 1e8 + np.random.default_rng(0).normal(size=(1000, 2))
    found = statistics_of(Dataset(table))
    np.testing.assert_allclose(found.std, table.std(axis=0), rtol=1e-7)


def test_column_statistics_count_a_weight_as_that_many_samples():
    table = np.random.default_rng(0).normal(size=(6, 3))
    weight = np.array([1, 3, 2, 1, 1, 4])
    one = statistics_of(Dataset(table, None, weight.astype(float)))
    many = statistics_of(Dataset(table.repeat(weight, 0)))
    np.testing.assert_allclose(one.mean, many.mean)
    np.testing.assert_allclose(one.std, many.std)


def test_running_mean_gives_what_a_scatter_needs():
    rng = np.random.default_rng(0)
    table, weight = rng.normal(size=(30, 2)), rng.uniform(1, 2, 30)
    running, scatter = RunningMean(2), np.zeros((2, 2))
    for at in (slice(0, 4), slice(4, 25), slice(25, 30)):
        centre, shift, factor = running.update(table[at], weight[at])
        centred = table[at] - centre
        scatter += (weight[at, None] * centred).T @ centred
        scatter += factor * np.outer(shift, shift)
    mean = np.average(table, axis=0, weights=weight)
    assert running.mass == pytest.approx(weight.sum())
    np.testing.assert_allclose(running.mean, mean)
    expected = np.cov(table.T, aweights=weight, ddof=0) * weight.sum()
    np.testing.assert_allclose(scatter, expected)


# -- standard_error --------------------------------------------------------------------


def test_standard_error_of_equal_weights_is_the_usual_one():
    values = np.random.default_rng(0).normal(size=50)
    for weight in (1.0, 7.0):
        mean, error = standard_error(values, np.full(50, weight))
        assert mean == pytest.approx(values.mean())
        assert error == pytest.approx(values.std() / np.sqrt(50))


def test_standard_error_with_groups_is_that_of_their_means():
    rng = np.random.default_rng(0)
    means = rng.normal(size=30)
    values, groups = np.repeat(means, 5), np.repeat(np.arange(30) * 3, 5)
    order = rng.permutation(150)
    mean, error = standard_error(values[order], np.ones(150), groups[order])
    assert mean == pytest.approx(means.mean())
    assert error == pytest.approx(means.std() / np.sqrt(30))
    _, alone = standard_error(values, np.ones(150))
    assert error == pytest.approx(alone * np.sqrt(5))


def test_standard_error_of_one_heavy_sample_is_that_of_few_samples():
    values, weight = np.array([1.0, 2.0, 3.0]), np.array([1e6, 1.0, 1.0])
    mean, error = standard_error(values, weight)
    variance = np.average((values - mean) ** 2, weights=weight)
    assert error == pytest.approx(np.sqrt(variance), rel=1e-5)


# -- weighted_quantiles ----------------------------------------------------------------


@given(counted_scores(), st.floats(0.001, 0.999))
def test_weighted_quantile_is_the_least_value_with_the_share_at_or_below_it(
    sample, share
):
    values, weight = sample
    (found,) = weighted_quantiles(values, weight, share)
    assert found in values
    close = 1e-9 * weight.sum()
    assert weight[values <= found].sum() >= share * weight.sum() - close
    assert weight[values < found].sum() <= share * weight.sum() + close


@given(counted_scores())
def test_weighted_quantiles_take_weights_as_copies(sample):
    values, weight = sample
    shares = (0.25, 0.5, 0.9)
    found = weighted_quantiles(values, weight, *shares)
    for other in ((copies(*sample), None), (values, 4 * weight)):
        np.testing.assert_array_equal(found, weighted_quantiles(*other, *shares))


def test_weighted_quantiles_of_each_column_are_its_own():
    table = np.random.default_rng(0).normal(size=(50, 3))
    found = weighted_quantiles(table, None, 0.1, 0.5)
    assert found.shape == (2, 3)
    for j in range(3):
        expected = weighted_quantiles(table[:, j], None, 0.1, 0.5)
        np.testing.assert_array_equal(found[:, j], expected)


# -- weighted_ranks --------------------------------------------------------------------


@given(counted_scores())
def test_weighted_rank_is_the_weight_below_and_half_of_its_equals(sample):
    values, weight = sample
    expected = [
        weight[values < value].sum() + weight[values == value].sum() / 2
        for value in values
    ]
    np.testing.assert_allclose(weighted_ranks(values, weight), expected)
    np.testing.assert_allclose(
        weighted_ranks(copies(*sample), None), copies(np.array(expected), weight)
    )
