"""Packs the record files of runs that have ended, and unpacks them for a run that goes on.

At every moment the points are on disk, plain or packed: the packed file is written beside the plain one, read back and
compared, renamed into place, and only then is the plain one removed. While that happens the run is owned by the process
that packs, so that a script which goes on with it records into files of its own. A file that has a writer is left as it
is, whatever the run's status says: further writers may outlive the owner.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from runicorn.regular_files import open_regular, read_regular
from runicorn.storage import claims, layout, packing, writers
from runicorn.storage.files import LocalFiles
from runicorn.storage.layout import PACKED_SUFFIX
from runicorn.storage.ownership import PassingOwnership, claim_ownership, release_ownership, resumed_count
from runicorn.storage.records import RECORD_BYTES, scan
from runicorn.storage.standing import Standing, look
from runicorn.storage.writer import draft_path

Progress = Callable[[int], None]


@dataclass(frozen=True)
class Packed:
    """What packing one run came to.

    skipped: files that were left as they are because they are damaged. left: the others that were, and why, such as
    "metrics.rank1.bin is being recorded into". left_whole: why the run was not touched at all, or None.
    """

    before_bytes: int = 0
    after_bytes: int = 0
    skipped: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    left_whole: str | None = None


class LeftAloneError(Exception):
    """A file is not packed; its text says why. damaged: whether that will never change."""

    def __init__(self, why: str, *, damaged: bool = False) -> None:
        super().__init__(why)
        self.damaged = damaged


def compact_run(root: Path, run_id: str, progress: Progress = lambda size: None) -> Packed:
    """Pack what has ended of a run. Raises OSError. progress: called with how many bytes more are packed."""
    folder = root / layout.RUNS / run_id
    try:
        found = look(LocalFiles(root), run_id, time.time())
    except OSError as error:
        return Packed(left_whole=f"cannot be read: {error.strerror or error}")
    why = _why_not(folder, found)
    if why is not None:
        return Packed(left_whole=why)
    number = claim_ownership(folder, resumed_count(found.info or {}))
    if number is None:
        return Packed(left_whole="is being recorded into, or packed")
    try:
        _sweep(folder)
        holds = PassingOwnership(folder, number).holds
        return pack_run(folder, holds, unclaimed="pid_start" not in (found.info or {}), progress=progress)
    finally:
        release_ownership(folder, number)


def pack_run(
    folder: Path,
    holds: Callable[[], bool] = lambda: True,
    *,
    unclaimed: bool = False,
    progress: Progress = lambda size: None,
) -> Packed:
    """Pack the record files of a run that this process owns. Raises OSError; no point is lost by it.

    holds: called now and then; tells whether this process owns the run still. unclaimed: whether the run's writers may
    be of a version that made no claims. progress: see compact_run.
    """
    before = after = 0
    skipped, left = [], []
    # Listed first: a writer claims its file before it creates it.
    for name in layout.record_files(entry.name for entry in folder.iterdir()):
        try:
            writers.check_closed(folder, name, claims.time_on(folder), unclaimed=unclaimed)
            size, packed_size = _pack_file(folder / name, holds, progress)
        except writers.HasWriterError as reason:
            left.append(f"{name} {reason}")
        except LeftAloneError as reason:
            if reason.damaged:
                skipped.append(name)
            else:
                left.append(f"{name} {reason}")
        else:
            before, after = before + size, after + packed_size
    return Packed(before, after, tuple(skipped), tuple(left))


def unpack_run(folder: Path) -> None:
    """Make the record files of a run's owner plain again, for a process that owns it. Raises OSError, ValueError.

    Those of further writers stay packed: each such writer takes a file that is new.
    """
    for name in (layout.METRICS_FILE, layout.SYSTEM_FILE):
        plain, packed = folder / name, folder / (name + PACKED_SUFFIX)
        if not packed.exists():
            continue
        data = unpacked(read_regular(packed))
        if not plain.exists():
            _write(plain, data)
        if plain.stat().st_size >= len(data):
            packed.unlink()


def unpacked(data: bytes) -> bytes:
    """Return the records of a packed file, zeros for those of a damaged chunk. Raises ValueError."""
    contents = packing.read_header(data)
    return b"".join(
        packing.unpack_chunk(data[chunk.start : chunk.start + chunk.length], chunk) for chunk in contents.chunks
    )


def _why_not(folder: Path, found: Standing) -> str | None:
    """Return why a run must not be touched, or None."""
    if found.info is None or found.status is None:
        return "does not say how it stands: run.json or status.json is missing or damaged"
    if not found.may_run:
        return None
    try:
        beaten_at = (folder / layout.STATUS_FILE).stat().st_mtime
        writers.check_gone(found.run.origin, claims.time_on(folder) - beaten_at)
    except writers.HasWriterError as reason:
        return str(reason)
    return None


def _pack_file(plain: Path, holds: Callable[[], bool], progress: Progress) -> tuple[int, int]:
    """Pack one file; return its size and that of the packed one. Raises LeftAloneError, OSError."""
    try:
        opened = open_regular(plain)
    except OSError as error:
        raise LeftAloneError(f"cannot be read: {error.strerror or error}") from error
    with opened as file:
        data = file.read() or b""
        seen = os.fstat(file.fileno())
        if not data:
            return 0, 0
        _check_whole(data)
        packed = plain.with_name(plain.name + PACKED_SUFFIX)
        _check_known(packed, data)

        def each() -> None:
            holds()
            progress(packing.CHUNK_RECORDS * RECORD_BYTES)

        _write(packed, packing.pack(data, each))
        try:
            if unpacked(read_regular(packed)) != data:
                raise LeftAloneError("cannot be packed", damaged=True)
            _check_unchanged(plain, seen, holds)
            plain.unlink()
        except BaseException:
            if plain.exists():
                packed.unlink()
            raise
        if os.fstat(file.fileno()).st_size != len(data):  # in the very last moment
            file.seek(0)
            _write(plain, file.read() or b"")
            packed.unlink()
            raise LeftAloneError("has grown while it was packed")
    with contextlib.suppress(OSError):  # of a writer that is gone
        plain.with_name(layout.claim_file(plain.name)).unlink()
    return len(data), packed.stat().st_size


def plain_bytes(files: LocalFiles, run_id: str) -> int:
    """Return how many bytes of a run are not packed."""
    sizes = {entry.name: entry.size_bytes for entry in files.list(layout.run_path(run_id))}
    return sum(sizes[name] for name in layout.record_files(sizes))


def _sweep(folder: Path) -> None:
    """Remove what a process left that was killed while it packed this run; call it as the run's owner."""
    for left in folder.glob(f".*{PACKED_SUFFIX}.*.tmp"):
        with contextlib.suppress(OSError):
            left.unlink()


def _check_whole(data: bytes) -> None:
    found = scan(data)
    if found.skipped or len(data) % RECORD_BYTES or found.consumed != len(data):
        raise LeftAloneError("is damaged", damaged=True)


def _check_known(packed: Path, data: bytes) -> None:
    """Raise LeftAloneError where a packed file beside the plain one holds points that the plain one does not."""
    try:
        known = unpacked(read_regular(packed))
    except (FileNotFoundError, ValueError):
        return
    if not data.startswith(known):
        raise LeftAloneError("lies beside other points that are packed already")


def _check_unchanged(plain: Path, seen: os.stat_result, holds: Callable[[], bool]) -> None:
    writers.check_closed(plain.parent, plain.name, claims.time_on(plain.parent))
    if not holds():
        raise LeftAloneError("belongs to a process that went on with the run meanwhile")
    now = plain.stat()
    if (now.st_ino, now.st_size, now.st_mtime_ns) != (seen.st_ino, seen.st_size, seen.st_mtime_ns):
        raise LeftAloneError("has grown while it was packed")


def _write(path: Path, data: bytes) -> None:
    """Write a file so that it is whole on the disk before it has its name."""
    draft = draft_path(path)
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
