"""A folder of a host as a source, read by whatever reads there; what is derived of it lies in this machine's cache."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from runicorn.errors import StorageError
from runicorn.sources.folder import FolderSource
from runicorn.sources.host_files import HostFiles
from runicorn.sources.mirrored import MirroredSource
from runicorn.storage import layout, reader
from runicorn.storage.files import Range
from runicorn.storage.index_cache import IndexCache
from runicorn.storage.indexed_run import IndexedRun
from runicorn.storage.mirroring.mirror import Mirror, mirror_home
from runicorn.storage.mirroring.overlay import OverlayFiles
from runicorn.storage.pyramid.cache import PyramidCache
from runicorn.storage.writer import changed_notes, update_notes

# Whoever opens a host waits for its own runs first, and shares one link with what looks for other logs.
_AFTER_FIRST_ROWS_SECS = 0.5
_WORTH_SAVING = 1
_WORTH_SAVING_BYTES = 2**20
NOT_CONNECTED = "The host is not connected."


def name_of(host: str, root: str) -> str:
    """Return what no other root is called. host: how it is reached, as user@name:port."""
    return f"ssh://{host}{root}"


def host_overlay(
    files: HostFiles, host: str, root: str, cache: Path, *, begins_after_secs: float = 0.0
) -> OverlayFiles:
    """Return a folder of a host with the logs of other tools in it as runs. begins_after_secs: see Mirror."""
    home = mirror_home(cache, name_of(host, root))
    mirror = Mirror(files, PurePosixPath(root).name, home, begins_after_secs=begins_after_secs)
    return OverlayFiles(files, mirror, far=True)


def host_list(host: str, root: str, cache: Path) -> IndexCache:
    """Return where the list of a host's runs is kept, for whoever reads it next."""
    return IndexCache(cache, name_of(host, root), worth_from=_WORTH_SAVING)


class AbsentHost(FolderSource):
    """The root of a host that is not connected: its runs as they were seen last. Nothing of them can be opened."""

    def __init__(self, source_id: str, host: str, root: str, cache: Path) -> None:
        files = HostFiles()
        files.read_by_nobody(NOT_CONNECTED.rstrip("."))
        super().__init__(source_id, files, root=root, cache=host_list(host, root, cache))
        self._turn = threading.Lock()
        self._is_recalled = False

    def runs(self) -> list[IndexedRun]:
        with self._turn:
            if not self._is_recalled:
                self.recall()
                self._is_recalled = True
        return self.known_runs()

    @property
    def problem(self) -> str | None:
        return NOT_CONNECTED


class HostSource(MirroredSource):
    """Nothing is written over there but the notes that a person changes. Reading it again costs more than on this
    machine, so that more of it is kept.

    host: how it is reached, as user@name:port. root: as an absolute path over there.
    """

    def __init__(
        self,
        source_id: str,
        files: HostFiles,
        host: str,
        root: str,
        cache: Path,
    ) -> None:
        name = name_of(host, root)
        overlay = host_overlay(files, host, root, cache, begins_after_secs=_AFTER_FIRST_ROWS_SECS)
        super().__init__(
            source_id,
            overlay,
            overlay,
            root=root,
            cache=host_list(host, root, cache),
            pyramids=PyramidCache(cache, name, worth_from=_WORTH_SAVING_BYTES),
            now=files.now,
        )
        self._host_files = files
        self._writing = threading.Lock()

    @property
    def clock_offset_secs(self) -> float | None:
        return self._host_files.clock_offset_secs

    def _write_notes(self, run_id: str, changes: Mapping[str, Any]) -> None:
        with self._writing:
            home = self.overlay.home_of(run_id)
            if home is not None:  # of somebody else's logs, notes are kept on this side
                update_notes(home, run_id, dict(changes))
                return
            path = layout.run_path(run_id, layout.NOTES_FILE)
            try:
                (before,) = self._host_files.fetch([Range(path, 0, reader.MAX_SMALL_BYTES + 1)])
                if isinstance(before, OSError) and not isinstance(before, FileNotFoundError):
                    raise before
                if not isinstance(before, OSError) and len(before) > reader.MAX_SMALL_BYTES:
                    raise ValueError("what stands there is too large to be read whole")  # and would be lost
                content = changed_notes(b"" if isinstance(before, OSError) else before, changes)
                self._host_files.replace(path, content)
            except (OSError, ValueError) as error:
                reason = getattr(error, "strerror", None) or error
                raise StorageError(f"The notes of run {run_id} cannot be written over there: {reason}.") from error
