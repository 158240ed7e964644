"""Names of the modules that public classes and functions say they are from."""

from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def set_module(name: str) -> Callable[[T], T]:
    """Return a decorator that sets ``__module__``, so that pickles refer to it.

    A public name then stays loadable wherever in the package its file moves.
    """

    def decorate(public: T) -> T:
        public.__module__ = name
        return public

    return decorate
