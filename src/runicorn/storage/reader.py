"""Reading runs: their small files into values, ranges of their texts. A damaged file spoils one run, never the list."""

from __future__ import annotations

import errno
import fnmatch
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from runicorn.errors import RunNotFoundError
from runicorn.model import MetricRow, MetricStats, MetricTable, Origin, Run, RunDetails, RunState, number_from_json
from runicorn.storage import layout
from runicorn.storage.files import Files, FileStat
from runicorn.storage.growing import without_coming
from runicorn.storage.jsonio import decode_object
from runicorn.storage.texts import cut_lines, cut_text

# In memory, JSON takes up to 25 times its size. 4 MiB hold the statistics of 25,000 metrics.
MAX_SMALL_BYTES = 4 * 2**20
# A little more is asked for than there was.
_MORE_BYTES = 4096
TOO_LARGE = f"it is larger than {MAX_SMALL_BYTES // 2**20} MiB"
# What build_run() asks of run.json: of a long list of packages, for instance, nothing is made.
FIELDS_OF_LIST = (
    "project", "name", "created_at", "tags", "config", "metric_definitions", "notes", "group", "job_type",
    "host", "user", "pid", "pid_started_at", "pid_start", "pid_scope", "recorded_by", "job",
)  # fmt: skip
_MAX_LINE_BYTES = 16 * 2**20


@dataclass(frozen=True)
class SmallFiles:
    """The small files of a run as objects; None for one that is missing, holds no JSON object or cannot be read.

    problem: what keeps some of them from being known, in one sentence; None for what their absence alone tells.
    state_known: whether status.json was read, or is known to be missing.
    """

    info: Mapping[str, Any] | None
    status: Mapping[str, Any] | None
    notes: Mapping[str, Any] | None
    folder_changed_at: float
    problem: str | None = None
    state_known: bool = True


@dataclass(frozen=True)
class Text:
    """A piece of a text file: byte offsets, and how long the file is."""

    text: str
    start: int
    end: int
    size_bytes: int


def small_length(status: FileStat | None) -> int:
    """Return how many bytes of a small file to ask for: not the limit, as each takes memory, and time over a link."""
    return 0 if status is None else min(MAX_SMALL_BYTES + 1, status.size_bytes + _MORE_BYTES)


def read_object(files: Files, path: str) -> Mapping[str, Any] | None:
    """Return the JSON object in a file, or None where there is none or it cannot be read."""
    try:
        return load_object(files, path)
    except OSError:
        return None


def root_id(files: Files) -> str | None:
    """Return what tells a root from all others wherever it is seen from; None where it says nothing. Raises OSError."""
    told = (load_object(files, layout.ROOT_FILE) or {}).get("id")
    return told if isinstance(told, str) and told else None


def load_object(files: Files, path: str) -> Mapping[str, Any] | None:
    """Return the JSON object in a file, or None where there is none: for those who must not take the one for the other.

    Raises OSError where it cannot be told, as in the moment in which a file server does not answer, and for a file of
    more than MAX_SMALL_BYTES.
    """
    try:
        data = files.read(path, 0, MAX_SMALL_BYTES + 1)
    except FileNotFoundError:
        return None
    if len(data) > MAX_SMALL_BYTES:
        raise OSError(errno.EFBIG, TOO_LARGE, path)
    return decode_object(data)


def build_run(run_id: str, sources: SmallFiles) -> Run:
    """Return the run that these sources tell of, RUNNING taken at its word; what has a wrong type is left out."""
    info, status, notes = sources.info or {}, sources.status or {}, sources.notes or {}
    known = RunState.parse(status.get("state")) or RunState.KILLED
    created_at = layout.parse_iso(info.get("created_at")) or layout.created_at_of(run_id) or sources.folder_changed_at
    summary, table = _metrics(status, left_out(info), metric_definitions(info))
    return Run(
        id=run_id,
        project=layout.clean_project(_text(info.get("project"))),
        name=_text(notes.get("name")) or _text(info.get("name")) or run_id,
        state=known if sources.state_known else RunState.UNKNOWN,
        created_at=created_at,
        finished_at=layout.parse_iso(status.get("finished_at")),
        heartbeat_at=layout.parse_iso(status.get("heartbeat_at")),
        tags=_texts(notes["tags"] if "tags" in notes else info.get("tags")),
        config=_mapping(info.get("config")),
        summary=summary,
        stats=table,
        note=_text(notes.get("note")) or _text(info.get("notes")),
        group=_text(info.get("group")),
        job_type=_text(info.get("job_type")),
        archived=notes.get("archived") is True,
        deleted_at=layout.parse_iso(notes.get("deleted_at")),
        origin=_origin(info),
        step=_integer(status.get("step")),
        exit_reason=_text(status.get("exit_reason")) or None,
        error=_complaint(sources),
    )


def build_details(run: Run, info: Mapping[str, Any], status: Mapping[str, Any], metrics: Mapping[str, MetricStats],
                  skipped: int) -> RunDetails:  # fmt: skip
    """Return the run with everything that run.json and status.json say beyond the list."""
    git = info.get("git")
    return RunDetails(
        run=run if run.config else replace(run, config=_mapping(info.get("config"))),  # too large for the list
        metrics=metrics,
        skipped_records=skipped,
        argv=_texts(info.get("argv")),
        cwd=_text(info.get("cwd")),
        python=_text(info.get("python")),
        packages={key: value for key, value in _mapping(info.get("packages")).items() if isinstance(value, str)},
        git=git if isinstance(git, dict) else None,
        gpus=_texts(info.get("gpus")),
        output_files=_texts(info.get("output_files")),
        metric_definitions=metric_definitions(info),
        warnings={key: count for key, value in _mapping(status.get("warnings")).items() if (count := _integer(value))},
    )


