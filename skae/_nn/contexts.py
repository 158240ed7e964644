"""Contexts that are left for sure: an interrupt may hit at any line, those of exit too.

A line that ends a ``with`` statement is one of the block's no more: what is raised
there, as by Ctrl-C, keeps the context from being left. A generator's ``finally`` runs
even then, for the generator is closed when nothing refers to it.
"""

from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager
from typing import Any


@contextmanager
def ensured(restore: Callable[[], None]) -> Generator[None, None, None]:
    """Call restore at the end, again if an interrupt hits before it is done.

    Parameters
    ----------
    restore : callable
        It may be called a second time, and then has nothing to do.
    """
    try:
        try:
            yield
        finally:
            restore()
    finally:
        restore()


@contextmanager
def surely(context: AbstractContextManager[Any]) -> Generator[None, None, None]:
    """Enter a context, such as a lock, and leave it once if it was entered."""
    entered = False

    def leave() -> None:
        nonlocal entered
        if entered:
            entered = bool(context.__exit__(None, None, None))

    with ensured(leave):
        entered = (context.__enter__(), True)[1]  # one line, as that in leave
        yield
