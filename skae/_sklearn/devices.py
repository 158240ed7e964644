"""The device on which a fitted estimator predicts."""

from typing import TYPE_CHECKING

from .warnings import warn

if TYPE_CHECKING:
    import torch


def available_device(device: "str | torch.device") -> "torch.device":
    """Return the device to predict on; with a warning the CPU, if it is not there."""
    import torch

    from skae._nn.runtime import resolve_device

    try:
        return resolve_device(device)
    except ValueError:
        warn(f"device={str(device)!r} is not available here; the CPU is used.")
        return torch.device("cpu")
