from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA
from training_cases import PLAIN, halves, in_order, network_of, randomized

from skae import noise
from skae._data.dataset import Dataset
from skae._nn.losses import BinaryCrossEntropy
from skae._training import evaluation
from skae._training.evaluation import ValidationBatches

N, D = 300, 4  # three batches, the last one of 44 samples


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(0)
    return rng.normal(size=(N, D)) @ rng.normal(size=(D, D))


@pytest.fixture(scope="module")
def data(table):
    """Samples that can be recognised by their weights."""
    return Dataset(table, None, np.arange(1.0, N + 1))


@pytest.fixture(params=["kept", "read again"])
def kept(request, monkeypatch):
    if request.param == "read again":
        monkeypatch.setattr(evaluation, "KEPT_VALUES", 0)


# -- samples and weights ---------------------------------------------------------------


def test_losses_are_those_of_each_sample(kept, table, data):
    network = randomized(network_of(data))
    validation = ValidationBatches.from_parts(network, [data])
    expected = network.per_sample_loss(network.preprocess(table))
    found = validation.losses()
    assert found.dtype == np.float64
    np.testing.assert_allclose(in_order(found, validation.weight), expected)


def test_batches_are_of_one_size_and_filled_up_without_weight(data):
    validation = ValidationBatches.from_parts(network_of(data), [data])
    sizes = [len(batch.inputs) for batch in validation.batches]
    assert sizes == [128, 128, 128]
    assert len(validation.losses()) == len(validation.weight) == 384
    assert validation.weight[N:].tolist() == [0.0] * 84


def test_batches_are_no_larger_than_the_data(table):
    few = Dataset(table[:50])
    validation = ValidationBatches.from_parts(network_of(few), [few])
    assert [len(batch.inputs) for batch in validation.batches] == [50]
    np.testing.assert_array_equal(validation.weight, np.ones(50))


def test_batches_are_in_random_order(data):
    weight = ValidationBatches.from_parts(network_of(data), [data]).weight[:N]
    assert abs(np.corrcoef(weight, np.arange(N))[0, 1]) < 0.2
    other = ValidationBatches.from_parts(network_of(data, seed=1), [data]).weight[:N]
    assert (weight != other).mean() > 0.9


def test_models_of_a_stack_have_their_own_samples(kept, table):
    train = halves(table)
    network = randomized(network_of(*train))
    parts = [
        Dataset(table, np.arange(n), np.arange(1.0, n + 1)) for n in (N, 40)
    ]  # the second is repeated to fill three batches
    validation = ValidationBatches.from_parts(network, parts)
    found, weight = (x.reshape(2, -1) for x in (validation.losses(), validation.weight))
    assert (weight > 0).sum(axis=1).tolist() == [N, 40]
    every = network.per_sample_loss(network.preprocess(table)).numpy()
    for m, part in enumerate(parts):
        at = np.argsort(weight[m])[-len(part) :]
        np.testing.assert_allclose(found[m, at], every[m, : len(part)])


def test_the_first_batches_are_a_sample(kept, table):
    data = Dataset(np.tile(table, (3, 1)))
    network = randomized(network_of(data))
    validation = ValidationBatches.from_parts(network, [data])
    first = validation.first()
    assert len(first.weight) == 512
    np.testing.assert_array_equal(first.losses(), validation.losses()[:512])
    np.testing.assert_array_equal(first.weight, validation.weight[:512])


def test_the_first_batches_of_a_stack_are_those_of_each_model(table):
    parts = halves(np.tile(table, (4, 1)))
    network = randomized(network_of(*parts))
    validation = ValidationBatches.from_parts(network, parts)
    first = validation.first()
    for found, every in [
        (first.losses(), validation.losses()),
        (first.weight, validation.weight),
    ]:
        np.testing.assert_array_equal(
            found.reshape(2, 512), every.reshape(2, -1)[:, :512]
        )


def test_the_first_batches_of_few_samples_are_all(table):
    data = Dataset(table[:50])
    validation = ValidationBatches.from_parts(network_of(data), [data])
    np.testing.assert_array_equal(validation.first().losses(), validation.losses())


def test_noise_is_the_same_at_each_measurement(kept, data):
    network = network_of(data, corruption=noise.Gaussian(0.5))
    validation = ValidationBatches.from_parts(network, [data])
    first, second = validation.losses(), validation.losses()
    np.testing.assert_array_equal(first, second)
    clean = ValidationBatches.from_parts(network_of(data), [data]).losses()
    assert (first[:N] != clean[:N]).all()


