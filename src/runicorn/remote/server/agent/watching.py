"""What an agent tells of folders and files that it watches, as it was told last."""

from __future__ import annotations

import json
import struct
import threading
import time
import zlib
from collections.abc import Callable, Sequence
from typing import Any

from runicorn.remote.server.agent.condensing import RECORD_BYTES
from runicorn.remote.server.agent.watch import WATCH_LIFE_SECS, WATCH_WORD_SECS, WATCHED

# An agent that has said nothing for longer may be gone, or its link stalled.
_SILENT_SECS = 2.5 * WATCH_WORD_SECS
# Nobody waits for the watch to be kept alive: often enough that a lost moment ends it not.
_LIVE_ON_SECS = WATCH_LIFE_SECS / 4
_KEPT_BYTES = 4 * 2**20


class Watching:
    """folders, paths: below the root. parts: returns the parts of the answer that have come since it was asked last, or
    None once there will be none. live_on: has the agent go on; stop: end. Safe to use from several threads.

    Nothing is told before the agent has told of all. What it tells is as old as its way here.
    """

    def __init__(
        self,
        folders: Sequence[str],
        paths: Sequence[str],
        parts: Callable[[], list[bytes] | None],
        live_on: Callable[[], None],
        stop: Callable[[], None],
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._folders, self._paths = tuple(folders), tuple(paths)
        self._parts = parts
        self._live_on = live_on
        self._stop = stop
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._entries: dict[str, Any] = {}
        self._statuses: dict[str, Any] = {}
        self._bytes: dict[str, list[tuple[int, bytes]]] = {}
        self._kept_bytes = 0
        self._heard_at = monotonic()
        self._lived_on_at = monotonic()
        self._is_over = False

    @property
    def is_over(self) -> bool:
        """Whether nothing will be told any more."""
        with self._lock:
            self._take_in()
            return self._is_over

    def stop(self) -> None:
        """Have the agent tell nothing more."""
        with self._lock:
            was_over, self._is_over = self._is_over, True
        if not was_over:
            self._stop()

    def holds(self, folders: Sequence[str], paths: Sequence[str]) -> bool:
        """Tell whether all of these are watched."""
        return set(folders) <= set(self._folders) and set(paths) <= set(self._paths)

    def look(self, folders: Sequence[str]) -> list[Any] | None:
        """Return what each folder holds, see reading.Reader; None where that is not known."""
        with self._lock:
            if not self._is_up_to_date():
                return None
            found = [self._entries.get(folder) for folder in folders]
        return None if any(each is None for each in found) else found

    def stats(self, paths: Sequence[str]) -> list[Any] | None:
        """Return what is at each path; None where that is not known."""
        with self._lock:
            if not self._is_up_to_date() or any(path not in self._statuses for path in paths):
                return None
            return [self._statuses[path] for path in paths]

    def fetch(self, ranges: Sequence[tuple[str, int, int | None]]) -> list[bytes] | None:
        """Return the bytes of each range, if they came with the changes; None where one of them did not."""
        with self._lock:
            if not self._is_up_to_date():
                return None
            found: list[bytes] = []
            for path, start, length in ranges:
                part = None if length is None else self._part(path, start, length)
                if part is None:
                    return None
                found.append(part)
        return found

    def _part(self, path: str, start: int, length: int) -> bytes | None:
        if not length:
            return b"" if path in self._bytes else None
        for begin, data in self._bytes.get(path, ()):
            if begin <= start and start + length <= begin + len(data):
                return data[start - begin : start - begin + length]
        return None

    def _is_up_to_date(self) -> bool:
        self._take_in()
        moment = self._monotonic()
        if self._is_over or moment - self._heard_at > _SILENT_SECS:
            return False
        if moment - self._lived_on_at > _LIVE_ON_SECS:
            self._lived_on_at = moment
            self._live_on()
        return True

    def _take_in(self) -> None:
        """Take in all that has come."""
        if self._is_over:
            return
        try:
            parts = self._parts()
            for part in parts or ():
                self._take(part)
                self._heard_at = self._monotonic()
        except (ValueError, TypeError, KeyError, IndexError, struct.error, zlib.error):  # that is no agent's
            parts = None
            self._stop()
        self._is_over = parts is None

    def _take(self, part: bytes) -> None:
        (length,) = WATCHED.unpack_from(part)
        told, at = json.loads(part[WATCHED.size : WATCHED.size + length]), WATCHED.size + length
        for place, entries in told["folders"]:
            folder = self._folders[place]
            for each in [path for path in self._bytes if path.rpartition("/")[0] == folder]:
                self._kept_bytes -= sum(len(data) for _, data in self._bytes.pop(each))
            self._entries[folder] = entries
        for place, status in told["paths"]:
            self._statuses[self._paths[place]] = status
        if self._kept_bytes > _KEPT_BYTES:
            self._bytes, self._kept_bytes = {}, 0
        for path, start, size, is_shuffled in told["appended"]:
            data = part[at : at + size]
            self._bytes.setdefault(path, []).append((start, in_order(data, RECORD_BYTES) if is_shuffled else data))
            self._kept_bytes += size
            at += size


def in_order(data: bytes, row_bytes: int) -> bytes:
    """Undo condensing.shuffled()."""
    count = len(data) // row_bytes
    whole = count * row_bytes
    rows = bytearray(len(data))
    for place in range(row_bytes):
        rows[place:whole:row_bytes] = data[place * count : (place + 1) * count]
    rows[whole:] = data[whole:]
    return bytes(rows)
