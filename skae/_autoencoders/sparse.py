"""The sparse autoencoder: many codes, few of them active."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from skae._data.dataset import Dataset
from skae._sklearn.compat import StrOptions
from skae._sklearn.constraints import (
    AT_LEAST_ONE,
    AUTOMATIC,
    NOT_NEGATIVE,
    SHARE,
    parameter_constraints,
    set_parameters,
)
from skae._sklearn.docstrings import complete_docstring
from skae._sklearn.modules import set_module

from .base import BaseAutoencoder
from .defaults import AutoDefaults

if TYPE_CHECKING:
    from skae._fitting.fit import FitResult
    from skae._model.objective import Objective

N_MEASURED = 8192  # training samples from which activations are measured


@set_module("skae")
@complete_docstring
class SparseAutoencoder(BaseAutoencoder):
    r"""Autoencoder with latent codes in (0, 1), most of them near 0 for a sample.

    Codes are sigmoids, :math:`a = \operatorname{sigmoid}(f(x) + \operatorname{logit}
    \rho)`, and may be many more than the features. A penalty leads their mean
    activations :math:`\hat\rho_j` to the sparsity :math:`\rho`:

    - ``"kl"``: :math:`\frac wk \sum_j \mathrm{KL}(\rho \,\|\, \hat\rho_j)`, for each
      code on its own and from both sides;
    - ``"l1"``: :math:`\frac wk \sum_j \hat\rho_j`, for all codes together and from
      above only;
    - ``"topk"``: of each sample all but the largest :math:`\rho k` codes are zero,
      and there is no offset :math:`\operatorname{logit} \rho`.

    There is no PCA to start from, for PCA's scores are neither positive nor sparse.

    Parameters
    ----------
    n_components : int or None, default=None
        Number of latent codes; None takes as many as there are features.
    sparsity : float, default=0.05
        Target of the mean activation, or the share of active codes of "topk".
    penalty : {"kl", "l1", "topk"}, default="kl"
        How it is reached.
    sparsity_weight : float or "auto", default="auto"
        Weight w of the penalty. "auto" adapts it during training until the target is
        met. "topk" has none.
    hidden_layer_sizes : array-like of int or "auto", default="auto"
        Widths of the encoder's hidden layers; the decoder mirrors them. "auto" is none.
    n_iter_no_change : int or "auto", default="auto"
        Steps without a gain of `tol` after which training stops; "auto" trains on.
    {parameters}

    Attributes
    ----------
    mean_activation_ : ndarray of shape (n_components_,)
        Mean of each code over the training samples (some 8,000 of them).
    {attributes}

    References
    ----------
    Ng, A. (2011). Sparse autoencoder. CS294A lecture notes, Stanford.

    Makhzani, A. and Frey, B. (2014). k-sparse autoencoders. ICLR.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skae import SparseAutoencoder
    >>> X = load_digits().data / 16
    >>> ae = SparseAutoencoder(100, max_iter=300, random_state=0).fit(X)
    >>> float(ae.mean_activation_.mean().round(2))
    0.05
    """

    # No patience: while the weight of the penalty adapts, losses go up and down.
    AUTO: ClassVar[AutoDefaults] = AutoDefaults(hidden_layer_sizes=(), patience=2**31)
    _parameter_constraints: ClassVar[dict[str, Any]] = parameter_constraints(
        "anchor",
        "whiten",
        n_components=[AT_LEAST_ONE, None],
        sparsity=[SHARE],
        penalty=[StrOptions({"kl", "l1", "topk"})],
        sparsity_weight=[AUTOMATIC, NOT_NEGATIVE],
    )

    sparsity: Any
    penalty: Any
    sparsity_weight: Any

    anchor = None
    whiten = False

    def __init__(
        self, n_components=None, *, sparsity=0.05, penalty="kl", sparsity_weight="auto",
        hidden_layer_sizes="auto", activation="silu", network=None, pretrain=None,
        loss="squared_error", alpha=1e-2, learning_rate_init="auto", batch_size="auto",
        max_iter="auto", early_stopping=True, validation_fraction=0.1,
        n_iter_no_change="auto", tol=1e-4, warm_start=False, random_state=None,
        verbose=0, device="auto",
    ):  # fmt: skip
        set_parameters(self, locals())

    def _objective(self, n_features: int) -> "Objective":
        from skae._nn.latents import SparseLatent

        weight = None if self.sparsity_weight == "auto" else float(self.sparsity_weight)
        latent = SparseLatent(float(self.sparsity), self.penalty, weight)
        return replace(super()._objective(n_features), latent=latent)

    def _n_components(self, n_features: int) -> Any:
        return self.n_components or n_features

    def _fitted_attributes(self, result: "FitResult", data: Dataset) -> dict[str, Any]:
        sample = data.sample(N_MEASURED, 0)
        codec = self._new_codec(result.model, np.float64)
        codes = [codec.encode(block.values) for block in sample.blocks(np.float64)]
        mean = np.average(np.concatenate(codes), 0, sample.sample_weight)
        attributes = super()._fitted_attributes(result, data)
        return attributes | {"mean_activation_": mean}
