r"""The contractive penalty: how much the latent codes change with the inputs.

With J the Jacobian of a sample's codes and v random signs, one for each code,

.. math::

    \mathbb E\, |J^\top v|^2 = \lVert J \rVert_F^2,

so one product with the transposed Jacobian estimates the penalty without bias
(Hutchinson). The encoder computes that product and its gradient.

References
----------
Rifai, S., Vincent, P., Muller, X., Glorot, X. and Bengio, Y. (2011). Contractive
auto-encoders: explicit invariance during feature extraction. ICML.

Hutchinson, M. F. (1990). A stochastic estimator of the trace of the influence matrix.
Communications in Statistics - Simulation and Computation 19, 433-450.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from .autoencoder import Encoder


@dataclass(frozen=True)
class JacobianPenalty:
    """``weight * |J|_F^2`` of each sample.

    Attributes
    ----------
    weight : float
        Factor of the penalty.
    code_scale : Tensor of shape ([models,] 1, n_components)
        J is the Jacobian of the codes multiplied by this.
    input_scale : Tensor of shape ([models,] 1, n_features)
        Factor from derivatives with respect to the network's inputs to derivatives with
        respect to the features.
    skip : Tensor of shape ([models,] n_features, n_components) or None
        Transposed Jacobian of the skip path; None without one.
    generator : torch.Generator or None, default=None
        Source of the signs in training.
    """

    weight: float
    code_scale: Tensor
    input_scale: Tensor
    skip: Tensor | None
    generator: torch.Generator | None = None

    def _random_product(self, encoder: Encoder, like: Tensor, generator: Any) -> Tensor:
        """Return the transposed Jacobian times random signs."""
        signs = torch.empty_like(like).bernoulli_(generator=generator)
        v = signs.mul_(2).sub_(1).mul_(self.code_scale)
        product = encoder.vjp(v)
        if self.skip is not None:
            product = product + v @ self.skip.mT
        return product.mul_(self.input_scale)

    def forward(self, encoder: Encoder, like: Tensor) -> Tensor:
        """Pass the gradient to the encoder and return the penalty of the batch.

        It is summed over the samples of the encoder's last ``forward``. ``like`` has
        the shape of the codes.
        """
        product = self._random_product(encoder, like, self.generator)
        value = product.square().sum().mul_(self.weight)
        encoder.vjp_backward(product.mul_(self.input_scale).mul_(2 * self.weight))
        return value

    def per_sample(self, encoder: Encoder, like: Tensor) -> Tensor:
        """Return the penalty of each sample, with the same signs at every call."""
        generator = torch.Generator(like.device).manual_seed(0)
        product = self._random_product(encoder, like, generator)
        return product.square_().sum(-1).mul_(self.weight)
