from dataclasses import replace

import numpy as np
import pytest
import torch
from fitting_cases import (
    ANCHORED,
    ELEMENTWISE,
    config_of,
    normal,
    objective_of,
    split_of,
)
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.decomposition import PCA
from training_cases import in_order

from skae._data.corruption import Binarization
from skae._data.dataset import Dataset
from skae._fitting.baseline import improves_significantly, pca_losses
from skae._fitting.split import TrainingSplit
from skae._nn.latents import GaussianLatent, SparseLatent
from skae._training.evaluation import ValidationBatches

N_TRAIN = 200

losses = st.integers(1, 30).flatmap(
    lambda n: arrays(np.float64, (3, n), elements=st.floats(0.125, 8, width=32))
)


@pytest.fixture(scope="module")
def table(curved):
    """Samples between 0 and 1, so that every loss is possible."""
    X = curved(270)
    return (X - X.min(axis=0)) / np.ptp(X, axis=0)


def baseline_of(splits, config, k=2):
    """Return PCA's losses, and the validation batches of an untrained network."""
    anchored = config.objective.anchored
    network = config.network([split.anchor(k, anchored=anchored) for split in splits])
    validation = ValidationBatches.from_parts(
        network, [split.validation for split in splits]
    )
    return pca_losses(validation, splits, config, k), validation


def expected_losses(pca, samples, loss, scale):
    """Return the losses of scikit-learn's PCA."""
    reconstruction = pca.inverse_transform(pca.transform(samples))
    if loss.is_logit:
        reconstruction = np.clip(reconstruction, 0.01, 0.99)
        reconstruction = np.log(reconstruction / (1 - reconstruction))
    return loss.per_sample(
        torch.from_numpy(reconstruction / scale), torch.from_numpy(samples / scale)
    )


# -- significance ----------------------------------------------------------------------


@given(losses, st.sampled_from([1.0, 2.0]))
def test_improvement_must_exceed_its_standard_error(table, n_standard_errors):
    start, best, weight = table
    mass = weight / weight.sum()
    gain = mass @ (start - best)
    std = np.sqrt(mass @ (start - best - gain) ** 2)
    error = n_standard_errors * std * np.sqrt((mass**2).sum())
    if abs(gain - error) > 1e-9:
        found = improves_significantly(start, best, weight, n_standard_errors)
        assert found == (gain > error)


def test_improvement_of_every_sample_is_significant():
    four, weight = np.full(9, 4.0), np.ones(9)
    assert improves_significantly(four, four - 1, weight)
    assert not improves_significantly(four, four, weight)
    assert not improves_significantly(four, four + 1, weight)


def test_improvement_on_zero_losses_is_impossible():
    assert not improves_significantly(np.zeros(9), np.zeros(9), np.ones(9))


def test_improvement_ignores_samples_without_weight():
    start, best = np.array([2.0, 2.0, 2.0, 9.0]), np.array([1.0, 1.1, 0.9, 99.0])
    assert improves_significantly(start, best, np.array([1.0, 1.0, 1.0, 0.0]))
    assert not improves_significantly(start, best, np.ones(4))


def test_improvement_of_one_heavy_sample_is_not_significant():
    rng = np.random.default_rng(0)
    gain, weight = rng.normal(0.2, 1, size=200), np.ones(200)
    start = np.full(200, 5.0)
    assert improves_significantly(start, start - gain, weight)
    gain[0], weight[0] = 0.01, 1e6
    assert not improves_significantly(start, start - gain, weight)


# -- with an anchor --------------------------------------------------------------------


@pytest.mark.parametrize("name", ANCHORED)
@pytest.mark.parametrize("n_splits", [1, 2])
def test_baseline_of_an_anchored_network_is_its_start(table, name, n_splits):
    config = config_of(ANCHORED[name])
    splits = [split_of(table, config, N_TRAIN + 10 * i) for i in range(n_splits)]
    baseline, validation = baseline_of(splits, config)
    np.testing.assert_array_equal(baseline, validation.losses())
    for view in validation.network.params.views.values():
        view.fill_(0.1)  # trained or not
    again = pca_losses(validation, splits, config, 2)
    np.testing.assert_array_equal(again, baseline)


@pytest.mark.parametrize("loss", ELEMENTWISE)
@pytest.mark.parametrize("k", [1, 2])
def test_baseline_is_the_loss_of_pca(table, loss, k):
    config = config_of(objective_of(loss))
    split = split_of(table, config, N_TRAIN)
    _, validation = baseline_of([split], config)
    baseline = pca_losses(validation, [split], config, k)
    scale = validation.network.output_scale.scale
    pca = PCA(k).fit(table[:N_TRAIN])
    expected = expected_losses(pca, table[N_TRAIN:], config.objective.loss, scale)
    found = in_order(baseline, validation.weight)
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-5)


# -- without an anchor -----------------------------------------------------------------


