"""What the program prints, copied to console.log while it is printed.

Each write to sys.stdout and sys.stderr goes to the file with one write(2) before it goes on to the stream, so nothing
printed before a `kill -9` is lost, and neither is the traceback of an uncaught exception. Only repaints wait, up to a
second: a progress bar that is drawn thirty times a second is kept in its last state (sdk/repaint.py). The streams
themselves stay in place - only their `write` is wrapped - so that isatty(), progress bars, notebooks, and loggers that
took hold of the stream earlier all go on working. Not copied: what C code and child programs write to the descriptors.
A pipe at that level would lose what is in it when the process is killed, and could hang a process that prints while
holding the GIL (docs/decisions/console-of-descriptors.md). The traceback of a crash in C code (a segmentation fault) is
copied all the same, by faulthandler.
"""

from __future__ import annotations

import contextlib
import faulthandler
import io
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runicorn import locks
from runicorn.sdk.console_file import ConsoleFile
from runicorn.sdk.repaint import RepaintFolder
from runicorn.sdk.streams import CopyingBytes, CopyingWrite, Inside, LateCopyingWrite, QuietFlush
from runicorn.sdk.warnings import Warnings

if TYPE_CHECKING:
    from runicorn.sdk.cells import CellWatch

FLUSH_EVERY_SECS = 1.0


class ConsoleCapture:
    """Copies stdout and stderr to a file from the moment it is made until stop()."""

    def __init__(self, path: Path, warnings: Warnings) -> None:
        self._warnings = warnings
        self._file = ConsoleFile(path, self._clock_failed)
        self._active = True
        self._folder = RepaintFolder()
        self._lock = locks.reentrant_lock()
        self._folding = False  # whether a thread is in the middle of the folder, which bears no second one
        self.inside = Inside()
        self._wrapped: dict[int, tuple[Any, CopyingWrite | LateCopyingWrite]] = {}  # by the id of the stream
        self._below: list[tuple[Any, str, Any]] = []  # what else was wrapped: the object, the method's name, ours
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
        self._look_for_others()
        with locks.held(self._lock) as ours:
            if ours and not self._folding:
                self._write(self._folder.settle())

    def stop(self) -> None:
        """Give the streams their own `write` back, unless somebody has wrapped it again since."""
        if self._cells is not None:
            self._cells.close()
        self._look_for_others()
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
        for owner, name, wrapper in self._below:
            if getattr(owner, "__dict__", {}).get(name) is wrapper:
                with contextlib.suppress(AttributeError):
                    delattr(owner, name)

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
        self._file.after_fork()

    def hold_on(self) -> None:
        """Wrap the streams again where somebody has put back the `write` of before."""
        for stream, ours in list(self._wrapped.values()):
            if self._active and stream.write is not ours:
                self._wrap(stream)

    def _wrap(self, stream: Any, *, late: bool = False) -> None:
        write = (LateCopyingWrite if late else CopyingWrite)(self, stream.write)
        try:
            stream.write = write
        except AttributeError:  # a stream with slots, or one made by C code
            self._warnings.add("console", f"{type(stream).__name__} cannot be captured.")
            return
        self._wrapped[id(stream)] = (stream, write)
        if not late:
            self._wrap_below(stream)

    def _wrap_below(self, stream: Any) -> None:
        """Copy what others write to the bytes below a stream."""
        if not isinstance(stream, io.TextIOWrapper):
            return
        with contextlib.suppress(AttributeError, ValueError):  # detached, or with slots
            buffer = stream.buffer
            for owner, name, kind in ((stream, "flush", QuietFlush), (buffer, "write", CopyingBytes)):
                wrapper = kind(self, getattr(owner, name))
                setattr(owner, name, wrapper)
                self._below.append((owner, name, wrapper))

    def _look_for_others(self) -> None:
        """Copy what has taken the place of a stream and prints to where that printed; files and such are left alone."""
        for name in ("stdout", "stderr"):
            stream = getattr(sys, name, None)
            if not self._active or stream is None or id(stream) in self._wrapped or self._is_above_copied(stream):
                continue
            copied = {1, 2, *(_descriptor(known) for known, _ in list(self._wrapped.values()))}
            if _descriptor(stream) not in copied - {None}:
                continue
            self._wrap(stream, late=True)
            if isinstance(stream, io.TextIOWrapper):  # others, such as a tee, write to one that is copied
                self._warnings.add(
                    "console-late",
                    f"sys.{name} was replaced, which is noticed within a second: what it printed before is not kept.",
                )

    def _is_above_copied(self, stream: Any) -> bool:
        try:
            buffer = stream.buffer
        except (AttributeError, ValueError):
            return False
        return any(owner is buffer for owner, _, _ in self._below)

    def _write(self, text: str) -> None:
        if not text or not self._active:
            return
        try:
            self._file.write(text.encode("utf-8", "backslashreplace"))
        except OSError as error:
            self._lost(error)

    def _clock_failed(self, error: OSError) -> None:
        self._warnings.add("console-times", f"when output is printed is not kept, as console.times fails: {error}.")

    def _lost(self, error: Exception) -> None:
        self._active = self._file.fd >= 0
        self._warnings.add("console-lost", f"output could not be written to console.log: {error}.")


def _descriptor(stream: Any) -> int | None:
    try:
        number = stream.fileno()
    except Exception:  # noqa: BLE001 - a stream of any kind, or one that is closed
        return None
    return number if isinstance(number, int) else None


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
