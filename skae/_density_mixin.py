"""What an autoencoder that is a density does with rows besides."""

from numbers import Integral
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from sklearn.utils import check_random_state, check_scalar
from sklearn.utils.validation import check_is_fitted

from ._codec_mixin import CodecMixin
from ._rows import Rows, moments
from ._validation import read_table

if TYPE_CHECKING:
    from ._evidence import Evidence
    from ._model import Model

ENOUGH = 1000  # rows that tell their own moments
DRAWS = 8192  # from the prior, to learn the moments of samples


def _positive(name: str, value: Any) -> int:
    return int(check_scalar(value, name, Integral, min_val=1))


class DensityMixin(CodecMixin):
    """Score and draw rows with the density that a fit has left."""

    likelihood: str
    noise_variance_: np.ndarray | None
    _calibration: np.ndarray

    def _check_table(self, X: Any, *, reset: bool) -> np.ndarray:
        return read_table(self, X, reset=reset, unit=self._bounded())

    def _codec_class(self) -> "type[Evidence]":
        from ._evidence import Evidence

        return Evidence

    def score_samples(self, X, n_draws=100):
        """Return the estimated log-likelihood of each row.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows to score.
        n_draws : int, default=100
            Draws of each row's posterior. More give a higher, closer estimate; the same
            number gives the same estimate at each call.

        Returns
        -------
        ndarray of shape (n_samples,)
            Log-likelihoods in nats, comparable with `PCA.score_samples`.
        """
        return self._apply("log_likelihood", X, _positive("n_draws", n_draws))

    def elbo(self, X, n_draws=100):
        """Return the evidence bound of each row, which its log-likelihood exceeds.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows to score.
        n_draws : int, default=100
            Draws of each row's posterior.

        Returns
        -------
        ndarray of shape (n_samples,)
            Bounds in nats, with `beta` taken as one.
        """
        return self._apply("bound", X, _positive("n_draws", n_draws))

    def posterior(self, X):
        """Return mean and standard deviation of each row's codes.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows to encode.

        Returns
        -------
        mean : ndarray of shape (n_samples, n_components_)
            Posterior means, which `transform` returns.
        std : ndarray of shape (n_samples, n_components_)
            Posterior standard deviations; the prior's are one.
        """
        both = self._apply("posterior", X)
        return both[:, 0], both[:, 1]

    def sample(self, n_samples=1, random_state=None, *, calibrated=True):
        """Draw rows from the network's density, without the share it leaves to PCA.

        Parameters
        ----------
        n_samples : int, default=1
            Number of rows.
        random_state : int, RandomState instance or None, default=None
            Seed of the draws.
        calibrated : bool, default=True
            Whether each column is shifted and scaled to the training rows' mean and
            variance: from the moments of the density, which a network has only nearly
            right, or from 1,000 rows on of the very rows that are drawn. Without effect
            for "bernoulli".

        Returns
        -------
        ndarray of shape (n_samples, n_features_in_)
            Rows in the units of X, noise included; zeros and ones for "bernoulli".

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
        rows = mean + rng.normal(size=mean.shape) * np.sqrt(self.noise_variance_)
        if not calibrated:
            return rows
        drawn, wanted = self._calibration[:2], self._calibration[2:]
        if n_samples >= ENOUGH:
            drawn = np.stack([rows.mean(axis=0), rows.std(axis=0)])
        return (rows - drawn[0]) * (wanted[1] / drawn[1]) + wanted[0]

    def _moments(self, model: "Model", rows: Rows) -> dict[str, Any]:
        """Return the noise, and the moments of the rows and of what is drawn."""
        if self.likelihood == "bernoulli":
            return {"noise_variance_": None}
        with self._quietly(model):
            codec = cast("Evidence", self._codec(np.dtype(np.float64), model))
            noise = codec.noise_variance()
            codes = np.random.default_rng(0).normal(size=(DRAWS, model.n_components))
            drawn = codec.decode(codes)
        deviation = np.sqrt(drawn.var(axis=0) + noise)
        wanted = moments(rows)
        calibration = [drawn.mean(axis=0), deviation, wanted.mean, wanted.deviation]
        return {"noise_variance_": noise, "_calibration": np.stack(calibration)}
