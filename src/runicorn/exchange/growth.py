"""Whether a source holds more than what was imported of it before, and what of that run outlives its being replaced."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from runicorn.storage import layout, reader
from runicorn.storage.files import LocalFiles

_CHUNK_BYTES = 1 << 20


def origin_of(root: Path, run_id: str) -> Mapping[str, Any]:
    """Return what run.json says of where a run was imported from."""
    info = reader.read_object(LocalFiles(root), layout.run_path(run_id, layout.RUN_FILE)) or {}
    origin = info.get("imported_from")
    return origin if isinstance(origin, dict) else {}


def project_of(root: Path, run_id: str) -> str:
    info = reader.read_object(LocalFiles(root), layout.run_path(run_id, layout.RUN_FILE)) or {}
    return str(info.get("project", ""))


def may_have_grown(before: str | None, now: str) -> bool:
    """Tell whether to read a source again. before, now: its `content` then, None where nobody noted it, and now."""
    if before is None:
        return True
    # The two stores of MLflow hold the same run, and one of them no artifacts.
    return before != now and before.split(" ")[0] == now.split(" ", maxsplit=1)[0]


def has_grown(root: Path, run_id: str, counts: Mapping[str, int], events: int, state: str) -> bool:
    """Tell whether a run has lost nothing and gained something. counts: points by metric now. events: lines."""
    files = LocalFiles(root)
    status = reader.read_object(files, layout.run_path(run_id, layout.STATUS_FILE)) or {}
    known = {name: int(each.get("count", 0)) for name, each in (status.get("metrics") or {}).items()}
    path = layout.run_path(run_id, layout.EVENTS_FILE)
    events_before = files.read(path).count(b"\n") if files.stat(path) is not None else 0
    if events < events_before or any(counts.get(name, 0) < count for name, count in known.items()):
        return False
    return counts != known or events > events_before or state != status.get("state")


@lru_cache(16)
def digests_at(path: Path, sizes: tuple[int, ...]) -> dict[int, str]:
    """Return the digests of a file's beginnings of these sizes, which rise."""
    found: dict[int, str] = {}
    digest = hashlib.sha256()
    at = 0
    with path.open("rb") as file:
        for size in sizes:
            while at < size:
                piece = file.read(min(_CHUNK_BYTES, size - at))
                if not piece:
                    return found
                digest.update(piece)
                at += len(piece)
            found[size] = digest.hexdigest()[:32]
    return found


def sizes_in(contents: Iterable[str]) -> tuple[int, ...]:
    """Return the sizes that stand in these contents of CSV files, rising."""
    return tuple(sorted({int(size) for content in contents if (size := content.split(" ")[-1]).isdigit()}))
