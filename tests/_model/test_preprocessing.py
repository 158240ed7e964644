import numpy as np
import pytest
import torch
from model_cases import CPU, model_anchor, objective_of
from pca_cases import anchor_of

from skae._data.dataset import Dataset
from skae._model.preprocessing import Preprocessor
from skae._nn.autoencoder import clip_and_attenuate
from skae._nn.latents import GaussianLatent
from skae._nn.runtime import Placement
from skae.noise import Corruption, Gaussian, Masking

N, D, K = 40, 3, 2
LOGITS = objective_of("binary_cross_entropy")
NOT_ANCHORED = objective_of(anchored=False)
CONTRACTIVE = objective_of(jacobian_weight=0.1)


def preprocessor_of(
    *parts, objective=None, target_scale=1.0, dtype=torch.float64, corruption=None
):
    objective = objective_of() if objective is None else objective
    return Preprocessor.from_anchors(
        [model_anchor(part, objective, K) for part in parts],
        objective,
        target_scale,
        Placement(CPU, dtype),
        stacked=len(parts) > 1,
        corruption=corruption,
    )


@pytest.fixture
def table():
    return np.random.default_rng(0).integers(0, 100, size=(N, D)).astype(float)


def memmap(table, path):
    np.save(path, table)
    return np.load(path, mmap_mode="r")


AS_STORED = {
    "uint8": lambda table, path: table.astype(np.uint8),
    "int16": lambda table, path: table.astype(np.int16),
    "int64": lambda table, path: table.astype(np.int64),
    "float16": lambda table, path: table.astype(np.float16),
    "float32": lambda table, path: table.astype(np.float32),
    "big-endian": lambda table, path: table.astype(">f8"),
    "negative strides": lambda table, path: table[::-1, ::-1].copy()[::-1, ::-1],
    "Fortran order": lambda table, path: np.asfortranarray(table),
    "every second": lambda table, path: np.repeat(table, 2, axis=0)[::2],
    "memmap": memmap,
}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_batch_holds_inputs_scores_and_targets(table, dtype):
    anchor = anchor_of(table, K)
    batch = preprocessor_of(table, target_scale=2.0, dtype=dtype).batch(
        table, training=True
    )
    centred = table - anchor.mean
    scores = centred @ anchor.components.T / anchor.score_std
    tolerance = {"atol": 1e-5 if dtype == torch.float32 else 1e-12}
    np.testing.assert_allclose(batch.inputs, centred / anchor.scale, **tolerance)
    np.testing.assert_allclose(batch.scores, scores, **tolerance)
    np.testing.assert_allclose(batch.targets, centred / 2, rtol=1e-6)
    assert {tensor.dtype for tensor in batch[:3]} == {dtype}
    assert batch.attenuation is None


def test_inputs_are_clipped_to_the_training_range_and_scores_are_not(table):
    anchor = anchor_of(table, K)
    far = table[:2] + np.array([[1e3], [-1e3]])
    batch = preprocessor_of(table).batch(far, training=True)
    np.testing.assert_allclose(batch.inputs, anchor.input_range[::-1])
    scores = (far - anchor.mean) @ anchor.components.T / anchor.score_std
    np.testing.assert_allclose(batch.scores, scores)


@pytest.mark.parametrize("training", [True, False])
def test_scores_of_a_contractive_network_are_those_of_clipped_inputs(table, training):
    anchor = anchor_of(table, K)
    far = table[:2] + np.array([[1e3], [-1e3]])
    batch = preprocessor_of(table, objective=CONTRACTIVE).batch(far, training=training)
    clipped = anchor.input_range[::-1] * anchor.scale
    scores = clipped @ anchor.components.T / anchor.score_std
    np.testing.assert_allclose(batch.scores, scores)
    assert batch.attenuation is None


def test_scores_of_probabilistic_pca_are_shrunk():
    table = np.random.default_rng(0).normal(size=(N, D))
    objective = objective_of("normal", GaussianLatent())
    anchor = model_anchor(table, objective, K)
    batch = preprocessor_of(table, objective=objective).batch(table, training=True)
    scores = (table - anchor.mean) @ anchor.components.T / anchor.score_std
    np.testing.assert_allclose(batch.scores, anchor.shrinkage * scores)


def test_attenuation_starts_outside_of_the_training_range(table):
    preprocessor = preprocessor_of(table)
    far = table.copy()
    far[1] += 1e6
    attenuation = preprocessor.batch(far, training=False).attenuation
    assert attenuation.shape == (N, 1)
    assert attenuation[1] < 1e-6
    np.testing.assert_array_equal(np.delete(attenuation.numpy(), 1), 1)
    inputs = preprocessor.center(far) * preprocessor.inverse_scale
    expected = clip_and_attenuate(inputs, preprocessor.input_range)[1]
    torch.testing.assert_close(attenuation, expected)


