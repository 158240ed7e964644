import numpy as np
import pytest
import torch

from skae._data.dataset import Dataset
from skae._data.statistics import column_statistics
from skae._model.network import Preprocessor
from skae._pca.anchor import fit_anchor
from skae._pca.decomposition import eigendecompose

N, D, K, SIZE = 40, 3, 2, 8


def anchor_of(rows):
    stats = column_statistics(rows)
    return fit_anchor(rows, stats, eigendecompose(rows, stats.mean, K, seed=0), K)


def frame_of(*parts, unit=1.0, dtype=torch.float64, **options):
    options = {"centred": True, "linear": True, **options}
    return Preprocessor.of(
        [anchor_of(part) for part in parts],
        unit=unit,
        stacked=len(parts) > 1,
        dtype=dtype,
        device=torch.device("cpu"),
        **options,
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


# -- frames ----------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_a_batch_holds_inputs_scores_and_targets(table, dtype):
    rows = Dataset(table)
    anchor = anchor_of(rows)
    batch = frame_of(rows, unit=2.0, dtype=dtype).batch(table, trusting=True)
    centred = table - anchor.mean
    scores = centred @ anchor.components.T / anchor.deviations
    tolerance = {"atol": 1e-5 if dtype == torch.float32 else 1e-12}
    np.testing.assert_allclose(batch.inputs, centred / anchor.scale, **tolerance)
    np.testing.assert_allclose(batch.scores, scores, **tolerance)
    np.testing.assert_allclose(batch.targets, centred / 2, rtol=1e-6)
    assert {tensor.dtype for tensor in batch[:3]} == {dtype}


def test_inputs_are_clipped_to_the_training_range_and_scores_are_not(table):
    rows = Dataset(table)
    anchor = anchor_of(rows)
    far = table[:2] + np.array([[1e3], [-1e3]])
    batch = frame_of(rows).batch(far, trusting=True)
    np.testing.assert_allclose(batch.inputs, anchor.input_range[::-1])
    scores = (far - anchor.mean) @ anchor.components.T / anchor.deviations
    np.testing.assert_allclose(batch.scores, scores)


def test_rows_are_trusted_as_far_as_they_are_in_the_training_range(table):
    frame = frame_of(Dataset(table))
    assert frame.batch(table, trusting=True).trust is None
    far = table.copy()
    far[1] += 1e6
    trust = frame.batch(far, trusting=False).trust
    assert trust.shape == (N, 1)
    assert trust[1] < 1e-6
    np.testing.assert_array_equal(np.delete(trust.numpy(), 1), 1)


def test_targets_may_stay_where_they_are(table):
    batch = frame_of(Dataset(table), unit=4.0, centred=False).batch(
        table, trusting=True
    )
    np.testing.assert_allclose(batch.targets, table / 4)


def test_without_a_linear_path_there_are_no_scores(table):
    assert (
        frame_of(Dataset(table), linear=False).batch(table, trusting=True).scores
        is None
    )


def test_each_model_of_a_stack_has_its_own_anchor(table):
    parts = [Dataset(table).pick(np.arange(N // 2) + i * N // 2) for i in range(2)]
    both = frame_of(*parts).batch(table, trusting=True)
    for m, part in enumerate(parts):
        alone = frame_of(part).batch(table, trusting=True)
        for stacked, single in zip(both[:3], alone[:3], strict=True):
            torch.testing.assert_close(stacked[m], single)


@pytest.mark.parametrize("stored", AS_STORED)
def test_any_kind_of_array_gives_the_same_batches_and_stays_as_it_is(
    table, tmp_path, stored
):
    X = AS_STORED[stored](table, tmp_path / "X.npy")
    before = np.array(X)
    X.setflags(write=False)
    for centred in (True, False):
        expected = frame_of(Dataset(table), centred=centred).batch(
            table[::-1], trusting=True
        )
        batch = frame_of(Dataset(X), centred=centred).batch(X[::-1], trusting=True)
        torch.testing.assert_close(batch[:3], expected[:3])
    np.testing.assert_array_equal(X, before)
