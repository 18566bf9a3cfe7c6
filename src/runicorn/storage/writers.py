"""Whether the files of a run still have a writer, for whoever is about to remove them.

Harder than the verdict that shows a run as killed (liveness.py): a process that nobody can ask may have been stopped,
cut off from its disk or put to sleep, and would lose all that it writes afterwards.
"""

from __future__ import annotations

from pathlib import Path

from runicorn.model import Origin
from runicorn.processes import Presence
from runicorn.storage import claims, layout, liveness

# A process on another machine, in another container or hidden is taken for gone after a day without a sign of it.
SILENT_SECS = 24 * 3600.0
_OF_OWNER = (layout.METRICS_FILE, layout.SYSTEM_FILE)


class HasWriterError(Exception):
    """Something has a writer, or may have one; the text says it of a file or a run: "is being recorded into"."""


def check_closed(folder: Path, record_file: str, now: float, *, unclaimed: bool = False) -> None:
    """Raise HasWriterError unless a record file was closed, or the process that wrote it is gone.

    now: the time by the file system's clock, unix seconds. unclaimed: whether it may be written by a version that made
    no claims.
    """
    changed_at = (folder / record_file).stat().st_mtime
    try:
        claim = claims.read(folder / layout.claim_file(record_file))
    except OSError as error:
        raise HasWriterError(f"may be recorded into; its claim cannot be read: {error.strerror or error}") from error
    if claim is not None:
        check_gone(claim.origin, now - claim.beaten_at, now - max(claim.beaten_at, changed_at))
    elif unclaimed and record_file not in _OF_OWNER and now - changed_at <= liveness.HEARTBEAT_LIMIT_SECS:
        raise HasWriterError("was written to less than a minute ago")


def check_gone(origin: Origin, heartbeat_secs: float, silent_secs: float | None = None) -> None:
    """Raise HasWriterError unless a process that did not say goodbye is gone.

    heartbeat_secs: since its last heartbeat. silent_secs: since its last sign of any kind, where that is another.
    """
    presence = liveness.presence_of(origin, liveness.here())
    if presence is Presence.RUNS:
        raise HasWriterError("is being recorded into")
    who = f"process {origin.pid} on {origin.host}" if origin.pid is not None else "a process that is not known"
    # Proof can be wrong where a process was moved, as by a checkpoint that is restored: its start changes.
    if presence is Presence.GONE and heartbeat_secs <= liveness.HEARTBEAT_LIMIT_SECS:
        raise HasWriterError(f"was recorded into less than a minute ago by {who}")
    if presence is Presence.UNSURE and (heartbeat_secs if silent_secs is None else silent_secs) <= SILENT_SECS:
        raise HasWriterError(
            f"was recorded into less than a day ago by {who}, and may still be: it cannot be asked here"
        )
