"""What is asked for one after the other to answer one question: generators of questions. Pure.

Each yields questions that may be under way together, is sent their answers, and returns what was found, or the error.
"""

from __future__ import annotations

import io
import stat
import struct
from collections.abc import Generator, Iterator, Sequence
from typing import Any, NamedTuple

from runicorn.remote.server.reading import os_error
from runicorn.remote.server.sftp.packets import (
    ATTRS,
    CLOSE,
    DATA,
    EOF,
    EXTENDED,
    FSTAT,
    HANDLE,
    NAME,
    NO_SUCH_FILE,
    OPEN,
    OPENDIR,
    READ,
    READDIR,
    REALPATH,
    REMOVE,
    STAT,
    STATUS,
    WRITE,
    Attrs,
    Fields,
    Heard,
    blob,
    text,
)

READ_BYTES = 32 * 1024  # what every server gives at once
# So many bytes of one file may be under way.
_WINDOW_BYTES = 16 * 2**20
# sshd sends ~100 names per READDIR reply, so read ahead: so many replies are asked for at first, then more and more.
NAMES_AT_ONCE = 100
_FIRST_LISTS, _TIMES_MORE_LISTS, _MOST_LISTS = 2, 8, 128
LIST_BYTES = 16 * 1024


_WRITE_NEW = 0x02 | 0x08 | 0x20  # write, create, exclusively
_RENAME_OVER = "posix-rename@openssh.com"


class Question(NamedTuple):
    """answer_bytes: about how much comes back, with what it costs there. awaited: whether its answer is sent back."""

    kind: int
    body: bytes
    answer_bytes: int = 4096
    awaited: bool = True


Steps = Generator[list[Question], list[Heard], Any]


def real(path: str) -> Steps:
    """Return a path without links, or the error."""
    ((kind, fields),) = yield [Question(REALPATH, text(path))]
    if kind != NAME:
        return fields.error() or odd(kind)
    fields.u32()
    return fields.text()


def status(path: str) -> Steps:
    """Return what is at a path, None where nothing is, or the error."""
    ((kind, fields),) = yield [Question(STAT, text(path))]
    if kind == ATTRS:
        return fields.attrs()
    return None if fields.peek_status() == NO_SUCH_FILE else fields.error() or odd(kind)


def opens(path: str) -> Steps:
    """Return None where a folder can be listed, else the error."""
    ((kind, fields),) = yield [Question(OPENDIR, text(path))]
    if kind != HANDLE:
        return fields.error() or odd(kind)
    yield [closing(fields.string())]
    return None


