"""How much of the variance the first codes explain, and how many are needed."""

from collections.abc import Callable

import numpy as np

from skae._training.evaluation import ValidationBatches
from skae._training.trainer import Trainer


def smallest_satisfying(reached: Callable[[int], bool], k: int) -> int:
    """Return the smallest m in 1 .. k that is reached, by bisection; k if none is."""
    low, high = 1, k
    while low < high:
        middle = (low + high) // 2
        if reached(middle):
            high = middle
        else:
            low = middle + 1
    return low


def explained_variance_curve(
    trainee: Trainer, held: ValidationBatches, k: int
) -> np.ndarray:
    """Return the share that the first m codes explain, m = 1 .. k.

    Between some thirty values of m it is interpolated, and a few hundred rows do.
    """
    few = held.head()
    spread = trainee.spread(few)
    lengths = sorted(
        {*range(1, min(k, 12) + 1), *np.geomspace(1, k, 20).astype(int), k}
    )
    shares = [spread.share(trainee.errors(few, m)) for m in lengths]
    return np.interp(np.arange(1, k + 1), lengths, shares)


DEFAULT_SHARE = 0.95
GUARD_VALUES = 1 << 21  # numbers in the training rows that guard a share
