"""The sparse autoencoder: many codes, few of them active."""

from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from sklearn.utils._param_validation import Interval, StrOptions

from skae._data.dataset import Dataset
from skae._sklearn.constraints import parameter_constraints
from skae._sklearn.docstrings import complete_docstring

from .base import BaseAutoencoder

if TYPE_CHECKING:
    from skae._fitting.fit import FitResult

FOREVER = 2**31  # steps: while the weight adapts, losses go up and down
ROWS = 8192  # training rows from which activations are measured


@complete_docstring
class SparseAutoencoder(BaseAutoencoder):
    r"""Autoencoder with codes between 0 and 1, most of which are near 0 for a row.

    Codes are sigmoids, :math:`a = \operatorname{sigmoid}(f(x) + \operatorname{logit}
    \rho)`, and may be many more than the features. A penalty leads their mean
    activations :math:`\hat\rho_j` to the sparsity :math:`\rho`:

    - ``"kl"``: :math:`\frac wk \sum_j \mathrm{KL}(\rho \,\|\, \hat\rho_j)`, for each
      code on its own and from both sides;
    - ``"l1"``: :math:`\frac wk \sum_j \hat\rho_j`, for all codes together and from
      above only;
    - ``"topk"``: of each row all but the largest :math:`\rho k` codes are zero, and
      there is no offset :math:`\operatorname{logit} \rho`.

    There is no PCA to start from, for PCA's codes are neither positive nor sparse.

    Parameters
    ----------
    n_components : int or None, default=None
        Number of codes; None takes as many as there are features.
    sparsity : float, default=0.05
        The mean activation that is asked for, or the share of active codes of "topk".
    penalty : {"kl", "l1", "topk"}, default="kl"
        How it is reached.
    sparsity_weight : float or "auto", default="auto"
        Weight w of the penalty. "auto" adapts it during training until the asked
        sparsity is met. "topk" has none.
    hidden_layer_sizes : array-like of int or "auto", default="auto"
        Widths of the encoder's hidden layers; the decoder mirrors them. "auto" is none.
    n_iter_no_change : int or "auto", default="auto"
        Steps without a gain of `tol` after which training stops; "auto" trains on.
    {parameters}

    Attributes
    ----------
    mean_activation_ : ndarray of shape (n_components_,)
        Mean of each code over the training rows (some 8,000 of them).
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

    _parameter_constraints: ClassVar[dict[str, Any]] = parameter_constraints(
        "anchor",
        "whiten",
        n_components=[Interval(Integral, 1, None, closed="left"), None],
        sparsity=[Interval(Real, 0, 1, closed="neither")],
        penalty=[StrOptions({"kl", "l1", "topk"})],
        sparsity_weight=[StrOptions({"auto"}), Interval(Real, 0, None, closed="left")],
    )

    def __init__(
        self, n_components=None, *, sparsity=0.05, penalty="kl", sparsity_weight="auto",
        hidden_layer_sizes="auto", activation="silu", network=None, pretrain=None,
        loss="squared_error", alpha=1e-2, learning_rate_init="auto", batch_size="auto",
        max_iter="auto", early_stopping=True, validation_fraction=0.1,
        n_iter_no_change="auto", tol=1e-4, warm_start=False, random_state=None,
        verbose=0, device="auto",
    ):  # fmt: skip
        super().__init__(
            n_components, hidden_layer_sizes=hidden_layer_sizes, activation=activation,
            network=network, pretrain=pretrain, anchor=None, loss=loss, alpha=alpha,
            learning_rate_init=learning_rate_init, batch_size=batch_size,
            max_iter=max_iter, early_stopping=early_stopping,
            validation_fraction=validation_fraction, n_iter_no_change=n_iter_no_change,
            tol=tol, warm_start=warm_start, random_state=random_state, verbose=verbose,
            device=device,
        )  # fmt: skip
        self.sparsity = sparsity
        self.penalty = penalty
        self.sparsity_weight = sparsity_weight

    def _design(self, n_features: int) -> dict[str, Any]:
        from skae._nn.latents.sparse import SparseLatent

        weight = None if self.sparsity_weight == "auto" else float(self.sparsity_weight)
        design: dict[str, Any] = {
            "code": SparseLatent(float(self.sparsity), self.penalty, weight),
            "n_components": self.n_components or n_features,
        }
        if isinstance(self.hidden_layer_sizes, str):
            design["hidden"] = ()
        if self.n_iter_no_change == "auto":
            design["patience"] = FOREVER
        return design

    def _fitted(self, outcome: "FitResult", rows: Dataset) -> dict[str, Any]:
        sample = rows.sample(ROWS, 0)
        with self._quietly(outcome.model):
            codec = self._codec(np.dtype(np.float64), outcome.model)
            codes = [codec.encode(part) for _, part in sample.chunks()]
        mean = np.average(np.concatenate(codes), 0, sample.weights())
        return super()._fitted(outcome, rows) | {"mean_activation_": mean}
