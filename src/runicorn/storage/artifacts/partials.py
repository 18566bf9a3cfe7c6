"""Files that are being copied into a root: each has one owner, and one whose owner died is taken over.

A partial is called `<source>.<host>.<pid>.<start>.<copy>`: what is copied, as a hash of path, size and time of change,
who copies it, and which of that process's copies it is - a signal handler may log what its thread is just copying.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import os
import threading
import time
from pathlib import Path

from runicorn import processes
from runicorn.processes import Presence
from runicorn.storage import claims, drafts
from runicorn.storage.artifacts.copying import Identity

_COUNT = itertools.count()
STALE_SECS = 24 * 3600.0
_SILENT_SECS = 600.0  # a copy by another host that has not grown for so long has ended


def claim(folder: Path, source: Path, identity: Identity) -> Path:
    """Return where this process copies the source to; a dead process's partial of the same source is taken over.

    Raises OSError.
    """
    folder.mkdir(parents=True, exist_ok=True)
    what = f"{source.absolute()}\0{identity.size_bytes}\0{identity.mtime_ns}"
    key = hashlib.sha256(what.encode("utf-8", "surrogatepass")).hexdigest()[:24]
    mine = folder / f"{key}.{_host()}.{os.getpid()}.{_start(os.getpid())}.{threading.get_ident()}-{next(_COUNT)}"
    for found in folder.glob(f"{key}.*"):
        if _has_owner(found):
            continue
        with contextlib.suppress(OSError):  # somebody else took it
            found.rename(mine)
            break
    return mine


def sweep(folder: Path, pattern: str = "*") -> None:
    """Remove what fits the pattern and nobody has written to for a day. Raises nothing."""
    with contextlib.suppress(OSError):
        for found in folder.glob(pattern):
            with contextlib.suppress(OSError):
                if time.time() - found.stat().st_mtime > STALE_SECS:
                    found.unlink()


def _has_owner(path: Path) -> bool:
    try:
        _, host, pid, start, *_ = path.name.split(".")
        if host == _host():
            found = _presence(int(pid), start)
            if found is not Presence.UNSURE:
                return found is Presence.RUNS
        return claims.time_on(path.parent) - path.stat().st_mtime < _SILENT_SECS
    except (ValueError, FileNotFoundError):
        return False
    except OSError:  # nobody can tell
        return True


def _host() -> str:
    return drafts.place()


def _start(pid: int) -> str:
    """Return the process's start as a name has it: t and what processes.start_of tells."""
    return f"t{processes.start_of(pid)}"


def _presence(pid: int, start: str) -> Presence:
    if not start.startswith("t"):  # of an older version: seconds, which move when the clock is set
        found = processes.presence(pid, None)
        return Presence.UNSURE if found is Presence.RUNS else found
    return processes.presence(pid, int(start[1:]) if start != "tNone" else None)
