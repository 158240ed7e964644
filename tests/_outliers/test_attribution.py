import numpy as np
import pytest
import torch

from skae._data.dataset import Dataset
from skae._nn.runtime import Placement, gradient_mode
from skae._outliers import attribution
from skae._outliers.attribution import (
    contributions,
    imputation_residuals,
    neighbor_differences,
)
from skae._outliers.denoisers import DenoisingTask, train_denoisers
from skae._training.loop import TrainingPlan

CPU = torch.device("cpu")


# -- stored samples --------------------------------------------------------------------


@pytest.fixture
def stored():
    """Samples around two centres."""
    rng = np.random.default_rng(0)
    return np.repeat([[0.0], [10.0]], 50, axis=0) + 0.1 * rng.normal(size=(100, 6))


def all_candidates(x, stored):
    return np.tile(np.arange(len(stored)), (len(x), 1))


def test_neighbor_differences_ignore_the_feature_that_is_wrong(stored):
    x = np.repeat([[0.0], [10.0]], 6, axis=0) + np.zeros((12, 6))
    column = np.arange(12) % 6
    x[np.arange(12), column] = 5.0
    difference = neighbor_differences(x, stored, all_candidates(x, stored))
    expected = np.zeros((12, 6))
    expected[np.arange(12), column] = np.repeat([5.0, -5.0], 6)
    np.testing.assert_allclose(difference, expected, atol=0.3)


def test_neighbor_differences_ignore_two_features_that_are_wrong(stored):
    x = np.zeros((1, 6))
    x[0, [1, 4]] = 10.0
    difference = neighbor_differences(x, stored, all_candidates(x, stored))
    np.testing.assert_allclose(difference, x, atol=0.3)


def test_neighbor_differences_compare_with_candidates_only(stored):
    x = np.zeros((3, 6))
    difference = neighbor_differences(x, stored, np.tile(np.arange(50, 100), (3, 1)))
    np.testing.assert_allclose(difference, -10, atol=0.3)


@pytest.mark.parametrize("values", [1, 500, 1 << 20])
def test_neighbor_differences_do_not_depend_on_the_chunk(stored, monkeypatch, values):
    rng = np.random.default_rng(1)
    x = 5 * rng.normal(size=(40, 6))
    candidates = rng.integers(100, size=(40, 30))
    alone = [
        neighbor_differences(sample[None], stored, some[None])[0]
        for sample, some in zip(x, candidates, strict=True)
    ]
    monkeypatch.setattr(attribution, "MAX_VALUES", values)
    np.testing.assert_array_equal(neighbor_differences(x, stored, candidates), alone)


@pytest.mark.parametrize("d", [1, 2, 3])
@pytest.mark.parametrize("count", [1, 2, 9])
def test_neighbor_differences_with_few_features_and_few_candidates(stored, d, count):
    x = stored[:7, :d] + 1.0
    candidates = all_candidates(x, stored)[:, :count]
    difference = neighbor_differences(x, stored[:, :d], candidates)
    assert difference.shape == (7, d)
    np.testing.assert_allclose(difference, 1, atol=0.6)


# -- networks --------------------------------------------------------------------------


def test_imputation_residuals_point_at_the_feature_that_is_wrong(curved):
    table = curved(300)
    table = ((table - table.mean(0)) / table.std(0)).astype(np.float32)
    parts = [np.arange(150), np.arange(150, 300)]
    wrong, feature = table[:60].copy(), np.arange(60) % 6
    wrong[np.arange(60), feature] += 6
    with gradient_mode(autograd=False):
        (imputers,), _ = train_denoisers(
            Dataset(table),
            [DenoisingTask(parts, 0.5, 0.2)],
            TrainingPlan(300, 4e-3),
            seed=0,
            device=CPU,
        )
        residual = imputation_residuals(imputers, wrong, Placement.exact(CPU))
    assert residual.shape == wrong.shape
    assert (np.abs(residual).argmax(axis=1) == feature).mean() > 0.95
    # What is taken away is about what was added.
    assert np.median(residual[np.arange(60), feature]) == pytest.approx(6, abs=1.5)


# -- contributions ---------------------------------------------------------------------


def test_contributions_are_proportional_to_squares_and_sum_to_the_distance():
    differences = np.array([[3.0, -4.0, 0.0], [0.0, 0.0, 2.0]])
    shares = contributions(differences, np.array([5.0, 7.0]))
    np.testing.assert_allclose(shares, [[1.8, 3.2, 0.0], [0.0, 0.0, 7.0]])


def test_contributions_are_zero_where_there_are_no_differences():
    assert contributions(np.zeros((2, 3)), np.ones(2)).tolist() == [[0.0] * 3] * 2
