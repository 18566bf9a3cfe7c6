"""Packs the record files of runs that have ended, and unpacks them for a run that goes on.

At every moment the points are on disk, plain or packed: the packed file is written beside the plain one, read back and
compared, renamed into place, and only then is the plain one removed. While that happens the run is owned by the process
that packs, so that a script which goes on with it records into files of its own.
"""

from __future__ import annotations

import contextlib
import os
import time
from dataclasses import dataclass
from pathlib import Path

from runicorn.model import RunState
from runicorn.storage import layout, liveness, packing, reader
from runicorn.storage.files import LocalFiles
from runicorn.storage.layout import PACKED_SUFFIX
from runicorn.storage.liveness import Pulse
from runicorn.storage.ownership import claim_ownership, release_ownership, resumed_count
from runicorn.storage.records import RECORD_BYTES, scan


@dataclass(frozen=True)
class Packed:
    """What packing one run came to. skipped: files that were left as they are because they are damaged."""

    before_bytes: int = 0
    after_bytes: int = 0
    skipped: tuple[str, ...] = ()


def compact_run(root: Path, run_id: str) -> Packed | None:
    """Pack a run that has ended; None for one that runs, or that another process owns. Raises OSError."""
    files = LocalFiles(root)
    info = reader.read_object(files, layout.run_path(run_id, layout.RUN_FILE))
    status = reader.read_object(files, layout.run_path(run_id, layout.STATUS_FILE))
    if info is None or status is None:
        return None
    run = reader.build_run(run_id, reader.Sources(info, status, None, time.time()))
    if run.state is RunState.RUNNING:
        age = None if run.heartbeat_at is None else time.time() - run.heartbeat_at
        if liveness.is_alive(run.origin, Pulse(age), liveness.here()):
            return None
    folder = root / layout.RUNS / run_id
    number = claim_ownership(folder, resumed_count(info))
    if number is None:
        return None
    try:
        return pack_run(folder)
    finally:
        release_ownership(folder, number)


def pack_run(folder: Path) -> Packed:
    """Pack the record files of a run that this process owns. Raises OSError; no point is lost by it."""
    before = after = 0
    skipped = []
    for name in layout.record_files(entry.name for entry in folder.iterdir()):
        plain = folder / name
        data = plain.read_bytes()
        if not data:
            continue
        found = scan(data)
        if found.skipped or len(data) % RECORD_BYTES or found.consumed != len(data):
            skipped.append(name)
            continue
        packed = folder / (name + PACKED_SUFFIX)
        _write(packed, packing.pack(data))
        if unpacked(packed.read_bytes()) != data or plain.stat().st_size != len(data):
            packed.unlink()
            skipped.append(name)
            continue
        plain.unlink()
        before += len(data)
        after += packed.stat().st_size
    return Packed(before, after, tuple(skipped))


def unpack_run(folder: Path) -> None:
    """Make the record files of a run plain again, for a writer. Raises OSError, ValueError."""
    for packed in folder.glob(f"*.bin{PACKED_SUFFIX}"):
        plain = packed.with_name(packed.name.removesuffix(PACKED_SUFFIX))
        if not plain.exists():
            _write(plain, unpacked(packed.read_bytes()))
        packed.unlink()


def unpacked(data: bytes) -> bytes:
    """Return the records of a packed file, zeros for those of a damaged chunk. Raises ValueError."""
    contents = packing.read_header(data)
    return b"".join(
        packing.unpack_chunk(data[chunk.start : chunk.start + chunk.length], chunk) for chunk in contents.chunks
    )


def _write(path: Path, data: bytes) -> None:
    """Write a file so that it is whole on the disk before it has its name."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with draft.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            draft.unlink()
        raise
