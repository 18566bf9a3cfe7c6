"""Files that are being copied into a root: each has one owner, and one whose owner died is taken over.

A partial is called `<source>.<host>.<pid>.<start>.<thread>`: what is copied, as a hash of path, size and time of
change, and who copies it.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import threading
import time
from pathlib import Path

from runicorn.storage import liveness
from runicorn.storage.artifacts.copying import Identity

STALE_SECS = 24 * 3600.0
_SILENT_SECS = 600.0  # a copy by another host that has not grown for so long has ended


def claim(folder: Path, source: Path, identity: Identity) -> Path:
    """Return where this process copies the source to; a dead process's partial of the same source is taken over.

    Raises OSError.
    """
    folder.mkdir(parents=True, exist_ok=True)
    what = f"{source.absolute()}\0{identity.size_bytes}\0{identity.mtime_ns}"
    key = hashlib.sha256(what.encode("utf-8", "surrogatepass")).hexdigest()[:24]
    mine = folder / f"{key}.{_host()}.{os.getpid()}.{_start(os.getpid())}.{threading.get_ident()}"
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
            return _start(int(pid)) == start
        return time.time() - path.stat().st_mtime < _SILENT_SECS
    except (ValueError, OSError):
        return False


def _host() -> str:
    place = liveness.here()
    return hashlib.sha256(f"{place.host}\0{place.scope}".encode()).hexdigest()[:12]


def _start(pid: int) -> str:
    """Return the process's start to ten seconds: counted from the boot time, it moves when the clock is set."""
    started_at = liveness.process_started_at(pid)
    return "" if started_at is None else str(round(started_at / 10))
