"""What codes respond to: directions of the decoder, of the encoder, and rows."""

from typing import Any

import numpy as np
from sklearn.utils import _safe_indexing, gen_batches

from ._estimators import decoded, last_step, transformed
from ._tables import in_deviations, in_kind, moments, numbers

LOW, HIGH = 0.05, 0.95  # quantiles of a code between which it moves
STEP = 1e-3  # of a column's standard deviation
CHUNK_ROWS = 256


def decoder(estimator: Any, X: Any, codes: np.ndarray) -> np.ndarray:
    """Return how the reconstruction changes as each code moves, in units of X."""
    if X is None:
        middle, low, high = np.zeros((3, last_step(estimator).n_components_))
        high += 1
    else:
        values = transformed(estimator, X)
        middle, low, high = np.quantile(values, [0.5, LOW, HIGH], axis=0)
        rare = low == high  # such as codes that are zero but for a few rows
        low[rare], high[rare] = values.min(axis=0)[rare], values.max(axis=0)[rare]
    ends = np.tile(middle, (2, len(codes), 1))
    at = np.arange(len(codes))
    ends[0, at, codes], ends[1, at, codes] = low[codes], high[codes]
    return decoded(estimator, ends[1]) - decoded(estimator, ends[0])


def encoder(estimator: Any, X: Any, codes: np.ndarray) -> np.ndarray:
    """Return the direction, of length one, in which each code grows fastest.

    At the mean of the rows, or at the row that excites a code most if it does not
    change there, by central differences, with columns in units of their standard
    deviations.
    """
    mean, variance = moments(X)
    steps = STEP * np.sqrt(variance)
    slopes = _slopes(estimator, X, mean, steps)[:, codes].T
    still = ~slopes.any(axis=1)
    if still.any():
        highest = transformed(estimator, X)[:, codes[still]].argmax(axis=0)
        starts = numbers(_safe_indexing(X, highest))
        pairs = zip(starts, codes[still], strict=True)
        slopes[still] = [_slopes(estimator, X, at, steps)[:, i] for at, i in pairs]
    length = np.linalg.norm(slopes, axis=1, keepdims=True)
    return slopes / np.where(length > 0, length, 1.0)


def _slopes(estimator: Any, X: Any, start: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """Return how all codes change, shape ``(n_features, n_components)``."""
    found = []
    for part in gen_batches(len(start), CHUNK_ROWS):
        moves = np.zeros((part.stop - part.start, len(start)))
        moves[np.arange(len(moves)), np.arange(part.start, part.stop)] = steps[part]
        up, down = (
            transformed(estimator, in_kind(start + sign * moves, X)) for sign in (1, -1)
        )
        found.append(up - down)
    return np.concatenate(found)


def rows(estimator: Any, X: Any, codes: np.ndarray) -> np.ndarray:
    """Return the mean of the hundredth of the rows that excite each code most."""
    values = transformed(estimator, X)[:, codes]
    n = max(1, len(values) // 100)
    most = np.argpartition(values, len(values) - n, axis=0)[-n:]
    means = [numbers(_safe_indexing(X, column)).mean(axis=0) for column in most.T]
    return np.stack(means)


def comparable(features: np.ndarray, X: Any, kind: str) -> np.ndarray:
    """Return features in units in which columns can be compared, as bars are."""
    if kind == "encoder":
        return features
    mean, variance = moments(X)
    moved = in_deviations(features, mean if kind == "rows" else 0.0, variance)
    return np.where(variance > 0, moved, 0.0)


KINDS = {"decoder": decoder, "encoder": encoder, "rows": rows}
