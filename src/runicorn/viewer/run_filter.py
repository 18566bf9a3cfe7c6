"""Which runs a client asks for, and in which order: made valid once. Touches no files."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from runicorn.errors import UsageError
from runicorn.model import RunState
from runicorn.storage.indexed_run import IndexedRun, in_project, ordered_runs
from runicorn.storage.query import parse_query
from runicorn.storage.query_fields import METRIC_PREFIXES, is_own
from runicorn.storage.query_times import Moment

SORT_FIELDS = (
    *("created_at", "finished_at", "name", "project", "state", "duration_secs", "step"),
    *("host", "user", "note", "group", "job_type", "tags"),
)
MAX_SORTS = 8
MAX_COLUMNS = 100


@dataclass(frozen=True)
class RunFilter:
    """What runs have to be. moment: when it was asked, for dates in the query."""

    project: str | None = None
    states: frozenset[str] = frozenset()
    query: str = ""
    archived: bool | None = None
    deleted: bool = False
    moment: Moment = field(default_factory=Moment)

    @classmethod
    def parse(cls, *, project: str | None = None, state: str | None = None, q: str = "", archived: bool | None = None,
              deleted: bool = False, moment: Moment | None = None) -> RunFilter:  # fmt: skip
        """Raises UsageError for a state that does not exist."""
        states = frozenset(name.strip() for name in (state or "").split(",") if name.strip())
        for name in states:
            if RunState.parse(name) is None:
                raise UsageError(
                    f"{name[:100]!r} is no state.", hint="Use running, finished, failed, killed, preempted or unknown."
                )
        return cls(project.strip("/") if project else None, states, q, archived, deleted, moment or Moment())

    def choose(self, items: Iterable[IndexedRun]) -> list[IndexedRun]:
        """Return the runs that pass. Raises InvalidQueryError."""
        matches = parse_query(self.query, self.moment) if self.query.strip() else None
        return [
            item
            for item in items
            if (item.run.deleted_at is not None) == self.deleted
            and (self.archived is None or item.run.archived == self.archived)
            and (self.project is None or in_project(item.run, self.project))
            and (not self.states or item.run.state.value in self.states)
            and (matches is None or matches(item))
        ]


@dataclass(frozen=True)
class RunOrder:
    """The fields that runs are sorted by, the first one first, and whether each is descending."""

    keys: tuple[tuple[str, bool], ...] = (("created_at", True),)

    @classmethod
    def parse(cls, sort: Sequence[str], order: Sequence[str]) -> RunOrder:
        """order: "asc" or "desc" for each field; for those behind the last one, as for that. Raises UsageError."""
        for key in sort:
            if key not in SORT_FIELDS and not is_own(key):
                raise UsageError(
                    f"Runs cannot be sorted by {key[:100]!r}.",
                    hint=f"Use {', '.join(SORT_FIELDS)}, config.KEY, summary.KEY or min.METRIC and the like.",
                )
        if len(sort) > MAX_SORTS:
            raise UsageError(f"Runs can be sorted by {MAX_SORTS} fields at most.")
        ways = [*order, *[order[-1] if order else "desc"] * len(sort)]
        unique = dict(reversed([(key, way == "desc") for key, way in zip(sort, ways, strict=False)]))
        return cls(tuple((key, unique.pop(key)) for key in sort if key in unique) or cls.keys)

    def sorted(self, items: Iterable[IndexedRun]) -> list[IndexedRun]:
        return ordered_runs(items, self.keys)


def metric_columns(columns: Sequence[str]) -> tuple[str, ...]:
    """Return the columns, each once. Raises UsageError for one that is no value of a metric, such as min.loss."""
    for key in columns:
        if not key.startswith(METRIC_PREFIXES) or not is_own(key):
            raise UsageError(
                f"{key[:100]!r} is no column of a metric.", hint=f"Use {', '.join(METRIC_PREFIXES)} with its name."
            )
    if len(columns) > MAX_COLUMNS:
        raise UsageError(f"At most {MAX_COLUMNS} columns can be asked for.")
    return tuple(dict.fromkeys(columns))
