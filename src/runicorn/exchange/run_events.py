"""The events of a run from the files of all its writers, in the order in which they came about."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from operator import itemgetter
from typing import Any

from runicorn.storage import layout, reader
from runicorn.storage.files import Files

_PIECE_BYTES = 1 << 22


def read_events(files: Files, run_id: str) -> list[dict[str, Any]]:
    """Return the events of a run by their time; those of one writer stay in the order in which it wrote them.

    Raises OSError.
    """
    names = layout.event_files(files.names(layout.run_path(run_id)))
    written = [_timed(_events(files, layout.run_path(run_id, name))) for name in names]
    return [event for _, event in heapq.merge(*written, key=itemgetter(0))]


def _timed(events: Iterable[dict[str, Any]]) -> Iterator[tuple[float, dict[str, Any]]]:
    """Yield each event with its time in unix seconds, or with that of the one before where it has none or goes back."""
    latest = float("-inf")
    for event in events:
        latest = max(latest, layout.parse_iso(event.get("time")) or latest)
        yield latest, event


def _events(files: Files, path: str) -> Iterator[dict[str, Any]]:
    at = 0
    while True:
        found, _, end, size = reader.read_lines(files, path, at, _PIECE_BYTES)
        yield from found
        if end <= at or end >= size:
            return
        at = end
