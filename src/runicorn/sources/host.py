"""A folder of a host as a source, read by whatever reads there; what is derived of it lies in this machine's cache."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from runicorn.sources.host_files import HostFiles
from runicorn.sources.mirrored import MirroredSource
from runicorn.storage.index_cache import IndexCache
from runicorn.storage.pyramid.cache import PyramidCache
from runicorn.storage.tensorboard.mirror import Mirror, mirror_home
from runicorn.storage.tensorboard.overlay import OverlayFiles

_WORTH_SAVING = 20
_WORTH_SAVING_BYTES = 2**20


class HostSource(MirroredSource):
    """Nothing is written over there. Reading it again costs more than on this machine, so that more of it is kept.

    host: how it is reached, as user@name:port. root: as an absolute path over there.
    """

    def __init__(
        self,
        source_id: str,
        files: HostFiles,
        host: str,
        root: str,
        cache: Path,
        *,
        now: Callable[[], float] = time.time,
    ) -> None:
        name = f"ssh://{host}{root}"
        mirror = Mirror(files, PurePosixPath(root).name, mirror_home(cache, name))
        overlay = OverlayFiles(files, mirror, far=True)
        super().__init__(
            source_id,
            overlay,
            overlay,
            root=root,
            cache=IndexCache(cache, name, worth_from=_WORTH_SAVING),
            pyramids=PyramidCache(cache, name, worth_from=_WORTH_SAVING_BYTES),
            now=now,
        )
