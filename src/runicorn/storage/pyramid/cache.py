"""Pyramids between two viewers: a file for each record file, in the user's cache folder; all may be deleted any time.

A file is, little-endian: the magic `RNPYRAM1`; u4 length of the head; u4 CRC-32 of the head and all behind it; the
head, which is MessagePack; the arrays one behind the other, as long as it says, each at a multiple of 8 bytes.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import struct
import threading
import zlib
from pathlib import Path
from typing import Any

from runicorn.files import replace_file
from runicorn.regular_files import open_regular
from runicorn.storage.pyramid.table import PyramidTable
from runicorn.storage.records import RECORD_BYTES

MAGIC = b"RNPYRAM1"
_HEAD = struct.Struct("<8sII")
# A file of another version is not read: change it with levels.BUCKET and with how a table goes to disk.
_VERSION = 1
# Below it, a file is read in a moment; nothing is left in the cache folder for it.
WORTH_SAVING_BYTES = 200_000 * RECORD_BYTES
# On a server of others', nothing is left for a file that is read within a tenth of a second.
WORTH_SAVING_AS_A_GUEST_BYTES = 10_000_000 * RECORD_BYTES
MOST_BYTES = 512 * 2**20
# A file that grows is saved again when it has grown by a quarter.
_GROWTH = 1.25
_SUFFIX = ".pyramid"


class PyramidCache:
    """The pyramids of one storage root on disk. Safe to use from several threads, and by several viewers at once.

    folder: the user's cache folder. root: what no other root is called, such as its path without links. worth_from: how
    many bytes a record file must have for one of it to be left. most_bytes: how much all pyramids of all roots may
    take; those that were not used for longest go. Raises nothing: a damaged file or a full disk costs time only.
    """

    def __init__(
        self, folder: Path, root: str, *, worth_from: int = WORTH_SAVING_BYTES, most_bytes: int = MOST_BYTES
    ) -> None:
        self.folder = folder / "pyramids"
        self._root = root
        self._worth_from = worth_from
        self._most_bytes = most_bytes
        self._written: int | None = None  # bytes since it was last seen how much there is
        self._lock = threading.Lock()

    def path(self, record_file: str) -> Path:
        """Return where the pyramid of a record file lies, which is named relative to the root."""
        name = hashlib.sha256(os.fsencode(self._root) + b"\0" + os.fsencode(record_file)).hexdigest()
        return self.folder / f"{name[:32]}{_SUFFIX}"

    def holds(self, record_file: str) -> bool:
        """Tell whether something was saved of a record file, of whatever use it is."""
        return self.path(record_file).exists()

    def load(self, table: PyramidTable, size_bytes: int) -> None:
        """Let a new table go on from what was saved of its file, which has so many bytes now, where that is of use."""
        if size_bytes < self._worth_from:
            return
        msgpack = _msgpack()
        if msgpack is None:
            return
        path = self.path(table.tail.path)
        try:
            with open_regular(path) as file:
                data = file.read() or b""
            head, parts = _decode(msgpack, data)
            if (head["version"], head["root"], head["path"]) != (_VERSION, self._root, table.tail.path):
                return
            table.load(head, parts)
            os.utime(path)  # it is in use
        except (OSError, ValueError, TypeError, KeyError, IndexError, RecursionError):
            return

    def is_due(self, table: PyramidTable) -> bool:
        """Tell whether a table has grown by so much that it is to be saved."""
        return table.offset >= max(self._worth_from, _GROWTH * table.saved_offset, 1)

    def save(self, table: PyramidTable) -> None:
        """Replace what was saved of a table, whose lock is held, if its file is large enough."""
        msgpack = _msgpack()
        if msgpack is None or table.offset < max(self._worth_from, 1) or table.offset == table.saved_offset:
            return
        table.saved_offset = table.offset
        try:
            content = _encode(msgpack, self._root, table)
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            replace_file(self.path(table.tail.path), content, durable=False)
        except (OSError, ValueError, TypeError, OverflowError):
            return
        self._account(len(content))

    def _account(self, size_bytes: int) -> None:
        with self._lock:
            if self._written is not None:
                self._written += size_bytes
                if self._written < self._most_bytes // 8:
                    return
            self._written = 0
        with contextlib.suppress(OSError):
            self._make_room()

    def _make_room(self) -> None:
        found = []
        with os.scandir(self.folder) as entries:
            for entry in entries:
                with contextlib.suppress(OSError):
                    status = entry.stat(follow_symlinks=False)
                    found.append((status.st_mtime_ns, status.st_size, entry.path))
        left = self._most_bytes - self._most_bytes // 8 - sum(size for _, size, _ in found)
        for _, size, path in sorted(found):
            if left >= 0:
                return
            with contextlib.suppress(OSError):
                Path(path).unlink()
                left += size


def _encode(msgpack: Any, root: str, table: PyramidTable) -> bytes:
    head, arrays = table.save()
    lengths = [array.nbytes for array in arrays]
    encoded = msgpack.encode({**head, "version": _VERSION, "root": root, "path": table.tail.path, "lengths": lengths})
    parts = [encoded, bytes(-len(encoded) % 8)]
    for array in arrays:
        parts += [array.tobytes(), bytes(-array.nbytes % 8)]
    body = b"".join(parts)
    return _HEAD.pack(MAGIC, len(encoded), zlib.crc32(body)) + body


def _decode(msgpack: Any, data: bytes) -> tuple[dict[str, Any], list[memoryview]]:
    """Return the head and the arrays. Raises ValueError, or KeyError, TypeError where it is something else."""
    if len(data) < _HEAD.size:
        raise ValueError("too short")
    magic, length, crc = _HEAD.unpack_from(data)
    body = memoryview(data)[_HEAD.size :]
    if magic != MAGIC or zlib.crc32(body) != crc:
        raise ValueError("damaged")
    head = msgpack.decode(body[:length], type=dict)
    parts, at = [], length + -length % 8
    for size in head["lengths"]:
        parts.append(body[at : at + size])
        at += size + -size % 8
    if at != len(body):
        raise ValueError("cut short")
    return head, parts


def _msgpack() -> Any:
    try:
        import msgspec
    except ImportError:  # a bare Python on a server
        return None
    return msgspec.msgpack
