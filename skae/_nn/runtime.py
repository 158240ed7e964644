"""Device, threads, gradient mode, defaults and global random state of a fit."""

# torch.manual_seed, torch.random.fork_rng and threadpoolctl are untyped.
# pyright: reportUnknownMemberType=false, reportMissingTypeStubs=false

import os
import sys
import threading
from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cache
from typing import Any, NamedTuple

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


_forked = False


def _after_fork() -> None:
    """Adapt a forked process, in which only the thread that forked it goes on.

    The other threads of an OpenMP pool are gone, and what asks for them waits forever;
    locks that other threads held are never released.
    """
    global _forked, _lock, _seed_lock, _n_fits, _n_threads
    _lock, _seed_lock = threading.Lock(), threading.RLock()
    _forked, _n_fits, _n_threads = True, int(getattr(_state, "fit", False)), 1
    torch.set_num_threads(1)


if sys.platform != "win32":
    os.register_at_fork(after_in_child=_after_fork)


@cache
def _thread_pools() -> Any:
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


def fork_safe() -> AbstractContextManager[Any]:
    """Return a context for scikit-learn's OpenMP: one thread in a forked process.

    PyTorch needs none, its setting holds for the process. This one is of the calling
    thread alone.
    """
    if not _forked:
        return nullcontext()
    return _thread_pools().limit(limits=1, user_api="openmp")


@contextmanager
def default_placement(device: str = "cpu") -> Generator[None, None, None]:
    """Make float32 and a device PyTorch's defaults, whatever they are outside."""
    before = torch.get_default_dtype()
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
