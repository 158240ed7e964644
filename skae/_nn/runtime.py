"""Where and how a fit runs: its device, its threads, its random numbers."""

# torch.linalg, torch.from_numpy and scikit-learn carry no types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportMissingTypeStubs=false

import inspect
import threading
import warnings
from collections.abc import Generator
from contextlib import contextmanager
from typing import NamedTuple

import torch


def resolve_device(device: str | torch.device) -> torch.device:
    """Return the device that is meant.

    ``"auto"`` takes CUDA where there is some and the CPU otherwise.

    Raises
    ------
    ValueError
        If the device is unknown or not there.
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
    there = {
        "cpu": lambda: True,
        "cuda": lambda: (resolved.index or 0) < torch.cuda.device_count(),
        "mps": torch.backends.mps.is_available,
    }
    if resolved.type not in there or not there[resolved.type]():
        raise ValueError(
            f"device={str(device)!r} is not available on this machine; "
            "use device='auto' or device='cpu'."
        )
    return resolved


def caller_stacklevel() -> int:
    """Return the stack level of the first caller outside of skae and scikit-learn."""
    frame, depth = inspect.currentframe(), 0
    inner = ("skae.", "sklearn.")
    while frame is not None and frame.f_globals.get("__name__", "").startswith(inner):
        frame, depth = frame.f_back, depth + 1
    return depth


def available_device(device: str | torch.device) -> torch.device:
    """Return the device to predict on; with a warning the CPU, if it is not there."""
    try:
        return resolve_device(device)
    except ValueError:
        warnings.warn(
            f"device={str(device)!r} is not available here; the CPU is used.",
            stacklevel=caller_stacklevel(),
        )
        return torch.device("cpu")


_lock = threading.Lock()
_fits = 0  # threads that are inside single_thread
_threads = 1  # what they restore
_inside = threading.local()


def _enter() -> None:
    global _fits, _threads
    with _lock:
        if _fits == 0:
            _threads = torch.get_num_threads()
        _fits += 1
        torch.set_num_threads(1)


def _leave() -> None:
    global _fits
    with _lock:
        _fits -= 1
        torch.set_num_threads(_threads)


@contextmanager
def gradient_mode(*, autograd: bool) -> Generator[None, None, None]:
    """Enter the mode in which tensors are made that autograd may have to know.

    Inference mode is faster, but what is made in it can have no gradient later.
    """
    with torch.inference_mode(not autograd), torch.no_grad():
        yield


@contextmanager
def single_thread(*, autograd: bool = False) -> Generator[None, None, None]:
    """Run on one thread, without gradients, and restore the setting afterwards.

    Networks of this size are slower on two threads than on one, and a sum that is
    split in another way rounds in another way: on one thread a fit gives the same
    model in a loop, in a worker process and beside other fits. The setting belongs to
    a thread but starts from a global one, so fits that run side by side agree on what
    to restore, and a fit within a fit leaves it alone.
    """
    outermost = not getattr(_inside, "fit", False)
    if outermost:
        _inside.fit = True
        _enter()
    try:
        with gradient_mode(autograd=autograd):
            yield
    finally:
        if outermost:
            _inside.fit = False
            _leave()


_seed_lock = threading.RLock()  # there is one global state for all threads


@contextmanager
def global_seed(seed: int) -> Generator[None, None, None]:
    """Seed what modules draw from, PyTorch's global state, and restore it after."""
    devices = range(torch.cuda.device_count())
    with _seed_lock, torch.random.fork_rng(devices):
        torch.manual_seed(seed)
        yield


class Placement(NamedTuple):
    """Device and precision in which networks predict."""

    device: torch.device
    dtype: torch.dtype = torch.float32

    @classmethod
    def exact(cls, device: torch.device) -> "Placement":
        """Return the precision in which the rows beside a row do not matter."""
        # Apple's GPUs know no float64.
        return cls(device, torch.float32 if device.type == "mps" else torch.float64)
