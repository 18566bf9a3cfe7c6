"""The names of the metrics in a record file, from the .keys file beside it: line by line, as it grows."""

from __future__ import annotations

import time
from collections.abc import Callable

from runicorn.storage import layout
from runicorn.storage.files import FileStat, Range
from runicorn.storage.growing import is_young

# More is no list of names.
_MAX_BYTES = 64 * 2**20
# A little more than was seen of it: the file may have grown since.
_MORE_BYTES = 64 * 2**10
_MAX_SHARED = 200_000

_shared: dict[str, str] = {}


class MetricNames:
    """Names by metric number, None for a line that is no name. What was read of a file that is missing now stays."""

    def __init__(self, path: str, now: Callable[[], float] = time.time) -> None:
        self.path = path
        self.by_number: list[str | None] = []
        self._now = now
        self._offset = 0
        self._seen: FileStat | None = None
        self._planned: tuple[FileStat, int] | None = None

    def __len__(self) -> int:
        return len(self.by_number)

    def name(self, number: int) -> str:
        """Return a metric's name, or one made of its number where its line is lost."""
        return layout.key_or_number(self.by_number, number)

    def is_known(self, number: int) -> bool:
        """Tell whether a metric's line was read, and is a name."""
        return number < len(self.by_number) and self.by_number[number] is not None

    def numbers(self, wanted: set[str]) -> dict[str, list[int]]:
        """Return the numbers that go by each name; more than one where a keys file was damaged and written on."""
        found: dict[str, list[int]] = {}
        for number, name in enumerate(self.by_number):
            if name in wanted and name is not None:
                found.setdefault(name, []).append(number)
        for name in wanted:
            if name not in found and name.startswith("unnamed/") and name[8:].isdecimal():
                found[name] = [int(name[8:])]
        return found

    def plan(self, status: FileStat | None) -> list[Range]:
        """Return what to read now; nothing where nothing changed."""
        if status is None:
            return []
        if status == self._seen:
            return []
        if self._seen is not None:
            replaced = status.inode != self._seen.inode or status.size_bytes < self._offset
            if replaced or None in self.by_number:  # what was damaged may be whole now
                self.forget()
        self._planned = (status, self._offset)
        more = min(max(0, status.size_bytes - self._offset) + _MORE_BYTES, _MAX_BYTES)
        return [Range(self.path, self._offset, more)]

    def take(self, data: bytes) -> None:
        """Take in what plan() asked for; a line without its end is still being written."""
        if self._planned is None:
            return
        (status, offset), self._planned = self._planned, None
        if offset != self._offset:  # all was forgotten since
            return
        whole = offset + len(data) >= status.size_bytes
        if b"\0" in data and is_young(status, self._now):  # no name holds one: bytes that are still coming
            data, whole = data[: data.index(b"\0")], False
        found, consumed = layout.decode_keys(data)
        self.by_number += [None if name is None else _share(layout.shown(name)) for name in found]
        self._offset += consumed
        self._seen = status if whole else None

    def forget(self) -> None:
        self.by_number = []
        self._offset, self._seen, self._planned = 0, None, None


def _share(name: str) -> str:
    """Return one and the same text for equal names: the runs of one script have thousands in common."""
    if len(_shared) > _MAX_SHARED:
        _shared.clear()
    return _shared.setdefault(name, name)
