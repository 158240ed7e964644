"""How public methods run: what they import, what interrupts them, what they raise."""

import inspect
import signal
import sys
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import wraps
from importlib import import_module
from typing import Any, ParamSpec, TypeVar

import numpy as np

P = ParamSpec("P")
R = TypeVar("R")

SEVERAL_FITS = {  # modules and functions
    "joblib.parallel",
    "sklearn.utils.parallel",
    "skae._outliers.cross_fitting.cross_fitted_scores",
}

# After np.seterr(all="raise") rounding to zero were an error.
numpy_errors = np.errstate(divide="warn", over="warn", under="ignore", invalid="warn")


def one_of_several_fits() -> bool:
    """Return whether what runs is one of several fits, as in a search.

    Then Ctrl-C is to end them all.
    """
    frame = inspect.currentframe()
    while frame is not None:
        module = frame.f_globals.get("__name__", "")
        if not SEVERAL_FITS.isdisjoint({module, f"{module}.{frame.f_code.co_name}"}):
            return True
        frame = frame.f_back
    return False


@contextmanager
def interrupts_deferred() -> Generator[None, None, None]:
    """Hold Ctrl-C back until the end; in other threads it is raised nowhere."""
    handler = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or handler is None:
        yield
        return
    received: list[int] = []
    signal.signal(signal.SIGINT, lambda number, _: received.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
        if received:
            signal.raise_signal(signal.SIGINT)


def import_torch() -> None:
    """Import PyTorch as a whole: half of it can never be completed in a process."""
    with interrupts_deferred():
        import_module("torch")


def computes(method: Callable[P, R]) -> Callable[P, R]:
    """Decorate a method that computes with NumPy and PyTorch.

    An interrupt does not break the first import of PyTorch, settings of the program
    for errors of NumPy do not matter, and full memory is a MemoryError.
    """

    @numpy_errors
    @wraps(method)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        if "torch" not in sys.modules:
            import_torch()
        try:
            return method(*args, **kwargs)
        except RuntimeError as error:
            from skae._nn.runtime import is_out_of_memory

            if not is_out_of_memory(error):
                raise
            raise MemoryError(
                "PyTorch is out of memory. Pass X as float32, pass fewer rows at a "
                "time, or set a smaller batch_size or smaller hidden_layer_sizes."
            ) from error

    return run


def restore_on_error(fit: Callable[P, R]) -> Callable[P, R]:
    """Decorate `fit`, outermost: if it fails, the estimator is as it was before."""

    @wraps(fit)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        estimator: Any = args[0]
        before = vars(estimator).copy()
        try:
            return fit(*args, **kwargs)
        except BaseException:
            estimator.__dict__ = before
            raise

    return run
