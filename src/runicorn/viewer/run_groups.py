"""Runs in groups of up to three levels, each with its count and with mean and spread of columns. Touches no files."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from runicorn.errors import UsageError
from runicorn.model import number_to_json
from runicorn.storage.indexed_run import IndexedRun, sort_key
from runicorn.storage.query_fields import CONFIG, is_own, number_of
from runicorn.viewer.run_filter import MAX_COLUMNS, RunOrder, metric_columns

MAX_LEVELS = 3
MAX_RANGES = 50
MAX_ROWS = 1000
GROUP_FIELDS = ("project", "tags", "group", "job_type", "state", "host", "user")
STAT_FIELDS = ("duration", "step")
_RANGE = re.compile(r"(\d{1,9})-(\d{1,9})", re.ASCII)


@dataclass(frozen=True)
class Grouping:
    """by: the fields of the levels, the outermost first. columns: those that mean and spread are of.

    ranges: which of the runs, in the order of their groups, are sent; run_columns: with which values of metrics.
    whole: how many runs the first groups have at most whose runs are told by their ids.
    """

    by: tuple[str, ...]
    order: RunOrder
    columns: tuple[str, ...] = ()
    ranges: tuple[tuple[int, int], ...] = ()
    run_columns: tuple[str, ...] = ()
    whole: int = 0

    @classmethod
    def parse(cls, *, by: Sequence[str], sort: Sequence[str] = (), order: Sequence[str] = (), stat: Sequence[str] = (),
              ranges: Sequence[str] = (), columns: Sequence[str] = (), whole: int = 0) -> Grouping:  # fmt: skip
        """Raises UsageError."""
        levels = group_levels(by)
        if not levels:
            raise UsageError(f"Runs are grouped by one to {MAX_LEVELS} fields.")
        for key in stat:
            if key not in STAT_FIELDS and not is_own(key):
                raise UsageError(f"There is no mean of {key[:100]!r}.")
        if len(stat) > MAX_COLUMNS:
            raise UsageError(f"At most {MAX_COLUMNS} columns can be asked for.")
        spans = tuple(_parse_range(text) for text in ranges)
        if len(spans) > MAX_RANGES or sum(end - first for first, end in spans) > MAX_ROWS:
            raise UsageError(f"At most {MAX_RANGES} ranges with {MAX_ROWS} runs can be asked for.")
        return cls(
            levels, RunOrder.parse(sort, order), tuple(dict.fromkeys(stat)), spans, metric_columns(columns), whole
        )


def group_levels(by: Sequence[str]) -> tuple[str, ...]:
    """Return what runs are grouped by, each field once. Raises UsageError."""
    levels = tuple(dict.fromkeys(by))
    for key in levels:
        if key not in GROUP_FIELDS and not (key.startswith(CONFIG) and is_own(key)):
            raise UsageError(
                f"Runs cannot be grouped by {key[:100]!r}.", hint=f"Use config.KEY or {', '.join(GROUP_FIELDS)}."
            )
    if len(levels) > MAX_LEVELS:
        raise UsageError(f"Runs are grouped by one to {MAX_LEVELS} fields.")
    return levels


@dataclass
class Moments:
    """Count, mean and sum of squared differences of numbers that come one by one (Welford 1962)."""

    count: int = 0
    mean: float = 0.0
    squares: float = 0.0

    def add(self, value: float) -> None:
        self.count += 1
        before = value - self.mean
        self.mean += before / self.count
        self.squares += before * (value - self.mean)

    def merge(self, other: Moments) -> None:
        """Take in all that another one has seen (Chan et al. 1979)."""
        count = self.count + other.count
        if not other.count:
            return
        between = other.mean - self.mean
        self.squares += other.squares + between * between * self.count * other.count / count
        self.mean += between * other.count / count
        self.count = count

    @property
    def std(self) -> float | None:
        """The standard deviation of a sample, n - 1 in its denominator; None below two values."""
        return math.sqrt(self.squares / (self.count - 1)) if self.count > 1 else None

    def to_wire(self) -> list[Any] | None:
        if not self.count:
            return None
        std = self.std
        return [self.count, number_to_json(self.mean), None if std is None else number_to_json(std)]


@dataclass
class Group:
    """value: of its level's field, as one of the runs has it; None where runs have none."""

    depth: int
    value: Any
    runs: list[IndexedRun] = field(default_factory=list)
    moments: list[Moments] = field(default_factory=list)

    def to_wire(self) -> dict[str, Any]:
        stats = [moments.to_wire() for moments in self.moments]
        return {"depth": self.depth, "value": value_to_wire(self.value), "count": len(self.runs), "stats": stats}