@pytest.mark.parametrize("objective", [NOT_ANCHORED, CONTRACTIVE])
def test_without_unclipped_scores_there_is_no_attenuation(table, objective):
    preprocessor = preprocessor_of(table, objective=objective)
    assert preprocessor.batch(table + 1e6, training=False).attenuation is None


def test_targets_of_logits_are_not_centred(table):
    preprocessor = preprocessor_of(table, objective=LOGITS, target_scale=4.0)
    batch = preprocessor.batch(table, training=True)
    np.testing.assert_allclose(batch.targets, table / 4)


def test_without_an_anchor_there_are_no_scores(table):
    batch = preprocessor_of(table, objective=NOT_ANCHORED).batch(table, training=True)
    assert batch.scores is None


def test_each_model_of_a_stack_has_its_own_anchor(table):
    parts = [Dataset(table).subset(np.arange(N // 2) + i * N // 2) for i in range(2)]
    both = preprocessor_of(*parts).batch(table, training=True)
    for m, part in enumerate(parts):
        alone = preprocessor_of(part).batch(table, training=True)
        for stacked, single in zip(both[:3], alone[:3], strict=True):
            torch.testing.assert_close(stacked[m], single)


@pytest.mark.parametrize("stored", AS_STORED)
def test_any_kind_of_array_gives_the_same_batch_and_stays_as_it_is(
    table, tmp_path, stored
):
    X = AS_STORED[stored](table, tmp_path / "X.npy")
    before = np.array(X)
    X.setflags(write=False)
    for objective in (objective_of(), LOGITS):
        found, expected = (
            preprocessor_of(part, objective=objective).batch(part[::-1], training=True)[
                :3
            ]
            for part in (X, table)
        )
        torch.testing.assert_close(found, expected)
    np.testing.assert_array_equal(X, before)


def test_center_takes_the_difference_in_double_precision():
    table = 1e8 + np.random.default_rng(0).normal(size=(N, D))
    centred = preprocessor_of(table, dtype=torch.float32).center(table)
    assert centred.dtype == torch.float32
    np.testing.assert_allclose(centred, table - table.mean(0), rtol=1e-5, atol=1e-6)


# -- noise -----------------------------------------------------------------------------


class Shift(Corruption):
    def apply(self, x, columns, generator):
        return x + 1


class ShiftOfTargets(Shift):
    clean_target = False


def generator():
    return torch.Generator().manual_seed(0)


@pytest.mark.parametrize("corruption", [Shift(), ShiftOfTargets()])
def test_noise_is_part_of_the_targets_unless_these_are_clean(table, corruption):
    preprocessor = preprocessor_of(table, corruption=corruption)
    batch = preprocessor.batch(table, training=True, generator=generator())
    clean = preprocessor.batch(table, training=True)
    shifted = 0 if corruption.clean_target else 1
    torch.testing.assert_close(batch.targets, clean.targets + shifted)
    torch.testing.assert_close(
        batch.scores, preprocessor.batch(table + 1, training=True).scores
    )


def test_noise_needs_a_generator(table):
    noisy = preprocessor_of(table, corruption=Gaussian(1.0))
    found, expected = (
        noisy.batch(table, training=True),
        preprocessor_of(table).batch(table, training=True),
    )
    torch.testing.assert_close(found[:3], expected[:3], rtol=0, atol=0)


def test_noise_knows_mean_and_range_of_the_columns(table):
    preprocessor = preprocessor_of(table, corruption=Masking(1.0))
    batch = preprocessor.batch(table, training=True, generator=generator())
    assert not batch.inputs.any()
    mean, low, high = preprocessor.columns
    np.testing.assert_allclose(mean[0], table.mean(0))
    np.testing.assert_allclose((low + mean)[0], table.min(0))
    np.testing.assert_allclose((high + mean)[0], table.max(0))


def test_given_inputs_take_the_place_of_noise(table):
    preprocessor = preprocessor_of(table, corruption=Masking(1.0))
    noisy = table + np.random.default_rng(1).normal(size=table.shape)
    batch = preprocessor.batch(table, noisy, training=True, generator=generator())
    clean, seen = (preprocessor.batch(x, training=True) for x in (table, noisy))
    torch.testing.assert_close(batch.targets, clean.targets, rtol=0, atol=0)
    torch.testing.assert_close(batch.inputs, seen.inputs, rtol=0, atol=0)
    torch.testing.assert_close(batch.scores, seen.scores, rtol=0, atol=0)
