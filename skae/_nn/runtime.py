"""Device, threads, gradient mode and global random state of a fit."""

# torch.manual_seed and torch.random.fork_rng are untyped.
# pyright: reportUnknownMemberType=false

import threading
from collections.abc import Generator
from contextlib import contextmanager
from typing import NamedTuple

import torch


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


_lock = threading.Lock()
_n_fits = 0  # threads that are inside single_thread
_n_threads = 1  # the setting that they restore
_state = threading.local()


def _enter() -> None:
    global _n_fits, _n_threads
    with _lock:
        if _n_fits == 0:
            _n_threads = torch.get_num_threads()
        _n_fits += 1
        torch.set_num_threads(1)


def _leave() -> None:
    global _n_fits
    with _lock:
        _n_fits -= 1
        torch.set_num_threads(_n_threads)


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
    loop, in a worker process and beside other fits. Each thread has its own setting
    but takes it from a global one, so concurrent fits agree on what to restore, and a
    fit within a fit does not change it.
    """
    outermost = not getattr(_state, "fit", False)
    if outermost:
        _state.fit = True
        _enter()
    try:
        with gradient_mode(autograd=autograd):
            yield
    finally:
        if outermost:
            _state.fit = False
            _leave()


_seed_lock = threading.RLock()  # there is one global state for all threads


@contextmanager
def global_seed(seed: int) -> Generator[None, None, None]:
    """Seed PyTorch's global random state, which modules use, and restore it after."""
    devices = range(torch.cuda.device_count())
    with _seed_lock, torch.random.fork_rng(devices):
        torch.manual_seed(seed)
        yield


@contextmanager
def default_placement() -> Generator[None, None, None]:
    """Make float32 and the CPU PyTorch's defaults, whatever they are outside.

    Except for the meta device, where modules are made for their shapes only.
    """
    before = torch.get_default_dtype()
    device = "meta" if torch.get_default_device().type == "meta" else "cpu"
    try:
        if before != torch.float32:  # for all threads: not to be set without need
            torch.set_default_dtype(torch.float32)
        with torch.device(device):
            yield
    finally:
        if before != torch.float32:
            torch.set_default_dtype(before)


class Placement(NamedTuple):
    """Device and precision in which networks predict."""

    device: torch.device
    dtype: torch.dtype = torch.float32

    @classmethod
    def exact(cls, device: torch.device) -> "Placement":
        """Return float64 if possible: samples then hardly depend on their batch."""
        # Apple's GPUs have no float64.
        return cls(device, torch.float32 if device.type == "mps" else torch.float64)
