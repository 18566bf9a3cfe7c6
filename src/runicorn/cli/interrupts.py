"""Ctrl-C and SIGTERM for long work that is not asyncio's: one line on what is done, and the usual exit code."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from types import FrameType

import typer

_SAME_PRESS_SECS = 1.0
_SIGNALLED = 128
# Windows has no SIGHUP, other systems have no SIGBREAK.
_NAMES = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")


class Interrupted(KeyboardInterrupt):
    """A signal asks the work to end. It unwinds as Ctrl-C does."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.exit_code = _SIGNALLED + (signal.SIGINT if number not in _CODES else number)


_CODES = {int(getattr(signal, name)) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)}


@contextlib.contextmanager
def interruptible(said: Callable[[], str]) -> Iterator[None]:
    """Let Ctrl-C and SIGTERM end what is within, print what `said` returns, and exit with 130 or 143.

    What is within unwinds first. The signal that comes a second time leaves it the time for that; a third one, or one
    after a second, ends the process at once.
    """
    handler = _Handler()
    with handler.installed():
        try:
            yield
        except KeyboardInterrupt as stop:
            with contextlib.suppress(OSError, ValueError):  # the terminal may be gone
                typer.echo(f"runicorn: {said()}", err=True)
            raise SystemExit(stop.exit_code if isinstance(stop, Interrupted) else 130) from None


def discard_stdout() -> None:
    """Let what is still to be written to standard output go nowhere: nobody takes it, and nobody may be waited for."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


class _Handler:
    def __init__(self) -> None:
        self._first_at: float | None = None

    @contextlib.contextmanager
    def installed(self) -> Iterator[None]:
        before = {}
        try:
            for number in (getattr(signal, name) for name in _NAMES if hasattr(signal, name)):
                # Who starts a program in the background or with nohup may have asked that it is not disturbed.
                if signal.getsignal(number) not in (signal.SIG_IGN, None):
                    with contextlib.suppress(ValueError, OSError):  # not in the main thread
                        before[number] = signal.signal(number, self._take)
            yield
        finally:
            for number, earlier in before.items():
                signal.signal(number, earlier)

    def _take(self, number: int, frame: FrameType | None) -> None:
        now = time.monotonic()
        if self._first_at is None:
            self._first_at = now
            raise Interrupted(number)
        if now - self._first_at > _SAME_PRESS_SECS:
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)