@pytest.mark.parametrize("loss", ELEMENTWISE)
@pytest.mark.parametrize("n_splits", [1, 2])
def test_baseline_without_an_anchor_is_pca_in_the_scale_of_the_network(
    table, loss, n_splits
):
    config = config_of(objective_of(loss, anchored=False))
    splits = [split_of(table, config, N_TRAIN + 10 * i) for i in range(n_splits)]
    baseline, validation = baseline_of(splits, config)
    scale = validation.network.output_scale.scale
    found, weight = (x.reshape(n_splits, -1) for x in (baseline, validation.weight))
    for m, split in enumerate(splits):
        train, samples = split.train.to_array(), split.validation.to_array()
        pca = PCA(2).fit(train)
        expected = expected_losses(pca, samples, config.objective.loss, scale)
        np.testing.assert_allclose(
            in_order(found[m], weight[m]), expected, rtol=1e-3, atol=1e-5
        )


@pytest.mark.parametrize(
    "variant",
    [{"latent": SparseLatent()}, {"jacobian_weight": 0.5}],
    ids=["sparse", "contractive"],
)
def test_baseline_without_an_anchor_has_no_penalty(table, variant):
    plain = config_of(objective_of(anchored=False))
    split = split_of(table, plain, N_TRAIN)
    expected, _ = baseline_of([split], plain)
    config = config_of(replace(plain.objective, **variant))
    found, _ = baseline_of([split_of(table, config, N_TRAIN)], config)
    np.testing.assert_array_equal(found, expected)


def test_baseline_has_no_more_components_than_there_are(table):
    config = config_of(objective_of(anchored=False), n_components=9)
    splits = [split_of(table, config, N_TRAIN)]
    baseline, validation = baseline_of(splits, config, k=9)
    np.testing.assert_allclose(baseline, 0, atol=1e-9)
    assert validation.network.architecture.n_components == 9


def test_baseline_does_not_depend_on_the_architecture(table):
    deep, linear = (
        config_of(objective_of(anchored=False), hidden_layer_sizes=sizes)
        for sizes in [(9, 7), ()]
    )
    one, other = (
        baseline_of([split_of(table, config, N_TRAIN)], config)[0]
        for config in (deep, linear)
    )
    np.testing.assert_array_equal(one, other)


# -- likelihoods -----------------------------------------------------------------------


@pytest.mark.parametrize("anchored", [True, False])
def test_baseline_of_a_normal_likelihood_is_probabilistic_pca(curved, anchored):
    train, samples = curved(400), curved(2000, seed=1)
    config = config_of(normal(anchored=anchored))
    split = TrainingSplit(Dataset(train), Dataset(samples), config)
    baseline, validation = baseline_of([split], config)
    network = validation.network
    density = -PCA(2).fit(train).score_samples(samples)
    used = validation.weight > 0
    found = baseline[used].mean()
    found += 6 * network.output_scale.loss.nll_constant(network.output_scale.scale)
    # The bound is that of one draw of each sample's codes.
    spread = baseline[used].std() / np.sqrt(used.sum())
    assert found == pytest.approx(density.mean(), abs=4 * spread)


@pytest.mark.parametrize("binary", [False, True])
def test_baseline_of_a_bernoulli_likelihood_is_independent_features(table, binary):
    corruption = Binarization() if binary else None
    objective = objective_of("bernoulli", latent=GaussianLatent(), anchored=False)
    config = config_of(objective, corruption=corruption)
    split = split_of(table, config, N_TRAIN)
    baseline, validation = baseline_of([split], config)
    mean = table[:N_TRAIN].mean(axis=0)
    targets = torch.cat([batch.targets for batch in validation.batches]).numpy()
    used = validation.weight > 0
    if binary:
        assert set(np.unique(targets)) == {0.0, 1.0}
    expected = -(targets * np.log(mean) + (1 - targets) * np.log(1 - mean)).sum(axis=1)
    np.testing.assert_allclose(baseline[used], expected[used], rtol=1e-5)


def test_baseline_of_independent_features_does_not_depend_on_the_codes(table):
    found = []
    for k, beta in [(1, 1.0), (3, 5.0)]:
        latent = GaussianLatent(beta)
        objective = objective_of("bernoulli", latent=latent, anchored=False)
        config = config_of(objective, n_components=k)
        found.append(baseline_of([split_of(table, config, N_TRAIN)], config, k)[0])
    np.testing.assert_array_equal(*found)


@pytest.mark.parametrize("n", [1, 2, 4, 9])
def test_few_samples_must_be_as_certain_as_many(n):
    """Of noise no more gains are significant than the standard errors say."""
    rng = np.random.default_rng(0)
    significant = [
        improves_significantly(rng.normal(size=n), np.zeros(n), np.ones(n), 2.0)
        for _ in range(2000)
    ]
    assert np.mean(significant) <= 0.04  # 2.3 % of a normal distribution


def test_one_group_of_many_samples_decides_nothing():
    gains, groups = np.full(50, 1.0), np.zeros(50, int)
    zeros, ones = np.zeros(50), np.ones(50)
    assert not improves_significantly(gains, zeros, ones, 1.0, groups)
    assert improves_significantly(gains, zeros, ones, 1.0, np.arange(50) % 20)
