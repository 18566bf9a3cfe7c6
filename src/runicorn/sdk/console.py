"""What the program prints, copied to console.log while it is printed.

Each write to sys.stdout and sys.stderr goes to the file with one write(2) before it goes on to the stream, so nothing
printed before a `kill -9` is lost, and neither is the traceback of an uncaught exception. Only repaints wait, up to a
second: a progress bar that is drawn thirty times a second is kept in its last state (sdk/repaint.py). The streams
themselves stay in place - only their `write` is wrapped - so that isatty(), progress bars, notebooks, and loggers that
took hold of the stream earlier all go on working. Not copied: what C code and child programs write to the descriptors.
A pipe at that level would lose what is in it when the process is killed, and could hang a process that prints while
holding the GIL. The traceback of a crash in C code (a segmentation fault) is copied all the same, by faulthandler.
"""

from __future__ import annotations

import contextlib
import faulthandler
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runicorn import locks
from runicorn.sdk.repaint import RepaintFolder
from runicorn.sdk.warnings import Warnings
from runicorn.storage.writer import AppendFile

if TYPE_CHECKING:
    from runicorn.sdk.cells import CellWatch

FLUSH_EVERY_SECS = 1.0


class ConsoleCapture:
    """Copies stdout and stderr to a file from the moment it is made until stop()."""

    def __init__(self, path: Path, warnings: Warnings) -> None:
        self._file = AppendFile(path)
        self._warnings = warnings
        self._active = True
        self._folder = RepaintFolder()
        self._lock = locks.reentrant_lock()
        self._folding = False  # whether a thread is in the middle of the folder, which bears no second one
        self._wrapped: dict[int, tuple[Any, _CopyingWrite]] = {}  # by the id of the stream
        for stream in dict.fromkeys((sys.stdout, sys.stderr)):
            if stream is not None:
                self._wrap(stream)
        self._cells = self._watch_cells()
        _CRASHES.go_to(self._file.fd)

    def _watch_cells(self) -> CellWatch | None:
        if "IPython" not in sys.modules:
            return None
        from runicorn.sdk.cells import watch_cells

        return watch_cells(self)

    def flush(self) -> None:
        """Write the last state of what is being repainted; called each second by the run's background thread."""
        with locks.held(self._lock) as ours:
            if ours and not self._folding:
                self._write(self._folder.settle())

    def stop(self) -> None:
        """Give the streams their own `write` back, unless somebody has wrapped it again since."""
        if self._cells is not None:
            self._cells.close()
        interrupts = locks.is_mine(self._lock)
        with locks.held(self._lock) as ours:
            if ours and not self._folding:
                self._write(self._folder.settle(force=True))
            self._active = False
            self._unwrap()
            # While a print is in the middle of a write, its descriptor must not become another file's.
            if ours and not interrupts:
                self._file.close()

    def _unwrap(self) -> None:
        for stream, ours in self._wrapped.values():
            if getattr(stream, "__dict__", {}).get("write") is ours:
                with contextlib.suppress(AttributeError):
                    del stream.write

    @property
    def is_active(self) -> bool:
        return self._active

    def add(self, text: str) -> None:
        """Copy a text, one that a stream prints or one that none did."""
        if not self._active:
            return
        try:
            with locks.held(self._lock) as ours:
                # A signal handler that prints in the middle of a print, or while another thread waits for its disk.
                self._write(self._fold(text) if ours and not self._folding else text)
        except Exception as error:  # noqa: BLE001 - printing must go on, whatever fails here
            self._lost(error)

    def _fold(self, text: str) -> str:
        self._folding = True
        try:
            return self._folder.feed(text)
        finally:
            self._folding = False

    def after_fork(self) -> None:
        """In a forked child, where a thread may have been in the middle of something that is not there, start over."""
        self._folder = RepaintFolder()
        self._folding = False

    def hold_on(self) -> None:
        """Wrap the streams again where somebody has put back the `write` of before."""
        for stream, ours in list(self._wrapped.values()):
            if self._active and stream.write is not ours:
                self._wrap(stream)

    def _wrap(self, stream: Any) -> None:
        write = _CopyingWrite(self, stream.write)
        try:
            stream.write = write
        except AttributeError:  # a stream with slots, or one made by C code
            self._warnings.add("console", f"{type(stream).__name__} cannot be captured.")
            return
        self._wrapped[id(stream)] = (stream, write)

    def _write(self, text: str) -> None:
        if not text or not self._active:
            return
        try:
            os.write(self._file.fd, text.encode("utf-8", "backslashreplace"))
        except OSError as error:
            self._lost(error)

    def _lost(self, error: Exception) -> None:
        self._active = self._file.fd >= 0
        self._warnings.add("console-lost", f"output could not be written to console.log: {error}.")


class _CopyingWrite:
    """What stands in place of a stream's `write`. original: what it calls."""

    def __init__(self, capture: ConsoleCapture, original: Callable[[str], Any]) -> None:
        self.capture = capture
        # Wrappers of captures that have stopped must not pile up, run after run.
        while isinstance(original, _CopyingWrite) and not original.capture.is_active:
            original = original.original
        self.original: Callable[[str], Any] = original

    def __call__(self, text: str) -> Any:
        self.capture.add(text)
        return self.original(text)


class _Crashes:
    """Where faulthandler writes: the console.log of the newest run, through a descriptor that is never closed.

    A descriptor that was closed could be another file's by the time of the crash. Where the program has switched
    faulthandler on by itself, that stays.
    """

    def __init__(self) -> None:
        self._fd = -1

    def go_to(self, fd: int) -> None:
        with contextlib.suppress(OSError, ValueError, RuntimeError):
            if self._fd >= 0:
                os.dup2(fd, self._fd, inheritable=False)
            elif not faulthandler.is_enabled():
                self._fd = os.dup(fd)
                faulthandler.enable(file=self._fd)


_CRASHES = _Crashes()
