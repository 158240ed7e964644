"""The convolutional autoencoder: flattened images in, flattened images out."""

from math import isqrt, prod
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from skae._data.dataset import Dataset
from skae._sklearn.constraints import (
    AT_LEAST_ONE,
    parameter_constraints,
    set_parameters,
)
from skae._sklearn.docstrings import complete_docstring
from skae._sklearn.modules import set_module

from .base import BaseAutoencoder
from .defaults import AutoDefaults

if TYPE_CHECKING:
    from skae._fitting.fit import FitResult
    from skae._nn.modules.architecture import Factory


@set_module("skae")
@complete_docstring
class ConvolutionalAutoencoder(BaseAutoencoder):
    """Autoencoder of images whose corrections of PCA are convolutional.

    Samples are flattened images, and so are their reconstructions. Each convolution of
    the encoder (3 x 3) halves height and width, a linear layer gives the latent codes,
    and transposed convolutions (4 x 4) mirror it. As in `AutoencoderTransformer` the
    network starts at PCA, and held-out images decide whether it is kept.

    Parameters
    ----------
    image_shape : tuple of int or None, default=None
        Height and width, or channels, height and width, of the flattened images, in
        this order. None takes a square, if the number of features is that of
        one with a side of eight or more, and one line of pixels otherwise.
    channels : tuple of int, default=(16, 32, 64, 64)
        Channels after each convolution of the encoder.
    n_components : int or None, default=None
        Number of latent codes; None takes as many as PCA needs for 95 % of the
        variance.
    {parameters}

    Attributes
    ----------
    image_shape_ : tuple of int
        Channels, height and width.
    {attributes}

    Notes
    -----
    "auto" is a learning rate of 6e-3 and batches of 64 images here.

    References
    ----------
    Masci, J., Meier, U., Ciresan, D. and Schmidhuber, J. (2011). Stacked convolutional
    auto-encoders for hierarchical feature extraction. ICANN.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skae import ConvolutionalAutoencoder
    >>> X = load_digits().data / 16
    >>> ae = ConvolutionalAutoencoder((8, 8), n_components=4, max_iter=60)
    >>> ae.fit_transform(X).shape
    (1797, 4)
    """

    AUTO: ClassVar[AutoDefaults] = AutoDefaults(learning_rate=6e-3, batch_size=64)
    _parameter_constraints: ClassVar[dict[str, Any]] = parameter_constraints(
        "hidden_layer_sizes", "network", "pretrain",
        image_shape=["array-like", None],
        channels=["array-like"],
        n_components=[AT_LEAST_ONE, None],
    )  # fmt: skip

    image_shape: Any
    channels: Any

    hidden_layer_sizes = "auto"
    network = None
    pretrain = None

    def __init__(
        self, image_shape=None, *, channels=(16, 32, 64, 64), n_components=None,
        activation="silu", anchor="pca", loss="squared_error", whiten=False, alpha=1e-2,
        learning_rate_init="auto", batch_size="auto", max_iter="auto",
        early_stopping=True, validation_fraction=0.1, n_iter_no_change="auto", tol=1e-4,
        warm_start=False, random_state=None, verbose=0, device="auto",
    ):  # fmt: skip
        set_parameters(self, locals())

    def _shape(self, n_features: int) -> tuple[int, int, int]:
        """Return channels, height and width of an image."""
        if self.image_shape is None:
            side = isqrt(n_features)
            square = side >= 8 and side**2 == n_features
            return (1, side, side) if square else (1, 1, n_features)
        shape = _positive_integers("image_shape", self.image_shape)
        if len(shape) not in (2, 3) or prod(shape) != n_features:
            raise ValueError(
                f"image_shape={self.image_shape!r} must be (height, width) or "
                f"(channels, height, width) of {n_features} pixels, as many as X has "
                "columns."
            )
        channels, height, width = shape if len(shape) == 3 else (1, *shape)
        if width in (1, 3, 4) and channels > 4 and height > 4:
            raise ValueError(
                f"image_shape={self.image_shape!r} reads as {channels} channels of "
                f"{height} x {width} pixels. If it is (height, width, channels), pass "
                f"image_shape=({width}, {channels}, {height}) and the images channels "
                f"first: X.reshape(-1, {channels}, {height}, {width})"
                ".transpose(0, 3, 1, 2).reshape(len(X), -1)."
            )
        return channels, height, width

    def _network_factory(self, n_features: int) -> "Factory":
        from skae._nn.modules.convolutional import Convolutions

        channels = _positive_integers("channels", self.channels)
        return Convolutions(self._shape(n_features), channels, self.activation)

    def _fitted_attributes(self, result: "FitResult", data: Dataset) -> dict[str, Any]:
        shape = self._shape(data.n_features)
        return super()._fitted_attributes(result, data) | {"image_shape_": shape}


def _positive_integers(name: str, values: Any) -> tuple[int, ...]:
    array = np.asarray(values)
    if array.ndim != 1 or array.size == 0 or array.dtype.kind not in "iu":
        raise ValueError(f"{name} must be a tuple of integers; got {values!r}.")
    if (array < 1).any():
        raise ValueError(f"{name} must be positive; got {values!r}.")
    return tuple(int(value) for value in array)
