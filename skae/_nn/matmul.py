"""Matrix products of layers: the kernel that is fastest for a size.

Torch multiplies float32 matrices on a CPU with MKL, which leaves half of the speed of
AVX-512 unused on processors that Intel did not make; oneDNN, which torch ships as well,
does not. Its entry point is private, so it is used where it is there and it pays.
"""

from collections.abc import Callable

import torch
from torch import Tensor

LARGE = 1 << 21  # multiply-adds from which oneDNN's overhead no longer shows
_linear: Callable[..., Tensor] | None = getattr(
    torch.ops.mkldnn, "_linear_pointwise", None
)


def use_onednn(x: Tensor, rows: int, inner: int, columns: int) -> bool:
    """Return whether a product of tensors like ``x`` is one for oneDNN."""
    return (
        _linear is not None
        and x.device.type == "cpu"
        and x.dtype == torch.float32
        and x.ndim == 2
        and rows * inner * columns >= LARGE
        and torch.backends.mkldnn.is_available()
    )


def onednn(x: Tensor, y: Tensor, bias: Tensor | None = None) -> Tensor:
    """Return ``x y' + bias``, matrices with any strides."""
    assert _linear is not None
    if not (y.is_contiguous() or y.mT.is_contiguous()):
        y = y.contiguous()  # a thousand times slower than the copy is a padded y
    return _linear(x, y, bias, "none", [], "")


def matmul(x: Tensor, y: Tensor) -> Tensor:
    """Return ``x y``, with a leading model axis or without."""
    if use_onednn(x, x.shape[-2], x.shape[-1], y.shape[-1]):
        return onednn(x, y.mT)
    return x @ y


def gram(x: Tensor) -> Tensor:
    """Return ``x' x``."""
    if use_onednn(x, x.shape[1], x.shape[0], x.shape[1]):
        return onednn(x.mT, x.mT)
    return x.mT @ x
