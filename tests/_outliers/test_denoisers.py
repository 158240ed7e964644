from dataclasses import replace

import numpy as np
import pytest
import torch

from skae._data.dataset import Dataset
from skae._nn.runtime import Placement, gradient_mode
from skae._outliers import denoisers
from skae._outliers.attribution import imputation_residuals
from skae._outliers.denoisers import DenoisingTask, train_denoisers
from skae._training.loop import TrainingPlan
from skae.noise import Chain, Gaussian, Swap

CPU = torch.device("cpu")
EXACT = Placement.exact(CPU)
NOISE = 0.5


@pytest.fixture(autouse=True)
def _no_gradients():
    with gradient_mode(autograd=False):
        yield


def train(table, tasks, n_steps, weight=None, batch_size=128, **options):
    """Train with batches that are large enough for a close fit."""
    data = Dataset(table.astype(np.float32), weight=weight)
    plan = TrainingPlan(n_steps, 4e-3)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(denoisers, "BATCH_SIZE", batch_size)
        return train_denoisers(data, tasks, plan, seed=0, device=CPU, **options)


@pytest.fixture(scope="module")
def covariance():
    mix = np.random.default_rng(0).normal(size=(4, 4))
    unscaled = mix @ mix.T + 0.2 * np.eye(4)
    scale = np.sqrt(np.diag(unscaled))
    return unscaled / np.outer(scale, scale)


@pytest.fixture(scope="module")
def normal(covariance):
    rng = np.random.default_rng(1)
    return rng.multivariate_normal(np.full(4, 0.5), covariance, size=2000)


@pytest.fixture(scope="module")
def new(covariance):
    rng = np.random.default_rng(2)
    return rng.multivariate_normal(np.full(4, 0.5), covariance, size=500)


@pytest.fixture(scope="module")
def trained(normal):
    """Two networks of one task, and two of another."""
    parts = [np.arange(0, 2000, 2), np.arange(1, 2000, 2)]
    with gradient_mode(autograd=False):
        return train(
            normal, [DenoisingTask(parts, NOISE), DenoisingTask(parts, 0.8, 0.2)], 800
        )


@pytest.fixture
def ensembles(trained):
    return trained[0]


# -- energy ----------------------------------------------------------------------------


def test_distance_of_normal_samples_is_mahalanobis(ensembles, covariance, new):
    centred = new - 0.5
    blurred = covariance + NOISE**2 * np.eye(4)
    expected = np.sqrt(np.sum(centred * np.linalg.solve(blurred, centred.T).T, axis=1))
    distances = ensembles[0].distances(new.astype(np.float32), EXACT)
    assert distances.shape == (2, 500)
    for distance in distances:
        assert np.corrcoef(distance, expected)[0, 1] > 0.98
        # In units of the noise.
        slope = (distance @ expected) / (expected @ expected)
        assert slope == pytest.approx(NOISE, rel=0.1)


def test_residual_of_normal_samples_is_that_of_a_regression(ensembles, covariance, new):
    blurred = covariance + NOISE**2 * np.eye(4)
    expected = NOISE**2 * np.linalg.solve(blurred, (new - 0.5).T).T
    magnitudes = ensembles[0].residual_magnitudes(new.astype(np.float32), EXACT)
    assert magnitudes.shape == (2, 500)
    for magnitude in magnitudes:
        assert np.corrcoef(magnitude, np.abs(expected).mean(axis=1))[0, 1] > 0.9


def test_distance_of_samples_far_away_is_large(ensembles, normal):
    far = ensembles[0].distances((normal[:20] + 30).astype(np.float32), EXACT)
    near = ensembles[0].distances(normal.astype(np.float32), EXACT)
    assert far.min() > near.max()


