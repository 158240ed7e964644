"""The denoising autoencoder: noisy samples in, clean samples out."""

from typing import Any, ClassVar

import numpy as np
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from skae._data.corruption import FunctionCorruption, corrupt_rows
from skae._sklearn.compat import StrOptions
from skae._sklearn.constraints import (
    NOT_NEGATIVE,
    parameter_constraints,
    set_parameters,
)
from skae._sklearn.docstrings import complete_docstring
from skae._sklearn.modules import set_module
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

    def _input_corruption(self) -> Corruption:
        noise, level = self.noise, float(self.noise_level)
        if isinstance(noise, Corruption):
            return noise
        if isinstance(noise, type):
            raise TypeError(
                f"noise={noise.__name__} is a class; pass an object of it, such as "
                f"{noise.__name__}(0.3)."
            )
        if not isinstance(noise, str):
            return FunctionCorruption(noise)
        if noise != "gaussian" and level > 1:
            raise ValueError(
                f"noise_level={level} must be at most 1: for noise={noise!r} it is a "
                "share of the values."
            )
        return NAMES[noise](level)

    def corrupt(self, X, random_state=None):
        """Return X with noise of the kind that training adds.

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
