r"""The contractive penalty: how much the codes change with the inputs.

With J the Jacobian of a row's codes and v random signs, one for each code,

.. math::

    \mathbb E\, |J^\top v|^2 = \lVert J \rVert_F^2,

so one product with the transposed Jacobian estimates the penalty without bias
(Hutchinson). The product and its gradient are in closed form in the encoder.

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
    """``weight * |J|_F^2`` of each row.

    Attributes
    ----------
    weight : float
        Factor of the penalty.
    codes : Tensor of shape ([models,] 1, n_components)
        Units of the codes: J is that of codes times these.
    inputs : Tensor of shape ([models,] 1, n_features)
        What derivatives with respect to the network's inputs are multiplied with to
        become derivatives with respect to the rows.
    linear : Tensor of shape ([models,] n_features, n_components) or None
        Jacobian of the skip path, transposed; None without one.
    generator : torch.Generator or None, default=None
        Source of the signs in training.
    """

    weight: float
    codes: Tensor
    inputs: Tensor
    linear: Tensor | None
    generator: torch.Generator | None = None

    def _pull(self, encoder: Encoder, v: Tensor) -> Tensor:
        product = encoder.pull(v)
        if self.linear is not None:
            product = product + v @ self.linear.mT
        return product.mul_(self.inputs)

    def _probe(self, encoder: Encoder, like: Tensor, generator: Any) -> Tensor:
        signs = torch.empty_like(like).bernoulli_(generator=generator)
        return self._pull(encoder, signs.mul_(2).sub_(1).mul_(self.codes))

    def forward(self, encoder: Encoder, like: Tensor) -> Tensor:
        """Leave the gradient with the encoder and return the sum over the rows.

        ``like`` has the shape of the codes.
        """
        product = self._probe(encoder, like, self.generator)
        value = product.square().sum().mul_(self.weight)
        encoder.pull_gradient(product.mul_(self.inputs).mul_(2 * self.weight))
        return value

    def rows(self, encoder: Encoder, like: Tensor) -> Tensor:
        """Return the penalty of each row, from signs that are always the same."""
        generator = torch.Generator(like.device).manual_seed(0)
        product = self._probe(encoder, like, generator)
        return product.square_().sum(-1).mul_(self.weight)
