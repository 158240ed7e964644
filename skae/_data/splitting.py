"""Hashes of samples: equal ones are merged, and splits depend on values alone."""

import numpy as np

from .dataset import Dataset

COPIES, SINGLES = 20, 0.01  # copies of a pattern, share of patterns seen only once
MIX = np.uint64(0xBF58476D1CE4E5B9)  # odd, from the SplitMix64 generator
MAX_VALIDATION_ROWS = 2000
MAX_VALIDATION_VALUES = 1 << 20  # numbers in the validation samples of a wide table


def hash_rows(data: Dataset, seed: int, *, inputs: bool = True) -> np.ndarray:
    """Return 64 bits for each sample that depend on its values and the seed alone.

    Of pairs both are hashed, the clean sample and the noisy one, unless ``inputs`` is
    false: then the clean one alone.

    Equal samples get equal hashes wherever they stand, and the same values of another
    type are the same sample: hashed are values in float64. A split by the hash never
    puts two copies of a sample on two sides.
    """
    rng = np.random.default_rng(seed)
    factor, other = (
        rng.integers(2**63, size=data.n_features, dtype=np.uint64) * 2 + 1
        for _ in range(2)
    )
    result = np.empty(len(data), dtype=np.uint64)
    for at in data.slices():
        block = data.read(at, np.float64)
        result[at] = _words(block.values) @ factor
        if inputs and block.inputs is not None:
            result[at] += _words(block.inputs) @ other
    result ^= result >> np.uint64(30)
    result *= MIX
    result ^= result >> np.uint64(27)
    return result


def _words(values: np.ndarray) -> np.ndarray:
    """Return 64 mixed bits for each value."""
    words = np.ascontiguousarray(values + 0.0).view(np.uint64)  # minus zero equals zero
    words = words ^ (words >> np.uint64(32))  # whole numbers differ in high bits,
    words *= MIX  # which a sum alone would lose
    words ^= words >> np.uint64(29)
    return words


def count_distinct(hashes: np.ndarray) -> int:
    """Return how many different hashes there are, in little memory."""
    ordered = np.sort(hashes)
    return 1 + int(np.count_nonzero(ordered[1:] != ordered[:-1]))


def deduplicate(data: Dataset, hashes: np.ndarray) -> Dataset:
    """Merge equal samples, adding their weights; order them by their hash.

    A sample twice and a sample of weight two then are the same data to the last bit, in
    whatever order the samples came.
    """
    _, first, group = np.unique(hashes, return_index=True, return_inverse=True)
    weight = np.bincount(group, weights=data.weight)
    return data.subset(first).reweighted(weight.astype(np.float64))


def group_by_target(
    data: Dataset, hashes: np.ndarray, seed: int
) -> tuple[Dataset, np.ndarray]:
    """Return pairs ordered by their clean samples, and the hashes of these.

    Noisy copies of one clean sample then stay together: on both sides of a split they
    would make the network look better than it is. Without pairs nothing changes, nor
    where all have one clean sample.
    """
    if not data.is_paired:
        return data, hashes
    clean = hash_rows(data, seed, inputs=False)
    if count_distinct(clean) == 1:
        return data, hashes
    order = np.argsort(clean, kind="stable")
    return data.subset(order), clean[order]


def has_many_copies(data: Dataset) -> bool:
    """Return whether distinct samples are patterns that new samples will repeat.

    There must be twenty copies of each on average, and hardly any sample that came only
    once: by Good (1953) their share is about the probability that a new sample is of a
    pattern that was not seen.

    References
    ----------
    Good, I. J. (1953). The population frequencies of species and the estimation of
    population parameters. Biometrika 40, 237-264.
    """
    if data.weight is None or not data.weights_are_counts:
        return False
    singles = float((data.weight == 1).sum())
    total = data.total_weight
    return total >= COPIES * len(data) and singles <= SINGLES * total


def rescale_weights(data: Dataset, n: int) -> Dataset:
    """Return samples whose weights count samples: n in all, if not more."""
    if data.weight is None or data.weight.sum() >= n:
        return data
    return data.reweighted(data.weight * (n / data.weight.sum()))


def validation_limit(n_features: int) -> int:
    """Return how many samples are held out at most, fewer of wide tables."""
    return min(MAX_VALIDATION_ROWS, max(256, MAX_VALIDATION_VALUES // n_features))


def train_validation_split(
    data: Dataset, hashes: np.ndarray, fraction: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return positions of training and validation samples; equal ones stay together.

    About ``fraction`` of the weight is held out, at most 2,000 samples' worth, fewer of
    wide tables. Samples with more copies than usual stay in training: held out with all
    their copies, they would be unlike anything in training, which no new sample like
    them is.
    """
    fraction = min(fraction, validation_limit(data.n_features) / len(data))
    goal = fraction * data.total_weight * (1 + 1e-9)
    # Hashes are uniform: samples with low ones are a sample of the distinct samples.
    bound = min(int(3 * fraction * 2**64), 2**64 - 1)
    low = np.flatnonzero(hashes <= np.uint64(max(bound, int(hashes.min()))))
    _, group = np.unique(hashes[low], return_inverse=True)
    count = np.bincount(group)
    mass = count if data.weight is None else np.bincount(group, data.weight[low])
    usual = (count <= 1.5 * np.median(count)) & (mass <= goal)
    chosen = usual & (np.cumsum(np.where(usual, mass, 0.0)) <= goal)
    if not chosen.any():
        chosen[np.argmax(usual)] = True
    validation = np.zeros(len(data), dtype=bool)
    validation[low[chosen[group]]] = True
    if validation.all():
        validation[hashes == hashes.max()] = False
    dtype = np.int32 if len(data) < 2**31 else np.int64
    train, held_out = np.flatnonzero(~validation), np.flatnonzero(validation)
    return train.astype(dtype), held_out.astype(dtype)


def kfold_labels(n: int, n_folds: int) -> np.ndarray:
    """Return the fold of each of n samples, neighbours in the same fold."""
    return np.arange(n) * n_folds // n
