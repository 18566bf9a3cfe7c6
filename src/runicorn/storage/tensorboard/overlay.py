"""One storage root out of two: the folder itself, and the runs that its TensorBoard event files stand for."""

from __future__ import annotations

import time
from pathlib import Path
from typing import NamedTuple

from runicorn.regular_files import open_regular
from runicorn.storage import layout
from runicorn.storage.events import MEDIA
from runicorn.storage.files import FileStat, LocalFiles, OneByOne
from runicorn.storage.jsonio import decode_object
from runicorn.storage.packed_files import PackedFiles
from runicorn.storage.tensorboard.media_names import MediaNames
from runicorn.storage.tensorboard.mirror import Mirror, mirror_home
from runicorn.storage.tensorboard.run_mirror import STATE_FILE, file_names
from runicorn.storage.tensorboard.translate import media_range

_LOOK_EVERY_SECS = 0.02
_BELOW_RUNS = layout.RUNS + "/"


class FileRange(NamedTuple):
    """Bytes of a file that stand for a file of their own."""

    path: Path
    start: int
    size_bytes: int


class OverlayFiles(OneByOne):
    """Reads both as one. Media of mirrored runs are ranges of their event files; nothing of them is copied."""

    batch_bytes = LocalFiles.batch_bytes

    def __init__(self, root: Path, cache: Path) -> None:
        self._own = PackedFiles(root)
        self.mirror = Mirror(root, mirror_home(cache, root))
        self._known_runs: dict[str, str] = {}
        self._looked_at = float("-inf")
        self._is_storage_root = False
        self._root_looked_at = float("-inf")
        self._own_runs: set[str] = set()
        self._names: dict[str, tuple[FileStat, dict[int, str]]] = {}
        self._media = MediaNames()

    def _runs(self) -> dict[str, str]:
        """Return the mirrored runs; asked for a hundred times in a listing, they are looked up once."""
        moment = time.monotonic()
        if moment - self._looked_at > _LOOK_EVERY_SECS:
            self._known_runs, self._looked_at = self.mirror.runs(), moment
        return self._known_runs

    @property
    def _mirrored(self) -> LocalFiles:
        return LocalFiles(self.mirror.home)

    def names(self, path: str) -> list[str]:
        if path != layout.RUNS:
            return [entry.name for entry in self.list(path)]
        mirrored = self._runs()
        own = [name for name in self._own.names(path) if self._is_own_run(name)]
        return own + [name for name in self._mirrored.names(path) if name in mirrored]

    def stat(self, path: str) -> FileStat | None:
        if path == layout.RUNS:
            return self._stat_runs()
        run_id, below = _split(path)
        if run_id is None or run_id not in self._runs():
            return None if run_id is not None and not self._is_own_run(run_id) else self._own.stat(path)
        media = self.media(run_id, below)
        if media is None:
            return self._mirrored.stat(path)
        return FileStat(below.split("/")[1], False, media.size_bytes, media.path.stat().st_mtime_ns, 0)

    def read(self, path: str, offset: int = 0, length: int | None = None) -> bytes:
        run_id, below = _split(path)
        if run_id is None or run_id not in self._runs():
            return self._own.read(path, offset, length)
        media = self.media(run_id, below)
        if media is None:
            return self._mirrored.read(path, offset, length)
        left = max(0, media.size_bytes - offset)
        with open_regular(media.path) as file:
            file.seek(media.start + offset)
            return file.read(left if length is None else min(left, length)) or b""

    def inside(self, folder: str, path: str) -> str | None:
        run_id, below = _split(f"{folder}/{path}")
        if run_id is not None and self.media(run_id, below) is not None:
            return f"{folder}/{path}"
        if run_id is not None and run_id not in self._runs() and not self._is_own_run(run_id):
            return None
        return self._home_of(run_id).inside(folder, path)

    def root_of(self, run_id: str) -> Path:
        """Return the storage root that holds a run's own files, and so its notes."""
        return self._home_of(run_id).root

    def media(self, run_id: str, path: str) -> FileRange | None:
        """Return where a mirrored run's media lie; None where `path` below its folder is something else."""
        wanted = media_range(path)
        folder = self.mirror.source(run_id)
        if wanted is None or folder is None:
            return None
        name = self._event_files(run_id).get(wanted.file_number)
        try:
            if name is None or (folder / name).stat().st_size < wanted.offset + wanted.length:
                return None
        except OSError:
            return None
        return FileRange(folder / name, wanted.offset, wanted.length)

    def arriving(self) -> int:
        return self.mirror.arriving()

    def close(self) -> None:
        """End what follows the event files."""
        self.mirror.close()

    def _home_of(self, run_id: str | None) -> LocalFiles:
        return self._mirrored if run_id is not None and run_id in self._runs() else self._own

    def _stat_runs(self) -> FileStat | None:
        """Return what changes whenever a run comes or goes in either of the two folders."""
        found = [status for files in (self._own, self._mirrored) if (status := files.stat(layout.RUNS)) is not None]
        if not found:
            return None
        size = sum(status.size_bytes for status in found) + len(self._runs())
        return FileStat(layout.RUNS, True, size, max(status.mtime_ns for status in found), found[0].inode)

    def _list_runs(self) -> list[FileStat]:
        mirrored = self._runs()
        own = [entry for entry in self._own.list(layout.RUNS) if self._is_own_run(entry.name)]
        if not mirrored:
            return own
        return own + [entry for entry in self._mirrored.list(layout.RUNS) if entry.name in mirrored]

    def _is_own_run(self, name: str) -> bool:
        """Tell whether a folder in runs/ is a run of ours; PyTorch puts its logs into a folder of this name, too.

        In a storage root all are that hold no event files; elsewhere those that say that they are.
        """
        if not self._is_storage_root and time.monotonic() - self._root_looked_at > _LOOK_EVERY_SECS:
            self._is_storage_root = self._own.stat(layout.ROOT_FILE) is not None
            self._root_looked_at = time.monotonic()
        if self._is_storage_root:
            return name not in self.mirror.claimed()
        if name in self._own_runs:
            return True
        if self._own.stat(layout.run_path(name, layout.RUN_FILE)) is None:
            return False
        self._own_runs.add(name)
        return True

    def _event_files(self, run_id: str) -> dict[int, str]:
        path = layout.run_path(run_id, STATE_FILE)
        status = self._mirrored.stat(path)
        if status is None:
            return {}
        known = self._names.get(run_id)
        if known is None or known[0] != status:
            known = self._names[run_id] = (status, file_names(decode_object(self._mirrored.read(path)) or {}))
        return known[1]

    def _media_names(self, run_id: str) -> tuple[str, ...]:
        return self._media.of(self._mirrored, layout.run_path(run_id, layout.EVENTS_FILE))

    def list(self, path: str) -> list[FileStat]:
        run_id, below = _split(path)
        if path == layout.RUNS:
            return self._list_runs()
        if run_id is None or run_id not in self._runs():
            return self._own.list(path) if run_id is None or self._is_own_run(run_id) else []
        if below == MEDIA:
            names = self._media_names(run_id)
            return [found for name in names if (found := self.stat(f"{path}/{name.split('/')[1]}")) is not None]
        entries = [entry for entry in self._mirrored.list(path) if entry.name != STATE_FILE]
        if not below and self._media_names(run_id):
            entries.append(FileStat(MEDIA, True, 0, 0, 0))
        return entries


def _split(path: str) -> tuple[str | None, str]:
    """Return the run that a path lies in, and the path below the run's folder."""
    if not path.startswith(_BELOW_RUNS):
        return None, ""
    run_id, _, below = path[len(_BELOW_RUNS) :].partition("/")
    return run_id, below
