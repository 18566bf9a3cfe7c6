"""What a run is: frozen values, no I/O.

Times are unix seconds (UTC) as float; durations are seconds. Values of points may be NaN or infinite.
"""

from __future__ import annotations

import enum
import functools
import math
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


class RunState(enum.Enum):
    """Where a run stands.

    KILLED: somebody ended it, or a reader concludes it from a process that is gone. PREEMPTED: the scheduler asked it
    to end (SIGTERM), and it can be resumed. UNKNOWN: what tells it cannot be read right now.
    """

    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"
    KILLED = "killed"
    PREEMPTED = "preempted"
    UNKNOWN = "unknown"

    @classmethod
    def parse(cls, text: object) -> RunState | None:
        """Return the state that `text` names, or None."""
        try:
            return cls(text)
        except ValueError:
            return None


class Axis(enum.Enum):
    """What a series is drawn over: its steps, unix seconds, or seconds since the run was created."""

    STEP = "step"
    TIME = "time"
    RELATIVE = "relative"


@dataclass(frozen=True)
class MetricStats:
    """What is known of one metric without its points. min and max leave NaN out; None where there is no value yet."""

    count: int = 0
    last: float | None = None
    min: float | None = None
    max: float | None = None
    last_step: int | None = None
    last_time: float | None = None


_METRIC = struct.Struct("<4dB")
_HAS_LAST, _HAS_RANGE, _HAS_MEAN, _MINIMIZE, _MAXIMIZE = 1, 2, 4, 8, 16
_GOALS = {"minimize": _MINIMIZE, "maximize": _MAXIMIZE}
MetricRow = tuple[str, float | None, float | None, float | None, float | None, str | None]  # the last one is its goal
_known_names: dict[tuple[str, ...], tuple[tuple[str, ...], dict[str, int]]] = {}
_MAX_KNOWN_NAMES = 10_000


@dataclass(frozen=True)
class MetricTable:
    """Last, min, max and mean of a run's metrics and which of them is the best, as its status tells, in little room.

    names: one and the same tuple for all runs that have the same metrics. packed: 33 bytes for each.
    """

    names: tuple[str, ...] = ()
    packed: bytes = b""

    def __post_init__(self) -> None:
        object.__setattr__(self, "names", _places(self.names)[0])

    @classmethod
    def of(cls, rows: Sequence[MetricRow]) -> MetricTable:
        numbers: list[float] = []
        for _, last, low, high, mean, goal in rows:
            flags = (last is not None) * _HAS_LAST | (low is not None and high is not None) * _HAS_RANGE
            flags |= (mean is not None) * _HAS_MEAN | (_GOALS.get(goal, 0) if goal else 0)
            numbers += last or 0.0, low or 0.0, high or 0.0, mean or 0.0, flags
        return cls(tuple([row[0] for row in rows]), _packed(len(rows)).pack(*numbers))

    def with_last(self, values: Mapping[str, float]) -> MetricTable:
        """Return the table with other last values; those of metrics that it does not know are left out."""
        packed = bytearray(self.packed)
        places = _places(self.names)[1]
        for name, value in values.items():
            at = places.get(name)
            if at is not None and len(packed) >= (at + 1) * _METRIC.size:
                _, *others, flags = _METRIC.unpack_from(packed, at * _METRIC.size)
                _METRIC.pack_into(packed, at * _METRIC.size, value, *others, flags | _HAS_LAST)
        return MetricTable(self.names, bytes(packed))

    def value(self, kind: str, name: str) -> float | None:
        """Return one of "last", "min", "max", "mean", "best" of a metric; None where it is not known."""
        at = _places(self.names)[1].get(name)
        if at is None or len(self.packed) < (at + 1) * _METRIC.size:
            return None
        last, low, high, mean, flags = _METRIC.unpack_from(self.packed, at * _METRIC.size)
        value: float | None = {
            "last": last if flags & _HAS_LAST else None,
            "mean": mean if flags & _HAS_MEAN else None,
            "min": low if flags & _HAS_RANGE else None,
            "max": high if flags & _HAS_RANGE else None,
            "best": (low if flags & _MINIMIZE else high if flags & _MAXIMIZE else None) if flags & _HAS_RANGE else None,
        }.get(kind)
        return value


@dataclass(frozen=True)
class Origin:
    """Which process wrote a run, and on which machine.

    pid_scope says where `pid` means something (boot and pid namespace); None where the system has no such notion.
    pid_start is the process's start, so that a recycled pid is not taken for it: clock ticks after the boot on Linux,
    microseconds since 1970 elsewhere. pid_started_at: the same in unix seconds, all that older runs have.
    recorded_by: the other tool whose files the run is read from; most say nowhere that a run has ended.
    slurm_job: the number of the Slurm job that it ran in; empty for none.
    """

    host: str = ""
    user: str = ""
    pid: int | None = None
    pid_started_at: float | None = None
    pid_scope: str | None = None
    recorded_by: str = ""
    pid_start: int | None = None
    slurm_job: str = ""


