"""One line on stderr for what takes a while: megabytes done, of how many, seconds left."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any

QUIET_SECS = 1.0  # what takes less than this says nothing
QUIET_BYTES = 8_000_000
_TERMINAL_EVERY_SECS = 0.2
_FILE_EVERY_SECS = 10.0


class ProgressLine:
    """Counts bytes; used with `with`. On a terminal one line is rewritten; elsewhere there is one each ten seconds."""

    def __init__(self, what: str, total_bytes: int, *, monotonic: Callable[[], float] = time.monotonic,
                 stream: Any = None) -> None:  # fmt: skip
        self._what = what
        self._total = total_bytes
        self._monotonic = monotonic
        self._stream = sys.stderr if stream is None else stream
        self._terminal = _is_terminal(self._stream)
        self._started_at = monotonic()
        self._next_at = self._started_at + (QUIET_SECS if self._terminal else _FILE_EVERY_SECS)
        self._done = 0
        self._shown = 0

    def __call__(self, size_bytes: int) -> None:
        """Count bytes; fewer than none where something has to be done again."""
        self._done += size_bytes
        now = self._monotonic()
        if now < self._next_at or self._total < QUIET_BYTES:
            return
        self._next_at = now + (_TERMINAL_EVERY_SECS if self._terminal else _FILE_EVERY_SECS)
        self._write(progress_text(self._what, self._done, self._total, now - self._started_at))

    def __enter__(self) -> ProgressLine:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:  # fmt: skip
        if self._terminal and self._shown:
            self._print(f"\r{' ' * self._shown}\r")

    def _write(self, text: str) -> None:
        if self._terminal:
            self._print(f"\r{text.ljust(self._shown)}")
            self._shown = max(self._shown, len(text))
        else:
            self._print(f"{text}\n")

    def _print(self, text: str) -> None:
        try:
            if self._terminal:
                # Not through the `write` that captures the console: what is rewritten should not stay in console.log.
                type(self._stream).write(self._stream, text)
            else:
                self._stream.write(text)
            self._stream.flush()
        except Exception:  # noqa: BLE001 - stderr may be closed or anything; copying goes on without a word
            self._next_at = float("inf")


def progress_text(what: str, done: int, total: int, elapsed_secs: float) -> str:
    """Return `runicorn: storing model, 120 of 500 MB, 4 s left`."""
    text = f"runicorn: {what}, {done / 1e6:,.0f} of {total / 1e6:,.0f} MB"
    if 0 < done < total:
        text += f", {elapsed_secs * (total - done) / done:,.0f} s left"
    return text


def _is_terminal(stream: Any) -> bool:
    try:
        return bool(stream.isatty())
    except Exception:  # noqa: BLE001 - foreign streams
        return False
