"""The bytes of a file on their way to who reads it: brought by one thread, given to others as they come for them."""

from __future__ import annotations

import contextlib
import errno
import io
import threading
import time
from collections import deque
from collections.abc import Callable, Generator

# So many bytes are held for who has not come for them yet, and for so long.
AHEAD_BYTES = 8 * 2**20
KEPT_SECS = 10.0
# Of what was given, the ends are known a little longer: by them, a file is told from another one.
_MARK_BYTES = 4096


class Ahead:
    """Each byte is given once, in order. size_bytes: how many are brought, from the beginning of the file on.

    All come of one opening of the file, so that none is of another one that is put in its place meanwhile.
    """

    def __init__(self, path: str, size_bytes: int) -> None:
        self.path = path
        self._size_bytes = size_bytes
        self._changed = threading.Condition()
        self._pieces: deque[bytes] = deque()
        self._held_bytes = 0
        self._given = 0  # up to which byte
        self._marks: list[tuple[int, bytes]] = []
        self._error: Exception | None = None
        self._is_brought = False
        self._touched_at = time.monotonic()

    @property
    def is_over(self) -> bool:
        """Whether there is nothing to be given any more."""
        with self._changed:
            return self._is_brought and not self._held_bytes

    def bring(self, pieces: Generator[bytes, None, None]) -> None:
        """Take in pieces as there is room for them, then wait until they are given, or nobody comes for them."""
        try:
            with contextlib.closing(pieces):
                for piece in pieces:
                    if not self._put(piece) or not self._comes_to(lambda: self._held_bytes < AHEAD_BYTES):
                        break
        except Exception as error:  # noqa: BLE001 - whoever waits for it raises it
            self._error = error
        with self._changed:
            self._is_brought = True
            self._changed.notify_all()
        self._comes_to(lambda: not self._held_bytes)
        self.close()

    def holds(self, start: int, length: int) -> bool:
        """Tell whether read() gives these bytes, unless somebody else takes them before."""
        with self._changed:
            return self._mark(start, length) is not None or self._before(start, length) is not None

    def read(self, start: int, length: int) -> bytes | None:
        """Return these bytes, fewer where the file ended before; None where they are not known. Raises OSError."""
        with self._changed:
            before = self._before(start, length)
            if before is None:
                return self._mark(start, length)
            found = io.BytesIO()
            found.write(before)
            while (left := length - found.tell()) and self._changed.wait_for(
                lambda: self._held_bytes or self._is_brought
            ):
                if not self._held_bytes:
                    break
                self._take(left, found)
            if self._error is not None and found.tell() < length:
                raise self._error
            data = found.getvalue()
            at = max(0, len(data) - _MARK_BYTES)
            first = self._marks[0] if self._marks else (start, data[:_MARK_BYTES])
            self._marks = [first, *self._marks[-1:], (start + at, data[at:])]
            return data

    def close(self) -> None:
        """Hold nothing any more; who waits for what has not come gets an error. May be called twice."""
        with self._changed:
            if not self._is_brought:
                self._error = ConnectionResetError(errno.ECONNRESET, "The file was let go of")
            self._is_brought, self._held_bytes = True, 0
            self._pieces.clear()
            self._changed.notify_all()

    def _put(self, piece: bytes) -> bool:
        """Hold a piece; return False where it is closed."""
        with self._changed:
            if not self._is_brought:
                self._pieces.append(piece)
                self._held_bytes += len(piece)
                self._changed.notify_all()
            return not self._is_brought

    def _before(self, start: int, length: int) -> bytes | None:
        """Return what of these bytes was given just before the others of them; None where they are not the next ones.

        Who reads records gets the last one again with what follows it, which tells whether it is whole.
        """
        is_over = self._is_brought and not self._held_bytes
        if is_over or not self._given < start + length <= self._size_bytes:
            return None
        at, data = self._marks[-1] if self._marks else (self._given, b"")
        return data[start - at :] if at <= start <= self._given else None

    def _mark(self, start: int, length: int) -> bytes | None:
        """Return these bytes where they are at the ends of what was given."""
        for at, data in self._marks:
            if at <= start and start + length <= at + len(data):
                return data[start - at :][:length]
        return None

    def _take(self, most: int, found: io.BytesIO) -> None:
        """Give what of the first piece is wanted."""
        piece = self._pieces.popleft()
        found.write(piece[:most])
        if len(piece) > most:
            self._pieces.appendleft(piece[most:])
        taken = min(most, len(piece))
        self._held_bytes -= taken
        self._given += taken
        self._touched_at = time.monotonic()
        self._changed.notify_all()

    def _comes_to(self, happened: Callable[[], bool]) -> bool:
        """Wait until something happened; return False where it is closed before, or nobody came for too long."""
        with self._changed:
            while not happened():
                left = self._touched_at + KEPT_SECS - time.monotonic()
                if left <= 0 or (self._is_brought and not self._held_bytes):
                    return False
                self._changed.wait(left)
            return True
