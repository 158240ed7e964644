"""Names that public classes, their methods and functions say they have."""

import inspect
from collections.abc import Callable
from functools import update_wrapper
from types import CellType, FunctionType
from typing import Any, TypeVar, cast

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])


def set_module(name: str) -> Callable[[T], T]:
    """Return a decorator that sets ``__module__``, so that pickles refer to it.

    A public name then stays loadable wherever in the package its file moves. Methods
    that a class inherits from private ones get its own name, too.
    """

    def decorate(public: T) -> T:
        public.__module__ = name
        if isinstance(public, type):
            _adopt_methods(public)
        return public

    return decorate


def copy_function(function: F) -> F:
    """Return a copy of a function, and of all that it wraps.

    The copy may get another name and another docstring. Its signature, its source and
    what `super` means in it are the same.
    """
    assert isinstance(function, FunctionType)
    inner, closure = getattr(function, "__wrapped__", None), function.__closure__
    if isinstance(inner, FunctionType):
        wrapped = copy_function(inner)
        cells = [cell.cell_contents is inner for cell in closure or ()]
        closure = tuple(
            CellType(wrapped) if same else cell
            for same, cell in zip(cells, closure or (), strict=True)
        )
    copy = FunctionType(
        function.__code__,
        function.__globals__,
        function.__name__,
        function.__defaults__,
        closure,
    )
    update_wrapper(copy, function)
    copy.__kwdefaults__ = function.__kwdefaults__
    if isinstance(inner, FunctionType):
        vars(copy)["__wrapped__"] = wrapped
    else:
        del vars(copy)["__wrapped__"]
    return cast(F, copy)


def _adopt_methods(cls: type) -> None:
    """Give a class copies of the public methods that it has from private ones of skae.

    What Python says of wrong arguments begins with the name of the function, as in
    ``VAE.fit() missing 1 required positional argument``.
    """
    for name in dir(cls):
        method = inspect.getattr_static(cls, name)
        public = name == "__init__" or not name.startswith("_")
        if not (public and isinstance(method, FunctionType)):
            continue
        owner = f"{cls.__qualname__}.{name}"
        inside = method.__module__.startswith("skae")
        if inside and method.__qualname__ != owner:
            method = copy_function(method)
            part: Any = method
            while part is not None:
                part.__qualname__, part.__module__ = owner, cls.__module__
                part = getattr(part, "__wrapped__", None)
            setattr(cls, name, method)
