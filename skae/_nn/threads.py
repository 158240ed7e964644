"""One thread for what the calling thread computes; other threads keep their number.

``torch.set_num_threads`` is for the whole process. But each thread has a number of its
own in OpenMP, which divides the work of PyTorch and of scikit-learn, and in MKL, and
these are set here.
"""

# threadpoolctl and torch.get_num_threads are untyped.
# pyright: reportUnknownMemberType=false, reportMissingTypeStubs=false
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false

import os
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from ctypes import PyDLL  # unlike CDLL it keeps Python's lock: calls take no time
from functools import cache
from pathlib import Path

import torch
from threadpoolctl import ThreadpoolController

from .contexts import ensured

GetNumber = Callable[[], int]
SetNumber = Callable[[int], int]

_n_forks = 0  # between the first process and this one


def _after_fork() -> None:
    """Adapt a forked process, in which only the thread that forked it goes on.

    The other threads of an OpenMP pool are gone, and what asks for them waits forever.
    """
    global _n_forks
    _n_forks += 1
    torch.set_num_threads(1)


if sys.platform != "win32":
    os.register_at_fork(after_in_child=_after_fork)


@cache
def _openmp() -> list[tuple[GetNumber, SetNumber]]:
    """Return what gets and sets a thread's number in PyTorch and in scikit-learn.

    Packages from conda share one OpenMP, wheels have one each.
    """
    found = ThreadpoolController().select(user_api="openmp").lib_controllers
    libraries = [PyDLL(each.filepath) for each in found]
    return [(each.omp_get_max_threads, each.omp_set_num_threads) for each in libraries]


@cache
def _mkl() -> SetNumber | None:
    """Return what sets a thread's number in MKL and returns the one before; 0 is none.

    MKL has that of OpenMP until ``torch.set_num_threads`` or a variable of the
    environment gives it another. None where there is no MKL, or one that hides it.
    """
    for name in (Path(torch.__file__).parent / "lib/libtorch_cpu.so", "libmkl_rt.so.2"):
        try:
            return PyDLL(str(name)).MKL_Set_Num_Threads_Local
        except (AttributeError, OSError):
            continue
    return None


@contextmanager
def one_thread() -> Generator[None, None, None]:
    """Run on the calling thread alone: no pool is started, asked or waited for."""
    undo: list[tuple[SetNumber, int]] = []
    n_forks = _n_forks

    def restore() -> None:
        while undo:
            set_number, before = undo[-1]
            # A process that was forked meanwhile has this one thread.
            set_number(before if n_forks == _n_forks else min(before, 1))
            undo.pop()

    torch.get_num_threads()  # the first call in a thread sets its number
    with ensured(restore):
        for get_number, set_number in _openmp():
            before = get_number()
            if before != 1:
                undo.append((set_number, before))
                set_number(1)
        set_mkl = _mkl()
        if set_mkl is not None:
            undo.append((set_mkl, set_mkl(1)))
        yield
