"""The variational autoencoder: a density with latent codes."""

from numbers import Integral
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from sklearn.utils import check_random_state, check_scalar
from sklearn.utils.validation import check_is_fitted

from skae._data.dataset import Dataset
from skae._data.statistics import column_statistics
from skae._sklearn.calls import computes
from skae._sklearn.compat import StrOptions
from skae._sklearn.constraints import (
    AT_LEAST_ONE,
    POSITIVE,
    parameter_constraints,
    set_parameters,
)
from skae._sklearn.docstrings import complete_docstring
from skae._sklearn.modules import set_module
from skae._sklearn.validation import validate_table
from skae._sklearn.warnings import available_device

from .base import BaseAutoencoder

if TYPE_CHECKING:
    from skae._fitting.fit import FitResult
    from skae._model.density import DensityCodec
    from skae._model.fitted import FittedModel
    from skae._model.objective import Objective
    from skae.noise import Corruption

N_ENOUGH = 1000  # samples whose own moments are taken
N_DRAWS = 8192  # from the prior, to learn the moments of samples


def _positive(name: str, value: Any) -> int:
    return int(check_scalar(value, name, Integral, min_val=1))


@set_module("skae")
@complete_docstring
class VAE(BaseAutoencoder):
    r"""Variational autoencoder that starts at probabilistic PCA.

    A density :math:`p(x) = \int p(x \mid z)\, \mathcal N(z; 0, I)\, dz` is fitted by
    the evidence lower bound

    .. math::

        \mathbb E_{q(z \mid x)} \log p(x \mid z)
            - \beta\, \mathrm{KL}(q(z \mid x) \,\|\, \mathcal N(0, I)),

    with normal posteriors q. With `likelihood="gaussian"` each feature has a variance
    of its own about the decoder's mean, which is learned. At the first step the bound
    of every sample is its log-likelihood under `PCA`, and PCA is kept if the network is
    no better on held-out samples. The density of a network with an anchor is mixed with
    1 % of PCA's: a sample unlike anything in training then costs at most 4.6 nats
    against PCA. Latent codes are posterior means: deterministic, in units of the
    standard normal prior.

    Parameters
    ----------
    n_components : int or None, default=None
        Number of latent codes; None takes as many as PCA needs for 95 % of the
        variance.
    likelihood : {"gaussian", "bernoulli"}, default="gaussian"
        Distribution of a sample given its codes. "bernoulli" is for features in [0, 1]:
        in training zeros and ones are drawn with them as probabilities. It has no
        anchor.
    beta : float, default=1.0
        Weight of the divergence from the prior; without an anchor it grows from zero
        over 30 % of the steps. Above one codes carry less information about each sample
        and are more independent.
    network : callable or None, default=None
        A custom network: ``network(n_features, n_components)`` returns two new
        `torch.nn.Module`, encoder and decoder, whenever it is called. The encoder's
        output is twice as wide as the codes: means, then log-variances (relative to
        those of the anchor's posterior, if there is one).
    {parameters}

    Attributes
    ----------
    noise_variance_ : ndarray of shape (n_features_in_,) or None
        Variance of each feature about the decoder's mean; None for "bernoulli".
    pca_ratio_ : float
        Perplexity of a feature on held-out samples, ``exp(-bound / n_features)``,
        relative to that of probabilistic PCA, exactly 1.0 if that was kept; for
        "bernoulli" relative to that of independent features.
    loss_curve_, validation_curve_ : list of float
        Minus the bound, in nats a feature, between and at the evaluations.
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

    _parameter_constraints: ClassVar[dict[str, Any]] = parameter_constraints(
        "loss",
        "whiten",
        n_components=[AT_LEAST_ONE, None],
        likelihood=[StrOptions({"gaussian", "bernoulli"})],
        beta=[POSITIVE],
    )

    noise_variance_: np.ndarray | None
    _calibration: np.ndarray

    likelihood: Any
    beta: Any

    loss = "squared_error"
    whiten = False

    def __init__(
        self, n_components=None, *, likelihood="gaussian", beta=1.0,
        hidden_layer_sizes="auto", activation="silu", network=None, pretrain=None,
        anchor="pca", alpha=1e-2, learning_rate_init="auto", batch_size="auto",
        max_iter="auto", early_stopping=True, validation_fraction=0.1,
        n_iter_no_change="auto", tol=1e-4, warm_start=False, random_state=None,
        verbose=0, device="auto",
    ):  # fmt: skip
        set_parameters(self, locals())

    def _unit_interval_parameter(self) -> str | None:
        return "likelihood='bernoulli'" if self.likelihood == "bernoulli" else None

    def _objective(self, n_features: int) -> "Objective":
        from skae._model.objective import Objective
        from skae._nn.latents import GaussianLatent
        from skae._nn.losses import loss_from_name

        bernoulli = self.likelihood == "bernoulli"
        return Objective(
            loss_from_name("bernoulli" if bernoulli else "normal", n_features),
            GaussianLatent(float(self.beta)),
            anchored=self.anchor is not None and not bernoulli,
        )

    def _input_corruption(self) -> "Corruption | None":
        from skae._data.corruption import Binarization

        return Binarization() if self.likelihood == "bernoulli" else None

    def _check_table(self, X: Any, *, reset: bool, name: str = "X") -> np.ndarray:
        parameter = self._unit_interval_parameter()
        return validate_table(
            self, X, reset=reset, unit_interval_for=parameter, name=name
        )

    def _new_codec(self, model: "FittedModel", dtype: Any) -> "DensityCodec":
        from skae._model.density import DensityCodec

        return DensityCodec(model, dtype, available_device(self.device))

    def _fitted_attributes(self, result: "FitResult", data: Dataset) -> dict[str, Any]:
        attributes = super()._fitted_attributes(result, data)
        if self.likelihood == "bernoulli":
            return attributes | {"noise_variance_": None}
        codec = self._new_codec(result.model, np.float64)
        shape = (N_DRAWS, result.model.n_components)
        drawn = codec.decode(np.random.default_rng(0).normal(size=shape))
        noise = codec.noise_variance()
        std = np.sqrt(drawn.var(axis=0) + noise)
        target = column_statistics(data.blocks(np.float64))
        moments = np.stack([drawn.mean(axis=0), std, target.mean, target.std])
        return attributes | {"noise_variance_": noise, "_calibration": moments}

    def score_samples(self, X, n_draws=100):
        """Return the estimated log-likelihood of each sample.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Samples to score.
        n_draws : int, default=100
            Draws of each sample's posterior. More give a higher, closer estimate; the
            same number gives the same estimate at each call.

        Returns
        -------
        ndarray of shape (n_samples,)
            Log-likelihoods in nats, comparable with `PCA.score_samples`.
        """
        return self._apply("log_likelihood", X, _positive("n_draws", n_draws))

    def elbo(self, X, n_draws=100):
        """Return the evidence lower bound of the log-likelihood of each sample.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Samples to score.
        n_draws : int, default=100
            Draws of each sample's posterior.

        Returns
        -------
        ndarray of shape (n_samples,)
            Bounds in nats, with `beta` taken as one.
        """
        return self._apply("evidence_lower_bound", X, _positive("n_draws", n_draws))

    def posterior(self, X):
        """Return mean and standard deviation of each sample's latent codes.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Samples to encode.

        Returns
        -------
        mean : ndarray of shape (n_samples, n_components_)
            Posterior means, which `transform` returns.
        std : ndarray of shape (n_samples, n_components_)
            Posterior standard deviations; the prior's are one.
        """
        both = self._apply("posterior", X)
        return both[:, 0], both[:, 1]

    @computes
    def sample(self, n_samples=1, random_state=None, *, calibrated=True):
        """Draw samples from the network's density, without its mixture with PCA.

        Parameters
        ----------
        n_samples : int, default=1
            Number of samples.
        random_state : int, RandomState instance or None, default=None
            Seed of the draws.
        calibrated : bool, default=True
            Whether each feature is shifted and scaled to the training samples' mean and
            variance: from the moments of the density, which a network has only nearly
            right, or from 1,000 samples on of the drawn samples themselves. Without
            effect for "bernoulli".

        Returns
        -------
        ndarray of shape (n_samples, n_features_in_)
            Samples in the units of X, noise included; zeros and ones for "bernoulli".

        References
        ----------
        Barraquand, J. (1995). Numerical valuation of high dimensional multivariate
        European securities. Management Science 41, 1882-1891.
        """
        check_is_fitted(self)
        n_samples = _positive("n_samples", n_samples)
        rng = check_random_state(random_state)
        mean = self.inverse_transform(rng.normal(size=(n_samples, self.n_components_)))
        if self.noise_variance_ is None:
            return (rng.uniform(size=mean.shape) < mean).astype(np.float64)
        samples = mean + rng.normal(size=mean.shape) * np.sqrt(self.noise_variance_)
        if not calibrated:
            return samples
        drawn, target = self._calibration[:2], self._calibration[2:]
        if n_samples >= N_ENOUGH:
            drawn = np.stack([samples.mean(axis=0), samples.std(axis=0)])
        return (samples - drawn[0]) * (target[1] / drawn[1]) + target[0]
