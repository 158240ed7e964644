import itertools

import numpy as np
import pytest
import torch

from skae._training import batches as _batches
from skae._data.dataset import Dataset
from skae._data.statistics import column_statistics
from skae._model.network import Preprocessor
from skae._pca.anchor import fit_anchor
from skae._pca.decomposition import eigendecompose
from skae._training.batches import batches

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


def first(count, stream):
    return list(itertools.islice(stream, count))


def rows_of(drawn, anchor, unit=1.0):
    """The table's rows in some batches, from their targets."""
    targets = torch.cat([batch.targets for batch in drawn], -2)
    return targets.numpy() * unit + anchor.mean


# -- batches ---------------------------------------------------------------------------


@pytest.mark.parametrize("chunk_values", [1, 60, 1 << 20])
def test_an_epoch_shows_every_row_once(monkeypatch, table, chunk_values):
    monkeypatch.setattr(_batches, "CHUNK_VALUES", chunk_values)
    rows = Dataset(table)
    stream = batches([rows], frame_of(rows), SIZE, np.random.default_rng(0))
    order = np.lexsort(table.T)
    seen = []
    for _ in range(3):
        epoch = rows_of(first(N // SIZE, stream), anchor_of(rows))
        seen.append(epoch)
        np.testing.assert_allclose(epoch[np.lexsort(epoch.round().T)], table[order])
    assert not np.allclose(seen[0], seen[1])


def test_batches_follow_each_other_without_a_gap_between_epochs(table):
    rows = Dataset(table)
    size = 7  # does not divide 40
    stream = batches([rows], frame_of(rows), size, np.random.default_rng(0))
    seen = rows_of(first(N, stream), anchor_of(rows)).round()
    _, counts = np.unique(seen, axis=0, return_counts=True)
    assert (counts == size).all()


def test_batches_are_of_the_rows_that_are_meant(table):
    rows = Dataset(table).pick(np.array([1, 5, 6, 30]))
    stream = batches([rows], frame_of(rows), 2, np.random.default_rng(0))
    seen = rows_of(first(20, stream), anchor_of(rows)).round()
    np.testing.assert_array_equal(
        np.unique(seen, axis=0), np.unique(table[rows.index], axis=0)
    )


def test_heavy_rows_come_more_often(table):
    weight = np.ones(N)
    weight[3] = 10
    rows = Dataset(table, None, weight)
    stream = batches([rows], frame_of(rows), SIZE, np.random.default_rng(0))
    seen = rows_of(first(10 * N // SIZE, stream), anchor_of(rows))
    times = np.isclose(seen, table[3]).all(axis=1).sum()
    assert times == pytest.approx(10 * N * 10 / weight.sum(), abs=10)


def test_models_of_a_stack_see_their_own_rows(table):
    parts = [Dataset(table).pick(np.arange(20)), Dataset(table).pick(np.arange(20, N))]
    stream = batches(parts, frame_of(*parts), SIZE, np.random.default_rng(0))
    drawn = first(5, stream)
    assert drawn[0].inputs.shape == (2, SIZE, D)
    assert drawn[0].scores.shape == (2, SIZE, K)
    targets = torch.cat([batch.targets for batch in drawn], 1).numpy()
    for m, part in enumerate(parts):
        seen = np.unique((targets[m] + anchor_of(part).mean).round(), axis=0)
        np.testing.assert_array_equal(seen, np.unique(table[part.index], axis=0))


def test_the_generator_decides_the_order(table):
    rows = Dataset(table)
    drawn = [
        first(5, batches([rows], frame_of(rows), SIZE, np.random.default_rng(seed)))
        for seed in (0, 0, 1)
    ]
    torch.testing.assert_close([b[:3] for b in drawn[0]], [b[:3] for b in drawn[1]])
    assert not torch.equal(drawn[0][0].inputs, drawn[2][0].inputs)


def test_batches_without_a_linear_path_have_no_scores(table):
    rows = Dataset(table)
    frame = frame_of(rows, linear=False)
    stream = batches([rows], frame, SIZE, np.random.default_rng(0))
    assert all(batch.scores is None for batch in first(3, stream))
