"""The list of runs as one answer: a page of it, its columns, its groups. Touches no files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from runicorn.model import RunState
from runicorn.storage.index import Progress
from runicorn.storage.indexed_run import IndexedRun
from runicorn.storage.query_times import Moment
from runicorn.viewer.page_cursor import PageCursor
from runicorn.viewer.run_filter import RunFilter, RunOrder, metric_columns
from runicorn.viewer.run_groups import Grouping, grouped
from runicorn.viewer.schemas import encode, run_to_wire

_MAX_COLUMNS = 200
_NO_MOMENT = Moment()


@dataclass(frozen=True)
class Wanted:
    """A page of the list. columns: values of metrics that each run is sent with."""

    filter: RunFilter
    order: RunOrder
    limit: int
    cursor: PageCursor | None = None
    columns: tuple[str, ...] = ()

    @classmethod
    def parse(cls, filter: RunFilter, *, sort: Sequence[str] = (), order: Sequence[str] = (), limit: int = 100,
              cursor: str | None = None, columns: Sequence[str] = ()) -> Wanted:  # fmt: skip
        """Raises UsageError for a sort or a column that does not exist, and for a cursor from elsewhere."""
        place = None if not cursor else PageCursor.decode(cursor)
        return cls(filter, RunOrder.parse(sort, order), limit, place, metric_columns(columns))


@dataclass(frozen=True)
class Standing:
    """How the sources stand. progress: of a first reading; problem: why runs are not shown. sources: each by itself."""

    progress: Progress | None = None
    problem: str | None = None
    sources: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True)
class _Page:
    """Runs of a page, and what is told of all others beside them."""

    items: Sequence[IndexedRun]
    beside: dict[str, Any]


class RunListWriter:
    """Builds answers; keeps each run's JSON until the run changes, and the last page until any run of the list does."""

    def __init__(self) -> None:
        self._encoded: dict[tuple[str, tuple[str, ...]], tuple[int, msgspec.Raw]] = {}
        self._last: tuple[tuple[Any, ...], _Page] | None = None

    def write(self, items: Sequence[IndexedRun], wanted: Wanted, now: float, standing: Standing = Standing()) -> bytes:
        """Return the answer of GET /api/runs. Raises InvalidQueryError."""
        key, last = _lasting_key(items, wanted), self._last
        if key is not None and last is not None and last[0] == key:
            page = last[1]
        else:
            self._forget(items)
            page = _page(items, wanted)
            self._last = None if key is None else (key, page)
        runs = [self.encoded(item, now, wanted.columns) for item in page.items]
        return encode({"runs": runs, **page.beside, **_stands(standing)})

    def write_groups(
        self,
        items: Sequence[IndexedRun],
        filter: RunFilter,
        grouping: Grouping,
        now: float,
        standing: Standing = Standing(),
    ) -> bytes:
        """Return the answer of GET /api/run-groups. Raises InvalidQueryError."""
        self._forget(items)
        chosen = filter.choose(items)
        found = grouped(chosen, grouping)
        rows = [found.runs[at] for first, end in grouping.ranges for at in range(first, min(end, len(found.runs)))]
        return encode(
            {
                "groups": [group.to_wire() for group in found.groups],
                "runs": [self.encoded(item, now, grouping.run_columns) for item in rows],
                "total": len(found.runs),
                "first": [item.run.id for item in found.first_whole(grouping.whole)],
                **_about(items, chosen),
                **_stands(standing),
            }
        )

    def encoded(self, item: IndexedRun, now: float, columns: tuple[str, ...] = ()) -> msgspec.Raw:
        """Return a run's JSON; encoded anew only if it changed, or runs and so grows older."""
        key = (item.run.id, columns)
        known = self._encoded.get(key)
        if known is not None and known[0] == item.version:
            return known[1]
        raw = msgspec.Raw(encode(run_to_wire(item.run, now, columns)))
        if item.run.state is not RunState.RUNNING:
            self._encoded[key] = (item.version, raw)
        return raw

    def _forget(self, items: Sequence[IndexedRun]) -> None:
        if len(self._encoded) > 2 * len(items) + 100:  # most of them are of runs that are gone, or of other columns
            self._encoded.clear()


def _page(items: Sequence[IndexedRun], wanted: Wanted) -> _Page:
    chosen = wanted.filter.choose(items)
    ordered = wanted.order.sorted(chosen)
    first = wanted.cursor.start(ordered, wanted.order) if wanted.cursor is not None else 0
    page = ordered[first : first + wanted.limit]
    end = first + len(page)
    after = PageCursor.after(page[-1], end, wanted.order) if page and end < len(ordered) else None
    cursor = after.encode() if after is not None else None
    return _Page(page, {"total": len(ordered), "next_cursor": cursor, **_about(items, chosen)})


def _lasting_key(items: Sequence[IndexedRun], wanted: Wanted) -> tuple[Any, ...] | None:
    """Return what two pages have in common that are the same; None where one depends on when it is asked for."""
    by_age = any(key == "duration_secs" for key, _ in wanted.order.keys)
    if wanted.filter.query.strip() or (by_age and any(item.run.state is RunState.RUNNING for item in items)):
        return None
    filter = replace(wanted.filter, query="", moment=_NO_MOMENT)
    return replace(wanted, filter=filter), [(item.run.id, item.version) for item in items]


def _stands(standing: Standing) -> dict[str, Any]:
    progress = standing.progress
    return {
        "indexing": progress and {"done": progress.done, "total": progress.total},
        "problem": standing.problem,
        "sources": standing.sources,
    }


def _about(items: Sequence[IndexedRun], chosen: Sequence[IndexedRun]) -> dict[str, Any]:
    return {
        "projects": count_projects(items),
        "columns": {
            "config": column_names(item.config_keys for item in chosen),
            "summary": column_names(item.summary_keys for item in chosen),
            "metrics": column_names(item.run.stats.names for item in chosen),
        },
    }


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
