"""The parts of an agent's answer: waited for one after the other, and what they make together."""

from __future__ import annotations

import errno
import io
import json
import threading
import zlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Protocol

from runicorn.remote.server.agent.condensing import RECORD_BYTES, ROW
from runicorn.remote.server.agent.program import DONE, PACKED, PIECE, SHUFFLED
from runicorn.remote.server.agent.watching import in_order
from runicorn.remote.server.inbox import Answers
from runicorn.remote.server.reading import error_of, os_error

# So long nothing at all may come of an answer that is waited for: a disk may take its time, a dead one does not answer.
ANSWER_TIMEOUT_SECS = 20.0
MAX_FRAME_BYTES = 64 * 2**20
# What it is, how it is packed, and its bytes.
Part = tuple[int, int, bytes]


class Forget(Protocol):
    def __call__(self, *, is_whole: bool) -> None: ...


class Asked:
    """A question that was sent. For one thread at a time. forget: called once, when nobody waits for more of it."""

    def __init__(self, answers: Answers[Part], forget: Forget) -> None:
        self._answers = answers
        self._forget: Forget | None = forget

    def parts(self, timeout_secs: float = ANSWER_TIMEOUT_SECS) -> Iterator[Part]:
        """Yield what is left of the answer. Raises TimeoutError, ConnectionResetError."""
        whole = False
        while not whole:
            part = self._answers.next(timeout_secs)
            whole = part[0] == DONE
            if whole:
                self._end(is_whole=True)
            yield part

    def close(self) -> None:
        """Let go of what has not come yet; whoever waits for it gets an error. May be called twice."""
        self._end(is_whole=False)
        self._answers.put(None)

    def _end(self, *, is_whole: bool) -> None:
        forget, self._forget = self._forget, None
        if forget is not None:
            forget(is_whole=is_whole)


class Opening:
    """What program.do_open() answers: see reading.Opening. Of record files, buckets come, and no bytes."""

    brings = False
    is_over = True

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._parts = asked.parts()
        self._waiting = threading.Lock()
        self._told: tuple[list[Any] | dict[str, Any], dict[str, bytes]] | None = None
        self._condensed: dict[str, Any] | None = None

    def told(self) -> tuple[list[Any] | dict[str, Any], dict[str, bytes]]:
        with self._waiting:
            if self._told is None:
                kind, packed, body = self._next()
                entries, small = or_raise(from_json(packed, body)) if kind == DONE else from_json(packed, body)
                self._told = entries, {name: text.encode("utf-8", "surrogateescape") for name, text in small.items()}
            return self._told

    def condensed(self) -> dict[str, Any]:
        self.told()
        with self._waiting:
            if self._condensed is None:
                end, found = joined(self._parts, 0)
                if end is None:
                    raise _no_more()
                told = zip(end["paths"], condensed_of(end, found, 0), strict=True)
                self._condensed = {path: each for path, each in told if not error_of(each)}
            return self._condensed

    def holds(self, path: str, start: int, length: int) -> bool:
        return False

    def read(self, path: str, start: int, length: int) -> None: ...

    def close(self) -> None:
        self._asked.close()

    def _next(self) -> Part:
        part = next(self._parts, None)
        if part is None:
            raise _no_more()
        return part


def _no_more() -> ConnectionResetError:
    return ConnectionResetError(errno.ECONNRESET, "The answer was let go of")


def joined(parts: Iterable[Part], ranges: int) -> tuple[Any, Mapping[int, bytes]]:
    """Return how an answer ends, and what its pieces make, by their numbers. ranges: how many of them are of files, in
    front of those of rows.
    """
    pieces: dict[int, io.BytesIO] = {}  # unlike lists of them, none has to be copied at the end
    end: Any = None
    for kind, packed, body in parts:
        if kind == DONE:
            end = or_raise(from_json(packed, body))
            continue
        for number, data in _pieces_in(packed, body):
            row_bytes = RECORD_BYTES if number < ranges else ROW.size
            piece = pieces.setdefault(number, io.BytesIO())
            piece.write(in_order(data, row_bytes) if packed & SHUFFLED else data)
    return end, {number: each.getvalue() for number, each in pieces.items()}


def condensed_of(end: Any, found: Mapping[int, bytes], ranges: int) -> list[Any]:
    """Return what was made of each file: what was told of it, with its two pieces; or an error."""
    return [
        told if error_of(told) else [*told, found.get(number, b""), found.get(number + 1, b"")]
        for number, told in zip(range(ranges, ranges + 2 * len(end["files"]), 2), end["files"], strict=True)
    ]


def errors_of(end: Any) -> dict[int, OSError]:
    return {int(number): os_error(*told) for number, told in end["errors"].items()}


def unpacked(packed: int, body: bytes) -> bytes:
    """Raises ValueError for more than anybody asked for, and zlib.error for what was not packed."""
    if not packed & PACKED:
        return body
    unpacking = zlib.decompressobj()
    found = unpacking.decompress(body, MAX_FRAME_BYTES)
    if unpacking.unconsumed_tail:
        raise ValueError(f"a part of more than {MAX_FRAME_BYTES} bytes")
    return found


def from_json(packed: int, body: bytes) -> Any:
    return json.loads(unpacked(packed, body))


def or_raise(answer: Any) -> Any:
    error = error_of(answer)
    if error is not None:
        raise error
    return answer


def _pieces_in(packed: int, body: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the number of each piece of a part, and its bytes."""
    body = unpacked(packed, body)
    at = 0
    while at < len(body):
        number, size = PIECE.unpack_from(body, at)
        at += PIECE.size
        yield number, body[at : at + size]
        at += size