# -- what is measured ------------------------------------------------------------------


def pca_errors(table, m):
    pca = PCA(m).fit(table)
    return ((table - pca.inverse_transform(pca.transform(table))) ** 2).sum(axis=1)


@pytest.mark.parametrize("m", [1, 2, None])
def test_losses_without_the_correction_are_those_of_pca(table, m):
    data = Dataset(table)
    network = randomized(network_of(data))
    validation = ValidationBatches.from_parts(network, [data])
    found = validation.losses(m, correction=False)[: len(table)]
    expected = pca_errors(table, m or 2) / network.output_scale.scale**2
    np.testing.assert_allclose(np.sort(found), np.sort(expected))


@pytest.mark.parametrize("correction", [True, False])
def test_losses_of_the_first_codes_have_the_others_at_zero(table, data, correction):
    network = randomized(network_of(data))
    validation = ValidationBatches.from_parts(network, [data])
    batch = network.preprocess(table)
    parts = network.evaluator(N, correction=correction)
    codes = parts.encode(batch.inputs, batch.scores, batch.attenuation).clone()
    codes[:, 1:] = 0
    expected = (parts.decode(codes) - batch.targets).square().sum(-1)
    for found in (
        validation.losses(1, correction=correction),
        validation.squared_errors(1, correction=correction),
    ):
        np.testing.assert_allclose(in_order(found, validation.weight), expected)


def test_measurements_leave_the_parameters_as_they_are(data):
    network = randomized(network_of(data))
    before = network.params.flat.clone()
    validation = ValidationBatches.from_parts(network, [data])
    validation.losses(), validation.losses(1, correction=False)
    validation.squared_errors(1, correction=False)
    assert torch.equal(network.params.flat, before)


def test_squared_errors_are_in_the_unit_of_the_targets(table, data):
    network = network_of(Dataset(table))
    validation = ValidationBatches.from_parts(network, [data])
    scale, mean = network.output_scale.scale, network.anchors[0].mean
    for m, expected in [
        (0, ((table - mean) ** 2).sum(axis=1)),
        (1, pca_errors(table, 1)),
        (2, pca_errors(table, 2)),
    ]:
        found = in_order(validation.squared_errors(m), validation.weight)
        np.testing.assert_allclose(found, expected / scale**2)


def test_squared_norms_are_those_of_standardised_samples(table, data):
    network = network_of(data)
    validation = ValidationBatches.from_parts(network, [data])
    anchor = network.anchors[0]
    expected = (((table - anchor.mean) / anchor.scale) ** 2).sum(axis=1)
    np.testing.assert_allclose(
        in_order(validation.squared_norms(), validation.weight), expected
    )


def test_total_squares_are_distances_from_the_mean(table, data):
    network = network_of(data)
    validation = ValidationBatches.from_parts(network, [data])
    total = validation.total_squares()
    scale, mean = network.output_scale.scale, network.anchors[0].mean
    expected = ((table - mean) ** 2).sum(axis=1) / scale**2
    np.testing.assert_allclose(in_order(total.base, validation.weight), expected)
    np.testing.assert_array_equal(total.weight, validation.weight)


@pytest.mark.parametrize("n_models", [1, 2])
def test_errors_of_probabilities_are_in_units_of_the_features(n_models):
    rng = np.random.default_rng(0)
    table = rng.uniform(0.2, 0.8, size=(60, D))
    weight = np.arange(1.0, 61)
    parts = [Dataset(table, None, weight), Dataset(table[:30], None, weight[:30])]
    parts = parts[:n_models]
    objective = replace(PLAIN, loss=BinaryCrossEntropy.weighted(D))
    network = network_of(*parts, objective=objective, hidden_layer_sizes=())
    validation = ValidationBatches.from_parts(network, parts)
    base = validation.total_squares().base.reshape(n_models, -1)
    error = validation.squared_errors(2, correction=False).reshape(n_models, -1)
    weights = validation.weight.reshape(n_models, -1)
    for m, (part, anchor) in enumerate(zip(parts, network.anchors, strict=True)):
        at = np.argsort(weights[m])[-len(part) :]
        centred = part.to_array() - anchor.mean
        np.testing.assert_allclose(base[m, at], (centred**2).sum(axis=1))
        residual = centred - centred @ anchor.components.T @ anchor.components
        np.testing.assert_allclose(error[m, at], (residual**2).sum(axis=1), atol=1e-6)
