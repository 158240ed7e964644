"""The denoising autoencoder: noisy samples in, clean samples out."""

from typing import Any, ClassVar

import numpy as np
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from skae._data.corruption import FunctionCorruption, corrupt_rows
from skae._sklearn.compat import StrOptions, check_sample_weight
from skae._sklearn.constraints import (
    NOT_NEGATIVE,
    parameter_constraints,
    set_parameters,
)
from skae._sklearn.docstrings import complete_docstring, described
from skae._sklearn.modules import set_module
from skae._sklearn.validation import is_target, validate_table, validate_target
from skae.noise import NAMES, Corruption

from .base import BaseAutoencoder
from .defaults import AutoDefaults


@set_module("skae")
@complete_docstring
class DenoisingAutoencoder(BaseAutoencoder):
    r"""Autoencoder that learns to remove noise.

    Samples are corrupted anew at each step, and the reconstruction is compared with the
    clean sample, :math:`\min E\,|x - \hat x(x + \text{noise})|^2`. `reconstruct`
    removes noise of the same kind; `transform` gives latent codes that it moves little.
    Held-out samples are corrupted too: PCA is kept if it denoises as well.

    Where clean samples and noisy copies of them were measured, ``fit(noisy, clean)``
    learns from these pairs, and `noise` is not used.

    Parameters
    ----------
    noise : {"gaussian", "masking", "salt_and_pepper", "swap"}, Corruption or \
            callable, default="gaussian"
        Noise of the samples. "gaussian" adds normal noise; "masking" replaces values by
        the mean of their feature, "salt_and_pepper" by its minimum or maximum, "swap"
        by another sample's. An object of :mod:`skae.noise` has its own level; a
        function ``noise(X, rng)`` returns noisy samples, given a NumPy generator.
    noise_level : float, default=0.3
        Standard deviation of "gaussian" noise in the units of X (scale features that
        differ in theirs); of the other kinds the share of the values.
    max_iter : int or "auto", default="auto"
        Steps of the optimizer. "auto" is four times that of `AutoencoderTransformer`:
        1,200 below 600 samples, else 8,000 (12,000 from 4,000 samples and 256
        features), and more from 50,000 samples.
    alpha : float, default=0.2
        Decoupled weight decay, on weights only.
    {parameters}

    References
    ----------
    Vincent, P., Larochelle, H., Lajoie, I., Bengio, Y. and Manzagol, P.-A. (2010).
    Stacked denoising autoencoders. JMLR 11, 3371-3408.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skae import DenoisingAutoencoder
    >>> X = load_digits().data / 16
    >>> ae = DenoisingAutoencoder(16, max_iter=300, random_state=0).fit(X[:1500])
    >>> noisy = ae.corrupt(X[1500:], random_state=0)
    >>> denoised = ae.reconstruct(noisy)
    >>> bool(((denoised - X[1500:]) ** 2).mean() < ((noisy - X[1500:]) ** 2).mean() / 2)
    True
    """

    # Noise is new at each step: there is more to learn, and less to overfit.
    AUTO: ClassVar[AutoDefaults] = AutoDefaults(steps_multiplier=4.0)
    _parameter_constraints: ClassVar[dict[str, Any]] = parameter_constraints(
        noise=[StrOptions(set(NAMES)), Corruption, callable],
        noise_level=[NOT_NEGATIVE],
    )

    noise: Any
    noise_level: Any

    def __init__(
        self, n_components=None, *, noise="gaussian", noise_level=0.3,
        hidden_layer_sizes="auto", activation="silu", network=None, pretrain=None,
        anchor="pca", loss="squared_error", whiten=False, alpha=0.2,
        learning_rate_init="auto", batch_size="auto", max_iter="auto",
        early_stopping=True, validation_fraction=0.1, n_iter_no_change="auto", tol=1e-4,
        warm_start=False, random_state=None, verbose=0, device="auto",
    ):  # fmt: skip
        set_parameters(self, locals())

    fit = described(
        BaseAutoencoder.fit,
        y="""array-like of shape (n_samples, n_features) or None, default=None
        Clean samples, of which the rows of X are noisy copies in the same units. The
        network sees X as it is, its reconstruction is compared with y, and `noise` is
        not used. None, or X itself, means that X is clean; y of another shape, as
        labels have, is ignored.""",
    )

    def _input_corruption(self) -> Corruption:
        noise, level = self.noise, float(self.noise_level)
        if isinstance(noise, Corruption):
            return noise
        if isinstance(noise, type):
            name, named = noise.__name__, noise in NAMES.values()
            example = f"of it, such as {name}" if named else "such as Gaussian"
            raise TypeError(f"noise={name} is a class; pass an object {example}(0.3).")
        if not isinstance(noise, str):
            return FunctionCorruption(noise)
        if noise != "gaussian" and level > 1:
            raise ValueError(
                f"noise_level={level} must be at most 1: for noise={noise!r} it is a "
                "share of the values."
            )
        return NAMES[noise](level)

    def _check_samples(self, X: Any, y: Any) -> tuple[np.ndarray, np.ndarray | None]:
        if not is_target(X, y):
            return super()._check_samples(X, y)
        # Noise may lead out of [0, 1]; what is reconstructed must be in it.
        table = validate_table(self, X, reset=True, unit_interval_for=None)
        parameter = self._unit_interval_parameter()
        return table, validate_target(self, y, unit_interval_for=parameter)

    def score(self, X, y=None, sample_weight=None):
        """Return minus the mean squared error of the reconstruction.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Samples to score.
        y : array-like of shape (n_samples, n_features) or None, default=None
            Clean samples that the reconstructions are compared with; None, or y of
            another shape, compares with X.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the samples.

        Returns
        -------
        float
            The mean over samples and features, in squared units of X; higher is better.
        """
        if not is_target(X, y):
            return super().score(X, sample_weight=sample_weight)
        reconstruction = self.reconstruct(X)
        clean = validate_target(self, y, unit_interval_for=None)
        errors = np.square(reconstruction - clean).mean(axis=1)
        if sample_weight is not None:
            sample_weight = check_sample_weight(sample_weight, errors)
        return -float(np.average(errors, weights=sample_weight))

    def corrupt(self, X, random_state=None):
        """Return X with noise of the kind that training adds: that of `noise`.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Clean samples.
        random_state : int, RandomState instance or None, default=None
            Seed of the noise.

        Returns
        -------
        ndarray of shape (n_samples, n_features)
            Noisy samples; float32 for float32 X, else float64.
        """
        check_is_fitted(self)
        table = self._check_table(X, reset=False)
        import torch

        seed = check_random_state(random_state).randint(2**31 - 1)
        generator = torch.Generator().manual_seed(int(seed))
        kind = np.float32 if table.dtype == np.float32 else np.float64
        ranges = self._state["anchor"]["column_range"]
        noise = self._input_corruption()
        return corrupt_rows(table.astype(kind), noise, self.mean_, ranges, generator)
