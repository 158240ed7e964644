from dataclasses import replace

import numpy as np
import pytest
import torch
from training_cases import CPU, PLAIN, anchor_of

from skae._data.dataset import Dataset
from skae._model.fitted import FittedModel
from skae._model.inference import Codec
from skae._model.objective import OutputScale
from skae._nn.architecture import DenseArchitecture
from skae._nn.parameters import ParameterBuffer
from skae._pca.subspace import Subspace
from skae._training.rotation import stack_of_features, weights_of_features


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(0)
    return rng.normal(size=(9, 30)) * rng.uniform(1, 5, size=30) + 7


def reconstruct(anchor, architecture, weights, x):
    scale = OutputScale(PLAIN.loss, 2.0)
    model = FittedModel(anchor, scale, PLAIN, architecture, weights)
    return Codec(model, np.dtype(np.float64), CPU).reconstruct(x)


def pair_of(table, hidden, seed=0):
    """Return a subspace, both anchors, and a network with drawn weights."""
    space = Subspace.spanned_by(table)
    t = space.coordinates(table)
    inner, outer = anchor_of(Dataset(t)), anchor_of(Dataset(table))
    components = inner.components @ space.basis.T
    sign = np.sign((components * outer.components).sum(axis=1))[:, None]
    inner = replace(inner, components=sign * inner.components)
    outer = replace(outer, code_range=inner.code_range)
    architecture = DenseArchitecture(space.rank, 2, hidden)
    params = ParameterBuffer(architecture.shapes(), dtype=torch.float32, device=CPU)
    generator = torch.Generator().manual_seed(seed)
    params.flat.copy_(torch.randn(params.flat.shape, generator=generator) * 0.3)
    return space, inner, outer, architecture, params.to_numpy()


@pytest.mark.parametrize("hidden", [(), (5,), (6, 4)])
def test_weights_of_features_reconstruct_the_samples_alike(table, hidden):
    space, inner, outer, architecture, weights = pair_of(table, hidden)
    t = reconstruct(inner, architecture, weights, space.coordinates(table))
    wide = weights_of_features(weights, space, inner, outer)
    found = reconstruct(outer, DenseArchitecture(30, 2, hidden), wide, table)
    expected = space.origin + t @ space.basis.T
    assert np.abs(expected - table).max() > 0.1
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


def test_weights_of_features_may_have_another_mean(table):
    space = Subspace.spanned_by(table[:6])
    inner = anchor_of(Dataset(space.coordinates(table[:6])))
    outer = anchor_of(Dataset(table))
    weights = pair_of(table[:6], (5,))[-1]
    wide = weights_of_features(weights, space, inner, outer)
    u = (space.coordinates(table[:6]) - inner.mean) / inner.scale
    expected = u @ weights["encoder.0.weight"] + weights["encoder.0.bias"]
    found = (table[:6] - outer.mean) / outer.scale @ wide["encoder.0.weight"]
    np.testing.assert_allclose(found + wide["encoder.0.bias"], expected, atol=1e-4)
    h = np.random.default_rng(0).normal(size=(3, 7))
    t = inner.mean + inner.residual_scale * (
        h @ weights["decoder.1.weight"] + weights["decoder.1.bias"]
    )
    found = outer.mean + outer.residual_scale * (
        h @ wide["decoder.1.weight"] + wide["decoder.1.bias"]
    )
    np.testing.assert_allclose(found, space.origin + t @ space.basis.T, rtol=1e-4)


def test_stack_of_features_has_the_weights_of_each_network(table):
    drawn = [pair_of(table, (4,), seed) for seed in (0, 1)]
    spaces, inner, outer, _, weights = map(list, zip(*drawn, strict=True))
    stacked = {name: np.stack([w[name] for w in weights]) for name in weights[0]}
    found = stack_of_features(stacked, spaces, inner, outer)
    for m in range(2):
        own = weights_of_features(weights[m], spaces[m], inner[m], outer[m])
        for name, array in own.items():
            np.testing.assert_array_equal(found[name][m], array)
