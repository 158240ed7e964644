"""The contractive autoencoder: latent codes that ignore small changes."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from skae._sklearn.constraints import (
    NOT_NEGATIVE,
    parameter_constraints,
    set_parameters,
)
from skae._sklearn.docstrings import complete_docstring
from skae._sklearn.modules import set_module

from .base import BaseAutoencoder

if TYPE_CHECKING:
    from skae._model.objective import Objective


@set_module("skae")
@complete_docstring
class ContractiveAutoencoder(BaseAutoencoder):
    r"""Autoencoder whose latent codes change little with small changes of a sample.

    With J the Jacobian of a sample's codes with respect to the sample, the loss is

    .. math::

        \frac{|x - \hat x|^2}{\text{that of PCA}}
            + \frac{2 \lambda}{k} \lVert J \rVert_F^2,

    and PCA's own :math:`\lVert J \rVert_F^2` is the number k of codes. One random
    projection of J for each sample estimates the penalty without bias, and its gradient
    is in closed form. Codes are constant outside the range of the training samples.

    Parameters
    ----------
    contraction : float, default=0.1
        Weight :math:`\lambda` of the penalty.
    {parameters}

    Notes
    -----
    The comparison with PCA on held-out samples, and `pca_ratio_`, include the penalty.
    Shrinking the codes and stretching the decoder shrinks J as well: compare norms
    relative to the variance of the codes.

    References
    ----------
    Rifai, S., Vincent, P., Muller, X., Glorot, X. and Bengio, Y. (2011). Contractive
    auto-encoders: explicit invariance during feature extraction. ICML.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skae import AutoencoderTransformer, ContractiveAutoencoder
    >>> X = load_digits().data
    >>> ae = ContractiveAutoencoder(4, max_iter=300, random_state=0).fit(X)
    >>> ae.jacobian_norm(X).shape
    (1797,)
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = parameter_constraints(
        contraction=[NOT_NEGATIVE]
    )

    contraction: Any

    def __init__(
        self, n_components=None, *, contraction=0.1,
        hidden_layer_sizes="auto", activation="silu", network=None, pretrain=None,
        anchor="pca", loss="squared_error", whiten=False, alpha=1e-2,
        learning_rate_init="auto", batch_size="auto", max_iter="auto",
        early_stopping=True, validation_fraction=0.1, n_iter_no_change="auto", tol=1e-4,
        warm_start=False, random_state=None, verbose=0, device="auto",
    ):  # fmt: skip
        set_parameters(self, locals())

    def _objective(self, n_features: int) -> "Objective":
        objective = super()._objective(n_features)
        return replace(objective, jacobian_weight=float(self.contraction))
