"""A folder as a source, with logs of other tools among its runs."""

from __future__ import annotations

import time
from collections.abc import Callable

from runicorn.sources.folder import FolderSource
from runicorn.storage.files import Files
from runicorn.storage.index_cache import IndexCache
from runicorn.storage.mirroring.overlay import OverlayFiles
from runicorn.storage.pyramid.cache import PyramidCache


class MirroredSource(FolderSource):
    """files: as everything else reads them, the overlay itself or in front of it. It ends with the source."""

    def __init__(
        self,
        source_id: str,
        files: Files,
        overlay: OverlayFiles,
        *,
        root: str,
        cache: IndexCache,
        pyramids: PyramidCache,
        now: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(source_id, files, root=root, cache=cache, pyramids=pyramids, now=now)
        self.overlay = overlay

    def start(self) -> None:
        self.overlay.mirror.start()

    def close(self) -> None:
        self.overlay.close()
        super().close()

    @property
    def problem(self) -> str | None:
        return super().problem or self.overlay.mirror.problem
