"""What events.jsonl holds: one object for each thing a run logged that is no number. Pure."""

from __future__ import annotations

import enum
import re
from collections.abc import Mapping, Sequence
from typing import Any

from runicorn.storage import layout

MEDIA = "media"
MAX_INLINE_CHARACTERS = 10_000
_MAX_SLUG = 60
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+", re.ASCII)


class Kind(enum.Enum):
    """The kinds of logged values; each is the `type` of an event that has key, step, time and items."""

    TEXT = "text"
    IMAGE = "image"
    AUDIO = "audio"
    VIDEO = "video"
    TABLE = "table"
    HISTOGRAM = "histogram"
    HTML = "html"
    FIGURE = "figure"


class AlertLevel(enum.Enum):
    """How much an alert matters."""

    INFO = "info"
    WARN = "warn"
    ERROR = "error"


class ArtifactAction(enum.Enum):
    """What a run did with an artifact."""

    LOG = "log"
    USE = "use"


def logged(kind: Kind, key: str, step: int, time: float, items: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the event of values logged under `key` in one call; time in unix seconds.

    Items by kind, `file` being a path below the run's folder and `caption` optional everywhere:
    text {text} or {file}; image {file, width, height}; audio {file, sample_rate, duration_secs}; video {file};
    table {file, columns, rows}; histogram {edges, counts}; html {file}; figure {file, format: png | svg | plotly}.
    """
    return {"type": kind.value, "time": layout.iso(time), "step": step, "key": key, "items": [dict(i) for i in items]}


def alert(title: str, text: str, level: AlertLevel, step: int | None, time: float) -> dict[str, Any]:
    """Return the event of an alert that the script raised."""
    return {
        "type": "alert",
        "time": layout.iso(time),
        "step": step,
        "title": title,
        "text": text,
        "level": level.value,
    }


def artifact(action: ArtifactAction, name: str, version: str, step: int | None, time: float) -> dict[str, Any]:
    """Return the event of a version of an artifact that the run logged or used."""
    return {
        "type": "artifact",
        "time": layout.iso(time),
        "step": step,
        "action": action.value,
        "name": name,
        "version": version,
    }


def resumed(step: int | None, records: int, time: float) -> dict[str, Any]:
    """Return the event that marks where a resumed run goes on: last step and number of records before."""
    return {"type": "resume", "time": layout.iso(time), "step": step, "records": records}


def media_path(key: str, step: int, digest: str, extension: str) -> str:
    """Return where a value's file lies below the run's folder.

    digest: of the content, in hexadecimal, so that the same content under the same key and step is one file.
    """
    slug = _UNSAFE.sub("-", key).strip("-.")[:_MAX_SLUG] or "value"
    suffix = _UNSAFE.sub("", extension).strip(".").lower()[:20] or "bin"
    return f"{MEDIA}/{slug}_{step}_{digest[:12]}.{suffix}"
