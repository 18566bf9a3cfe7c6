"""Where a page of the list ends, so that the next one begins behind it, whatever changes in between. Touches no files.

A run that ends, or is renamed, stands elsewhere in the next list. So a cursor holds what the last run was sorted by
when it was sent, and the next page begins with the first run that stands behind that: no run that stayed as it was is
left out or sent twice.
"""

from __future__ import annotations

import base64
import binascii
import bisect
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from runicorn.errors import UsageError
from runicorn.storage.indexed_run import IndexedRun, SortKey, sort_keys
from runicorn.viewer.run_filter import RunOrder

# What a run is sorted by may be a long text, and a cursor has to fit into an address.
_MAX_CHARACTERS = 4000


@dataclass(frozen=True)
class PageCursor:
    """position: how many runs were sent so far. keys: what the last one was sorted by; None where that is not
    known, or too long to be told.
    """

    position: int
    last_id: str
    keys: tuple[SortKey | None, ...] | None = None

    @classmethod
    def after(cls, last: IndexedRun, position: int, order: RunOrder) -> PageCursor:
        cursor = cls(position, last.run.id, sort_keys(last, order.keys))
        return cursor if len(cursor.encode()) <= _MAX_CHARACTERS else replace(cursor, keys=None)

    def start(self, ordered: Sequence[IndexedRun], order: RunOrder) -> int:
        """Return where the page behind it begins in a list of that order."""
        last = ordered[self.position - 1] if 0 < self.position <= len(ordered) else None
        if last is not None and last.run.id == self.last_id and self.keys in (None, sort_keys(last, order.keys)):
            return self.position
        if self.keys is not None and len(self.keys) == len(order.keys):
            return bisect.bisect_left(ordered, True, key=lambda item: self._is_before(item, order))
        return next((at + 1 for at, item in enumerate(ordered) if item.run.id == self.last_id), self.position)

    def _is_before(self, item: IndexedRun, order: RunOrder) -> bool:
        assert self.keys is not None
        for (_, falling), here, key in zip(order.keys, self.keys, sort_keys(item, order.keys), strict=True):
            if here == key:
                continue
            if here is None or key is None:  # what a run lacks comes last, whichever way it is sorted
                return key is None
            return (key > here) is not falling
        return item.run.id != self.last_id and (item.run.id > self.last_id) is not order.keys[0][1]

    def encode(self) -> str:
        content = json.dumps([self.position, self.last_id, self.keys], ensure_ascii=False, separators=(",", ":"))
        return base64.urlsafe_b64encode(content.encode("utf-8", "surrogatepass")).decode().rstrip("=")

    @classmethod
    def decode(cls, text: str) -> PageCursor:
        """Raises UsageError."""
        try:
            content = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
            position, last_id, keys = json.loads(content.decode("utf-8", "surrogatepass"))
            found = None if keys is None else tuple(None if each is None else _key(each) for each in keys)
            if type(position) is int and position >= 0 and isinstance(last_id, str):
                return cls(position, last_id, found)
        except (ValueError, TypeError, OverflowError, binascii.Error, RecursionError):
            pass
        raise UsageError("The cursor is not one that this list has given out.", hint="Ask for the first page again.")


def _key(content: Any) -> SortKey:
    """Raises ValueError, TypeError."""
    kind, number, text = content
    if type(kind) is int and isinstance(number, (int, float)) and not math.isnan(number) and isinstance(text, str):
        return kind, number, text
    raise ValueError("no key")