@functools.lru_cache(64)
def _packed(count: int) -> struct.Struct:
    """Return how the numbers of so many metrics are packed at once."""
    return struct.Struct("<" + _METRIC.format[1:] * count)


def _places(names: tuple[str, ...]) -> tuple[tuple[str, ...], dict[str, int]]:
    """Return the one tuple of these names that all runs share, and where in it each stands."""
    known = _known_names.get(names)
    if known is None:
        if len(_known_names) >= _MAX_KNOWN_NAMES:
            _known_names.clear()
        known = _known_names[names] = (names, {name: at for at, name in enumerate(names)})
    return known


NO_METRICS = MetricTable()


@dataclass(frozen=True)
class Run:
    """One recorded execution, as far as its small files tell.

    summary: what the script set, over each metric's last value. stats: of each metric, as of the last heartbeat.
    error: None, or what is wrong with its files. source, place: of a run on another machine, where it is read, and what
    a person calls that machine.
    """

    id: str
    project: str
    name: str
    state: RunState
    created_at: float
    finished_at: float | None = None
    heartbeat_at: float | None = None
    tags: tuple[str, ...] = ()
    config: Mapping[str, Any] = field(default_factory=dict)
    summary: Mapping[str, Any] = field(default_factory=dict)
    stats: MetricTable = NO_METRICS
    note: str = ""
    group: str = ""
    job_type: str = ""
    archived: bool = False
    deleted_at: float | None = None
    origin: Origin = field(default_factory=Origin)
    step: int | None = None
    exit_reason: str | None = None
    error: str | None = None
    source: str = ""
    place: str = ""

    def duration_secs(self, now: float) -> float:
        """Return how long the run took, or has taken until `now`; never negative."""
        ended_at = self.finished_at or self.heartbeat_at or self.created_at
        return max(0.0, (now if self.state is RunState.RUNNING else ended_at) - self.created_at)


@dataclass(frozen=True)
class RunDetails:
    """What is known of a run beyond the list: the process, its surroundings, the files it left."""

    run: Run
    metrics: Mapping[str, MetricStats]
    skipped_records: int
    argv: tuple[str, ...] = ()
    cwd: str = ""
    python: str = ""
    packages: Mapping[str, str] = field(default_factory=dict)
    git: Mapping[str, Any] | None = None
    gpus: tuple[str, ...] = ()
    output_files: tuple[str, ...] = ()
    warnings: Mapping[str, int] = field(default_factory=dict)
    metric_definitions: tuple[Mapping[str, Any], ...] = ()


def flatten(mapping: Mapping[str, Any], prefix: str = "", depth: int = 8) -> dict[str, Any]:
    """Return the mapping with nested mappings joined by dots: {"a": {"b": 1}} -> {"a.b": 1}."""
    flat: dict[str, Any] = {}
    for key, value in mapping.items():
        path = f"{prefix}{key}"
        if isinstance(value, Mapping) and value and depth > 0:
            flat.update(flatten(value, path + ".", depth - 1))
        else:
            flat[path] = value
    return flat


def key_paths(mapping: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the keys that flatten() would give."""
    if not any(isinstance(value, Mapping) for value in mapping.values()):
        return tuple(mapping)
    return tuple(flatten(mapping))


def look_up(mapping: Mapping[str, Any], path: str) -> Any:
    """Return what flatten() would hold under a dotted path, or None; keys may have dots of their own."""
    if path in mapping:
        value = mapping[path]
        return None if isinstance(value, Mapping) and value else value
    dot = path.find(".")
    while dot != -1:
        inner = mapping.get(path[:dot])
        if isinstance(inner, Mapping):
            found = look_up(inner, path[dot + 1 :])
            if found is not None:
                return found
        dot = path.find(".", dot + 1)
    return None


def number_from_json(value: object) -> float | None:
    """Return the number that a JSON value stands for, where NaN and infinities are strings; None for anything else."""
    if type(value) is float:  # thirty times for each run of a list
        return value
    if isinstance(value, bool):
        return None
    if isinstance(value, (int, float)):
        try:
            return float(value)
        except OverflowError:
            return math.inf if value > 0 else -math.inf
    return NON_FINITE.get(value) if isinstance(value, str) else None


def number_to_json(value: float) -> float | str:
    """Return the number itself, or "NaN", "Infinity", "-Infinity", which JSON has no numbers for."""
    if math.isfinite(value):
        return value
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"


NON_FINITE = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
