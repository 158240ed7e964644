"""Endless random batches of training samples."""

# numpy.searchsorted carries no type.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false

from collections.abc import Iterator, Sequence

import numpy as np
import torch

from skae._data.dataset import BLOCK_ROWS, Dataset
from skae._model.preprocessing import Preprocessor
from skae._nn.autoencoder import Batch

BLOCK_VALUES = 1 << 18  # numbers that are read at once


def epoch_order(
    weight: np.ndarray | None, n_samples: int, rng: np.random.Generator
) -> np.ndarray:
    """Return positions of an epoch in random order, in proportion to the weights.

    Without weights each sample comes once. With weights w a sample comes ``floor(e)``
    or ``ceil(e)`` times, ``e = n_samples * w / sum(w)`` on average (systematic
    sampling).
    """
    if weight is None:
        return rng.permutation(np.arange(n_samples, dtype=np.int32))
    edges = np.cumsum(weight)
    at = (rng.random() + np.arange(n_samples)) * (edges[-1] / n_samples)
    drawn = np.searchsorted(edges, at, side="right")
    return rng.permutation(np.minimum(drawn, n_samples - 1))


def random_batches(
    parts: Sequence[Dataset],
    preprocessor: Preprocessor,
    batch_size: int,
    rng: np.random.Generator,
    generator: torch.Generator | None = None,
) -> Iterator[Batch]:
    """Yield endless random batches, of one dataset for each model.

    Several batches are read from the source at once, in its own type, and are cast and
    scaled together. Epochs follow each other without a gap.
    """
    source, stacked = parts[0].source, len(parts) > 1
    n_values = BLOCK_VALUES // (len(parts) * parts[0].n_features)
    count = max(1, min(n_values, BLOCK_ROWS) // batch_size)
    pending = [np.empty(0, dtype=np.int32) for _ in parts]
    while True:
        index = np.empty((count, len(parts), batch_size), dtype=np.intp)
        for m, part in enumerate(parts):
            missing = count * batch_size - len(pending[m])
            epochs = [
                epoch_order(part.weight, len(part), rng)
                for _ in range(-(-missing // len(part)))
            ]
            pending[m] = np.concatenate([pending[m], *epochs])
            drawn, pending[m] = np.split(pending[m], [count * batch_size])
            index[:, m] = part.source_index(drawn).reshape(count, batch_size)
        block = source.read(index if stacked else index[:, 0])
        inputs, scores, targets, _ = preprocessor.batch(
            block.values, block.inputs, training=True, generator=generator
        )
        each = [None] * count if scores is None else scores.unbind(0)
        yield from map(Batch, inputs.unbind(0), each, targets.unbind(0))
