"""One line on stderr for what takes a while: how much is done, how fast, and how long it still takes."""

from __future__ import annotations

import os
import sys
import time
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any

QUIET_SECS = 1.0  # what takes less than this says nothing
_TERMINAL_EVERY_SECS = 0.2
_FILE_EVERY_SECS = 10.0
_USUAL_COLUMNS = 80
_PREFIX = "runicorn: "
_ECHO_COLUMNS = 2  # a terminal shows ^C where the cursor is


@dataclass(frozen=True)
class Unit:
    """What is counted. scale: how many of what is counted are one of it."""

    name: str
    scale: float = 1.0

    def number(self, amount: float, of: float | None = None) -> str:
        """Return an amount as it is shown. of: the largest one beside it, which decides on the digits."""
        most = max(abs(amount), abs(of or 0.0)) / self.scale
        return f"{amount / self.scale:,.{1 if self.scale > 1 and most < 10 else 0}f}"


MEGABYTES = Unit("MB", 1e6)
POINTS = Unit("points")


class ProgressLine:
    """Counts; used with `with`. On a terminal one line is rewritten; elsewhere there is one each ten seconds.

    what: what is being done; it may be changed on the way. total: how much there is to do, None where only a share of
    it is known (`update`). silent: only ordinary lines are printed (`say`), as where a table runs over the terminal.
    """

    def __init__(self, what: str, total: float | None = None, unit: Unit = MEGABYTES, *,
                 silent: bool = False, monotonic: Callable[[], float] = time.monotonic,
                 stream: Any = None) -> None:  # fmt: skip
        self.what = what
        self.total = total
        self._unit = unit
        self._monotonic = monotonic
        self._stream = sys.stderr if stream is None else stream
        self._terminal = _is_terminal(self._stream)
        self._started_at = monotonic()
        self._next_at = self._started_at + (QUIET_SECS if self._terminal else _FILE_EVERY_SECS)
        if silent:
            self._next_at = float("inf")
        self._every_secs = _TERMINAL_EVERY_SECS if self._terminal else _FILE_EVERY_SECS
        self._done = 0.0
        self._done_before = 0.0
        self._share: float | None = None
        self._shown = 0

    def __call__(self, amount: float) -> None:
        """Count; less than nothing where something has to be done again."""
        self._done += amount
        self._show()

    def update(self, done: float | None = None, share: float | None = None) -> None:
        """Say how much is done altogether. share: of all that there is to do, 0 to 1, where the total is not known."""
        if done is not None:
            self._done = done
        if share is not None:
            self._share = share
        self._show()

    def begin_at(self, done: float) -> None:
        """Say how much was done before this began, which its rate does not count."""
        self._done = self._done_before = done

    def say(self, text: str) -> None:
        """Print an ordinary line on the same stream."""
        self.clear()
        self._print(f"{text}\n", rewritten=False)

    def clear(self) -> None:
        """Take the line off the terminal, before something else is printed there."""
        if self._shown:
            blank = min(self._shown + _ECHO_COLUMNS, _columns_of(self._stream) - 1)
            self._print(f"\r{' ' * blank}\r")
            self._shown = 0

    def __enter__(self) -> ProgressLine:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:  # fmt: skip
        self.clear()
        self._next_at = float("inf")

    def _show(self) -> None:
        now = self._monotonic()
        if now < self._next_at:
            return
        self._next_at = now + self._every_secs
        text = progress_text(self.what, self._done, self.total, now - self._started_at, unit=self._unit,
                             share=self._share, before=self._done_before)  # fmt: skip
        if not self._terminal:
            self._print(f"{text}\n")
            return
        text = _fitted(text, _columns_of(self._stream) - 1 - _ECHO_COLUMNS)  # a line that wraps cannot be rewritten
        width = _width(text)
        self._print(f"\r{text}{' ' * (self._shown - width)}")
        self._shown = max(self._shown, width)

    def _print(self, text: str, *, rewritten: bool = True) -> None:
        try:
            if self._terminal and rewritten:
                # Not through the `write` that captures the console: what is rewritten should not stay in console.log.
                type(self._stream).write(self._stream, text)
            else:
                self._stream.write(text)
            self._stream.flush()
        except Exception:  # noqa: BLE001 - stderr may be closed or anything; the work goes on without a word
            self._next_at = float("inf")
            self._shown = 0


def progress_text(what: str, done: float, total: float | None, elapsed_secs: float, *, unit: Unit = MEGABYTES,
                  share: float | None = None, before: float = 0.0) -> str:  # fmt: skip
    """Return `runicorn: storing model, 120 of 500 MB, 45 MB/s, 4 s left`.

    share: how much of all is done, 0 to 1, where that is not `done` of `total`. before: how much was done when this
    began.
    """
    of = "" if total is None else f" of {unit.number(total)}"
    parts = [f"{_PREFIX}{what}", f"{unit.number(done, total)}{of} {unit.name}"]
    gained = done - before
    if gained > 0 and elapsed_secs > 0:
        rate = gained / elapsed_secs
        parts.append(f"{unit.number(rate)} {unit.name}/s")
    left = _secs_left(done, total, gained, elapsed_secs, share)
    if left is not None:
        parts.append(f"{duration(left)} left")
    return ", ".join(parts)


def duration(secs: float) -> str:
    """Return `4 s`, `3 min 20 s` or `2 h 5 min`."""
    whole = round(secs)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600:,} h {whole % 3600 // 60} min"


def _secs_left(
    done: float, total: float | None, gained: float, elapsed_secs: float, share: float | None
) -> float | None:
    if share is not None:
        return elapsed_secs * (1 - share) / share if 0 < share < 1 else None
    if total is not None and gained > 0 and done < total:
        return elapsed_secs * (total - done) / gained
    return None


def _width(text: str) -> int:
    """Return how many columns of a terminal a text takes; ideographs take two."""
    return len(text) + sum(unicodedata.east_asian_width(letter) in "WF" for letter in text if letter > "\u10ff")


def _fitted(text: str, columns: int) -> str:
    """Return a text without what it can do without, and then without its end."""
    if _width(text) > columns:
        text = text.removeprefix(_PREFIX)
    while text and _width(text) > columns:
        text = text[:-1]
    return text


def _columns_of(stream: Any) -> int:
    try:
        return os.get_terminal_size(stream.fileno()).columns or _USUAL_COLUMNS
    except Exception:  # noqa: BLE001 - foreign streams
        return _USUAL_COLUMNS


def _is_terminal(stream: Any) -> bool:
    try:
        return bool(stream.isatty())
    except Exception:  # noqa: BLE001 - foreign streams
        return False
