"""Names inside a storage root: folders, files, run ids, times as text. Touches no files."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from datetime import datetime, timezone

from runicorn.storage.jsonio import well_formed

FORMAT = 1
ROOT_FILE = "runicorn.json"
RUNS = "runs"

RUN_FILE = "run.json"
STATUS_FILE = "status.json"
NOTES_FILE = "notes.json"
METRICS_FILE = "metrics.bin"
SYSTEM_FILE = "system.bin"
EVENTS_FILE = "events.jsonl"
CONSOLE_FILE = "console.log"
CONSOLE_TIMES_FILE = "console.times"
PACKED_SUFFIX = ".packed"

CLAIM_PREFIX = ".writer-"

DEFAULT_PROJECT = "default"

_YEAR_1, _YEAR_9999 = -62_135_596_800, 253_402_300_799

# One path component on every system: no separators, no leading dot (those are folders being written).
_RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}", re.ASCII)
_STAMPED_ID = re.compile(r"(\d{8}-\d{6})-[0-9a-f]{6}", re.ASCII)
_EVENTS_FILE = re.compile(r"events(\.[A-Za-z0-9_-]+)?\.jsonl", re.ASCII)
_RECORD_FILE = re.compile(r"(metrics(\.[A-Za-z0-9_-]+)?|system)\.bin", re.ASCII)


def new_run_id(now: float, suffix: str) -> str:
    """Return `20261123-093015-7f3a2c`: the UTC start time and six hex digits."""
    return f"{datetime.fromtimestamp(now, timezone.utc):%Y%m%d-%H%M%S}-{suffix[:6]}"


def is_run_id(text: str) -> bool:
    """Tell whether `text` can name a run's folder."""
    return _RUN_ID.fullmatch(text) is not None and not text.endswith(".")


def is_stamped_id(text: str) -> bool:
    """Tell whether `text` looks like what new_run_id() returns."""
    return _STAMPED_ID.fullmatch(text) is not None


def created_at_of(run_id: str) -> float | None:
    """Return the start time that a run id carries, or None where it was chosen by a person."""
    match = _STAMPED_ID.fullmatch(run_id)
    if match is None:
        return None
    try:
        return datetime.strptime(match[1], "%Y%m%d-%H%M%S").replace(tzinfo=timezone.utc).timestamp()
    except ValueError:
        return None


def run_path(run_id: str, *parts: str) -> str:
    """Return the path of a run's folder, or of something in it, relative to the root."""
    return "/".join((RUNS, run_id, *parts))


def record_files(names: Iterable[str]) -> list[str]:
    """Return the names that hold records: metrics.bin first, further writers next, system.bin last."""
    found = [name for name in names if _RECORD_FILE.fullmatch(name)]
    return sorted(found, key=lambda name: (name == SYSTEM_FILE, name != METRICS_FILE, name))


def claim_file(record_file: str) -> str:
    """Return the file that says which process writes a record file, for as long as it does."""
    return CLAIM_PREFIX + record_file


def keys_file(record_file: str) -> str:
    """Return the file that names the metrics of a record file."""
    return record_file.removesuffix(".bin") + ".keys"


def events_file(record_file: str) -> str:
    """Return the events file of the process that writes a record file: events.jsonl, or events.rank1.jsonl."""
    return record_file.removesuffix(".bin").replace("metrics", "events", 1) + ".jsonl"


def event_files(names: Iterable[str]) -> list[str]:
    """Return the names that hold events: events.jsonl first, further writers next."""
    found = [name for name in names if _EVENTS_FILE.fullmatch(name)]
    return sorted(found, key=lambda name: (name != EVENTS_FILE, name))


def encode_key(name: str) -> bytes:
    """Return the line of a .keys file for one metric."""
    return json.dumps(name).encode("ascii") + b"\n"


def decode_keys(data: bytes) -> tuple[list[str | None], int]:
    """Return the names by number, and how many bytes they took.

    A line without its end is still being written and waits; a line that is no JSON string gives None.
    """
    end = data.rfind(b"\n") + 1
    return [_decode_key(line) for line in data[:end].split(b"\n")[:-1]], end


def shown_keys(data: bytes) -> list[str | None]:
    """Return the names by number as an answer can hold them; two that differ in broken characters become one."""
    return [name and shown(name) for name in decode_keys(data)[0]]


def shown(name: str) -> str:
    """Return a metric's name as an answer can hold it."""
    return well_formed(name)


def key_or_number(names: list[str | None], number: int) -> str:
    """Return a metric's name, or one made of its number where its line is lost."""
    name = names[number] if number < len(names) else None
    return f"unnamed/{number}" if name is None else name


def clean_project(project: str | None) -> str:
    """Return the slash-separated path without empty parts; `default` where nothing is left."""
    parts = [part.strip() for part in (project or "").replace("\\", "/").split("/")]
    return "/".join(part for part in parts if part and part not in (".", "..")) or DEFAULT_PROJECT


def iso(seconds: float) -> str:
    """Return unix seconds as `2026-11-23T09:30:15.123Z`; what lies beyond the years 1 to 9999 as their end."""
    millis = round(min(max(seconds, _YEAR_1), _YEAR_9999) * 1000)
    moment = datetime.fromtimestamp(millis // 1000, timezone.utc)
    return f"{moment.replace(tzinfo=None).isoformat()}.{millis % 1000:03d}Z"


def parse_iso(text: object) -> float | None:
    """Return unix seconds, or None where `text` is no time with a zone."""
    if not isinstance(text, str):
        return None
    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
        return moment.timestamp() if moment.tzinfo else None
    except (ValueError, OverflowError, OSError):
        return None


def _decode_key(line: bytes) -> str | None:
    try:
        name = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return name if isinstance(name, str) else None
