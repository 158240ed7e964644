import tracemalloc

import numpy as np
import pytest

from skae._data.dataset import Dataset
from skae._outliers.inliers import RIDGE, mahalanobis, select_inliers


def planted(n_samples=300, n_outliers=60, d=4, seed=0):
    """Samples of one cloud, and outliers around a point away from it."""
    rng = np.random.default_rng(seed)
    cloud = rng.normal(size=(n_samples, d))
    cloud[:, 1] += cloud[:, 0]
    outliers = 7 + rng.normal(size=(n_outliers, d))
    return np.concatenate([cloud, outliers]).astype(np.float32)


def test_select_inliers_takes_three_quarters():
    for n_samples in (40, 300):
        table = planted(n_samples, 0)
        positions = select_inliers(Dataset(table), 0)
        assert len(positions) == -(-3 * n_samples // 4)
        assert (np.diff(positions) > 0).all()


@pytest.mark.parametrize("n_samples", [300, 3000])
@pytest.mark.parametrize("seed", [0, 1])
def test_select_inliers_leaves_out_a_cluster_of_outliers(n_samples, seed):
    data = Dataset(planted(n_samples, n_samples // 10, seed=seed))
    positions = select_inliers(data, seed)
    assert positions.max() < n_samples


def test_select_inliers_leaves_out_samples_that_break_a_relation():
    rng = np.random.default_rng(0)
    line = rng.normal(size=(200, 1)) + 0.05 * rng.normal(size=(200, 6))
    broken = rng.permuted(line[:20], axis=1) * rng.choice([-1, 1], size=(20, 6))
    broken = broken[np.abs(broken).std(axis=1) + broken.std(axis=1) > 0.5]
    table = np.concatenate([line, broken]).astype(np.float32)
    positions = select_inliers(Dataset(table), 0)
    assert positions.max() < 200


def test_select_inliers_counts_a_weight_as_copies():
    table = planted(80, 20)
    weight = np.arange(100) % 3 + 1
    weighted = select_inliers(Dataset(table, weight=weight.astype(float)), 0)
    copied = select_inliers(Dataset(table.repeat(weight, axis=0)), 0)
    np.testing.assert_array_equal(
        np.unique(np.arange(100).repeat(weight)[copied]), weighted
    )


@pytest.mark.parametrize("n_samples", [1, 2, 3, 4])
@pytest.mark.parametrize("weighted", [True, False])
def test_select_inliers_of_a_handful_of_samples(n_samples, weighted):
    weight = np.ones(n_samples) if weighted else None
    data = Dataset(planted(n_samples, 0), weight=weight)
    assert len(select_inliers(data, 0)) == -(-3 * n_samples // 4)
    equal = np.zeros((n_samples, 2), np.float32)
    assert len(select_inliers(Dataset(equal, weight=weight), 0)) == n_samples


def test_select_inliers_with_constant_columns_and_more_features_than_samples():
    table = planted(30, 0, d=50)
    table[:, :5] = 0
    table[:, 5] = table[:, 6]
    assert len(select_inliers(Dataset(table), 0)) == 23


@pytest.mark.parametrize("shape", [(20, 5), (5, 20), (12, 12), (1, 3)])
@pytest.mark.parametrize("weighted", [True, False])
def test_mahalanobis_is_that_of_the_covariance_with_its_ridge(shape, weighted):
    rng = np.random.default_rng(0)
    x = rng.normal(size=shape) * np.arange(1, shape[1] + 1) + 3
    weight = rng.uniform(0.5, 3, size=len(x)) if weighted else None
    centred = x - np.average(x, axis=0, weights=weight)
    share = np.ones(len(x)) / len(x) if weight is None else weight / weight.sum()
    covariance = (centred.T * share) @ centred + RIDGE * np.eye(shape[1])
    expected = [row @ np.linalg.inv(covariance) @ row for row in centred]
    np.testing.assert_allclose(mahalanobis(x, weight), expected, rtol=1e-9, atol=1e-12)


def test_mahalanobis_of_many_features_holds_no_matrix_of_them():
    x = np.random.default_rng(0).normal(size=(20, 5000))
    tracemalloc.start()
    mahalanobis(x, None)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 10 * x.nbytes  # the matrix would be 250 times as large
