"""What stands in place of the methods of a stream while it is copied; see sdk/console.py.

A program may put a text layer of its own over the bytes of stdout, as io.TextIOWrapper(sys.stdout.buffer) does, or
write to these bytes itself. So the bytes are copied as well, but for those that come from the text layer which was
there: what that is given is copied as text, and it hands it on when it likes.
"""

from __future__ import annotations

import codecs
import threading
from collections.abc import Callable
from typing import Any, Protocol


class Copies(Protocol):
    """What takes the copies. inside: which of a stream's own methods this thread is in."""

    inside: Inside

    @property
    def is_active(self) -> bool: ...

    def add(self, text: str) -> None: ...


class Inside(threading.local):
    """Of each thread: whether it is in a text layer that is copied, or in a stream that came later over such a one."""

    text = False
    late = False


class _Wrapper:
    def __init__(self, capture: Copies, original: Callable[..., Any]) -> None:
        self.capture = capture
        # Wrappers of captures that have stopped must not pile up, run after run.
        while isinstance(original, _Wrapper) and not original.capture.is_active:
            original = original.original
        self.original: Callable[..., Any] = original

    def _call_inside(self, *arguments: Any) -> Any:
        inside, before = self.capture.inside, self.capture.inside.text
        inside.text = True
        try:
            return self.original(*arguments)
        finally:
            inside.text = before


class CopyingWrite(_Wrapper):
    """`write` of a text stream."""

    def __call__(self, text: str) -> Any:
        if not self.capture.inside.late:
            self.capture.add(text)
        return self._call_inside(text)


class LateCopyingWrite(_Wrapper):
    """`write` of a text stream that was put in place later, and may hand on to one that is copied already."""

    def __call__(self, text: str) -> Any:
        self.capture.add(text)
        inside, before = self.capture.inside, self.capture.inside.late
        inside.late = True
        try:
            return self._call_inside(text)
        finally:
            inside.late = before


class QuietFlush(_Wrapper):
    """`flush` of a text stream, whose bytes were copied as text."""

    def __call__(self) -> Any:
        return self._call_inside()


class CopyingBytes(_Wrapper):
    """`write` of the bytes below a text stream."""

    def __init__(self, capture: Copies, original: Callable[..., Any]) -> None:
        super().__init__(capture, original)
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode

    def __call__(self, data: Any) -> Any:
        if not self.capture.inside.text:
            self.capture.add(self._decode(bytes(data)))
        return self.original(data)
