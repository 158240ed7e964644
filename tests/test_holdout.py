import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from skae._data.deduplication import hash_rows
from sklearn.decomposition import PCA

from skae._data.dataset import Dataset
from skae._data.splitting import MAX_VALIDATION_ROWS, train_validation_split
from skae._data.statistics import column_statistics
from skae._pca.anchor import fit_anchor
from skae._pca.decomposition import eigendecompose
from skae._pca.explained_variance import SquaredErrors, pca_squared_errors

losses = st.integers(1, 30).flatmap(
    lambda n: arrays(np.float64, (3, n), elements=st.floats(0.125, 8, width=32))
)


def parts_of(table, fraction=0.1, weight=None, seed=0):
    rows = Dataset(table, None, weight)
    return train_validation_split(rows, hash_rows(rows, seed), fraction)


# -- the split -------------------------------------------------------------------------


@pytest.mark.parametrize("fraction", [0.05, 0.1, 0.5, 0.9])
@pytest.mark.parametrize("weighted", [False, True])
def test_the_share_of_the_weight_is_held_out(fraction, weighted):
    rng = np.random.default_rng(0)
    table = rng.normal(size=(1000, 3))
    weight = rng.uniform(1, 1.4, size=1000) if weighted else np.ones(1000)
    train, held = parts_of(table, fraction, weight)
    np.testing.assert_array_equal(np.sort(np.r_[train, held]), np.arange(1000))
    assert weight[held].sum() / weight.sum() == pytest.approx(fraction, abs=0.005)


def test_no_more_are_held_out_than_a_measurement_needs():
    table = np.random.default_rng(0).normal(size=(30_000, 1))
    assert len(parts_of(table, 0.1)[1]) == MAX_VALIDATION_ROWS


@given(arrays(np.int8, (40, 2), elements=st.integers(0, 3)), st.floats(0.05, 0.9))
def test_equal_rows_stay_together(table, fraction):
    table[0], table[1] = 100, 101  # at least two kinds
    train, held = parts_of(table.astype(float), fraction)
    assert len(train) > 0
    assert len(held) > 0
    assert not {*map(tuple, table[train])} & {*map(tuple, table[held])}


def test_heavy_duplicates_stay_in_training():
    table = np.random.default_rng(0).normal(size=(1000, 2))
    table[300:700] = table[0]
    for seed in range(10):
        train, held = parts_of(table, 0.1, None, seed)
        assert set(range(300, 700)) | {0} <= set(train)
        assert len(held) > 0


def test_heavy_rows_are_held_out_in_proportion():
    table = np.random.default_rng(0).normal(size=(2000, 2))
    weight = np.where(np.arange(2000) % 3 == 0, 50.0, 1.0)
    shares = []
    for seed in range(5):
        _, held = parts_of(table, 0.1, weight, seed)
        shares.append(weight[held].sum() / weight.sum())
        assert (weight[held] == 50).mean() == pytest.approx(1 / 3, abs=0.15)
    assert np.mean(shares) == pytest.approx(0.1, abs=0.01)


def test_the_split_follows_the_rows_wherever_they_stand():
    table = np.random.default_rng(0).normal(size=(500, 3))
    order = np.random.default_rng(1).permutation(500)
    _, held = parts_of(table)
    _, moved = parts_of(table[order])
    assert set(order[moved]) == set(held)


def test_the_seed_decides_what_is_held_out():
    table = np.random.default_rng(0).normal(size=(500, 3))
    assert set(parts_of(table, seed=0)[1]) != set(parts_of(table, seed=1)[1])


@pytest.mark.parametrize("fraction", [1e-6, 1 - 1e-9])
def test_neither_part_is_empty(fraction):
    train, held = parts_of(np.arange(20.0)[:, None], fraction)
    assert len(train) > 0
    assert len(held) > 0


# -- shares of the variance ------------------------------------------------------------


@given(losses)
def test_a_share_is_one_minus_the_error_over_the_base(table):
    base, error, weight = table
    expected = 1 - (weight @ error) / (weight @ base)
    assert SquaredErrors(base, weight).share(error) == pytest.approx(expected)


def test_nothing_to_explain_is_explained():
    assert SquaredErrors(np.zeros(4), np.ones(4)).share(np.zeros(4)) == 1.0


def test_a_share_is_reached_with_a_margin():
    rng = np.random.default_rng(0)
    base = rng.uniform(1, 2, size=400)
    held = SquaredErrors(base, np.ones(400))
    left = 0.1 * base * rng.uniform(0.5, 1.5, size=400)
    share = held.share(left)
    assert held.reaches(left, share - 0.02)
    assert not held.reaches(left, share)
    assert not held.reaches(left, share + 0.02)


def test_pca_s_errors_on_new_rows():
    rng = np.random.default_rng(0)
    mix = rng.normal(size=(5, 5))
    old, new = rng.normal(size=(60, 5)) @ mix, rng.normal(size=(20, 5)) @ mix
    rows = Dataset(old)
    stats = column_statistics(rows)
    anchor = fit_anchor(rows, stats, eigendecompose(rows, stats.mean, None, seed=0), 4)
    weight = rng.uniform(1, 2, size=20)
    held, errors = pca_squared_errors(Dataset(new, None, weight), anchor)
    np.testing.assert_allclose(held.base, ((new - old.mean(0)) ** 2).sum(1))
    np.testing.assert_array_equal(held.weight, weight)
    for m in range(1, 5):
        pca = PCA(m).fit(old)
        left = new - pca.inverse_transform(pca.transform(new))
        np.testing.assert_allclose(errors[m - 1], (left**2).sum(1))
