"""A bounded log for people: lines with their times, numbered, so that a reader can ask for what is new. Thread-safe."""

from __future__ import annotations

import collections
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

LINES_KEPT = 2000
MAX_LINE_CHARS = 2000


@dataclass(frozen=True)
class Line:
    """at: unix seconds. text: one line, printable throughout."""

    at: float
    text: str


class Log:
    """The newest lines. now: unix seconds; a wall clock, because these times are compared with those of a server."""

    def __init__(self, kept: int = LINES_KEPT, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._lines: collections.deque[Line] = collections.deque(maxlen=kept)
        self._next = 0

    def add(self, text: str) -> None:
        """Add a text, each of its lines as one; never one that holds a secret."""
        at = self._now()
        self.extend(Line(at, printable(line)) for line in text.rstrip().split("\n"))

    def extend(self, lines: Iterable[Line]) -> None:
        with self._lock:
            for line in lines:
                self._lines.append(line)
                self._next += 1

    @property
    def lines(self) -> list[Line]:
        return self.after(0)[0]

    @property
    def next(self) -> int:
        """The number of the line that comes next: how many there have been."""
        return self._next

    def after(self, number: int) -> tuple[list[Line], int]:
        """Return the kept lines from this number on, the first being 0, and the number to go on with."""
        with self._lock:
            first = self._next - len(self._lines)
            return list(self._lines)[max(0, number - first) :], self._next


def printable(text: str) -> str:
    """Return the text as one line of at most 2,000 characters, with what cannot be shown as Python writes it: \\x1b."""
    # Cut first: of what a hostile server sends, no more is looked at than will be kept.
    shown = "".join(map(_visible, text[: MAX_LINE_CHARS + 1].rstrip("\r\n")))
    return shown if len(shown) <= MAX_LINE_CHARS else shown[: MAX_LINE_CHARS - 1] + "…"


def _visible(char: str) -> str:
    if char.isprintable():
        return char
    return "    " if char == "\t" else char.encode("unicode_escape").decode("ascii")
