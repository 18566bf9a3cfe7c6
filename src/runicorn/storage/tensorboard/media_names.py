"""The paths of media that events files name, each byte of which is read once while they grow."""

from __future__ import annotations

import json
import re
import threading
from typing import NamedTuple

from runicorn.storage.files import Files

# As many files of a run as are shown.
MAX_NAMES = 1000
_NAME = re.compile(rb'"file":("media/[^"]*")')
_PIECE_BYTES = 1 << 18
# Of so many runs it is kept: a thousand paths take 100 kB.
_MAX_KEPT = 200


class _Known(NamedTuple):
    """What the first `offset` bytes of a file name; inode: which file it is."""

    inode: int
    offset: int = 0
    names: tuple[str, ...] = ()


class MediaNames:
    """Safe to use from several threads: two that ask at once may read the same bytes; neither waits for the other."""

    def __init__(self) -> None:
        self._known: dict[str, _Known] = {}  # the one asked for last comes last
        self._lock = threading.Lock()

    def of(self, files: Files, path: str) -> tuple[str, ...]:
        """Return the paths that an events file names, at most 1,000, in its order; nothing where there is no such file.

        Only whole lines count. A file that is another one, or shorter than it was, is read anew. Raises OSError.
        """
        status = files.stat(path)
        if status is None:
            return ()
        known = self._known.get(path)
        if known is None or known.inode != status.inode or status.size_bytes < known.offset:
            known = _Known(status.inode)
        while known.offset < status.size_bytes and len(known.names) < MAX_NAMES:
            further = _read_on(files, path, known, status.size_bytes)
            if further == known:  # the last line is still being written
                break
            known = further
        self._keep(path, known)
        return known.names

    def _keep(self, path: str, known: _Known) -> None:
        with self._lock:
            self._known.pop(path, None)
            self._known[path] = known
            while len(self._known) > _MAX_KEPT:
                del self._known[next(iter(self._known))]


def _read_on(files: Files, path: str, known: _Known, end: int) -> _Known:
    """Return what is known after the next lines; the same where there is no whole one up to `end`."""
    data = b""
    while known.offset + len(data) < end:
        # Longer each time, or a line of many pieces would be searched again and again for its end.
        piece = files.read(
            path, known.offset + len(data), min(max(_PIECE_BYTES, len(data)), end - known.offset - len(data))
        )
        if not piece:
            break
        lines = piece.rfind(b"\n") + 1
        data += piece[:lines] if lines else piece
        if lines:
            names = (json.loads(name) for name in _NAME.findall(data))
            return _Known(known.inode, known.offset + len(data), (*known.names, *names)[:MAX_NAMES])
    return known
