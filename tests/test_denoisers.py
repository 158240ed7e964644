"""Networks whose residual is the gradient of an energy."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from skae._data.dataset import Dataset
from skae._nn.runtime import Placement, gradient_mode
from skae._outliers.denoisers import DenoiserEnsemble, DenoisingTask
from skae._outliers.fit import detector_settings

CPU = torch.device("cpu")
EXACT = Placement.exact(CPU)
SIGMA = 0.5


@pytest.fixture(autouse=True)
def _no_gradients():
    with gradient_mode(autograd=False):
        yield


def train(table, groups, n_steps=500, **options):
    rows = Dataset(table.astype(np.float32))
    settings = replace(detector_settings(n_steps, 0, CPU), batch_size=128)
    return DenoiserEnsemble.train(rows, groups, settings, **options)


@pytest.fixture(scope="module")
def covariance():
    mix = np.random.default_rng(0).normal(size=(4, 4))
    found = mix @ mix.T + 0.2 * np.eye(4)
    scale = np.sqrt(np.diag(found))
    return found / np.outer(scale, scale)


@pytest.fixture(scope="module")
def normal(covariance):
    rng = np.random.default_rng(1)
    return rng.multivariate_normal(np.full(4, 0.5), covariance, size=2000)


@pytest.fixture(scope="module")
def groups(normal):
    """Two networks for the energy, and two others beside them."""
    parts = [np.arange(0, 2000, 2), np.arange(1, 2000, 2)]
    with gradient_mode(autograd=False):
        found, history = train(
            normal, [DenoisingTask(parts, SIGMA), DenoisingTask(parts, 0.8, 0.2)], 1000
        )
    return found, history


def test_the_distance_of_normal_rows_is_mahalanobis(groups, covariance):
    (networks, _), _ = groups
    rng = np.random.default_rng(2)
    fresh = rng.multivariate_normal(np.full(4, 0.5), covariance, size=500)
    moved = fresh - 0.5
    blurred = covariance + SIGMA**2 * np.eye(4)
    expected = np.sqrt(np.sum(moved * np.linalg.solve(blurred, moved.T).T, axis=1))
    found = networks.distances(fresh.astype(np.float32), EXACT)
    assert found.shape == (2, 500)
    for distance in found:
        assert np.corrcoef(distance, expected)[0, 1] > 0.98
        # In units of the noise.
        slope = (distance @ expected) / (expected @ expected)
        assert slope == pytest.approx(SIGMA, rel=0.1)


def test_the_residual_of_normal_rows_is_that_of_a_regression(groups, covariance):
    (networks, _), _ = groups
    rng = np.random.default_rng(2)
    fresh = rng.multivariate_normal(np.full(4, 0.5), covariance, size=500)
    blurred = covariance + SIGMA**2 * np.eye(4)
    left = SIGMA**2 * np.linalg.solve(blurred, (fresh - 0.5).T).T
    sizes = networks.sizes(fresh.astype(np.float32), EXACT)
    for size in sizes:
        assert np.corrcoef(size, np.abs(left).mean(axis=1))[0, 1] > 0.9


def test_rows_far_away_are_far(groups, normal):
    (networks, _), _ = groups
    far = networks.distances((normal[:20] + 30).astype(np.float32), EXACT)
    near = networks.distances(normal.astype(np.float32), EXACT)
    assert far.min() > near.max()


def test_a_repair_points_at_the_column_that_is_wrong(curved):
    table = curved(500)
    table = (table - table.mean(0)) / table.std(0)
    parts = [np.arange(250), np.arange(250, 500)]
    (explainers,), _ = train(table, [DenoisingTask(parts, 0.5, 0.2)], 300)
    rows = table[:60].astype(np.float32)
    column = np.arange(60) % 6
    wrong = rows.copy()
    wrong[np.arange(60), column] += 6
    repairs = explainers.repairs(wrong, EXACT)
    assert repairs.shape == rows.shape
    assert (np.abs(repairs).argmax(axis=1) == column).mean() > 0.95
    # What is taken away is about what was added.
    assert np.median(repairs[np.arange(60), column]) == pytest.approx(6, abs=1.5)


def test_networks_of_a_group_see_their_own_rows():
    rng = np.random.default_rng(0)
    table = np.concatenate(
        [rng.normal(-2, 0.3, (200, 2)), rng.normal(2, 0.3, (200, 2))]
    )
    parts = [np.arange(200), np.arange(200, 400)]
    (networks,), _ = train(table, [DenoisingTask(parts, SIGMA)], 200)
    sizes = networks.sizes(table.astype(np.float32), EXACT)
    assert sizes[0, :200].mean() < 0.5 * sizes[0, 200:].mean()
    assert sizes[1, 200:].mean() < 0.5 * sizes[1, :200].mean()


def test_groups_are_told_apart(groups):
    (networks, explainers), history = groups
    assert networks.count == explainers.count == 2
    assert history.n_steps == 1000
    assert history.training[-1] < history.training[1]
    shapes = [
        {name: array.shape for name, array in group.weights.items()}
        for group in (networks, explainers)
    ]
    assert shapes[0] == shapes[1]


def test_weights_count(normal):
    table = np.concatenate([normal[:200], normal[:200] + 4])
    weight = np.repeat([1.0, 1e-6], 200)
    rows = Dataset(table.astype(np.float32), weight=weight)
    groups = [DenoisingTask([np.arange(400)] * 2, SIGMA)]
    (networks,), _ = DenoiserEnsemble.train(
        rows, groups, detector_settings(100, 0, CPU)
    )
    distances = networks.distances(rows.table, EXACT)
    assert distances[:, 200:].mean() > 1.4 * distances[:, :200].mean()


def test_a_row_is_treated_alike_wherever_it_stands(groups, normal):
    (networks, explainers), _ = groups
    rows = normal[:700].astype(np.float32)
    order = np.random.default_rng(0).permutation(700)
    close = {"rtol": 1e-9, "atol": 1e-12}
    for say in (networks.distances, networks.sizes):
        together = say(rows, EXACT)
        np.testing.assert_allclose(say(rows[order], EXACT), together[:, order], **close)
        np.testing.assert_allclose(say(rows[640:641], EXACT)[:, 0], together[:, 640])
    together = explainers.repairs(rows, EXACT)
    np.testing.assert_allclose(
        explainers.repairs(rows[order], EXACT), together[order], **close
    )


def test_single_precision_is_nearly_as_good(groups, normal):
    (networks, explainers), _ = groups
    rows = normal[:100].astype(np.float32)
    single = Placement(CPU)
    for say in (networks.distances, networks.sizes, explainers.repairs):
        np.testing.assert_allclose(say(rows, single), say(rows, EXACT), atol=1e-3)


def test_apple_s_devices_predict_in_single_precision():
    assert EXACT == Placement(CPU, torch.float64)
    mps = torch.device("mps")
    assert Placement.exact(mps) == Placement(mps, torch.float32)


def test_reports_bring_the_networks_so_far(normal):
    seen = []

    def report(step, loss, held, networks):
        seen.append((step, loss, held, networks()))
        return step >= 32

    parts = [np.arange(100), np.arange(100, 200)]
    (networks,), history = train(
        normal, [DenoisingTask(parts, SIGMA)], n_steps=64, report=report
    )
    assert [step for step, *_ in seen] == [16, 32]
    assert history.n_steps == 32
    assert all(held is None and np.isfinite(loss) for _, loss, held, _ in seen)
    (last,) = seen[-1][-1]
    (first,) = seen[0][-1]
    for name, array in networks.weights.items():
        np.testing.assert_array_equal(last.weights[name], array)
        assert not np.array_equal(first.weights[name], array)


@pytest.mark.parametrize("d", [1, 3, 200])
def test_any_number_of_columns(d):
    table = np.random.default_rng(0).normal(size=(40, d))
    (networks,), _ = train(
        table, [DenoisingTask([np.arange(20), np.arange(40)], SIGMA)], 5
    )
    rows = table.astype(np.float32)
    assert np.isfinite(networks.distances(rows, EXACT)).all()
    assert networks.repairs(rows, EXACT).shape == (40, d)
