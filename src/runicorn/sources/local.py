"""A folder of this machine as a source, with notes that can be changed."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from runicorn.sources.mirrored import MirroredSource
from runicorn.storage import layout
from runicorn.storage.index_cache import WORTH_SAVING, WORTH_SAVING_AS_A_GUEST, IndexCache
from runicorn.storage.mirroring import overlay
from runicorn.storage.patience import PatientFiles
from runicorn.storage.pyramid.cache import WORTH_SAVING_AS_A_GUEST_BYTES, WORTH_SAVING_BYTES, PyramidCache
from runicorn.storage.writer import update_notes


class LocalSource(MirroredSource):
    """Every call takes a few seconds at most, also where a disk does not answer.

    cache: the folder for what is derived. guest: whether it is somebody else's server, where as little as possible is
    left.
    """

    def __init__(self, source_id: str, root: Path, cache: Path, *, guest: bool = False) -> None:
        files = overlay.open_folder(root, cache)
        self._patient = PatientFiles(files)
        name = os.path.realpath(root)
        self._writing = threading.Lock()
        worth_from = WORTH_SAVING_AS_A_GUEST if guest else WORTH_SAVING
        worth_bytes = WORTH_SAVING_AS_A_GUEST_BYTES if guest else WORTH_SAVING_BYTES
        super().__init__(
            source_id,
            self._patient,
            files,
            root=str(root),
            cache=IndexCache(cache, name, worth_from=worth_from),
            pyramids=PyramidCache(cache, name, worth_from=worth_bytes),
        )
        self._root = root

    def stop_waiting(self) -> None:
        self._patient.close()

    def _write_notes(self, run_id: str, changes: Mapping[str, Any]) -> None:
        def write() -> None:
            with self._writing:
                update_notes(self.overlay.home_of(run_id) or self._root, run_id, dict(changes))

        self._patient.do(layout.run_path(run_id), write)
