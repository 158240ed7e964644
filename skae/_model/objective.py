"""What a network minimises, and the scale in which it does."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from skae._nn.latents import Latent
from skae._nn.losses import Loss
from skae._pca.anchor import SMALLEST, Anchor


@dataclass(frozen=True)
class Objective:
    """What is minimised: a reconstruction loss, latent codes of a kind, a penalty.

    Two fits have the same objective if these values are equal; only then may one go on
    where the other ended.

    Attributes
    ----------
    loss : Loss
        Loss of a reconstruction.
    latent : Latent
        Kind of the latent codes, with the penalty on them.
    anchored : bool, default=True
        Whether PCA is a skip path of the network.
    jacobian_weight : float, default=0.0
        Weight of the penalty on the encoder's Jacobian.
    """

    loss: Loss
    latent: Latent
    anchored: bool = True
    jacobian_weight: float = 0.0

    @property
    def probabilistic(self) -> bool:
        """Whether the anchor is probabilistic PCA."""
        return self.latent.standard_normal

    @property
    def clips_scores(self) -> bool:
        """Whether latent codes follow a sample no farther than the training range.

        A network with a penalty on its Jacobian undoes PCA's slope, so PCA's scores may
        not go on alone.
        """
        return self.anchored and self.jacobian_weight > 0

    @property
    def has_fallback(self) -> bool:
        """Whether a network's density is mixed with that of PCA."""
        return self.anchored and self.loss.learns_variance


@dataclass(frozen=True)
class OutputScale:
    """Scale of the predictions: ``(x - mean) / scale``, or logits of x itself.

    Attributes
    ----------
    loss : Loss
        The loss, which says what predictions are.
    scale : float
        In units of x.
    """

    loss: Loss
    scale: float

    @classmethod
    def from_anchors(cls, loss: Loss, anchors: Sequence[Anchor]) -> "OutputScale":
        """Choose the scale in which the anchors' loss, or their noise, is about one."""
        squares = float(np.mean([np.square(a.residual_scale).sum() for a in anchors]))
        noise = float(np.mean([a.noise_variance for a in anchors]))
        d = len(anchors[0].residual_scale)
        scale = float(loss.target_scale(squares, noise, d))
        return cls(loss, scale if scale > SMALLEST else 1.0)

    def display(self, loss: float, n_features: int, reference: float = 1.0) -> float:
        """Return a loss relative to a reference, or of a likelihood nats a feature."""
        if self.loss.in_nats:
            return loss / n_features + self.loss.nll_constant(self.scale)
        return loss / reference
