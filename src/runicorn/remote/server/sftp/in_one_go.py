"""Steps that take one round trip: what is opened is read and closed before the server has told its handle. Pure.

OpenSSH's server, which nearly all hosts have, does one thing after the other, and gives the first free number as a
handle: over a channel on which nothing else is ever left open, that is the same one each time. Where another server
tells another one, what it was asked for with the wrong one is thrown away: what was opened is closed, and AGAIN says
that it is to be asked for step by step.
"""

from __future__ import annotations

import struct
from enum import Enum

from runicorn.remote.server.sftp.packets import (
    ATTRS,
    CLOSE,
    DATA,
    EOF,
    FSTAT,
    HANDLE,
    NAME,
    NO_SUCH_FILE,
    OPEN,
    OPENDIR,
    READ,
    READDIR,
    Attrs,
    blob,
    text,
)
from runicorn.remote.server.sftp.steps import (
    NAMES_AT_ONCE,
    READ_BYTES,
    Question,
    Steps,
    closing,
    end_of,
    names,
    no_file,
    odd,
)

# The first handle of OpenSSH's server.
HANDLE_TOLD = struct.pack(">I", 0)
# What is longer is read step by step, where it holds up nobody.
MOST_BYTES, MOST_NAMES = 8 * READ_BYTES, 8 * NAMES_AT_ONCE
_ANSWER_BYTES, _NAMES_BYTES = 256, 2048
_CLOSE = Question(CLOSE, blob(HANDLE_TOLD), _ANSWER_BYTES)


class Unknown(Enum):
    """What stands in the place of an answer. AGAIN: ask for this one step by step. NEVER: for all others as well."""

    AGAIN = "again"
    NEVER = "never"


def fetched(path: str, start: int, length: int | None, known: Attrs) -> Steps:
    """Return bytes of a file, the error, or Unknown. known: what was at the path a moment ago, which is no pipe."""
    end = end_of(start, length, known.size)
    if end - start > MOST_BYTES or no_file(known) is not None:
        return Unknown.AGAIN
    places = [(at, min(READ_BYTES, end - at)) for at in range(start, end, READ_BYTES)]
    opened, looked, *read, _ = yield [
        Question(OPEN, text(path) + struct.pack(">II", 1, 0), _ANSWER_BYTES),
        Question(FSTAT, blob(HANDLE_TOLD), _ANSWER_BYTES),
        *(Question(READ, blob(HANDLE_TOLD) + struct.pack(">QI", *each), _ANSWER_BYTES + each[1]) for each in places),
        _CLOSE,
    ]
    if opened.kind != HANDLE:
        return opened.fields.error() or odd(opened.kind)
    if (handle := opened.fields.string()) != HANDLE_TOLD:
        yield [closing(handle)]
        return Unknown.NEVER
    now = looked.fields.attrs() if looked.kind == ATTRS else None
    if now is None or (error := no_file(now)) is not None:
        return error
    pieces = [each.fields.string() for each in read if each.kind == DATA]
    # It grew, or became shorter, or did not come at once.
    is_whole = end_of(start, length, now.size) == end and [len(piece) for piece in pieces] == [
        each for _, each in places
    ]
    return b"".join(pieces) if is_whole else Unknown.AGAIN


def listed(path: str, expected: int) -> Steps:
    """Return names and attributes in a folder, none where it is missing; the error; or Unknown.

    expected: about how many there are, as far as that is known.
    """
    if expected > MOST_NAMES:
        return Unknown.AGAIN
    opened, *lists, _ = yield [
        Question(OPENDIR, text(path), _ANSWER_BYTES),
        *[Question(READDIR, blob(HANDLE_TOLD), _NAMES_BYTES)] * (2 + expected // NAMES_AT_ONCE),
        _CLOSE,
    ]
    if opened.kind != HANDLE:
        return [] if opened.fields.peek_status() == NO_SUCH_FILE else opened.fields.error() or odd(opened.kind)
    if (handle := opened.fields.string()) != HANDLE_TOLD:
        yield [closing(handle)]
        return Unknown.NEVER
    found: list[tuple[str, Attrs]] = []
    for kind, fields in lists:
        if kind == NAME:
            found += names(fields)
        elif fields.peek_status() == EOF:
            return found
        else:
            return fields.error()
    return Unknown.AGAIN
