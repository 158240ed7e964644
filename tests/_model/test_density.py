from dataclasses import replace

import numpy as np
import pytest
import torch
from model_cases import (
    CPU,
    OBJECTIVES,
    codec_of,
    model_anchor,
    model_of,
    network_of,
    pca_of,
    table_of,
    without_correction,
)
from sklearn.decomposition import PCA
from torch.distributions import Bernoulli, Normal

from skae._model.density import DensityCodec
from skae._model.fitted import FittedModel
from skae._nn.losses import LOG_VARIANCE_RATE
from skae._nn.runtime import Placement
from skae._pca.probabilistic import FALLBACK_WEIGHT

VARIATIONAL = ["variational", "variational, not anchored", "bernoulli"]
NAMES = pytest.mark.parametrize("name", VARIATIONAL)


@pytest.fixture(scope="module")
def table():
    return table_of()


@pytest.fixture(scope="module")
def new():
    return table_of(40, seed=1)


def density_of(model, dtype=np.float64):
    return codec_of(model, dtype, kind=DensityCodec)


def random_model(name, table, **options):
    model = model_of(OBJECTIVES[name], table, decoder_range=False, **options)
    return replace(model, fallback=None)


# -- PCA -------------------------------------------------------------------------------


@pytest.mark.parametrize("k", [1, 3])
def test_density_of_probabilistic_pca_is_pca_s(table, new, k):
    codec = density_of(pca_of(OBJECTIVES["variational"], table, k))
    pca = PCA(k).fit(table)
    expected = pca.score_samples(new)
    for n_draws in (1, 4):
        np.testing.assert_allclose(codec.log_likelihood(new, n_draws), expected)
        np.testing.assert_allclose(codec.evidence_lower_bound(new, n_draws), expected)
    np.testing.assert_allclose(codec.noise_variance(), pca.noise_variance_)


def test_density_of_a_network_without_its_correction_is_pca_s(table, new):
    objective = OBJECTIVES["variational"]
    network = without_correction(network_of(objective, table))
    anchor = model_anchor(table, objective)
    model = FittedModel(
        anchor,
        network.output_scale,
        objective,
        network.architecture,
        network.weights(),
        fallback=anchor,
    )
    codec, pca = density_of(model), PCA(3).fit(table)
    expected = pca.score_samples(new)
    np.testing.assert_allclose(codec.log_likelihood(new, 3), expected)
    np.testing.assert_allclose(codec.evidence_lower_bound(new, 3), expected)
    signal = pca.explained_variance_ - pca.noise_variance_
    posterior = codec.posterior(new)
    means = pca.transform(new) * np.sqrt(signal) / pca.explained_variance_
    np.testing.assert_allclose(posterior[:, 0], means, atol=1e-9)
    std = np.sqrt(pca.noise_variance_ / pca.explained_variance_)
    np.testing.assert_allclose(posterior[:, 1], np.tile(std, (len(new), 1)))


# -- estimates -------------------------------------------------------------------------


def log_weights(codec, model, X, n_draws):
    """Return log p(x | z) p(z) / q(z | x) for draws of one generator, (draws, n)."""
    posterior = torch.from_numpy(codec.posterior(X))
    q = Normal(posterior[:, 0], posterior[:, 1])
    generator, draw, result = torch.Generator().manual_seed(0), None, []
    for i in range(n_draws):
        if i % 2 == 0:
            draw = torch.randn(1, posterior.shape[-1], generator=generator)
        else:
            draw = -draw
        z = q.mean + q.stddev * draw
        decoded = torch.from_numpy(codec.decode(z.numpy()))
        if model.objective.loss.is_logit:
            p = Bernoulli(decoded)
        else:
            p = Normal(decoded, torch.from_numpy(codec.noise_variance()).sqrt())
        total = p.log_prob(torch.from_numpy(X)).sum(-1)
        total += (Normal(0.0, 1.0).log_prob(z) - q.log_prob(z)).sum(-1)
        result.append(total)
    return torch.stack(result)


@NAMES
@pytest.mark.parametrize("n_draws", [1, 2, 7])
def test_estimates_are_those_of_importance_weights(table, new, name, n_draws):
    model = random_model(name, table)
    codec = density_of(model)
    X = new.round() if name == "bernoulli" else new
    weights = log_weights(codec, model, X, n_draws)
    expected = weights.logsumexp(0) - np.log(n_draws)
    np.testing.assert_allclose(codec.log_likelihood(X, n_draws), expected, rtol=1e-7)
    np.testing.assert_allclose(
        codec.evidence_lower_bound(X, n_draws), weights.mean(0), rtol=1e-7
    )


@NAMES
@pytest.mark.parametrize("n_draws", [9, 40, 300])
@pytest.mark.parametrize("count", [1, 3, 40])
def test_draws_in_blocks_are_the_same_draws(table, new, name, n_draws, count):
    model, X = random_model(name, table), new[:count]
    codec = density_of(model)
    X = X.round() if name == "bernoulli" else X
    weights = log_weights(codec, model, X, n_draws)
    expected = weights.logsumexp(0) - np.log(n_draws)
    np.testing.assert_allclose(codec.log_likelihood(X, n_draws), expected, rtol=1e-7)
    bound = codec.evidence_lower_bound(X, n_draws)
    np.testing.assert_allclose(bound, weights.mean(0), rtol=1e-7)