@dataclass
class Grouped:
    """groups: depth first, so that those one deeper follow theirs. runs: in the order of the groups."""

    groups: list[Group]
    runs: list[IndexedRun]

    def first_whole(self, most: int) -> list[IndexedRun]:
        """Return the runs of the first groups, of the deepest level, that have at most `most` runs together.

        Of a first group that alone has more: so many of it.
        """
        deepest = max((group.depth for group in self.groups), default=0)
        end = 0
        for group in self.groups:
            if group.depth == deepest:
                if end and end + len(group.runs) > most:
                    break
                end += len(group.runs)
        return self.runs[: min(end, most)]


def grouped(items: Iterable[IndexedRun], grouping: Grouping) -> Grouped:
    """Return runs by their groups. Groups stand in the order of their values, or of what the runs are sorted by first:
    by its mean, where it is a number that is not the same within a group.
    """
    found = Grouped([], [])
    _divide(grouping.order.sorted(items), grouping, 0, found)
    return found


def _divide(runs: list[IndexedRun], grouping: Grouping, depth: int, found: Grouped) -> list[Moments]:
    """Put the groups of these runs into `found`; return what all of the runs come to."""
    if depth == len(grouping.by):
        found.runs += runs
        return [moments_of(runs, column) for column in grouping.columns]
    key = grouping.by[depth]
    groups: dict[object, Group] = {}
    for item in runs:
        value = group_value(item, key)
        same = value_key(value)
        group = groups.get(same)
        if group is None:
            group = groups[same] = Group(depth, value)
        elif isinstance(group.value, str) and not isinstance(value, str):
            group.value = value  # a number rather than a text that says it
        group.runs.append(item)
    together = [Moments() for _ in grouping.columns]
    for group in _in_order(list(groups.values()), key, grouping):
        found.groups.append(group)
        group.moments = _divide(group.runs, grouping, depth + 1, found)
        for whole, part in zip(together, group.moments, strict=True):
            whole.merge(part)
    return together


def _in_order(groups: list[Group], key: str, grouping: Grouping) -> list[Group]:
    first, descending = grouping.order.keys[0]
    ordered = _by(
        [(sort_key(group.value, own=True), group) for group in groups], descending=descending and first == key
    )
    if first in grouping.by or not (is_own(first) or first in ("duration_secs", "step")):
        return ordered
    keyed = [(moments_of(group.runs, first), group) for group in ordered]
    return _by([(moments.mean if moments.count else None, group) for moments, group in keyed], descending=descending)


def _by(keyed: list[tuple[Any, Group]], *, descending: bool) -> list[Group]:
    present = sorted((pair for pair in keyed if pair[0] is not None), key=lambda pair: pair[0], reverse=descending)
    return [group for _, group in present] + [group for value, group in keyed if value is None]


def moments_of(runs: Iterable[IndexedRun], column: str) -> Moments:
    """Return the moments of a column's finite numbers, texts that say one among them."""
    moments = Moments()
    for item in runs:
        number = number_of(item.field(column))
        if number is not None:
            try:
                value = float(number)
            except OverflowError:
                continue
            if math.isfinite(value):
                moments.add(value)
    return moments


def group_value(item: IndexedRun, key: str) -> Any:
    """Return what a run is grouped by, or None: of tags, all of them in one text."""
    value = item.field(key)
    if key == "tags":
        return ", ".join(sorted(value)) if value else None
    return None if value == "" and not is_own(key) else value


def value_to_wire(value: Any) -> Any:
    """Return what a run is grouped by as JSON has it."""
    return number_to_json(value) if isinstance(value, float) else value


def value_key(value: Any) -> object:
    """Return what is equal for values that belong together: 0.001 and "1e-3" are one number, true and 1 are not."""
    if value is None:
        return None
    if isinstance(value, (list, tuple, Mapping)):
        return ("json", json.dumps(value, sort_keys=False))
    number = number_of(value)
    if number is not None and not (isinstance(number, float) and not math.isfinite(number)):
        return ("number", number)
    return (type(value).__name__, str(value))


def find_group(items: Iterable[IndexedRun], by: Sequence[str], path: Sequence[Any]) -> list[IndexedRun]:
    """Return the runs of the group that these values lead to."""
    wanted = [value_key(value) for value in path]
    return [
        item
        for item in items
        if all(value_key(group_value(item, key)) == want for key, want in zip(by, wanted, strict=False))
    ]


def _parse_range(text: str) -> tuple[int, int]:
    found = _RANGE.fullmatch(text)
    if found is None or int(found[1]) > int(found[2]):
        raise UsageError(f"{text[:100]!r} is no range of runs.", hint="Use FIRST-END, such as 0-50, the end not in it.")
    return int(found[1]), int(found[2])
