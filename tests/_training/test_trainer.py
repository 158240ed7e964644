from dataclasses import replace

import numpy as np
import pytest
import torch
from training_cases import PLAIN, halves, network_of, randomized

from skae import noise
from skae._data.dataset import Dataset
from skae._data.source import ArraySource
from skae._nn.latents import GaussianLatent
from skae._nn.losses import GaussianNLL
from skae._training.evaluation import ValidationBatches
from skae._training.loop import TrainingPlan
from skae._training.trainer import Trainer

PLAN = TrainingPlan(60, 0.02)
NORMAL = replace(PLAIN, loss=GaussianNLL(), latent=GaussianLatent())


@pytest.fixture(scope="module")
def data(curved):
    return Dataset(curved(300))


@pytest.fixture(scope="module")
def validation_data(curved):
    return Dataset(curved(200, seed=1))


class InterruptedSource(ArraySource):
    """An array that can be read only once."""

    n_reads = 0

    def read(self, index):
        type(self).n_reads += 1
        if self.n_reads > 1:
            raise KeyboardInterrupt
        return super().read(index)


def train(network, parts, plan=PLAN, layerwise=False, **options):
    trainer = Trainer(network, layerwise=layerwise)
    return trainer, trainer.train(parts, plan, batch_size=32, **options)


@pytest.mark.parametrize("objective", [PLAIN, NORMAL], ids=["plain", "normal"])
def test_trainer_reduces_the_validation_loss(data, validation_data, objective):
    network = network_of(data, objective=objective)
    validation = ValidationBatches.from_parts(network, [validation_data])
    pca = validation.losses(correction=False)
    _, history = train(network, [data], validation=validation)
    np.testing.assert_allclose(history.start_losses, pca)
    assert min(history.validation) < history.validation[0] - 0.01
    assert history.n_steps == PLAN.n_steps
    # The best parameters are those that the network is left with.
    np.testing.assert_array_equal(validation.losses(), history.best_losses)


def test_trainer_reports_a_mean_loss_per_sample(data):
    calls = []
    plan = replace(PLAN, learning_rate=1e-12)

    def report(*what):
        calls.append(what)

    _, history = train(network_of(data), [data], plan, report=report)
    assert [step for step, *_ in calls] == history.steps[1:]
    # Squared errors are in units of PCA's.
    assert np.mean(history.training[1:]) == pytest.approx(1, rel=0.1)
    assert {loss for *_, loss in calls} == {None}


def test_trainer_averages_over_the_models_of_a_stack(curved):
    parts = halves(curved(300))
    plan = replace(PLAN, learning_rate=1e-12)
    _, history = train(network_of(*parts), parts, plan)
    assert np.mean(history.training[1:]) == pytest.approx(1, rel=0.1)


def test_trainer_adjusts_validation_losses_before_they_are_compared(
    data, validation_data
):
    network = network_of(data)
    validation = ValidationBatches.from_parts(network, [validation_data])
    start = validation.losses()
    _, history = train(network, [data], validation=validation, adjust=np.negative)
    np.testing.assert_array_equal(history.start_losses, -start)
    assert history.best_step == 0  # every step in the right direction is a loss now
    np.testing.assert_array_equal(validation.losses(), start)


def test_trainer_depends_on_the_seed_alone(data):
    first, again, other = (
        train(network_of(data, seed=seed), [data])[0].to_model().weights
        for seed in (0, 0, 1)
    )
    for name in first:
        np.testing.assert_array_equal(first[name], again[name])
    assert any(not np.allclose(first[name], other[name]) for name in first)


def test_trainer_adds_noise_to_the_inputs(data):
    networks = [network_of(data, corruption=c) for c in (None, noise.Gaussian(0.5))]
    curves = [train(network, [data])[1].training[1:] for network in networks]
    assert (np.array(curves[1]) > np.array(curves[0])).all()


def test_trainer_trains_each_model_of_a_stack_on_its_samples(curved):
    table = curved(300)
    parts = halves(table)
    network = network_of(*parts)
    validation = ValidationBatches.from_parts(network, parts)
    before = validation.losses().reshape(2, -1).mean(axis=1)
    train(network, parts, replace(PLAN, n_steps=200))
    after = validation.losses().reshape(2, -1).mean(axis=1)
    assert (after < 0.95 * before).all()


@pytest.mark.parametrize("n_models", [1, 2])
def test_trainer_returns_the_first_model_as_arrays(curved, n_models):
    parts = halves(curved(100))[:n_models]
    network = randomized(network_of(*parts))
    model = Trainer(network).to_model()
    assert model.anchor is network.anchors[0]
    assert model.objective == network.objective
    assert model.output_scale == network.output_scale
    assert model.architecture == network.architecture
    alone = model.network(network.placement)
    values = parts[0].to_array()
    loss = network.per_sample_loss(network.preprocess(values))
    expected = loss[0] if n_models > 1 else loss
    torch.testing.assert_close(
        alone.per_sample_loss(alone.preprocess(values)), expected
    )


def test_trainer_does_not_train_where_pretraining_is_interrupted(curved):
    data = Dataset(InterruptedSource(curved(300)))
    network = network_of(Dataset(data.source.array), hidden_layer_sizes=(5, 4))
    _, history = train(network, [data], layerwise=True)
    assert history.interrupted
    assert history.steps == []
    assert history.n_steps == 0
