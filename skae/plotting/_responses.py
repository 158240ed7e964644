"""What latent codes respond to: directions of the decoder and encoder, samples."""

from typing import Any

import numpy as np
from sklearn.utils import gen_batches

from skae._sklearn.compat import safe_indexing

from ._shared.estimators import decode, encode, last_step
from ._shared.tables import like, moments, standardize, to_float

LOW, HIGH = 0.05, 0.95  # quantiles of a code between which it moves
STEP = 1e-3  # in standard deviations of a feature
CHUNK_FEATURES = 256


def decoder(estimator: Any, X: Any, codes: np.ndarray) -> np.ndarray:
    """Return how the reconstruction changes as each code moves, in units of X."""
    if X is None:
        centre, low, high = np.zeros((3, last_step(estimator).n_components_))
        high += 1
    else:
        values = encode(estimator, X)
        centre, low, high = np.quantile(values, [0.5, LOW, HIGH], axis=0)
        rare = low == high  # such as codes that are zero except for a few samples
        low[rare], high[rare] = values.min(axis=0)[rare], values.max(axis=0)[rare]
    ends = np.tile(centre, (2, len(codes), 1))
    at = np.arange(len(codes))
    ends[0, at, codes], ends[1, at, codes] = low[codes], high[codes]
    return decode(estimator, ends[1]) - decode(estimator, ends[0])


def encoder(estimator: Any, X: Any, codes: np.ndarray) -> np.ndarray:
    """Return the direction, of length one, in which each code increases fastest.

    It is the gradient by central differences, with features in units of their standard
    deviations: at the mean of the samples or, if a code does not change there, at the
    sample with the highest activation.
    """
    mean, variance = moments(X)
    steps = STEP * np.sqrt(variance)
    gradients = _gradients(estimator, X, mean, steps)[:, codes].T
    zero = ~gradients.any(axis=1)
    if zero.any():
        highest = encode(estimator, X)[:, codes[zero]].argmax(axis=0)
        points = to_float(safe_indexing(X, highest))
        pairs = zip(points, codes[zero], strict=True)
        gradients[zero] = [_gradients(estimator, X, x, steps)[:, i] for x, i in pairs]
    length = np.linalg.norm(gradients, axis=1, keepdims=True)
    return gradients / np.where(length > 0, length, 1.0)


def _gradients(
    estimator: Any, X: Any, point: np.ndarray, steps: np.ndarray
) -> np.ndarray:
    """Return the change of all codes, shape ``(n_features, n_components)``."""
    differences = []
    for part in gen_batches(len(point), CHUNK_FEATURES):
        moves = np.zeros((part.stop - part.start, len(point)))
        moves[np.arange(len(moves)), np.arange(part.start, part.stop)] = steps[part]
        up, down = (
            encode(estimator, like(point + sign * moves, X)) for sign in (1, -1)
        )
        differences.append(up - down)
    return np.concatenate(differences)


def samples(estimator: Any, X: Any, codes: np.ndarray) -> np.ndarray:
    """Return the mean of the 1 % of samples with the highest value of each code."""
    values = encode(estimator, X)[:, codes]
    n = max(1, len(values) // 100)
    top = np.argpartition(values, len(values) - n, axis=0)[-n:]
    means = [to_float(safe_indexing(X, column)).mean(axis=0) for column in top.T]
    return np.stack(means)


def to_common_units(features: np.ndarray, X: Any, kind: str) -> np.ndarray:
    """Return responses in units that are comparable between features, for bars."""
    if kind == "encoder":
        return features
    mean, variance = moments(X)
    scaled = standardize(features, mean if kind == "rows" else 0.0, variance)
    return np.where(variance > 0, scaled, 0.0)


KINDS = {"decoder": decoder, "encoder": encoder, "rows": samples}
