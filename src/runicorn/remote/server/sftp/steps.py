"""What is asked for one after the other to answer one question: generators of questions. Pure.

Each yields questions that may be under way together, is sent their answers, and returns what was found, or the error.
"""

from __future__ import annotations

import stat
import struct
from collections.abc import Generator
from typing import Any, NamedTuple

from runicorn.remote.server.reading import os_error
from runicorn.remote.server.sftp.packets import (
    ATTRS,
    CLOSE,
    DATA,
    EOF,
    EXTENDED,
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
    Heard,
    blob,
    text,
)

READ_BYTES = 32 * 1024  # what every server gives at once
# So many bytes of one file may be under way: what fills a link of 200 ms.
_WINDOW_BYTES = 8 * 2**20


_WRITE_NEW = 0x02 | 0x08 | 0x20  # write, create, exclusively
_RENAME_OVER = "posix-rename@openssh.com"


class Question(NamedTuple):
    kind: int
    body: bytes


Steps = Generator[list[Question], list[Heard], Any]


def real(path: str) -> Steps:
    """Return a path without links, or the error."""
    ((kind, fields),) = yield [Question(REALPATH, text(path))]
    if kind != NAME:
        return fields.error() or _odd(kind)
    fields.u32()
    return fields.text()


def status(path: str) -> Steps:
    """Return what is at a path, None where nothing is, or the error."""
    ((kind, fields),) = yield [Question(STAT, text(path))]
    if kind == ATTRS:
        return fields.attrs()
    return None if fields.peek_status() == NO_SUCH_FILE else fields.error() or _odd(kind)


def listed(path: str) -> Steps:
    """Return names and attributes in a folder; none where it is missing; or the error."""
    ((kind, fields),) = yield [Question(OPENDIR, text(path))]
    if kind != HANDLE:
        return [] if fields.peek_status() == NO_SUCH_FILE else fields.error() or _odd(kind)
    handle = fields.string()
    found: list[tuple[str, Attrs]] = []
    error: OSError | None = None
    while True:
        ((kind, fields),) = yield [Question(READDIR, blob(handle))]
        if kind != NAME:
            error = None if fields.peek_status() == EOF else fields.error()
            break
        for _ in range(fields.u32()):
            name = fields.text()
            fields.string()  # as `ls -l` shows it
            attrs = fields.attrs()
            if name not in (".", ".."):
                found.append((name, attrs))
    yield [Question(CLOSE, blob(handle))]
    return error or found


def fetched(path: str, start: int, length: int | None) -> Steps:
    """Return bytes of a file, or the error. A pipe is not opened: the server would wait, and answer nothing more."""
    ((kind, fields),) = yield [Question(STAT, text(path))]
    if kind != ATTRS:
        return fields.error() or _odd(kind)
    attrs = fields.attrs()
    if not stat.S_ISREG(attrs.mode):
        return os_error("EISDIR", "Is a directory") if stat.S_ISDIR(attrs.mode) else os_error("EINVAL", "is no file")
    end = attrs.size if length is None else min(attrs.size, start + length)
    if end <= start:
        return b""
    ((kind, fields),) = yield [Question(OPEN, text(path) + struct.pack(">II", 1, 0))]
    if kind != HANDLE:
        return fields.error() or _odd(kind)
    handle = fields.string()
    pieces: list[bytes] = []
    at, error = start, None
    while at < end and error is None:
        places = range(at, min(end, at + _WINDOW_BYTES), READ_BYTES)
        wanted = [(place, min(READ_BYTES, end - place)) for place in places]
        heard = yield [Question(READ, blob(handle) + struct.pack(">QI", *each)) for each in wanted]
        for (place, size), (kind, fields) in zip(wanted, heard, strict=True):
            if kind != DATA:
                if fields.peek_status() != EOF:
                    error = fields.error() or _odd(kind)
                end = place
                break
            data = fields.string()[:size]
            pieces.append(data)
            at = place + len(data)
            if len(data) < size:  # not all at once: the rest is asked for again
                end = end if data else place
                break
    yield [Question(CLOSE, blob(handle))]
    return error or b"".join(pieces)


def replaced(path: str, draft: str, content: bytes) -> Steps:
    """Write a file anew by way of a draft beside it; return None, or the error, of which nothing is left."""
    ((kind, fields),) = yield [Question(OPEN, text(draft) + struct.pack(">II", _WRITE_NEW, 0))]
    if kind != HANDLE:
        return fields.error() or _odd(kind)
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
    return heard.fields.error() if heard.kind == STATUS else _odd(heard.kind)


def _odd(kind: int) -> OSError:
    return os_error("EIO", f"an answer of kind {kind}, which makes no sense")
