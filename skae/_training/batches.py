"""From rows of a table to the tensors that a network reads.

A :class:`Preprocessor` holds the anchors of one or several models as tensors and turns rows
into batches; :func:`batches` draws endless random ones, a chunk at a time.
"""

# torch.linalg, torch.from_numpy and scikit-learn carry no types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportMissingTypeStubs=false

from collections.abc import Iterator, Sequence

import numpy as np
import torch

from skae._data.dataset import CHUNK_ROWS, Dataset
from skae._model.network import Preprocessor
from skae._nn.autoencoder import Batch

CHUNK_VALUES = 1 << 18  # numbers in a gathered chunk


def batches(
    parts: Sequence[Dataset],
    frame: Preprocessor,
    size: int,
    rng: np.random.Generator,
    generator: torch.Generator | None = None,
) -> Iterator[Batch]:
    """Yield endless random batches, one row set for each model of the frame.

    Rows are gathered from the table a chunk of batches at a time, in its own type, and
    cast and scaled there. Epochs follow each other without a gap.
    """
    table, stacked = parts[0].table, len(parts) > 1
    values = CHUNK_VALUES // (len(parts) * table.shape[1])
    count = max(1, min(values, CHUNK_ROWS) // size)
    pending = [np.empty(0, dtype=np.int32) for _ in parts]
    while True:
        wanted = np.empty((count, len(parts), size), dtype=np.intp)
        for m, part in enumerate(parts):
            while len(pending[m]) < count * size:
                order = epoch_order(part.weight, len(part), rng)
                pending[m] = np.concatenate([pending[m], order])
            drawn, pending[m] = np.split(pending[m], [count * size])
            at = drawn if part.index is None else part.index[drawn]
            wanted[:, m] = at.reshape(count, size)
        rows = table[wanted if stacked else wanted[:, 0]]
        inputs, scores, targets, _ = frame.batch(
            rows, trusting=True, generator=generator
        )
        each = [None] * count if scores is None else scores.unbind(0)
        yield from map(Batch, inputs.unbind(0), each, targets.unbind(0))


def epoch_order(
    weight: np.ndarray | None, n_rows: int, rng: np.random.Generator
) -> np.ndarray:
    """Return ``n_rows`` positions in random order, in proportion to the weights.

    Without weights each row comes once. With weights w a row comes ``floor(e)`` or
    ``ceil(e)`` times, ``e = n_rows * w / sum(w)`` on average (systematic sampling).
    """
    if weight is None:
        return rng.permutation(np.arange(n_rows, dtype=np.int32))
    edges = np.cumsum(weight)
    at = (rng.random() + np.arange(n_rows)) * (edges[-1] / n_rows)
    picked = np.searchsorted(edges, at, side="right")
    return rng.permutation(np.minimum(picked, n_rows - 1))
