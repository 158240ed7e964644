"""Maps between samples and latent codes, and that of a model that is PCA."""

# torch.from_numpy carries no type.
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false

from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from skae._nn.runtime import Placement
from skae._pca.probabilistic import posterior_log_variance

from .fitted import FittedModel


class LatentMap(Protocol):
    """Encoder and decoder on tensors, in units of x and of the public latent codes."""

    def encode(self, x: Tensor) -> Tensor:
        """Return the latent codes of samples."""
        ...

    def decode(self, codes: Tensor) -> Tensor:
        """Return the reconstruction of latent codes."""
        ...

    def squared_jacobian(self, x: Tensor, mix: Tensor) -> Tensor:
        """Return the squared Frobenius norm of the Jacobian of ``codes @ mix``."""
        ...

    def posterior(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and log-variance of each sample's codes under a prior."""
        ...

    def predict(self, codes: Tensor) -> Tensor:
        """Return the network's predictions in its own units."""
        ...


class PCAMap:
    """PCA, or the posterior means and the decoder of probabilistic PCA."""

    def __init__(self, model: FittedModel, placement: Placement) -> None:
        def tensor(array: np.ndarray) -> Tensor:
            # A copy: PyTorch takes no read-only array, which a memory map is.
            tensor = torch.from_numpy(np.array(array))
            return tensor.to(placement.dtype).to(placement.device)

        anchor = model.anchor
        self._mean, self._components = tensor(anchor.mean), tensor(anchor.components)
        self._scale = None
        if model.objective.probabilistic:
            self._gain = tensor(anchor.shrinkage / anchor.score_std)
            self._scale = tensor(anchor.score_std)
            self._log_variance = tensor(posterior_log_variance(anchor))
        self._is_probability = model.objective.loss.is_logit

    def encode(self, x: Tensor) -> Tensor:
        """Return the latent codes of samples."""
        scores = (x - self._mean) @ self._components.mT
        return scores if self._scale is None else scores * self._gain

    def decode(self, codes: Tensor) -> Tensor:
        """Return the reconstruction of latent codes."""
        scores = codes if self._scale is None else codes * self._scale
        x = scores @ self._components + self._mean
        return x.clamp_(0, 1) if self._is_probability else x

    def squared_jacobian(self, x: Tensor, mix: Tensor) -> Tensor:
        """Return the squared Frobenius norm of the Jacobian of ``codes @ mix``."""
        linear = self._components.mT
        linear = linear if self._scale is None else linear * self._gain
        return (linear @ mix).square().sum().expand(len(x))

    def posterior(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and log-variance of each sample's codes."""
        mean = self.encode(x)
        return mean, self._log_variance.expand_as(mean)

    def predict(self, codes: Tensor) -> Tensor:
        """Return the reconstruction: PCA has no units of its own."""
        return self.decode(codes)
