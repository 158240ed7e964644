import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from training_cases import PLAIN, anchor_of, halves

from skae import noise
from skae._data.dataset import Dataset
from skae._model.preprocessing import Preprocessor
from skae._nn.runtime import Placement
from skae._training import batches
from skae._training.batches import epoch_order, random_batches

N, D, K, SIZE = 40, 3, 2, 8


@pytest.fixture(scope="module")
def table():
    return np.random.default_rng(0).integers(0, 100, size=(N, D)).astype(float)


@pytest.fixture(scope="module")
def data(table):
    return Dataset(table)


def preprocessor_of(*parts, objective=PLAIN, **options):
    return Preprocessor.from_anchors(
        [anchor_of(part, K, objective) for part in parts],
        objective,
        1.0,
        Placement(torch.device("cpu"), torch.float64),
        stacked=len(parts) > 1,
        **options,
    )


def drawn(count, parts, size=SIZE, seed=0, preprocessor=None, **options):
    """Return the first batches of a stream."""
    preprocessor = preprocessor or preprocessor_of(*parts)
    rng = np.random.default_rng(seed)
    stream = random_batches(parts, preprocessor, size, rng, **options)
    return list(itertools.islice(stream, count))


def samples_of(found, data):
    """Return the samples of some batches, from their targets."""
    targets = torch.cat([batch.targets for batch in found], -2)
    return targets.numpy() + anchor_of(data).mean


# -- order of an epoch -----------------------------------------------------------------


@given(st.integers(1, 50), st.integers(0, 99))
def test_epoch_order_takes_each_sample_once_without_weights(n_samples, seed):
    order = epoch_order(None, n_samples, np.random.default_rng(seed))
    np.testing.assert_array_equal(np.sort(order), np.arange(n_samples))


@given(
    st.lists(st.floats(1e-3, 1e3), min_size=1, max_size=40).map(np.array),
    st.integers(0, 99),
)
def test_epoch_order_is_in_proportion_to_the_weights(weight, seed):
    order = epoch_order(weight, len(weight), np.random.default_rng(seed))
    assert len(order) == len(weight)
    count = np.bincount(order, minlength=len(weight))
    expected = len(weight) * weight / weight.sum()
    assert (np.abs(count - expected) < 1 + 1e-9).all()


def test_epoch_orders_add_up_to_the_weights():
    weight, rng = np.array([0.5, 1.0, 2.5, 4.0]), np.random.default_rng(0)
    count = sum(
        np.bincount(epoch_order(weight, 4, rng), minlength=4) for _ in range(2000)
    )
    np.testing.assert_allclose(count / 2000, weight / 2, atol=0.05)


def test_epoch_order_is_random():
    rng = np.random.default_rng(0)
    for weight in (None, np.ones(500)):
        first, second = epoch_order(weight, 500, rng), epoch_order(weight, 500, rng)
        assert (first != second).mean() > 0.9


# -- batches ---------------------------------------------------------------------------


@pytest.mark.parametrize("block_values", [1, 60, 1 << 20])
def test_batches_of_an_epoch_have_every_sample_once(
    monkeypatch, table, data, block_values
):
    monkeypatch.setattr(batches, "BLOCK_VALUES", block_values)
    seen = samples_of(drawn(3 * N // SIZE, [data]), data).reshape(3, N, D)
    order = np.lexsort(table.T)
    for epoch in seen:
        np.testing.assert_allclose(epoch[np.lexsort(epoch.round().T)], table[order])
    assert not np.allclose(seen[0], seen[1])


def test_batches_follow_each_other_without_a_gap_between_epochs(data):
    size = 7  # does not divide 40
    seen = samples_of(drawn(N, [data], size), data).round()
    _, counts = np.unique(seen, axis=0, return_counts=True)
    assert (counts == size).all()


def test_batches_are_of_the_selected_samples(table, data):
    part = data.subset(np.array([1, 5, 6, 30]))
    seen = samples_of(drawn(20, [part], 2), part).round()
    np.testing.assert_array_equal(
        np.unique(seen, axis=0), np.unique(table[part.index], axis=0)
    )


def test_batches_have_heavy_samples_more_often(table):
    weight = np.ones(N)
    weight[3] = 10
    data = Dataset(table, None, weight)
    seen = samples_of(drawn(10 * N // SIZE, [data]), data)
    times = np.isclose(seen, table[3]).all(axis=1).sum()
    assert times == pytest.approx(10 * N * 10 / weight.sum(), abs=10)


def test_batches_of_a_stack_have_the_samples_of_each_model(table):
    parts = halves(table)
    found = drawn(5, parts)
    assert found[0].inputs.shape == (2, SIZE, D)
    assert found[0].scores.shape == (2, SIZE, K)
    targets = torch.cat([batch.targets for batch in found], 1).numpy()
    for m, part in enumerate(parts):
        seen = np.unique((targets[m] + anchor_of(part).mean).round(), axis=0)
        np.testing.assert_array_equal(seen, np.unique(table[part.index], axis=0))


def test_batches_are_ordered_by_their_generator(data):
    first, again, other = (drawn(5, [data], seed=seed) for seed in (0, 0, 1))
    torch.testing.assert_close([b[:3] for b in first], [b[:3] for b in again])
    assert not torch.equal(first[0].inputs, other[0].inputs)


def test_batches_without_a_skip_path_have_no_scores(data):
    plain = preprocessor_of(data, objective=replace(PLAIN, anchored=False))
    assert all(batch.scores is None for batch in drawn(3, [data], preprocessor=plain))


def test_batches_are_noisy_with_a_generator_of_noise_only(data):
    noisy = preprocessor_of(data, corruption=noise.Gaussian(5.0))
    clean, same, changed = (
        drawn(3, [data], preprocessor=preprocessor, generator=generator)
        for preprocessor, generator in [
            (preprocessor_of(data), torch.Generator().manual_seed(0)),
            (noisy, None),
            (noisy, torch.Generator().manual_seed(0)),
        ]
    )
    for one, other, third in zip(clean, same, changed, strict=True):
        assert torch.equal(one.inputs, other.inputs)
        assert not torch.equal(one.inputs, third.inputs)
        assert torch.equal(one.targets, third.targets)
