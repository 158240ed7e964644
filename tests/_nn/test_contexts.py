"""Contexts are left once, wherever an interrupt hits."""

import sys
import threading
from contextlib import contextmanager, suppress

import pytest

from skae._nn import contexts
from skae._nn.contexts import ensured, surely


class Interrupt(BaseException):
    pass


def interrupted_at_each_line(function):
    """Call a function again and again, interrupted at one line of it after the other.

    Yields after each call. Lines are those of the function and of the contexts.
    """
    files, line = (contexts.__file__, __file__), 0
    while True:
        line, seen = line + 1, 0

        def trace(frame, event, _):
            nonlocal seen
            if frame.f_code.co_filename not in files:
                return None
            seen += event == "line"
            if event == "line" and seen == line:  # noqa: B023 - is of this turn
                sys.settrace(None)
                raise Interrupt
            return trace

        before = sys.gettrace()
        sys.settrace(trace)
        try:
            with suppress(Interrupt):
                function()
        finally:
            sys.settrace(before)
        yield
        if seen < line:
            assert line > 5
            return


def test_ensured_restores_wherever_an_interrupt_hits():
    setting = 0

    def restore():
        nonlocal setting
        setting = 0

    def change():
        nonlocal setting
        with ensured(restore):
            setting = 1
            assert setting == 1

    for _ in interrupted_at_each_line(change):
        assert setting == 0


def test_surely_releases_a_lock_wherever_an_interrupt_hits():
    lock = threading.Lock()

    def change():
        with surely(lock), surely(threading.Lock()):
            assert lock.locked()

    for _ in interrupted_at_each_line(change):
        assert not lock.locked()


def test_surely_leaves_what_it_entered_once():
    calls = []

    @contextmanager
    def noted():
        calls.append("enter")
        try:
            yield
        finally:
            calls.append("leave")

    with pytest.raises(KeyError), surely(noted()):
        raise KeyError
    assert calls == ["enter", "leave"]
