"""What event files are called, and the runs that folders of them stand for. Pure."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from runicorn.storage import layout
from runicorn.storage.files import FileStat

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+", re.ASCII)
_MAX_SLUG = 80


@dataclass(frozen=True)
class EventFile:
    """One file of a log as a look at its folder showed it. name: below the log's folder."""

    name: str
    size_bytes: int
    mtime: float


def event_file(name: str, status: FileStat) -> EventFile:
    return EventFile(name, status.size_bytes, status.mtime_ns / 1e9)


def is_event_file(name: str) -> bool:
    """Tell what TensorBoard takes for an event file; profiles bear the mark and hold none of its events."""
    return "tfevents" in name and not name.endswith((".profile-empty", ".gz")) and name.isprintable()


def run_id(path: str, prefix: str = "tb") -> str:
    """Return the id of the run of a log: always the same, and a name that every system allows."""
    slug = _UNSAFE.sub("-", "-".join(path.split("/")[-2:])).strip("-.")[-_MAX_SLUG:].strip("-.") or "run"
    return f"{prefix}-{slug}-{hashlib.sha256(path.encode('utf-8', 'surrogatepass')).hexdigest()[:10]}"


def project_and_name(path: str, root_name: str) -> tuple[str, str]:
    """Return project and name of the run in a folder: the folders above it, and itself.

    A first folder `runs`, which PyTorch makes where nothing else is said, tells nothing and is left out.
    """
    parts = [part for part in path.split("/") if part]
    if len(parts) > 1 and parts[0] == layout.RUNS:
        parts = parts[1:]
    if not parts:
        return layout.DEFAULT_PROJECT, root_name or layout.DEFAULT_PROJECT
    return layout.clean_project("/".join(parts[:-1]) or root_name), parts[-1]


def host_of(event_file: str) -> str:
    """Return the machine that a name like events.out.tfevents.1700000000.gpu7.123.0 tells, or nothing."""
    match = re.search(r"tfevents\.\d+(?:\.\d+)?\.(.+?)(?:\.\d+\.\d+)?(?:\.v2)?$", event_file)
    return match[1] if match else ""
