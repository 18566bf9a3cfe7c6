"""Reading runs: their small files into values, ranges of their texts. A damaged file spoils one run, never the list."""

from __future__ import annotations

import fnmatch
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from runicorn.errors import RunNotFoundError
from runicorn.model import MetricStats, Origin, Run, RunDetails, RunState, number_from_json
from runicorn.storage import layout, records
from runicorn.storage.files import Files
from runicorn.storage.jsonio import decode_object

# Enough for the last value of some hundred metrics.
_TAIL_BYTES = 1024 * records.RECORD_BYTES
_MAX_LINE_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True)
class Sources:
    """The small files of a run as objects; None for one that is missing or holds no JSON object."""

    info: Mapping[str, Any] | None
    status: Mapping[str, Any] | None
    notes: Mapping[str, Any] | None
    folder_changed_at: float


@dataclass(frozen=True)
class Text:
    """A piece of a text file: byte offsets, and how long the file is."""

    text: str
    start: int
    end: int
    size_bytes: int


def read_object(files: Files, path: str) -> Mapping[str, Any] | None:
    """Return the JSON object in a file, or None where there is none or it cannot be read."""
    try:
        return load_object(files, path)
    except OSError:
        return None


def load_object(files: Files, path: str) -> Mapping[str, Any] | None:
    """Return the JSON object in a file, or None where there is none: for those who must not take the one for the other.

    Raises OSError where it cannot be told, as in the moment in which a file server does not answer.
    """
    try:
        return decode_object(files.read(path))
    except FileNotFoundError:
        return None


def build_run(run_id: str, sources: Sources) -> Run:
    """Return the run that these sources tell of, RUNNING taken at its word; what has a wrong type is left out."""
    info, status, notes = sources.info or {}, sources.status or {}, sources.notes or {}
    created_at = layout.parse_iso(info.get("created_at")) or layout.created_at_of(run_id) or sources.folder_changed_at
    return Run(
        id=run_id,
        project=layout.clean_project(_text(info.get("project"))),
        name=_text(notes.get("name")) or _text(info.get("name")) or run_id,
        state=RunState.parse(status.get("state")) or RunState.KILLED,
        created_at=created_at,
        finished_at=layout.parse_iso(status.get("finished_at")),
        heartbeat_at=layout.parse_iso(status.get("heartbeat_at")),
        tags=_texts(notes["tags"] if "tags" in notes else info.get("tags")),
        config=_mapping(info.get("config")),
        summary=_summary(status, _left_out(info)),
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
        run=run,
        metrics=metrics,
        skipped_records=skipped,
        argv=_texts(info.get("argv")),
        cwd=_text(info.get("cwd")),
        python=_text(info.get("python")),
        packages={key: value for key, value in _mapping(info.get("packages")).items() if isinstance(value, str)},
        git=git if isinstance(git, dict) else None,
        gpus=_texts(info.get("gpus")),
        output_files=_texts(info.get("output_files")),
        metric_definitions=_mappings(info.get("metric_definitions")),
        warnings={key: count for key, value in _mapping(status.get("warnings")).items() if (count := _integer(value))},
    )


def read_text(files: Files, path: str, start: int, limit: int) -> Text:
    """Return up to `limit` bytes of a UTF-8 file from `start`, a negative one counting from the end.

    Never cuts a character: the piece begins after, and ends before, a character that it would cut. A character that the
    file itself ends within is still being written. Raises OSError.
    """
    status = files.stat(path)
    size = status.size_bytes if status else 0
    start = max(0, size + start) if start < 0 else min(start, size)
    data = files.read(path, start, limit) if start < size and limit > 0 else b""
    lead = _continuation_bytes(data) if start else 0
    tail = _cut_character(data)
    end = len(data) - tail
    if end <= lead:
        return Text("", start + lead if end > 0 else start, start + lead if end > 0 else start, size)
    return Text(data[lead:end].decode("utf-8", "replace"), start + lead, start + end, size)


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
    data = b"".join(pieces)
    end = data.rfind(b"\n") + 1
    objects = [found for line in data[:end].splitlines() if (found := decode_object(line)) is not None]
    return objects, start, start + (end if end or length < _MAX_LINE_BYTES else length), size


def script_summary(status: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """Return the part of a run's summary that its script set."""
    return _mapping((status or {}).get("summary"))


def last_points(files: Files, run_id: str) -> dict[str, records.Record]:
    """Return the last record of the metrics near the end of metrics.bin, for a run that died in between."""
    path = layout.run_path(run_id, layout.METRICS_FILE)
    status = files.stat(path)
    if status is None or not status.size_bytes:
        return {}
    whole = status.size_bytes - status.size_bytes % records.RECORD_BYTES
    data = files.read(path, max(0, whole - _TAIL_BYTES), _TAIL_BYTES)
    names = layout.shown_keys(files.read(layout.keys_file(path)))
    found = records.unpack(data, records.scan(data))
    return {layout.key_or_number(names, record.metric): record for record in found}


def check_run_id(run_id: str) -> str:
    """Return the id, or raise RunNotFoundError for what cannot be one."""
    if not layout.is_run_id(run_id):
        raise RunNotFoundError(f"There is no run {run_id!r}.")
    return run_id


def _left_out(info: Mapping[str, Any]) -> list[str]:
    """Return the names, or patterns of names, of metrics that the script wants out of the summary."""
    known = _mappings(info.get("metric_definitions"))
    return [_text(one.get("name")) for one in known if "none" in _texts(one.get("summary"))]


def _summary(status: Mapping[str, Any], left_out: list[str]) -> dict[str, Any]:
    summary: dict[str, Any] = {}
    for name, stats in _mapping(status.get("metrics")).items():
        if left_out and any(fnmatch.fnmatchcase(name, pattern) for pattern in left_out):
            continue
        last = number_from_json(stats.get("last")) if isinstance(stats, dict) else None
        if last is not None:
            summary[name] = last
    summary.update(script_summary(status))
    return summary


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
    )


def _complaint(sources: Sources) -> str | None:
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


def _continuation_bytes(data: bytes) -> int:
    """Return how many bytes at the beginning belong to a character that began before."""
    count = 0
    while count < min(3, len(data)) and data[count] & 0xC0 == 0x80:
        count += 1
    return count


def _cut_character(data: bytes) -> int:
    """Return how many bytes at the end belong to a character that goes on after."""
    for back in range(1, min(3, len(data)) + 1):
        byte = data[-back]
        if byte & 0xC0 == 0x80:
            continue
        needed = 2 if byte & 0xE0 == 0xC0 else 3 if byte & 0xF0 == 0xE0 else 4 if byte & 0xF8 == 0xF0 else 1
        return back if needed > back else 0
    return 0
