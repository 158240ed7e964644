"""The variational autoencoder: a density, with codes for what it explains."""

from numbers import Integral, Real
from typing import Any, ClassVar

from sklearn.utils._param_validation import Interval, StrOptions

from ._base import BaseAutoencoder
from ._constraints import constraints
from ._density_mixin import DensityMixin
from ._describe import describe


@describe
class VAE(DensityMixin, BaseAutoencoder):
    r"""Variational autoencoder that starts at probabilistic PCA.

    A density :math:`p(x) = \int p(x \mid z)\, \mathcal N(z; 0, I)\, dz` is fitted by
    the evidence bound

    .. math::

        \mathbb E_{q(z \mid x)} \log p(x \mid z)
            - \beta\, \mathrm{KL}(q(z \mid x) \,\|\, \mathcal N(0, I)),

    with normal posteriors q. With `likelihood="gaussian"` each feature has a variance
    of its own about the decoder's mean, which is learned. At the first step the bound
    of every row is its log-likelihood under `PCA`, and held-out rows keep PCA where the
    network is no better. A network with an anchor leaves one row in a hundred to PCA: a
    row unlike all that it has seen then costs at most 4.6 nats against PCA. Codes are
    posterior means: deterministic, in units of the standard normal prior.

    Parameters
    ----------
    n_components : int or None, default=None
        Number of codes; None takes as many as PCA needs for 95 % of the variance.
    likelihood : {"gaussian", "bernoulli"}, default="gaussian"
        Distribution of a row given its codes. "bernoulli" is for features in [0, 1]: in
        training zeros and ones are drawn with them as probabilities. It has no anchor.
    beta : float, default=1.0
        Weight of the divergence from the prior; without an anchor it grows from zero
        over 30 % of the steps. Above one codes say less of each row and are more
        independent.
    network : callable or None, default=None
        A network of your own: ``network(n_features, n_components)`` returns two new
        `torch.nn.Module`, encoder and decoder, whenever it is called. The encoder's
        output is twice as wide as the codes: means, then log-variances (relative to
        those of the anchor's posterior, where there is one).
    {parameters}

    Attributes
    ----------
    noise_variance_ : ndarray of shape (n_features_in_,) or None
        Variance of each feature about the decoder's mean; None for "bernoulli".
    pca_ratio_ : float
        Perplexity of a held-out column, ``exp(-bound / n_features)``, relative to that
        of probabilistic PCA, exactly 1.0 where that was kept; for "bernoulli" relative
        to that of independent columns.
    loss_curve_, validation_curve_ : list of float
        Minus the bound, in nats for each column, between and at the measurements.
    {attributes}

    References
    ----------
    Kingma, D. P. and Welling, M. (2014). Auto-encoding variational Bayes. ICLR.

    Rybkin, O., Daniilidis, K. and Levine, S. (2021). Simple and effective VAE training
    with calibrated decoders. ICML.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.decomposition import PCA
    >>> from skae import VAE
    >>> X = load_digits().data
    >>> vae = VAE(4, max_iter=300, random_state=0).fit(X[:1500])
    >>> bool(vae.score(X[1500:]) > PCA(4).fit(X[:1500]).score(X[1500:]))
    True
    >>> vae.sample(3, random_state=0).shape
    (3, 64)
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = constraints(
        "loss",
        "whiten",
        n_components=[Interval(Integral, 1, None, closed="left"), None],
        likelihood=[StrOptions({"gaussian", "bernoulli"})],
        beta=[Interval(Real, 0, None, closed="neither")],
    )

    def __init__(
        self, n_components=None, *, likelihood="gaussian", beta=1.0,
        hidden_layer_sizes="auto", activation="silu", network=None, pretrain=None,
        anchor="pca", alpha=1e-2, learning_rate_init="auto", batch_size="auto",
        max_iter="auto", early_stopping=True, validation_fraction=0.1,
        n_iter_no_change="auto", tol=1e-4, warm_start=False, random_state=None,
        verbose=0, device="auto",
    ):  # fmt: skip
        super().__init__(
            n_components, hidden_layer_sizes=hidden_layer_sizes, activation=activation,
            network=network, pretrain=pretrain, anchor=anchor, alpha=alpha,
            learning_rate_init=learning_rate_init, batch_size=batch_size,
            max_iter=max_iter, early_stopping=early_stopping,
            validation_fraction=validation_fraction, n_iter_no_change=n_iter_no_change,
            tol=tol, warm_start=warm_start, random_state=random_state, verbose=verbose,
            device=device,
        )  # fmt: skip
        self.likelihood = likelihood
        self.beta = beta

    def _bounded(self) -> str | None:
        return "likelihood='bernoulli'" if self.likelihood == "bernoulli" else None

    def _design(self, n_features: int) -> dict[str, Any]:
        from ._corruptions import Binary
        from ._posterior import Gaussian

        bernoulli = self.likelihood == "bernoulli"
        if not bernoulli:
            return {"code": Gaussian(float(self.beta)), "loss": "normal"}
        return {
            "code": Gaussian(float(self.beta)),
            "loss": "bernoulli",
            "corruption": Binary(),
            "linear": False,
        }

    def _fitted(self, outcome, rows) -> dict[str, Any]:
        return super()._fitted(outcome, rows) | self._moments(outcome.model, rows)