@NAMES
@pytest.mark.parametrize("n_draws", [1, 2, 30])
def test_bound_is_below_the_likelihood(table, new, name, n_draws):
    codec = density_of(random_model(name, table))
    bound = codec.evidence_lower_bound(new, n_draws)
    likelihood = codec.log_likelihood(new, n_draws)
    assert bound.shape == likelihood.shape == (len(new),)
    assert (bound <= likelihood + 1e-9).all()
    assert np.allclose(bound, likelihood) == (n_draws == 1)


def test_likelihood_comes_close_to_the_integral(table, new):
    model = random_model("variational", table, k=1, size=0.2)
    codec = density_of(model)
    z = np.linspace(-8, 8, 4001)[:, None]
    means, variance = codec.decode(z), codec.noise_variance()
    squares = ((new[:, None] - means) ** 2 / variance).sum(-1)
    squares += np.log(2 * np.pi * variance).sum() + np.log(2 * np.pi) + z[:, 0] ** 2
    expected = np.log(np.exp(-0.5 * squares).sum(1) * (z[1] - z[0]))
    found = codec.log_likelihood(new, 2000)
    np.testing.assert_allclose(found, expected, atol=0.2)
    assert np.median(np.abs(found - expected)) < 0.03
    assert (codec.evidence_lower_bound(new, 2000) < expected + 0.1).all()


@NAMES
def test_scores_are_the_same_at_each_call_and_for_samples_alone(table, name):
    codec = density_of(random_model(name, table))
    for method in (codec.log_likelihood, codec.evidence_lower_bound):
        scores = method(table, 4)
        np.testing.assert_array_equal(method(table, 4), scores)
        for count in (1, 2, 7, 8, 9, 63, 64, 65, 255, 256, 257):
            alone = method(table[:count], 4)
            np.testing.assert_allclose(alone, scores[:count], rtol=1e-9)
        np.testing.assert_allclose(method(table[::-1], 4)[::-1], scores, rtol=1e-9)


@NAMES
def test_scores_of_single_precision_are_enough(table, new, name):
    model = random_model(name, table)
    single = density_of(model, np.float32).log_likelihood(new, 4)
    assert single.dtype == np.float32
    np.testing.assert_allclose(
        single, density_of(model).log_likelihood(new, 4), rtol=1e-3, atol=1e-2
    )


@NAMES
def test_scores_leave_the_global_random_state_alone(table, new, name):
    before = torch.get_rng_state()
    density_of(random_model(name, table)).log_likelihood(new, 4)
    assert torch.equal(torch.get_rng_state(), before)


# -- posterior, noise, fallback --------------------------------------------------------


@NAMES
def test_posterior_means_are_the_codes(table, new, name):
    codec = density_of(random_model(name, table))
    posterior = codec.posterior(new)
    assert posterior.shape == (len(new), 2, 3)
    np.testing.assert_allclose(posterior[:, 0], codec.encode(new))
    assert (posterior[:, 1] > 0).all()


def test_posterior_is_that_of_the_latent_layer(table, new):
    model = random_model("variational", table)
    network = model.network(Placement(CPU, torch.float64))
    outputs = network.encoder_outputs(network.preprocessor.center(new))
    mean, log_variance = network.evaluator(len(new)).latent_layer.split(outputs)
    posterior = density_of(model).posterior(new)
    np.testing.assert_allclose(posterior[:, 0], mean)
    np.testing.assert_allclose(posterior[:, 1] ** 2, log_variance.exp())


def test_noise_variance_is_what_was_learned(table):
    model = random_model("variational", table)
    learned = np.exp(LOG_VARIANCE_RATE * model.weights["noise.bias"][0])
    np.testing.assert_allclose(
        density_of(model).noise_variance(), learned * model.output_scale.scale**2
    )


def test_likelihood_is_mixed_with_that_of_pca(table, new):
    alone = random_model("variational", table)
    mixed = replace(alone, fallback=model_anchor(table, alone.objective))
    pca = PCA(3).fit(table).score_samples(new)
    for method in ("log_likelihood", "evidence_lower_bound"):
        network, found = (
            getattr(density_of(model), method)(new, 5) for model in (alone, mixed)
        )
        expected = np.logaddexp(
            np.log1p(-FALLBACK_WEIGHT) + network, np.log(FALLBACK_WEIGHT) + pca
        )
        np.testing.assert_allclose(found, expected)


def test_samples_far_out_cost_no_more_than_under_pca(table):
    model = model_of(OBJECTIVES["variational"], table)
    assert model.fallback is not None
    far = table[:1] + 1000
    least = PCA(3).fit(table).score_samples(far) + np.log(FALLBACK_WEIGHT)
    codec = density_of(model)
    assert codec.log_likelihood(far, 5) >= least - 1e-6 * np.abs(least)
    assert codec.evidence_lower_bound(far, 5) >= least - 1e-6 * np.abs(least)