def read_text(files: Files, path: str, start: int, limit: int) -> Text:
    """Return up to `limit` bytes of a UTF-8 file from `start`, a negative one counting from the end.

    Never cuts a character: the piece begins after, and ends before, a character that it would cut. A character that the
    file itself ends within is still being written, and so may zeros at its end be. Raises OSError.
    """
    status = files.stat(path)
    size = status.size_bytes if status else 0
    start = max(0, size + start) if start < 0 else min(start, size)
    data = files.read(path, start, limit) if start < size and limit > 0 else b""
    if status is not None and start + len(data) >= size:
        data = without_coming(data, status)
    text, begin, end = cut_text(data, inside=start > 0)
    return Text(text, start + begin, start + end, size)


def read_lines(files: Files, path: str, start: int, limit: int) -> tuple[list[dict[str, Any]], int, int, int]:
    """Return the JSON objects on whole lines from byte `start`, and start, end and size; other lines are skipped.

    At least one line is read even if it is longer than `limit`. What goes on for 16 MiB without an end is no line that
    anybody wrote, and is skipped as far as it was read. Raises OSError.
    """
    status = files.stat(path)
    size = status.size_bytes if status else 0
    start = max(0, size + start) if start < 0 else min(start, size)
    piece = files.read(path, start, limit) if start < size else b""
    pieces, length = [piece], len(piece)
    while piece and b"\n" not in piece and start + length < size and length < _MAX_LINE_BYTES:
        piece = files.read(path, start + length, min(max(limit, 65536, length), _MAX_LINE_BYTES - length))
        pieces.append(piece)
        length += len(piece)
    objects, end = cut_lines(b"".join(pieces))
    return objects, start, start + (end if end or length < _MAX_LINE_BYTES else length), size


def script_summary(status: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """Return the part of a run's summary that its script set."""
    return _mapping((status or {}).get("summary"))


def metric_definitions(info: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...]:
    """Return what run.json says of metrics and patterns of their names; see sdk/definitions.py."""
    return _mappings(info.get("metric_definitions"))


def left_out(info: Mapping[str, Any] | None) -> tuple[str, ...]:
    """Return the names, or patterns of names, of metrics that the script wants out of the summary."""
    known = metric_definitions(info or {})
    return tuple(_text(one.get("name")) for one in known if "none" in _texts(one.get("summary")))


def is_left_out(name: str, unwanted: Sequence[str]) -> bool:
    """Tell whether a metric fits one of the patterns that left_out() returns."""
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in unwanted)


def check_run_id(run_id: str) -> str:
    """Return the id, or raise RunNotFoundError for what cannot be one."""
    if not layout.is_run_id(run_id):
        raise RunNotFoundError(f"There is no run {run_id!r}.")
    return run_id


def _metrics(
    status: Mapping[str, Any], unwanted: Sequence[str], definitions: Sequence[Mapping[str, Any]]
) -> tuple[dict[str, Any], MetricTable]:
    """Return the summary, and what status.json tells of each metric. A list asks this of thousands of runs."""
    sums = _mapping(_mapping(status.get("counted")).get("sums"))
    goals = {_text(one.get("name")): _text(one.get("goal")) or None for one in definitions}
    summary: dict[str, Any] = {}
    rows: list[MetricRow] = []
    for name, stats in _mapping(status.get("metrics")).items():
        if isinstance(stats, dict):
            get = stats.get
            last, low, high = number_from_json(get("last")), number_from_json(get("min")), number_from_json(get("max"))
            total, count = number_from_json(sums.get(name)), number_from_json(get("count"))
            mean = total / count if total is not None and count else None
            rows.append((name, last, low, high, mean, goal_of(goals, name) if goals else None))
            if last is not None and not (unwanted and is_left_out(name, unwanted)):
                summary[name] = last
    summary.update(script_summary(status))
    return summary, MetricTable.of(rows)


def goal_of(goals: Mapping[str, str | None], name: str) -> str | None:
    """Return what is best of a metric: as its own definition says, else that of the longest pattern that fits."""
    if name in goals or not goals:
        return goals.get(name)
    fitting = [pattern for pattern in goals if "*" in pattern and fnmatch.fnmatchcase(name, pattern)]
    return goals[max(fitting, key=len)] if fitting else None


def _origin(info: Mapping[str, Any]) -> Origin:
    started_at = number_from_json(info.get("pid_started_at"))
    return Origin(
        host=_text(info.get("host")),
        user=_text(info.get("user")),
        pid=_integer(info.get("pid")),
        pid_started_at=started_at if started_at is not None and math.isfinite(started_at) else None,
        pid_start=_integer(info.get("pid_start")),
        pid_scope=_text(info.get("pid_scope")) or None,
        recorded_by=_text(info.get("recorded_by")),
        slurm_job=_slurm_job(info.get("job")),
    )


def _slurm_job(job: Any) -> str:
    told = job.get("slurm_job_id") if isinstance(job, Mapping) else None
    return str(told) if isinstance(told, (str, int)) else ""


def _complaint(sources: SmallFiles) -> str | None:
    if sources.problem is not None:
        return sources.problem
    if sources.info is None:
        return "run.json is missing or unreadable, so its project, name and config are not known."
    if sources.status is None:
        return "status.json is missing or unreadable, so its state is not known."
    return None


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _texts(value: object) -> tuple[str, ...]:
    return tuple(item for item in value if isinstance(item, str)) if isinstance(value, list) else ()


def _mapping(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _mappings(value: object) -> tuple[dict[str, Any], ...]:
    return tuple(item for item in value if isinstance(item, dict)) if isinstance(value, list) else ()


def _integer(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63 else None
