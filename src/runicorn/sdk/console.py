"""What the program prints, copied to console.log while it is printed.

Each write to sys.stdout and sys.stderr goes to the file with one write(2) before it goes on to the stream, so nothing
printed before a `kill -9` is lost, and neither is the traceback of an uncaught exception. The streams themselves stay
in place - only their `write` is wrapped - so that isatty(), progress bars, notebooks, and loggers that took hold of the
stream earlier all go on working. Not copied: what C code and child programs write to the descriptors. A pipe at that
level would lose what is in it when the process is killed, and could hang a process that prints while holding the GIL.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from runicorn.sdk.warnings import Warnings
from runicorn.storage.writer import AppendFile


class ConsoleCapture:
    """Copies stdout and stderr to a file from the moment it is made until stop()."""

    def __init__(self, path: Path, warnings: Warnings) -> None:
        self._file = AppendFile(path)
        self._warnings = warnings
        self._active = True
        self._wrapped: list[tuple[Any, Callable[[str], Any]]] = []
        for stream in dict.fromkeys((sys.stdout, sys.stderr)):
            if stream is not None:
                self._wrap(stream)

    def stop(self) -> None:
        """Give the streams their own `write` back, unless somebody has wrapped it again since."""
        self._active = False
        for stream, ours in self._wrapped:
            if getattr(stream, "__dict__", {}).get("write") is ours:
                with contextlib.suppress(AttributeError):
                    del stream.write
        self._file.close()

    def _wrap(self, stream: Any) -> None:
        original = stream.write

        def write(text: str) -> Any:
            if self._active:
                self._copy(text)
            return original(text)

        try:
            stream.write = write
        except AttributeError:  # a stream with slots, or one made by C code
            self._warnings.add("console", f"{type(stream).__name__} cannot be captured.")
            return
        self._wrapped.append((stream, write))

    def _copy(self, text: Any) -> None:
        try:
            os.write(self._file.fd, text.encode("utf-8", "backslashreplace"))
        except Exception as error:  # noqa: BLE001 - printing must go on, whatever fails here
            self._active = self._file.fd >= 0
            # Not through Warnings.add's own print: that would come back here.
            self._warnings.add("console-lost", f"output could not be written to console.log: {error}.")
