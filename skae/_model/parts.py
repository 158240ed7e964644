"""Parts of a network: output head, penalty and least noise, random streams."""

# torch.Generator.manual_seed carries no type.
# pyright: reportUnknownMemberType=false

from collections.abc import Callable, Iterable, Sequence
from enum import IntEnum

import numpy as np
import torch
from torch import Tensor

from skae._nn.autoencoder import Head
from skae._nn.heads import LinearHead, LogitHead
from skae._nn.jacobian_penalty import JacobianPenalty
from skae._nn.losses import LOG_VARIANCE_RATE
from skae._pca.anchor import Anchor

from .objective import Objective

LEAST_NOISE = 1e-4  # share of a feature's variance

PerModel = Callable[[Iterable[np.ndarray]], Tensor]


def make_head(
    anchors: Sequence[Anchor], objective: Objective, scale: float, stack: PerModel
) -> Head:
    """Return the output head with the skip path from codes to reconstruction.

    Parameters
    ----------
    anchors : sequence of Anchor
        One for each model.
    objective : Objective
        What is minimised.
    scale : float
        Scale of the predictions.
    stack : callable
        Turns an array for each model into a tensor, ``([models,] *shape)``.
    """
    skip = None
    if objective.anchored:
        skip = stack(a.score_std[:, None] * a.components / scale for a in anchors)
    if objective.loss.is_logit:
        return LogitHead(skip, stack(a.mean[None] for a in anchors))
    return LinearHead(skip, stack(a.residual_scale[None] / scale for a in anchors))


def make_penalty(
    anchors: Sequence[Anchor],
    objective: Objective,
    projection: Tensor | None,
    stack: PerModel,
) -> JacobianPenalty | None:
    """Return the penalty on the encoder's Jacobian, if there is one.

    It is in units in which PCA costs one, or latent codes that are the standardised
    features.
    """
    if not objective.jacobian_weight:
        return None
    k, d = anchors[0].components.shape
    total = 1.0
    if not objective.anchored:
        total = (anchors[0].residual_variance / d) ** 0.5
    return JacobianPenalty(
        2 * objective.jacobian_weight / k,
        stack(a.score_std[None] for a in anchors),
        stack(total / a.scale[None] for a in anchors),
        projection,
    )


def noise_floor(anchors: Sequence[Anchor], scale: float, stack: PerModel) -> Tensor:
    """Return the least noise of each feature, as the network keeps it.

    It is a small share of the feature's variance, and never above the anchor's; a
    constant feature keeps the anchor's.
    """
    floors: list[np.ndarray] = []
    for a in anchors:
        least = np.log(LEAST_NOISE * a.scale**2 / scale**2) / LOG_VARIANCE_RATE
        varies = np.ptp(a.column_range, axis=0) > 0
        floors.append(np.where(varies, np.minimum(least, 0.0), 0.0)[None])
    return stack(floors)


class Stream(IntEnum):
    """Streams of random numbers of one seed, one for each purpose.

    PyTorch's generator on the CPU uses the low 32 bits of a seed only, so there all
    streams of a seed begin alike.
    """

    CODES = 0
    NOISE = 1
    PENALTY = 2
    PRETRAINING = 3
    VALIDATION = 4  # and all numbers above: one for each batch


def new_generator(seed: int, stream: int, device: torch.device) -> torch.Generator:
    """Return a generator at the start of a stream."""
    return torch.Generator(device).manual_seed(seed + (int(stream) << 32))
