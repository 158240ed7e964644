"""How many latent codes explain a share of the variance."""

from collections.abc import Callable, Sequence

import numpy as np

from skae._pca.explained_variance import SquaredErrors, pca_squared_errors
from skae._training.evaluation import ValidationBatches

from .config import FitConfig
from .split import TrainingSplit

DEFAULT_SHARE = 0.95
GUARD_VALUES = 1 << 21  # numbers in the training samples that guard a share


def smallest_satisfying(holds: Callable[[int], bool], k: int) -> int:
    """Return the smallest m in 1 .. k for which it holds, by bisection; k if none."""
    low, high = 1, k
    while low < high:
        middle = (low + high) // 2
        if holds(middle):
            high = middle
        else:
            low = middle + 1
    return low


def explained_variance_curve(validation: ValidationBatches, k: int) -> np.ndarray:
    """Return the share that the first m latent codes explain, m = 1 .. k.

    Between some thirty values of m it is interpolated, and a few hundred samples do.
    """
    few = validation.first()
    total = few.total_squares()
    sizes = sorted({*range(1, min(k, 12) + 1), *np.geomspace(1, k, 20).astype(int), k})
    shares = [total.explained_variance(few.squared_errors(m)) for m in sizes]
    return np.interp(np.arange(1, k + 1), sizes, shares)


def split_errors(
    splits: Sequence[TrainingSplit], k: int, *, denoising: bool = True
) -> tuple[SquaredErrors, np.ndarray]:
    """Return PCA's squared errors on the validation samples of all splits."""
    parts = [
        pca_squared_errors(s.validation, s.anchor(k), denoising=denoising)
        for s in splits
    ]
    total = SquaredErrors(
        np.concatenate([total.base for total, _ in parts]),
        np.concatenate([total.weight for total, _ in parts]),
    )
    return total, np.concatenate([errors for _, errors in parts], axis=1)


def n_components_to_train(splits: Sequence[TrainingSplit], config: FitConfig) -> int:
    """Return the number of latent codes: what was given, or what PCA needs."""
    asked = config.n_components
    if isinstance(asked, int):
        return asked
    if asked is None:
        return splits[0].eigen.n_components_for(DEFAULT_SHARE)
    rank = min(len(split.eigen.variances) for split in splits)
    # Of clean samples: of noisy ones PCA may never explain the share.
    total, errors = split_errors(splits, rank, denoising=False)
    training = max(split.eigen.n_components_for(asked) for split in splits)
    held_out = smallest_satisfying(lambda m: total.explains(errors[m - 1], asked), rank)
    return min(max(training, held_out), rank)


def n_components_for_share(
    validation: ValidationBatches,
    splits: Sequence[TrainingSplit],
    config: FitConfig,
    k: int,
) -> int:
    """Return the fewest latent codes that explain a share of new samples.

    The validation samples must say so, and so must the training samples when the
    network gets no credit for the hundredth that is farthest from the mean: new samples
    that are as far out are unlike anything in training, and reconstructed nearly as by
    PCA.
    """
    share, seed = float(config.n_components or DEFAULT_SHARE), config.seed
    size = max(1, GUARD_VALUES // splits[0].train.n_features)
    training = ValidationBatches.from_parts(
        validation.network, [split.train.sample(size, seed) for split in splits]
    )
    total, training_total = validation.total_squares(), training.total_squares()
    norms = training.squared_norms()
    far = norms > np.quantile(norms, 0.99)

    def holds(m: int) -> bool:
        if not total.explains(validation.squared_errors(m), share):
            return False
        errors = training.squared_errors(m)
        linear = training.squared_errors(m, correction=False)
        return training_total.explains(np.where(far, linear, errors), share)

    return smallest_satisfying(holds, k)
