"""A fitted autoencoder as plain arrays, and the units of what it predicts."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log, pi

import numpy as np
import torch
from torch import Tensor

from skae._nn.autoencoder import Head
from skae._nn.heads import LinearHead, LogitHead
from skae._nn.losses import LOSSES, Huber, Loss
from skae._pca.anchor import SMALLEST, Anchor


@dataclass(frozen=True)
class OutputScale:
    """Units of the reconstruction: ``(x - mean) / unit``, or logits of x itself."""

    loss: str
    unit: float

    @property
    def logits(self) -> bool:
        """Whether the network predicts logits of features in [0, 1]."""
        return self.loss in ("binary_cross_entropy", "bernoulli")

    @property
    def nats(self) -> bool:
        """Whether the loss is minus the logarithm of a likelihood."""
        return self.loss in ("normal", "bernoulli")

    @property
    def constant(self) -> float:
        """What the loss leaves out of the negative log-likelihood of a feature."""
        return 0.5 * log(2 * pi) + log(self.unit) if self.loss == "normal" else 0.0

    def shown(self, loss: float, n_features: int, scale: float = 1.0) -> float:
        """Return a loss in units of a scale, of a likelihood in nats a column."""
        if self.nats:
            return loss / n_features + self.constant
        return loss / scale

    @classmethod
    def of(cls, loss: str, anchors: Sequence[Anchor]) -> "OutputScale":
        """Choose the unit in which the anchors' loss, or their noise, is about one.

        Parameters
        ----------
        loss : str
            Name of the loss.
        anchors : sequence of Anchor
            What the networks are anchored at.
        """
        squares = float(np.mean([np.square(a.residual).sum() for a in anchors]))
        d = len(anchors[0].residual)
        unit = {
            "squared_error": squares**0.5,
            "absolute_error": (squares * d) ** 0.5 * (2 / np.pi) ** 0.5,
            "huber": (squares / d) ** 0.5,
            "normal": float(np.mean([a.noise for a in anchors])) ** 0.5,
        }.get(loss, 1.0)
        return cls(loss, float(unit) if unit > SMALLEST else 1.0)

    def head(
        self,
        anchors: list[Anchor],
        *,
        linear: bool,
        stacked: bool,
        dtype: torch.dtype,
        device: torch.device,
    ) -> Head:
        """Return the skip path from codes to reconstruction."""

        def tensor(arrays: list[np.ndarray]) -> Tensor:
            array = np.stack(arrays) if stacked else arrays[0]
            return torch.from_numpy(np.array(array)).to(dtype).to(device)

        skip = None
        if linear:
            maps = [a.deviations[:, None] * a.components / self.unit for a in anchors]
            skip = tensor(maps)
        if self.logits:
            return LogitHead(skip, tensor([a.mean[None] for a in anchors]))
        return LinearHead(skip, tensor([a.residual[None] / self.unit for a in anchors]))


LEAST_NOISE = 1e-4  # share of a feature's variance
HUBER_DELTA = 1.35  # in units of the anchor's residual, as in HuberRegressor


def make_loss(name: str, n_features: int) -> Loss:
    """Return the loss with the weight that makes the anchor's own about one."""
    if name == "huber":
        return Huber(weight=2 / n_features, delta=HUBER_DELTA)
    weight = 1 / n_features if name == "binary_cross_entropy" else 1.0
    name = "binary_cross_entropy" if name == "bernoulli" else name
    return LOSSES[name](weight=weight)
