"""Matrix products by the kernel that is fastest for their size.

Torch multiplies float32 matrices on a CPU with MKL, which leaves half of the speed of
AVX-512 unused on processors that Intel did not make. oneDNN, which torch ships as well,
does not. Its entry point is private, so it is used only if it exists and pays off.
"""

from collections.abc import Callable

import torch
from torch import Tensor

LARGE = 1 << 21  # multiply-adds from which oneDNN's overhead no longer shows
_onednn_linear: Callable[..., Tensor] | None = getattr(
    torch.ops.mkldnn, "_linear_pointwise", None
)


def use_onednn(x: Tensor, n_rows: int, inner: int, n_columns: int) -> bool:
    """Return whether oneDNN computes a product of matrices like ``x`` faster.

    The product is ``(n_rows, inner)`` times ``(inner, n_columns)``.
    """
    return (
        _onednn_linear is not None
        and x.device.type == "cpu"
        and x.dtype == torch.float32
        and x.ndim == 2
        and n_rows * inner * n_columns >= LARGE
        and torch.backends.mkldnn.is_available()
    )


def onednn(x: Tensor, y: Tensor, bias: Tensor | None = None) -> Tensor:
    """Return ``x y' + bias``, for matrices with any strides."""
    assert _onednn_linear is not None
    if not (y.is_contiguous() or y.mT.is_contiguous()):
        y = y.contiguous()  # oneDNN is a thousand times slower on padded rows
    return _onednn_linear(x, y, bias, "none", [], "")


def matmul(x: Tensor, y: Tensor) -> Tensor:
    """Return ``x y``, with or without a leading model axis."""
    if use_onednn(x, x.shape[-2], x.shape[-1], y.shape[-1]):
        return onednn(x, y.mT)
    return x @ y


def gram(x: Tensor) -> Tensor:
    """Return the Gram matrix ``x' x``."""
    if use_onednn(x, x.shape[1], x.shape[0], x.shape[1]):
        return onednn(x.mT, x.mT)
    return x.mT @ x
