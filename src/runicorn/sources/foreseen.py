"""What is asked of a host before it is needed: all that the first chart of a run takes, in as few round trips as its
reader can."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from runicorn.remote.server.reading import Opening, Reader
from runicorn.storage.files import Condensing, CondensingRule, Range

# What was told of a folder is as good as asked anew for so long, as an answer that is on its way grows old, too.
_FRESH_SECS = 0.5
# And what was made of its record files, which only grow, for so long.
_KEPT_SECS = 10.0
# For who never asks for it, as where a page is closed at once.
_MOST = 32


@dataclass
class _Folder:
    """One that was asked for. told_at: by the monotonic clock; None where nothing has come yet."""

    opening: Opening
    told_at: float | None = None
    entries: list[Any] | dict[str, Any] = field(default_factory=list)
    small: dict[str, bytes] = field(default_factory=dict)


@dataclass
class _Making:
    """Buckets of a folder's record files that are being made, or its bytes that are being brought.

    asked_at: or when somebody came for the bytes last. is_awaited: somebody waits for them, and takes them.
    """

    opening: Opening
    asked_at: float
    is_awaited: bool = False


class Foreseen:
    """Folders that were asked for. Each answer is None where it is not known here, and has to be asked for.

    Safe to use from several threads.
    """

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._folders: dict[str, _Folder] = {}
        self._making: dict[str, _Making] = {}

    def ask(self, reader: Reader, folders: Sequence[str], rule: CondensingRule | None) -> None:
        """Have these told, but for those that just were. Waits for nothing, and raises nothing."""
        for folder in folders:
            if self._fresh(folder) is not None:
                continue
            with self._lock:
                is_made = folder in self._making
            with suppress(OSError):
                opening = reader.open(folder, None if rule is None or is_made else list(rule))
                if opening is None:
                    continue
                with self._lock:
                    before = self._folders.get(folder)
                    self._folders[folder] = _Folder(opening)
                    if rule is not None and not is_made:
                        self._making[folder] = _Making(opening, self._monotonic())
                self._close(before)
        self._let_go()

    def look(self, folders: Sequence[str]) -> list[Any] | None:
        """Return what each folder holds, as Reader.look() does. Raises OSError."""
        if not self._folders:
            return None
        found: list[Any] = []
        for folder in folders:
            told = self._told(folder)
            if told is None:
                return None
            found.append(told.entries)
        return found

    def fetch(
        self, ranges: Sequence[Range], ask: Callable[[Sequence[Range]], list[bytes | OSError]]
    ) -> list[bytes | OSError]:
        """Return the bytes of each range: of small files that were told, what is brought, once, and of `ask` the rest.

        Of one file, all comes from the same place: the marks of a file tell nothing of the bytes of another one.
        """
        found: list[bytes | OSError | None] = [_part(each, self._fresh) for each in ranges]
        brought = {place: self._brings(each) for place, each in enumerate(ranges) if found[place] is None}
        others = {ranges[place].path for place, making in brought.items() if making is None}
        self._ask(ranges, found, others, ask)
        taken: set[str] = set()  # by somebody else, meanwhile
        for place, making in brought.items():
            path, start, length = ranges[place]
            if making is None or length is None or path in others | taken:
                continue
            try:
                found[place] = self._given(making, path, start, length)
            except OSError as error:
                found[place] = error
            if found[place] is None:
                taken.add(path)
        self._ask(ranges, found, taken, ask)
        return [each for each in found if each is not None]

    @staticmethod
    def _ask(
        ranges: Sequence[Range],
        found: list[bytes | OSError | None],
        paths: set[str],
        ask: Callable[[Sequence[Range]], list[bytes | OSError]],
    ) -> None:
        """Ask for all ranges of these files."""
        places = [place for place, each in enumerate(ranges) if each.path in paths]
        if places:
            for place, data in zip(places, ask([ranges[place] for place in places]), strict=True):
                found[place] = data

    def condense(
        self, wishes: Sequence[Condensing], ranges: Sequence[Range]
    ) -> tuple[list[Any], list[bytes], dict[int, OSError]] | None:
        """Return what Reader.condense() does, where all of it was made, with None for what is brought to be read.

        Each answer is given once. The names of metrics are as old as the buckets, so that whoever was told of newer
        ones asks once more. Raises OSError.
        """
        if not self._making:
            return None
        read = [_part(each, self._folders.get) for each in ranges]
        if None in read:
            return None
        names = [part for part in read if part is not None]
        folders = dict.fromkeys(wish.path.rpartition("/")[0] for wish in wishes)
        with self._lock:
            making = [self._making.get(folder) for folder in folders]
        if None in making:
            return None
        if all(each is not None and each.opening.brings for each in making):
            return [None] * len(wishes), names, {}
        found = {path: told for folder in folders for path, told in self._made(folder).items()}
        made = [found.get(wish.path) for wish in wishes]
        if not all(told is not None and _fits(told, wish) for told, wish in zip(made, wishes, strict=True)):
            return None
        return made, names, {}

    def forget(self) -> None:
        """Know nothing."""
        with self._lock:
            openings = [each.opening for each in self._folders.values()]
            openings += [each.opening for each in self._making.values()]
            self._folders, self._making = {}, {}
        for each in openings:
            each.close()

    def _made(self, folder: str) -> dict[str, Any]:
        """Return what is made of a folder's record files by path, nothing where that was not asked for; once."""
        with self._lock:
            making = self._making.get(folder)
            if making is None or making.is_awaited:
                return {}
            making.is_awaited = True
        try:
            return making.opening.condensed()
        finally:
            with self._lock:
                if self._making.get(folder) is making:
                    del self._making[folder]
            making.opening.close()

    def _brings(self, wanted: Range) -> _Making | None:
        """Return what brings these bytes."""
        path, start, length = wanted
        with self._lock:
            making = self._making.get(path.rpartition("/")[0])
        is_there = making is not None and length is not None and making.opening.holds(path, start, length)
        return making if is_there else None

    def _given(self, making: _Making, path: str, start: int, length: int) -> bytes | None:
        """Return bytes that are brought, once they have come. Raises OSError."""
        making.is_awaited = True
        try:
            return making.opening.read(path, start, length)
        finally:
            making.is_awaited, making.asked_at = False, self._monotonic()
            if making.opening.is_over:
                self._end(making)

    def _end(self, making: _Making) -> None:
        with self._lock:
            for folder in [folder for folder, each in self._making.items() if each is making]:
                del self._making[folder]
        making.opening.close()

    def _told(self, folder: str) -> _Folder | None:
        """Return what is told of a folder, once it is, while it is fresh. Raises OSError."""
        with self._lock:
            held = self._folders.get(folder)
        if held is not None and held.told_at is None:
            try:
                held.entries, held.small = held.opening.told()
            except BaseException:
                with self._lock:
                    if self._folders.get(folder) is held:
                        del self._folders[folder]
                raise
            held.told_at = self._monotonic()
        return self._fresh(folder)

    def _fresh(self, folder: str) -> _Folder | None:
        """Return a folder of which was told just now, or is being told."""
        with self._lock:
            held = self._folders.get(folder)
        is_fresh = held is not None and (held.told_at is None or self._monotonic() - held.told_at < _FRESH_SECS)
        return held if is_fresh else None

    def _let_go(self) -> None:
        """Forget what nobody has asked for in a while."""
        moment = self._monotonic()
        with self._lock:
            late = [
                folder for folder, each in self._making.items()
                if not each.is_awaited and moment - each.asked_at > _KEPT_SECS
            ]  # fmt: skip
            openings = [self._making.pop(folder).opening for folder in late]
            old = list(self._folders)[:-_MOST]
            folders = [self._folders.pop(folder) for folder in old]
        for opening in openings:
            opening.close()
        for folder in folders:
            self._close(folder)

    def _close(self, folder: _Folder | None) -> None:
        """End what was asked of a folder, unless buckets are made by the same question."""
        if folder is None:
            return
        with self._lock:
            is_making = any(each.opening is folder.opening for each in self._making.values())
        if not is_making:
            folder.opening.close()


def _part(wanted: Range, held: Callable[[str], _Folder | None]) -> bytes | None:
    """Return the bytes of a range out of what is held of its folder; None where they are not."""
    path, start, length = wanted
    path_of_folder, _, name = path.rpartition("/")
    folder = held(path_of_folder)
    content = folder.small.get(name) if folder is not None else None
    if content is None:
        return None
    return content[start:] if length is None else content[start : start + length]


def _fits(told: Sequence[Any], wish: Condensing) -> bool:
    """Tell whether what was made of a file is what is wished for, as it was looked at since."""
    offset, _, _, points, *_ = told
    return bool(offset <= wish.size_bytes and points in (0, wish.points, wish.of_many))
