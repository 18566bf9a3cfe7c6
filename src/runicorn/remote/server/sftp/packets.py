"""The packets of SFTP: their kinds and fields, and the sorting of those that come. Asks nothing.

Version 3 of the protocol (draft-ietf-secsh-filexfer-02), which all servers speak: times in whole seconds, and nothing
that tells one file from another in its place.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from runicorn.remote.server.inbox import Inbox
from runicorn.remote.server.reading import os_error

INIT, VERSION = 1, 2
OPEN, CLOSE, READ, WRITE, FSTAT, OPENDIR, READDIR, REMOVE, REALPATH, STAT = 3, 4, 5, 6, 8, 11, 12, 13, 16, 17
EXTENDED = 200
STATUS, HANDLE, DATA, NAME, ATTRS = 101, 102, 103, 104, 105
EOF, NO_SUCH_FILE = 1, 2
# The number of the first packet, which has none: no question gets it.
FIRST = -1
_ERRORS = {2: "ENOENT", 3: "EACCES", 6: "ENOTCONN", 7: "ECONNRESET", 8: "EOPNOTSUPP"}
_ATTR_SIZE, _ATTR_OWNER, _ATTR_MODE, _ATTR_TIMES, _ATTR_MORE = 1, 2, 4, 8, 1 << 31
_ATTR_ALL = _ATTR_SIZE | _ATTR_OWNER | _ATTR_MODE | _ATTR_TIMES
_ALL_ATTRS = struct.Struct(">QIIIII")
_MAX_PACKET_BYTES = 4 * 2**20


class Attrs(NamedTuple):
    size: int
    mode: int
    mtime: int


class Fields:
    """The fields of a packet, one after the other. number: of the question. Raises struct.error at its end."""

    def __init__(self, body: bytes, number: int) -> None:
        self._body = body
        self._at = 0
        self.number = number

    def u32(self) -> int:
        (found,) = struct.unpack_from(">I", self._body, self._at)
        self._at += 4
        return int(found)

    def string(self) -> bytes:
        length = self.u32()
        self._at += length
        if self._at > len(self._body):
            raise struct.error("a field ends too late")
        return self._body[self._at - length : self._at]

    def text(self) -> str:
        return self.string().decode("utf-8", "surrogateescape")

    def peek_status(self) -> int:
        """Return the code of a status."""
        return int.from_bytes(self._body[:4], "big")

    def attrs(self) -> Attrs:
        flags, size, mode, mtime = self.u32(), 0, 0, 0
        if flags == _ATTR_ALL:  # as sshd has them: a listing is made of thousands
            size, _, _, mode, _, mtime = _ALL_ATTRS.unpack_from(self._body, self._at)
            self._at += _ALL_ATTRS.size
            return Attrs(size, mode, mtime)
        if flags & _ATTR_SIZE:
            size = (self.u32() << 32) + self.u32()
        if flags & _ATTR_OWNER:
            self._at += 8
        if flags & _ATTR_MODE:
            mode = self.u32()
        if flags & _ATTR_TIMES:
            self._at += 4
            mtime = self.u32()
        if flags & _ATTR_MORE:
            for _ in range(2 * self.u32()):
                self.string()
        return Attrs(size, mode, mtime)

    def error(self) -> OSError | None:
        """Return the error that a status tells; None for the end of something, which is none."""
        code = self.u32()
        said = self.text() if code > EOF else ""
        return os_error(_ERRORS.get(code, "EIO"), said) if code > EOF else None


class Heard(NamedTuple):
    """An answer: its kind and fields."""

    kind: int
    fields: Fields


class Packets(Inbox[Heard]):
    """Sorts what a server sends."""

    def _sort(self) -> None:
        while len(self._received) >= 5 and not self.is_over:
            (size,) = struct.unpack_from(">I", self._received)
            if not 1 <= size <= _MAX_PACKET_BYTES:  # a shell's start file printed into it
                self._end()
            elif len(self._received) < 4 + size:
                return
            else:
                kind, body = self._received[4], bytes(self._received[5 : 4 + size])
                del self._received[: 4 + size]
                self._hand_on(kind, body)

    def _hand_on(self, kind: int, body: bytes) -> None:
        number = FIRST if kind == VERSION else int.from_bytes(body[:4], "big")
        answers = self._waiting.pop(number, None)
        if answers is not None:
            answers.put(Heard(kind, Fields(body if kind == VERSION else body[4:], number)))


def packet(kind: int, number: int, body: bytes) -> bytes:
    """Return a packet as it is sent. number: of the question; of the first packet, the version."""
    return struct.pack(">IBI", 5 + len(body), kind, number) + body


def text(path: str) -> bytes:
    return blob(path.encode("utf-8", "surrogateescape"))


def blob(data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + data
