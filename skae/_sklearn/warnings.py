"""Warnings that point at the user's line, also of a missing device."""

import inspect
import warnings
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

INSIDE = (
    "skae.",
    "sklearn.",
    "joblib.",
    "numpy._core._ufunc_config",
)  # the last: np.errstate


def caller_stacklevel() -> int:
    """Return the stack level of the first caller outside of skae and scikit-learn."""
    frame, depth = inspect.currentframe(), 0
    while frame is not None and frame.f_globals.get("__name__", "").startswith(INSIDE):
        frame, depth = frame.f_back, depth + 1
    return depth


def warn(message: str, category: type[Warning] = UserWarning) -> None:
    """Issue a warning at the first caller outside of skae and scikit-learn."""
    warnings.warn(message, category, stacklevel=caller_stacklevel())


def available_device(device: "str | torch.device") -> "torch.device":
    """Return the device to predict on; with a warning the CPU, if it is not there."""
    import torch

    from skae._nn.runtime import resolve_device

    try:
        return resolve_device(device)
    except ValueError:
        warn(f"device={str(device)!r} is not available here; the CPU is used.")
        return torch.device("cpu")