def test_ensembles_score_a_sample_the_same_wherever_it_stands(ensembles, normal):
    networks, imputers = ensembles
    samples = normal[:700].astype(np.float32)
    order = np.random.default_rng(0).permutation(700)
    close = {"rtol": 1e-9, "atol": 1e-12}
    for score in (networks.distances, networks.residual_magnitudes):
        together = score(samples, EXACT)
        np.testing.assert_allclose(
            score(samples[order], EXACT), together[:, order], **close
        )
        np.testing.assert_allclose(
            score(samples[640:641], EXACT)[:, 0], together[:, 640]
        )
    together = imputation_residuals(imputers, samples, EXACT)
    np.testing.assert_allclose(
        imputation_residuals(imputers, samples[order], EXACT), together[order], **close
    )


@pytest.mark.parametrize("count", [1, 2, 7, 8, 9, 63, 64, 65, 255, 256, 257, 300])
@pytest.mark.parametrize("values", [1 << 20, 600, 1])  # blocks of 256, 64 and 8
def test_any_number_of_samples_gets_the_same_scores(
    ensembles, normal, monkeypatch, count, values
):
    networks, imputers = (replace(it) for it in ensembles)  # not built yet
    samples, close = normal[:300].astype(np.float32), {"rtol": 1e-9, "atol": 1e-12}
    distances = ensembles[0].distances(samples, EXACT)
    residuals = imputation_residuals(ensembles[1], samples, EXACT)
    monkeypatch.setattr(denoisers, "BLOCK_VALUES", values)
    for at in (slice(count), slice(300 - count, 300)):
        found = networks.distances(samples[at], EXACT)
        np.testing.assert_allclose(found, distances[:, at], **close)
        found = imputation_residuals(imputers, samples[at], EXACT)
        np.testing.assert_allclose(found, residuals[at], **close)


def test_networks_are_built_once_for_each_placement(ensembles):
    networks = ensembles[0]
    assert networks.denoisers(EXACT) is networks.denoisers(EXACT)
    assert networks.denoisers(EXACT) is not networks.denoisers(Placement(CPU))
    assert networks.denoisers(EXACT) is not ensembles[1].denoisers(EXACT)
    assert networks.denoisers(EXACT) is not replace(networks).denoisers(EXACT)


def test_ensembles_agree_in_single_precision(ensembles, normal):
    networks, imputers = ensembles
    samples, single = normal[:100].astype(np.float32), Placement(CPU)
    for score in (
        networks.distances,
        networks.residual_magnitudes,
        lambda x, placement: imputation_residuals(imputers, x, placement),
    ):
        np.testing.assert_allclose(
            score(samples, single), score(samples, EXACT), atol=1e-3
        )


# -- training --------------------------------------------------------------------------


def test_train_denoisers_returns_an_ensemble_of_each_task(trained):
    (networks, imputers), history = trained
    assert networks.n_networks == imputers.n_networks == 2
    assert history.n_steps == 800
    assert history.training[-1] < history.training[1]
    shapes = [
        {name: array.shape for name, array in ensemble.weights.items()}
        for ensemble in (networks, imputers)
    ]
    assert shapes[0] == shapes[1]


def test_train_denoisers_trains_each_network_on_its_own_part():
    rng = np.random.default_rng(0)
    table = np.concatenate(
        [rng.normal(-2, 0.3, (200, 2)), rng.normal(2, 0.3, (200, 2))]
    )
    parts = [np.arange(200), np.arange(200, 400)]
    (networks,), _ = train(table, [DenoisingTask(parts, NOISE)], 200)
    magnitude = networks.residual_magnitudes(table.astype(np.float32), EXACT)
    assert magnitude[0, :200].mean() < 0.5 * magnitude[0, 200:].mean()
    assert magnitude[1, 200:].mean() < 0.5 * magnitude[1, :200].mean()


def test_train_denoisers_uses_weights(normal):
    table = np.concatenate([normal[:200], normal[:200] + 4])
    weight = np.repeat([1.0, 1e-6], 200)
    tasks = [DenoisingTask([np.arange(400)] * 2, NOISE)]
    (networks,), _ = train(table, tasks, 100, weight, batch_size=32)
    distances = networks.distances(table.astype(np.float32), EXACT)
    assert distances[:, 200:].mean() > 1.4 * distances[:, :200].mean()


