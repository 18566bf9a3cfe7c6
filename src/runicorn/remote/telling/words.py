"""What a program on the server prints, as lines: bytes come in pieces, whole lines go out."""

from __future__ import annotations

from collections.abc import Callable

from runicorn.remote.telling.log import MAX_LINE_CHARS

MAX_LINE_BYTES = 4 * MAX_LINE_CHARS


class Words:
    """Hands each whole line to `say`. It keeps no more than one line, and of a longer one the beginning only."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._rest = b""

    def deliver(self, data: bytes) -> None:
        *whole, rest = data.split(b"\n")
        for line in whole:
            self._tell(self._rest + line)
            self._rest = b""
        self._rest = (self._rest + rest)[:MAX_LINE_BYTES]

    def finish(self) -> None:
        """Say what has no line end. May be called twice."""
        self._tell(self._rest)
        self._rest = b""

    def _tell(self, line: bytes) -> None:
        text = line[:MAX_LINE_BYTES].decode("utf-8", "replace").rstrip()
        if text:
            self._say(text)
