"""Failures of a run's further writers, such as ranks: told by the one that fails, found by the one that owns the run.

A launcher that loses a rank ends the others with SIGTERM, as a scheduler does that takes a job away. What tells one
from the other is the event of the rank that failed, which it wrote before it was gone.
"""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import Any

from runicorn.masking import without_secret_text
from runicorn.sdk import facts
from runicorn.storage import events, layout, reader
from runicorn.storage.events import AlertLevel
from runicorn.storage.files import LocalFiles

_MAX_TRACEBACK = 10_000
_LOOK_BACK_BYTES = 65_536


def failure_event(reason: str | None, error: BaseException | None, step: int | None, now: float) -> dict[str, Any]:
    """Return the alert of a further writer that failed; `exit_reason` tells it from one that the script raised."""
    rank = facts.job_facts().get("rank")
    who = "a further process" if rank is None else f"rank {rank}"
    text = reason or ""
    if error is not None:
        text = "".join(traceback.format_exception(type(error), error, error.__traceback__))[-_MAX_TRACEBACK:]
    found = events.alert(f"{who} failed", without_secret_text(text), AlertLevel.ERROR, step, now)
    return {**found, "exit_reason": f"{who}: {reason or 'unknown'}"[:1000]}


def failure_beside(folder: Path, since: float) -> str | None:
    """Return why a further writer of this run failed since then (unix seconds), or None where none did."""
    files = LocalFiles(folder.parent.parent)
    for name in layout.event_files(files.names(layout.run_path(folder.name))):
        if name == layout.EVENTS_FILE:
            continue
        last, *_ = reader.read_lines(files, layout.run_path(folder.name, name), -_LOOK_BACK_BYTES, _LOOK_BACK_BYTES)
        for event in reversed(last):
            reason = event.get("exit_reason")
            if event.get("type") == "alert" and isinstance(reason, str):
                if (layout.parse_iso(event.get("time")) or 0.0) >= since:
                    return reason
                break
    return None
