"""Convolutional encoders and decoders for flattened images of any size."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from math import prod

import torch
from torch import Tensor, nn

ACTIVATION_MODULES: dict[str, Callable[[], nn.Module]] = {
    "elu": nn.ELU,
    "gelu": partial(nn.GELU, approximate="tanh"),
    "identity": nn.Identity,
    "leaky_relu": nn.LeakyReLU,
    "logistic": nn.Sigmoid,
    "relu": nn.ReLU,
    "silu": nn.SiLU,
    "tanh": nn.Tanh,
}


class Crop(nn.Module):
    """Crop images to a size."""

    def __init__(self, height: int, width: int) -> None:
        super().__init__()
        self._height, self._width = height, width

    def forward(self, x: Tensor) -> Tensor:
        """Return the upper left part."""
        return x[..., : self._height, : self._width]


@dataclass(frozen=True)
class Convolutions:
    """A factory of encoders and decoders.

    Each convolution of the encoder (3 x 3) halves height and width, rounding up; the
    decoder mirrors it with transposed ones (4 x 4), which double them. Weights are
    uniform with variance ``2 / fan_in``.

    Attributes
    ----------
    shape : (int, int, int)
        Channels, height and width of an image.
    channels : tuple of int
        Channels after each convolution.
    activation : str, default="silu"
        Activation between the layers.
    """

    shape: tuple[int, int, int]
    channels: tuple[int, ...]
    activation: str = "silu"

    def _sizes(self) -> list[tuple[int, int]]:
        """Return height and width before and after each convolution."""
        sizes = [self.shape[1:]]
        for _ in self.channels:
            height, width = sizes[-1]
            sizes.append((-(-height // 2), -(-width // 2)))
        return sizes

    def __call__(
        self, n_features: int, n_components: int
    ) -> tuple[nn.Module, nn.Module]:
        """Return an encoder to ``n_components`` latent codes, and its decoder."""
        phi, sizes = ACTIVATION_MODULES[self.activation], self._sizes()
        widths = (self.shape[0], *self.channels)
        top = (widths[-1], *sizes[-1])
        encoder: list[nn.Module] = [nn.Unflatten(1, self.shape)]
        decoder: list[nn.Module] = [
            nn.Linear(n_components, prod(top)),
            nn.Unflatten(1, top),
        ]
        for before, after in pairwise(widths):
            encoder += [nn.Conv2d(before, after, 3, stride=2, padding=1), phi()]
        for i in range(len(self.channels), 0, -1):
            up = nn.ConvTranspose2d(widths[i], widths[i - 1], 4, stride=2, padding=1)
            decoder += [phi(), up, Crop(*sizes[i - 1])]
        encoder += [nn.Flatten(), nn.Linear(prod(top), n_components)]
        decoder.append(nn.Flatten())
        _initialize([*encoder, *decoder])
        return nn.Sequential(*encoder), nn.Sequential(*decoder)


def _initialize(layers: Sequence[nn.Module]) -> None:
    with torch.no_grad():
        for layer in layers:
            if not isinstance(layer, (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)):
                continue
            fan_in = layer.weight[0].numel()
            if isinstance(layer, nn.ConvTranspose2d):
                # The stride is two: each output depends on a quarter of the kernel.
                fan_in = layer.weight[:, 0].numel() / 4
            bound = (6 / fan_in) ** 0.5
            layer.weight.uniform_(-bound, bound)
            assert layer.bias is not None
            layer.bias.zero_()
