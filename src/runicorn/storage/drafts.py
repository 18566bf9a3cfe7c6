"""Whose a draft is, by its name: `<place>-<pid>-<start>`, and whether that process is gone.

A draft is a file or folder that takes its name once it is complete. What a process that was killed left is found by
this, and removed or gone on with.
"""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path

from runicorn import processes
from runicorn.processes import Presence
from runicorn.storage import claims, liveness

# A process that cannot be asked, on another machine or of another boot, is taken for gone after a day without a sign.
SILENT_SECS = 24 * 3600.0
OWNER = r"[0-9a-f]{12}-\d+-t(?:\d+|None)"
_OWNER = re.compile(r"([0-9a-f]{12})-(\d+)-t(\d+|None)")


def owner() -> str:
    """Return this process as a draft's name has it."""
    return f"{place()}-{os.getpid()}-t{processes.start_of(os.getpid())}"


def place() -> str:
    """Return what names this host, boot and container, within which pids mean something."""
    here = liveness.here()
    return hashlib.sha256(f"{here.host}\0{here.scope}".encode()).hexdigest()[:12]


def presence(owner: str) -> Presence:
    """Tell whether the process of a draft still runs."""
    match = _OWNER.fullmatch(owner)
    if match is None or match[1] != place():
        return Presence.UNSURE
    return processes.presence(int(match[2]), None if match[3] == "None" else int(match[3]))


def is_abandoned(path: Path, owner: str) -> bool:
    """Tell whether nobody works on a draft any more, which is a file or a folder of files. Raises OSError.

    Where its process cannot be asked: whether nothing of it has changed for a day.
    """
    found = presence(owner)
    if found is not Presence.UNSURE:
        return found is Presence.GONE
    changed_at: float = max(each.stat().st_mtime for each in (path, *(path.iterdir() if path.is_dir() else ())))
    return claims.time_on(path.parent) - changed_at > SILENT_SECS
