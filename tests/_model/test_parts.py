import math

import numpy as np
import pytest
import torch
from by_autograd import exact_jacobian_penalty
from model_cases import CPU, DOUBLE, model_anchor, objective_of, table_of
from pca_cases import anchor_of, graded
from sklearn.decomposition import PCA

from skae._model.parts import (
    LEAST_NOISE,
    Stream,
    make_head,
    make_penalty,
    new_generator,
    noise_floor,
)
from skae._model.preprocessing import Preprocessor, stack_arrays
from skae._nn.autoencoder import ZeroEncoder
from skae._nn.latents import GaussianLatent
from skae._nn.losses import LOG_VARIANCE_RATE

K, D = 3, 6


def as_tensor(arrays):
    return stack_arrays([*arrays], DOUBLE, stacked=False)


# -- head ------------------------------------------------------------------------------


def test_linear_head_adds_pca_s_reconstruction_and_the_scaled_correction():
    X = table_of(50)
    anchor, pca = anchor_of(X, K), PCA(K).fit(X)
    head = make_head([anchor], objective_of(), 0.5, as_tensor)
    scores = pca.transform(X)
    raw = np.random.default_rng(0).normal(size=X.shape)
    found = head.forward(
        torch.from_numpy(scores / anchor.score_std), torch.from_numpy(raw.copy())
    )
    base = pca.inverse_transform(scores) - X.mean(0)
    expected = (base + anchor.residual_scale * raw) / 0.5
    np.testing.assert_allclose(found, expected)


def test_head_without_an_anchor_is_the_correction_alone():
    anchor = anchor_of(table_of(50), K, anchored=False)
    head = make_head([anchor], objective_of(anchored=False), 2.0, as_tensor)
    raw = torch.ones(5, D, dtype=torch.float64)
    found = head.forward(torch.ones(5, K, dtype=torch.float64), raw)
    np.testing.assert_allclose(found[0], anchor.residual_scale / 2)


def test_logit_head_has_pca_s_reconstruction_as_probability():
    X = table_of(50)
    anchor, pca = anchor_of(X, K), PCA(K).fit(X)
    head = make_head([anchor], objective_of("bernoulli"), 1.0, as_tensor)
    scores = pca.transform(X)
    found = head.forward(
        torch.from_numpy(scores / anchor.score_std), torch.zeros(50, D).double()
    )
    expected = pca.inverse_transform(scores).clip(0.01, 0.99)
    np.testing.assert_allclose(found.sigmoid(), expected)


# -- penalty ---------------------------------------------------------------------------


def penalty_of(anchor, objective):
    preprocessor = Preprocessor.from_anchors(
        [anchor], objective, 1.0, DOUBLE, stacked=False
    )
    return make_penalty([anchor], objective, preprocessor.projection, as_tensor)


def test_without_a_weight_there_is_no_penalty():
    assert penalty_of(anchor_of(table_of(50), K), objective_of()) is None


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
def test_penalty_of_pca_is_twice_its_weight_in_any_units(scale):
    anchor = anchor_of(scale * graded(60, D), K)
    penalty = penalty_of(anchor, objective_of(jacobian_weight=0.7))
    encoder = ZeroEncoder(K)
    encoder.forward(torch.zeros(4, D).double())
    found = exact_jacobian_penalty(penalty, encoder, torch.zeros(4, K).double())
    np.testing.assert_allclose(found, 2 * 0.7)


class FirstFeatures:
    """An encoder whose codes are the first standardized features."""

    def vjp(self, v):
        return torch.nn.functional.pad(v, (0, D - K))


def test_penalty_of_standardized_features_is_twice_its_weight():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(500, D))
    X = 7 * (X - X.mean(0)) / X.std(0)
    anchor = anchor_of(X, K, anchored=False)
    objective = objective_of(anchored=False, jacobian_weight=0.7)
    found = exact_jacobian_penalty(
        penalty_of(anchor, objective), FirstFeatures(), torch.zeros(4, K).double()
    )
    np.testing.assert_allclose(found, 2 * 0.7)


# -- noise_floor -----------------------------------------------------------------------


def test_noise_floor_is_a_share_of_the_variance_and_never_above_the_anchor_s():
    X = table_of(100) * [1, 1e-6, 1, 1, 1, 1e3]
    X[:, 3] = 2.0
    anchor = model_anchor(X, objective_of("normal", GaussianLatent()))
    scale = math.sqrt(anchor.noise_variance)
    floor = noise_floor([anchor], scale, as_tensor).numpy()[0]
    variances = np.exp(LOG_VARIANCE_RATE * floor) * scale**2
    expected = np.minimum(LEAST_NOISE * X.var(0), anchor.noise_variance)
    expected[3] = anchor.noise_variance
    np.testing.assert_allclose(variances, expected)
    assert (floor <= 0).all()
    assert floor[3] == 0


# -- random streams --------------------------------------------------------------------


@pytest.mark.parametrize("stream", Stream)
def test_generator_of_a_stream_depends_on_the_seed(stream):
    first, again, other = (
        torch.rand(5, generator=new_generator(seed, stream, CPU)) for seed in (0, 0, 1)
    )
    torch.testing.assert_close(first, again, rtol=0, atol=0)
    assert not torch.equal(first, other)


def test_streams_have_seeds_of_their_own():
    streams = [*Stream, Stream.VALIDATION + 1]
    seeds = {new_generator(s, t, CPU).initial_seed() for s in range(3) for t in streams}
    assert len(seeds) == 3 * len(streams)
