"""The list of runs as one answer: filter, sort, cut into pages, name the columns. Touches no files."""

from __future__ import annotations

import base64
import binascii
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from runicorn.errors import UsageError
from runicorn.model import RunState
from runicorn.storage.index import Progress
from runicorn.storage.indexed_run import IndexedRun, in_project, sorted_runs
from runicorn.storage.query import parse_query
from runicorn.viewer.schemas import encode, run_to_wire

SORT_FIELDS = ("created_at", "name", "project", "state", "duration_secs", "step")
_MAX_COLUMNS = 200


@dataclass(frozen=True)
class Wanted:
    """What a client asks for; made valid once by `parse`."""

    project: str | None
    states: frozenset[str]
    query: str
    sort: str
    descending: bool
    limit: int
    cursor: tuple[int, str] | None
    archived: bool | None
    deleted: bool

    @classmethod
    def parse(cls, *, project: str | None, state: str | None, q: str, sort: str, order: str, limit: int,
              cursor: str | None, archived: bool | None, deleted: bool) -> Wanted:  # fmt: skip
        """Raises UsageError for a state or a sort that does not exist, and for a cursor from elsewhere."""
        states = frozenset(name.strip() for name in (state or "").split(",") if name.strip())
        for name in states:
            if RunState.parse(name) is None:
                raise UsageError(
                    f"{name[:100]!r} is no state.", hint="Use running, finished, failed, killed, preempted or unknown."
                )
        if sort not in SORT_FIELDS and not sort.startswith(("config.", "summary.")):
            raise UsageError(
                f"Runs cannot be sorted by {sort[:100]!r}.",
                hint=f"Use {', '.join(SORT_FIELDS)}, config.KEY or summary.KEY.",
            )
        project = project.strip("/") if project else None
        place = None if not cursor else decode_cursor(cursor)
        return cls(project, states, q, sort, order == "desc", limit, place, archived, deleted)


class RunListWriter:
    """Builds answers; keeps each run's JSON until the run changes."""

    def __init__(self) -> None:
        self._encoded: dict[str, tuple[int, msgspec.Raw]] = {}

    def write(
        self,
        items: Sequence[IndexedRun],
        wanted: Wanted,
        now: float,
        progress: Progress | None = None,
        problem: str | None = None,
    ) -> bytes:
        """Return the answer of GET /api/runs. progress: of a first reading. problem: why runs are not shown.

        Raises InvalidQueryError.
        """
        if len(self._encoded) > 2 * len(items) + 100:  # most of them are of runs that are gone
            self._encoded.clear()
        chosen = choose(items, wanted)
        ordered = sorted_runs(chosen, wanted.sort, descending=wanted.descending)
        first = page_start(ordered, wanted.cursor)
        page = ordered[first : first + wanted.limit]
        more = first + len(page) < len(ordered)
        return encode(
            {
                "runs": [self.encoded(item, now) for item in page],
                "total": len(ordered),
                "next_cursor": encode_cursor(first + len(page), page[-1].run.id) if more and page else None,
                "projects": count_projects(items),
                "columns": {
                    "config": column_names(item.config_keys for item in chosen),
                    "summary": column_names(item.summary_keys for item in chosen),
                },
                "indexing": progress and {"done": progress.done, "total": progress.total},
                "problem": problem,
            }
        )

    def encoded(self, item: IndexedRun, now: float) -> msgspec.Raw:
        """Return a run's JSON; encoded anew only if it changed, or runs and so grows older."""
        known = self._encoded.get(item.run.id)
        if known is not None and known[0] == item.version:
            return known[1]
        raw = msgspec.Raw(encode(run_to_wire(item.run, now)))
        if item.run.state is not RunState.RUNNING:
            self._encoded[item.run.id] = (item.version, raw)
        return raw


def choose(items: Iterable[IndexedRun], wanted: Wanted) -> list[IndexedRun]:
    """Return the runs that pass all filters."""
    matches = parse_query(wanted.query) if wanted.query.strip() else None
    return [
        item
        for item in items
        if (item.run.deleted_at is not None) == wanted.deleted
        and (wanted.archived is None or item.run.archived == wanted.archived)
        and (wanted.project is None or in_project(item.run, wanted.project))
        and (not wanted.states or item.run.state.value in wanted.states)
        and (matches is None or matches(item))
    ]


def page_start(ordered: Sequence[IndexedRun], cursor: tuple[int, str] | None) -> int:
    """Return where the page after `cursor` begins: after its last run wherever that is now, else at its number."""
    if cursor is None:
        return 0
    position, last_id = cursor
    if 0 < position <= len(ordered) and ordered[position - 1].run.id == last_id:
        return position
    return next((at + 1 for at, item in enumerate(ordered) if item.run.id == last_id), position)


def count_projects(items: Iterable[IndexedRun]) -> list[dict[str, Any]]:
    counts = Counter(item.run.project for item in items if item.run.deleted_at is None)
    return [{"project": project, "count": count} for project, count in sorted(counts.items())]


def column_names(keys: Iterable[Iterable[str]]) -> list[str]:
    """Return the sorted names that occur, at most 200, the most frequent ones where there are more."""
    # Runs of one script have the same keys in the same order: count each such list once.
    lists = Counter(tuple(one) for one in keys)
    counts: Counter[str] = Counter()
    for names, runs in lists.items():
        for name in names:
            counts[name] += runs
    if len(counts) > _MAX_COLUMNS:
        return sorted(name for name, _ in counts.most_common(_MAX_COLUMNS))
    return sorted(counts)


def encode_cursor(position: int, last_id: str) -> str:
    return base64.urlsafe_b64encode(json.dumps([position, last_id]).encode()).decode().rstrip("=")


def decode_cursor(text: str) -> tuple[int, str]:
    """Return position and last id. Raises UsageError."""
    try:
        position, last_id = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        if isinstance(position, int) and position >= 0 and isinstance(last_id, str):
            return position, last_id
    except (ValueError, TypeError, binascii.Error, RecursionError):
        pass
    raise UsageError("The cursor is not one that this list has given out.", hint="Ask for the first page again.")
