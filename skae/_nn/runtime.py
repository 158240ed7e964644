"""Device, gradient mode, defaults and global random state of what is computed."""

# torch.manual_seed and torch.random.fork_rng are untyped.
# pyright: reportUnknownMemberType=false

import os
import re
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager
from typing import NamedTuple

import torch

from .contexts import ensured, surely
from .threads import one_thread


def resolve_device(device: str | torch.device) -> torch.device:
    """Return the device of this name.

    ``"auto"`` is CUDA if available, else the CPU.

    Raises
    ------
    ValueError
        If there is no such device, or not on this machine.
    """
    if isinstance(device, str) and device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        resolved = torch.device(device)
    except (RuntimeError, TypeError) as error:
        raise ValueError(
            f"device={device!r} is not a device; use 'auto', 'cpu', 'cuda', 'cuda:1', "
            "'mps' or a torch.device."
        ) from error
    available = {
        "cpu": lambda: True,
        "cuda": lambda: (resolved.index or 0) < torch.cuda.device_count(),
        "mps": torch.backends.mps.is_available,
    }
    if resolved.type not in available or not available[resolved.type]():
        raise ValueError(
            f"device={str(device)!r} is not available on this machine; "
            "use device='auto' or device='cpu'."
        )
    return resolved


OUT_OF_MEMORY = re.compile(
    "out of memory|not enough memory|allocate memory|alloc_failed|bad_alloc", re.I
)


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an error says that memory is full; PyTorch has RuntimeErrors."""
    if isinstance(error, RuntimeError):
        return OUT_OF_MEMORY.search(str(error)) is not None
    return isinstance(error, MemoryError)


@contextmanager
def gradient_mode(*, autograd: bool) -> Generator[None, None, None]:
    """Disable gradients, by inference mode unless autograd is to be used inside.

    Inference mode is faster, but its tensors can never take part in autograd.
    """
    with torch.inference_mode(not autograd), torch.no_grad():
        yield


@contextmanager
def single_thread(*, autograd: bool = False) -> Generator[None, None, None]:
    """Run on one thread, without gradients, and restore the setting afterwards.

    Networks of this size are slower on two threads than on one. A sum also rounds
    differently on another number of threads: on one, a fit gives the same model in a
    loop, in a worker process and beside other fits. Other threads keep their number.
    """
    with one_thread(), gradient_mode(autograd=autograd):
        yield


_seed_lock = threading.RLock()  # there is one global state for all threads


@contextmanager
def global_seed(seed: int) -> Generator[None, None, None]:
    """Seed PyTorch's global random state, which modules use, and restore it after."""
    devices = range(torch.cuda.device_count())
    with surely(_seed_lock), torch.random.fork_rng(devices):
        torch.manual_seed(seed)
        yield


def _after_fork() -> None:
    """Make a new lock: one that another thread held would never be released."""
    global _seed_lock
    _seed_lock = threading.RLock()


if sys.platform != "win32":
    os.register_at_fork(after_in_child=_after_fork)


@contextmanager
def default_placement(device: str = "cpu") -> Generator[None, None, None]:
    """Make float32 and a device PyTorch's defaults, whatever they are outside."""
    before = torch.get_default_dtype()
    changed = before != torch.float32  # for all threads: not to be set without need

    def restore() -> None:
        if changed:
            torch.set_default_dtype(before)

    with ensured(restore):
        if changed:
            torch.set_default_dtype(torch.float32)
        with surely(torch.device(device)):
            yield


class Placement(NamedTuple):
    """Device and precision in which networks predict."""

    device: torch.device
    dtype: torch.dtype = torch.float32

    @classmethod
    def exact(cls, device: torch.device) -> "Placement":
        """Return float64 if possible: samples then hardly depend on their batch."""
        # Apple's GPUs have no float64.
        return cls(device, torch.float32 if device.type == "mps" else torch.float64)