def listed(path: str, expected: int) -> Steps:
    """Return names and attributes in a folder; none where it is missing; or the error.

    expected: about how many there are, as far as that is known.
    """
    ((kind, fields),) = yield [Question(OPENDIR, text(path))]
    if kind != HANDLE:
        return [] if fields.peek_status() == NO_SUCH_FILE else fields.error() or odd(kind)
    handle = fields.string()
    found: list[tuple[str, Attrs]] = []
    error: OSError | None = None
    ended, count = False, min(_MOST_LISTS, _FIRST_LISTS + expected // NAMES_AT_ONCE)
    while not ended:
        heard = yield [Question(READDIR, blob(handle), LIST_BYTES)] * count
        count = min(_MOST_LISTS, _TIMES_MORE_LISTS * count)
        for kind, fields in heard:
            if kind == NAME:
                found += names(fields)
            elif not ended:
                ended, error = True, None if fields.peek_status() == EOF else fields.error()
    yield [closing(handle)]
    return error or found


def names(fields: Fields) -> Iterator[tuple[str, Attrs]]:
    """Yield the names of one reply, and what each is."""
    for _ in range(fields.u32()):
        name = fields.text()
        fields.string()  # as `ls -l` shows it
        attrs = fields.attrs()
        if name not in (".", ".."):
            yield name, attrs


def fetched(path: str, start: int, length: int | None, known: Attrs | None) -> Steps:
    """Return bytes of a file, or the error. known: what was at the path a moment ago, which saves a round trip."""
    if known is None:
        ((kind, fields),) = yield [Question(STAT, text(path))]
        if kind != ATTRS:
            return fields.error() or odd(kind)
        known = fields.attrs()
        if end_of(start, length, known.size) <= start:
            return no_file(known) or b""
    handle = yield from opened(path, known)
    if isinstance(handle, OSError):
        return handle
    # How long it is now is asked for with the first bytes: it may have grown, or be another one.
    places = _places(start, end_of(start, length, known.size))
    (kind, fields), *heard = yield [Question(FSTAT, blob(handle)), *_reads(handle, places)]
    now = fields.attrs() if kind == ATTRS else known
    pieces = io.BytesIO()  # unlike a list of them, none has to be copied at the end
    ended, error = _took(places, heard, pieces)
    error, at, end = no_file(now) or error, start + pieces.tell(), end_of(start, length, now.size)
    if error is None and not ended and at < end:
        error = yield from _rest(handle, at, end, pieces)
    yield [closing(handle)]
    return error or pieces.getvalue()


def opened(path: str, known: Attrs) -> Steps:
    """Return the handle of a file, or the error. A pipe is not opened: the server would wait, and answer nothing more.

    known: what was at the path a moment ago.
    """
    error = no_file(known)
    if error is not None:
        return error
    ((kind, fields),) = yield [Question(OPEN, text(path) + struct.pack(">II", 1, 0))]
    return fields.string() if kind == HANDLE else fields.error() or odd(kind)


def read(handle: bytes, start: int, end: int) -> Steps:
    """Return bytes of what is open, fewer where the file ends before, or the error."""
    pieces = io.BytesIO()
    error = yield from _rest(handle, start, end, pieces)
    return error or pieces.getvalue()


def closed(handle: bytes) -> Steps:
    """Have what is open closed."""
    yield [closing(handle)]


def _rest(handle: bytes, at: int, end: int, pieces: io.BytesIO) -> Steps:
    """Write bytes of what is open into `pieces`, up to its end; return the error, None for none."""
    while at < end:
        before, places = pieces.tell(), _places(at, end)
        ended, error = _took(places, (yield _reads(handle, places)), pieces)
        if ended or error is not None:
            return error
        at += pieces.tell() - before
    return None


def _places(start: int, end: int) -> list[tuple[int, int]]:
    """Return where bytes that may be under way at once begin, and how many of them are asked for there."""
    return [(at, min(READ_BYTES, end - at)) for at in range(start, min(end, start + _WINDOW_BYTES), READ_BYTES)]


def _reads(handle: bytes, places: Sequence[tuple[int, int]]) -> list[Question]:
    return [Question(READ, blob(handle) + struct.pack(">QI", *each), max(4096, each[1])) for each in places]


def _took(places: Sequence[tuple[int, int]], heard: Sequence[Heard], pieces: io.BytesIO) -> tuple[bool, OSError | None]:
    """Take in what came in order, up to what did not come at once; tell whether the file ended, and the error."""
    for (_, asked), (kind, fields) in zip(places, heard, strict=True):
        if kind != DATA:
            return True, None if fields.peek_status() == EOF else fields.error() or odd(kind)
        data = fields.string()[:asked]
        pieces.write(data)
        if len(data) < asked:  # the rest is asked for again
            return not data, None
    return False, None


def end_of(start: int, length: int | None, size: int) -> int:
    """Return where a range of a file of this size ends. length: None for all of it."""
    return size if length is None else min(size, start + length)


def no_file(attrs: Attrs) -> OSError | None:
    """Return the error of reading what is no file; None of one."""
    if stat.S_ISREG(attrs.mode):
        return None
    return os_error("EISDIR", "Is a directory") if stat.S_ISDIR(attrs.mode) else os_error("EINVAL", "is no file")


def closing(handle: bytes) -> Question:
    """Return what closes a handle: nobody waits for that."""
    return Question(CLOSE, blob(handle), awaited=False)


def replaced(path: str, draft: str, content: bytes) -> Steps:
    """Write a file anew by way of a draft beside it; return None, or the error, of which nothing is left."""
    ((kind, fields),) = yield [Question(OPEN, text(draft) + struct.pack(">II", _WRITE_NEW, 0))]
    if kind != HANDLE:
        return fields.error() or odd(kind)
    handle = fields.string()
    places = range(0, max(1, len(content)), READ_BYTES)
    heard = yield [
        Question(WRITE, blob(handle) + struct.pack(">Q", at) + blob(content[at : at + READ_BYTES])) for at in places
    ]
    heard += yield [Question(CLOSE, blob(handle))]
    error = next(filter(None, map(_failure, heard)), None)
    if error is None:
        heard = yield [Question(EXTENDED, text(_RENAME_OVER) + text(draft) + text(path))]
        error = _failure(heard[0])
    if error is not None:
        yield [Question(REMOVE, text(draft))]
    return error


def _failure(heard: Heard) -> OSError | None:
    """Return why something was not done; None where it was."""
    return heard.fields.error() if heard.kind == STATUS else odd(heard.kind)


def odd(kind: int) -> OSError:
    return os_error("EIO", f"an answer of kind {kind}, which makes no sense")
