"""Reconstruction losses: the loss of each sample and its gradient.

Only torch and the standard library may enter, nothing else of :mod:`skae._nn`.
``LOSSES`` is the registry.

A loss compares a prediction with a target, both ``(..., samples, features)``. It also
gives the scale of the target and the weight for which the anchor's own loss is about
one, so that learning rates need not depend on the scale of the data.
"""

from .base import Loss
from .elementwise import (
    HUBER_DELTA,
    AbsoluteError,
    Bernoulli,
    BinaryCrossEntropy,
    Huber,
    SquaredError,
)
from .gaussian_nll import LOG_VARIANCE_RATE, GaussianNLL

__all__ = [
    "HUBER_DELTA",
    "LOG_VARIANCE_RATE",
    "LOSSES",
    "AbsoluteError",
    "Bernoulli",
    "BinaryCrossEntropy",
    "GaussianNLL",
    "Huber",
    "Loss",
    "SquaredError",
    "loss_from_name",
]

LOSSES: dict[str, type[Loss]] = {
    loss.name: loss
    for loss in (
        SquaredError,
        AbsoluteError,
        Huber,
        BinaryCrossEntropy,
        GaussianNLL,
        Bernoulli,
    )
}


def loss_from_name(name: str, n_features: int) -> Loss:
    """Return the weighted loss of a name.

    Raises
    ------
    ValueError
        If there is no such loss.
    """
    if name not in LOSSES:
        raise ValueError(f"There is no loss {name!r}; there are {sorted(LOSSES)}.")
    return LOSSES[name].weighted(n_features)
