"""The wire: names and shapes of every answer and body, and nothing else of the viewer knows them.

The pydantic models are the documentation in /openapi.json and check bodies; answers are built as plain dictionaries and
encoded by msgspec, because pydantic takes 10 times as long for a list of runs.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

import msgspec
from pydantic import BaseModel, ConfigDict, Field, StrictBool

from runicorn.model import MetricStats, Run, RunDetails, number_to_json
from runicorn.storage.files import FileStat
from runicorn.storage.follow import Gap, NewEvents, NewPoints
from runicorn.storage.jsonio import well_formed
from runicorn.storage.layout import iso

Number = float | Literal["NaN", "Infinity", "-Infinity"]
State = Literal["running", "finished", "failed", "killed", "preempted", "unknown"]


class AnswerModel(BaseModel):
    """What an answer looks like, for whoever reads /openapi.json: nothing is checked by it."""

    # Built when somebody asks for that: a start takes 15 ms less.
    model_config = ConfigDict(defer_build=True)


class ErrorAnswer(AnswerModel):
    """Every error. detail: one sentence, or an object or list with more."""

    detail: Any
    code: str
    hint: str


class RunAnswer(AnswerModel):
    """A run. Times are ISO 8601, UTC. summary: what the script set, over each metric's last value.

    stats: the values of metrics that a list was asked for by `column`, as of the run's last heartbeat. id: by which it
    is asked for here, `SOURCE:ID` on another machine; source: where it is read; place: what that machine is called,
    empty for this one; host: what the machine that it ran on calls itself.
    """

    id: str
    source: str
    place: str
    project: str
    name: str
    state: State
    created_at: str
    finished_at: str | None
    heartbeat_at: str | None
    duration_secs: float
    tags: list[str]
    config: dict[str, Any]
    summary: dict[str, Any]
    note: str
    group: str
    job_type: str
    archived: bool
    deleted_at: str | None
    host: str
    user: str
    step: int | None
    exit_reason: str | None
    error: str | None
    stats: dict[str, Number | None]


class ProjectCount(AnswerModel):
    project: str
    count: int


class ColumnNames(AnswerModel):
    """The names that occur. metrics: those of which there is a least, a greatest and a mean value, and a best one."""

    config: list[str]
    summary: list[str]
    metrics: list[str]


class IndexingAnswer(AnswerModel):
    """How many of the runs in the storage root were read so far."""

    done: int
    total: int


class SourceAnswer(AnswerModel):
    """Where runs come from: this machine's root, that of a host with an open session, or one that was seen before.

    host: what the machine is called; empty for this one. connection_id: how it is reached, as user@name:port. mode:
    what reads it there. session_id: of that session; null for this machine's, and for one that is not connected.
    state: `ready`; `late`, where it did not answer in time; `away`, where nothing can be read now, which `error` says
    as far as it is known. Its runs are those of `as_of` then, null for now, and for never. runs: how many it has.
    same_as: the source that shows the same root, so that this one's runs are not told twice. clock_ahead_secs: how much
    the clock that its runs are recorded by is ahead of this machine's, in whole seconds; null where that is not told.
    """

    id: str
    host: str
    connection_id: str | None
    root: str
    mode: str | None
    session_id: str | None
    state: Literal["ready", "late", "away"]
    as_of: str | None
    error: str | None
    runs: int
    same_as: str | None
    clock_ahead_secs: int | None


class RunListAnswer(AnswerModel):
    """A page of runs. total: all that match. projects: of all runs outside the bin, whatever the filters.

    indexing: null, or how far a first reading of big roots has come; until then these are the runs read so far.
    problem: null, or one sentence on what keeps runs of this machine's root from being shown. sources: where they
    come from; with `?source=` only that one.
    """

    runs: list[RunAnswer]
    total: int
    next_cursor: str | None
    projects: list[ProjectCount]
    columns: ColumnNames
    indexing: IndexingAnswer | None
    problem: str | None
    sources: list[SourceAnswer]


class MetricAnswer(AnswerModel):
    name: str
    count: int
    last: Number | None
    min: Number | None
    max: Number | None
    last_step: int | None


class FileAnswer(AnswerModel):
    path: str
    size: int
    mtime: float


class GitAnswer(AnswerModel):
    model_config = ConfigDict(extra="allow")

    commit: str | None = None
    dirty: bool | None = None


class MetricDefinitionAnswer(AnswerModel):
    """What a script said of a metric, or of all whose names fit a pattern such as val/*."""

    name: str
    step_metric: str | None
    summary: list[str]
    goal: str | None
    hidden: bool


class RunDetailsAnswer(RunAnswer):
    """A run with everything that is known of it. skipped_records: how many were unreadable."""

    metrics: list[MetricAnswer]
    media: list[str]
    argv: list[str]
    cwd: str
    python: str
    git: GitAnswer | None
    pid: int | None
    packages: dict[str, str]
    gpus: list[str]
    output_files: list[str]
    files: list[FileAnswer]
    skipped_records: int
    warnings: dict[str, int]
    metric_definitions: list[MetricDefinitionAnswer]


class RunChanges(BaseModel):
    """What a person changes about a run; what is left out stays."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(min_length=1, max_length=500)] | None = None
    tags: Annotated[list[Annotated[str, Field(min_length=1, max_length=200)]], Field(max_length=100)] | None = None
    note: Annotated[str, Field(max_length=100_000)] | None = None
    archived: StrictBool | None = None


class SeriesAnswer(AnswerModel):
    """One metric of one run in the window. y_min, y_max: the true extremes around each point, null if none is left out.

    count: how many points the window holds. last_step, last_time: of the metric's very last point, the window aside.
    """

    run: str
    metric: str
    count: int
    x: list[Number]
    y: list[Number]
    y_min: list[Number] | None
    y_max: list[Number] | None
    last_step: int | None
    last_time: Number | None


class UnreadableRun(AnswerModel):
    """A run and what keeps its files from being read right now."""

    run: str
    detail: str


class SeriesListAnswer(AnswerModel):
    """cursor: where GET /api/live goes on, so that no point is missed or doubled.

    missing: those of the runs asked for that are not there, and have no series. unreadable: those whose files cannot be
    read right now.
    """

    series: list[SeriesAnswer]
    cursor: str
    missing: list[str]
    unreadable: list[UnreadableRun]


class ConsoleAnswer(AnswerModel):
    """A piece of console.log; from, to and size are bytes."""

    model_config = ConfigDict(populate_by_name=True)

    text: str
    from_: int = Field(alias="from")
    to: int
    size: int


class ConsolePlace(AnswerModel):
    """Where a line of console.log begins, and how many lines are before it."""

    model_config = ConfigDict(populate_by_name=True)

    from_: int = Field(alias="from")
    line: int


class ConsoleMatch(AnswerModel):
    """A line that matches: its first byte, how many lines are before it, and its text, cut where it is long.

    start and end: of the first match in the line as a terminal shows it, in UTF-16 units as JavaScript counts them.
    """

    offset: int
    line: int
    start: int
    end: int
    text: str | None = None


class ConsoleSearchAnswer(AnswerModel):
    """Lines of console.log that match, from `from` on.

    next: where to ask on for more of them; null where there are no more. total: matching lines up to `counted`; at
    least so many, unless `complete` says that there is nothing more. unfinished: whether a last line matches that has
    no end yet; it is not in the total. lines: of the whole, as far as it is counted. size: bytes.
    """

    matches: list[ConsoleMatch]
    next: ConsolePlace | None
    total: int
    counted: ConsolePlace
    complete: bool
    unfinished: bool
    lines: int
    size: int


class ConsoleTimesAnswer(AnswerModel):
    """When output was written. kept: whether that is known at all; it is not of runs of older versions.

    What begins at an offset was written at its time (ms since 1970), or up to the next one's. `to`: up to which byte
    that is told here. first and last: of the whole. at: where what was written at the time asked for begins.
    """

    kept: bool
    offsets: list[int]
    times: list[int]
    to: int
    first: int | None
    last: int | None
    at: int | None


class EventsAnswer(AnswerModel):
    """Whole lines of events.jsonl; from, to and size are bytes."""

    model_config = ConfigDict(populate_by_name=True)

    events: list[dict[str, Any]]
    from_: int = Field(alias="from")
    to: int
    size: int


class HealthAnswer(AnswerModel):
    """remote: how this viewer is reached, on a viewer that a session started on a server; null elsewhere.

    pid, started_at: its process, with which the session's owner tells it from any other; null outside a session.
    """

    status: Literal["ok"]
    version: str
    root: str
    session_id: str | None
    pid: int | None
    started_at: float | None
    remote: dict[str, Any] | None


def encode(value: Any) -> bytes:
    """Return the JSON of an answer. NaN must have been made a string before; msgspec would write null."""
    try:
        return msgspec.json.encode(value)
    except (TypeError, ValueError, msgspec.MsgspecError, OverflowError):  # an integer beyond 64 bits
        return json.dumps(value, ensure_ascii=True).encode()


def run_to_wire(run: Run, now: float, columns: Sequence[str] = ()) -> dict[str, Any]:
    """Return the object of a run in a list. columns: values of metrics that belong to it, such as min.loss."""
    return {
        "id": run.id,
        "source": run.source or "local",
        "place": run.place,
        "project": run.project,
        "name": run.name,
        "state": run.state.value,
        "created_at": iso(run.created_at),
        "finished_at": _time(run.finished_at),
        "heartbeat_at": _time(run.heartbeat_at),
        "duration_secs": round(run.duration_secs(now), 3),
        "tags": run.tags,
        "config": run.config,
        "summary": {key: _value(value) for key, value in run.summary.items()},
        "note": run.note,
        "group": run.group,
        "job_type": run.job_type,
        "archived": run.archived,
        "deleted_at": _time(run.deleted_at),
        "host": run.origin.host,
        "user": run.origin.user,
        "step": run.step,
        "exit_reason": run.exit_reason,
        "error": run.error,
        "stats": {key: _value(run.stats.value(*key.split(".", 1))) for key in columns},
    }


def details_to_wire(details: RunDetails, files: Sequence[tuple[str, FileStat]], now: float) -> dict[str, Any]:
    """Return the object of one run."""
    return {
        **run_to_wire(details.run, now),
        "metrics": [metric_to_wire(name, stats) for name, stats in sorted(details.metrics.items())],
        "media": [well_formed(path) for path, _ in files if path.startswith("media/")],
        "argv": details.argv,
        "cwd": details.cwd,
        "python": details.python,
        "git": details.git,
        "pid": details.run.origin.pid,
        "packages": details.packages,
        "gpus": details.gpus,
        "output_files": details.output_files,
        "files": [
            {"path": well_formed(path), "size": file.size_bytes, "mtime": file.mtime_ns / 1e9} for path, file in files
        ],
        "skipped_records": details.skipped_records,
        "warnings": details.warnings,
        "metric_definitions": [definition_to_wire(known) for known in details.metric_definitions],
    }


def definition_to_wire(known: Mapping[str, Any]) -> dict[str, Any]:
    texts = {key: known.get(key) if isinstance(known.get(key), str) else None for key in ("step_metric", "goal")}
    summary = known.get("summary")
    return {
        "name": str(known.get("name", "")),
        **texts,
        "summary": [how for how in summary if isinstance(how, str)] if isinstance(summary, list) else [],
        "hidden": known.get("hidden") is True,
    }


def metric_to_wire(name: str, stats: MetricStats) -> dict[str, Any]:
    return {
        "name": name,
        "count": stats.count,
        "last": _value(stats.last),
        "min": _value(stats.min),
        "max": _value(stats.max),
        "last_step": stats.last_step,
    }


def points_to_wire(run_id: str, news: NewPoints) -> dict[str, Any]:
    """Return the data of a `points` event; file: whose points these are."""
    return {
        "run": run_id,
        "file": news.file,
        "metrics": {
            name: {"step": steps, "time": numbers(times), "value": numbers(values)}
            for name, (steps, times, values) in news.metrics.items()
        },
    }


def events_to_wire(run_id: str, news: NewEvents) -> dict[str, Any]:
    """Return the data of an `events` event; file: whose lines these are, from and to in bytes."""
    return {"run": run_id, "file": news.file, "events": news.events, "from": news.start, "to": news.end}


def gap_to_wire(run_id: str, gap: Gap) -> dict[str, Any]:
    """Return the data of a `gap` event: which part of which file was left out; from and to in bytes."""
    return {"run": run_id, "file": gap.file, "from": gap.start, "to": gap.end}


def text_to_wire(text: str, start: int, end: int) -> dict[str, Any]:
    return {"text": text, "from": start, "to": end}


def numbers(values: list[float]) -> list[float | str]:
    """Return the column with NaN and infinities as strings."""
    return [number_to_json(value) for value in values]


def _time(seconds: float | None) -> str | None:
    return None if seconds is None else iso(seconds)


def _value(value: Any) -> Any:
    return number_to_json(value) if isinstance(value, float) else value