def test_train_denoisers_reports_the_networks_so_far(normal):
    seen = []

    def report(step, loss, validation, so_far):
        seen.append((step, loss, validation, so_far()))
        return step >= 32

    parts = [np.arange(100), np.arange(100, 200)]
    (networks,), history = train(
        normal, [DenoisingTask(parts, NOISE)], n_steps=64, report=report
    )
    assert [step for step, *_ in seen] == [16, 32]
    assert history.n_steps == 32
    assert all(found is None and np.isfinite(loss) for _, loss, found, _ in seen)
    (last,) = seen[-1][-1]
    (first,) = seen[0][-1]
    for name, array in networks.weights.items():
        np.testing.assert_array_equal(last.weights[name], array)
        assert not np.array_equal(first.weights[name], array)


@pytest.mark.parametrize("d", [1, 3, 200])
def test_train_denoisers_with_any_number_of_features(d):
    table = np.random.default_rng(0).normal(size=(40, d))
    (networks,), _ = train(
        table, [DenoisingTask([np.arange(20), np.arange(40)], NOISE)], 5
    )
    samples = table.astype(np.float32)
    assert np.isfinite(networks.distances(samples, EXACT)).all()
    assert imputation_residuals(networks, samples, EXACT).shape == (40, d)


def test_corruption_of_a_task_swaps_values_before_it_adds_noise():
    assert DenoisingTask([], 0.3).corruption == Gaussian(0.3)
    assert DenoisingTask([], 0.3, 0.2).corruption == Chain((Swap(0.2), Gaussian(0.3)))


# -- wide tables -----------------------------------------------------------------------


@pytest.fixture(scope="module")
def wide():
    """Samples of two factors in 600 features."""
    rng = np.random.default_rng(0)
    return rng.normal(size=(40, 2)) @ rng.normal(size=(2, 600)) + 0.2


@pytest.fixture(scope="module")
def wide_ensembles(wide):
    parts = [np.arange(30), np.arange(10, 40)]
    with gradient_mode(autograd=False):
        tasks = [DenoisingTask(parts, 0.2), DenoisingTask(parts[:1], 0.5, 0.2)]
        return train(wide, tasks, 400, batch_size=32)[0]


def test_denoisers_of_a_wide_table_remove_what_is_apart_from_its_samples(
    wide, wide_ensembles
):
    rng = np.random.default_rng(1)
    space = np.linalg.svd(wide - wide.mean(axis=0), full_matrices=False)[2][:2]
    apart = rng.normal(size=(5, 600))
    apart -= apart @ space.T @ space
    for ensemble in wide_ensembles:
        networks = denoisers.Denoisers(ensemble, EXACT)
        x = torch.from_numpy(wide[:5] + 0.01 * apart)
        residual = networks.residual(x).numpy()
        outside = residual - residual @ space.T @ space
        expected = np.broadcast_to(0.01 * apart, outside.shape)
        np.testing.assert_allclose(outside, expected, atol=1e-5)


def test_denoisers_of_a_wide_table_reconstruct_its_samples(wide, wide_ensembles):
    networks = denoisers.Denoisers(wide_ensembles[0], EXACT)
    residual = networks.residual(torch.from_numpy(wide)).numpy()
    total = np.square(wide - wide.mean(axis=0)).sum()
    assert np.square(residual).sum() / 2 < 0.05 * total


def test_denoisers_of_a_wide_table_measure_the_distance_from_its_samples(
    wide, wide_ensembles
):
    apart = np.random.default_rng(1).normal(size=600)
    x = np.stack([wide[0] + c * apart for c in (0.0, 1.0, 2.0)])
    squares = np.square(wide_ensembles[0].distances(x, EXACT))
    # Once, then twice as far apart: the square is four times as large.
    space = np.linalg.svd(wide - wide.mean(axis=0), full_matrices=False)[2][:2]
    outside = np.square(apart - apart @ space.T @ space).sum()
    gain = np.diff(squares, axis=1) / outside
    assert gain == pytest.approx(np.array([[1, 3]] * 2), rel=0.1)
