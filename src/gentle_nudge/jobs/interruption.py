"""Ctrl-C and SIGTERM end the run: whatever is at work is undone, and no transaction begins any more.

The driver may answer an interrupt with an error of its own, and Python drops one that comes inside a finalizer. So
the signal is remembered, and asked for before each transaction.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType


@dataclass(kw_only=True)
class Received:
    """The signal that has come, if one has; while `is_deferred` it waits."""

    signal: int | None = None
    is_deferred: bool = False


received = Received()


class Interrupted(BaseException):
    """The run was interrupted; its notes (PEP 678) say what is done and what is not."""

    @property
    def exit_code(self) -> int:
        """As shells count: 130 after Ctrl-C, 143 after SIGTERM."""
        return 128 + (received.signal or signal.SIGINT)

    @property
    def sentence(self) -> str:
        """What to say of it."""
        notes = getattr(self, "__notes__", None) or ["what was not finished was undone; run it again"]
        return f"Interrupted: {'; '.join(notes)}."


@contextmanager
def listening(*, to_the_end: bool = False) -> Iterator[None]:
    """Both signals raise Interrupted in the block, once; `to_the_end` of the process, none comes after the block.

    While Python ends, a signal without a handler of ours would kill a process whose work is done.
    """
    before = {each: signal.signal(each, _receive) for each in (signal.SIGINT, signal.SIGTERM)}
    sys.unraisablehook = _ignore_lost
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, signal.SIG_IGN if to_the_end else handler)
        sys.unraisablehook = sys.__unraisablehook__
        if not to_the_end:
            received.signal = None


def _ignore_lost(lost: sys.UnraisableHookArgs) -> None:
    """Say nothing of an interrupt that Python drops in a finalizer or a callback of an import: it is remembered."""
    if lost.exc_type is not Interrupted:
        sys.__unraisablehook__(lost)


def _receive(number: int, _frame: FrameType | None) -> None:
    came_before, received.signal = received.signal is not None, number
    if not (came_before or received.is_deferred):
        raise Interrupted


@contextmanager
def undisturbed() -> Iterator[None]:
    """A signal that comes inside the block interrupts only later: a commit is whole, or was never begun."""
    received.is_deferred = True
    try:
        yield
    finally:
        received.is_deferred = False


@contextmanager
def interruptible() -> Iterator[None]:
    """No block begins after a signal, even if its interrupt was lost; an error that follows one is the interrupt."""
    if received.signal is not None:
        raise Interrupted
    try:
        yield
    except Exception as error:
        if received.signal is None:
            raise
        raise Interrupted from error
