"""What the first chart of a run takes, asked for as soon as it is known what there is: by SFTP in three round trips."""

from __future__ import annotations

import errno
import threading
from collections.abc import Callable, Sequence
from typing import Any

from runicorn.remote.server.agent.folders import SMALL_BYTES, SMALL_SUFFIXES
from runicorn.remote.server.reading import error_of
from runicorn.remote.server.sftp.ahead import Ahead

Ranges = Sequence[tuple[str, int, int | None]]

_RECORD_SUFFIX = ".bin"


class Opening:
    """See reading.Opening. rule: see Reader.open(). look, fetch: as a Reader's.

    bring: begins to bring the first bytes of a file, so many of them; None where it does not.
    """

    brings = True

    def __init__(
        self,
        folder: str,
        rule: Sequence[Any],
        look: Callable[[Sequence[str]], list[Any]],
        fetch: Callable[[Ranges], tuple[list[bytes], dict[int, OSError]]],
        bring: Callable[[str, int], Ahead | None],
    ) -> None:
        self._folder, self._rule = folder, rule
        self._look, self._fetch, self._bring = look, fetch, bring
        self._changed = threading.Condition()
        self._told: tuple[Any, dict[str, bytes]] | Exception | None = None
        self._brought: dict[str, Ahead] = {}
        self._is_closed = False
        # It ends with what it asks for: every answer comes in time, or there is an error.
        threading.Thread(target=self._work, name="sftp-opening", daemon=True).start()

    @property
    def is_over(self) -> bool:
        with self._changed:
            is_told = self._told is not None or self._is_closed
            return is_told and all(each.is_over for each in self._brought.values())

    def told(self) -> tuple[list[Any] | dict[str, Any], dict[str, bytes]]:
        with self._changed:
            self._changed.wait_for(lambda: self._told is not None or self._is_closed)
            if self._told is None:
                raise ConnectionResetError(errno.ECONNRESET, "The answer was let go of")
            if isinstance(self._told, Exception):
                raise self._told
            return self._told

    def condensed(self) -> dict[str, Any]:
        return {}

    def holds(self, path: str, start: int, length: int) -> bool:
        ahead = self._brought.get(path)
        return ahead is not None and ahead.holds(start, length)

    def read(self, path: str, start: int, length: int) -> bytes | None:
        ahead = self._brought.get(path)
        return None if ahead is None else ahead.read(start, length)

    def close(self) -> None:
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
            brought = list(self._brought.values())
        for each in brought:
            each.close()

    def _work(self) -> None:
        told: tuple[Any, dict[str, bytes]] | Exception
        try:
            (entries,) = self._look([self._folder])
            found = [] if error_of(entries) else entries
            self._begin_to_bring(found)
            told = entries, self._small_files(found)
        except Exception as error:  # noqa: BLE001 - whoever waits for it raises it
            told = error
        with self._changed:
            self._told = told
            self._changed.notify_all()

    def _begin_to_bring(self, entries: Sequence[Sequence[Any]]) -> None:
        """Bring the record files that are as long as is worth it beside the small ones, the longest ones first."""
        least, most, *_ = self._rule
        found = [
            (size, f"{self._folder}/{name}")
            for name, is_dir, size, *_ in entries
            if name.endswith(_RECORD_SUFFIX) and not is_dir and least <= size <= most
        ]
        for size, path in sorted(found, reverse=True):
            with self._changed:
                ahead = None if self._is_closed else self._bring(path, size)
                if ahead is None:
                    return
                self._brought[path] = ahead

    def _small_files(self, entries: Sequence[Sequence[Any]]) -> dict[str, bytes]:
        names, left = [], SMALL_BYTES
        for name, is_dir, size, *_ in entries:
            if not is_dir and name.endswith(SMALL_SUFFIXES) and size <= left:
                names.append(name)
                left -= size
        found, errors = self._fetch([(f"{self._folder}/{name}", 0, SMALL_BYTES) for name in names])
        return {name: found[place] for place, name in enumerate(names) if place not in errors}
