"""What all routes share: the storage root's readers and the threads that use them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from fastapi import Request

from runicorn.settings import Settings
from runicorn.storage.index import RunIndex
from runicorn.storage.index_cache import WORTH_SAVING, WORTH_SAVING_AS_A_GUEST, IndexCache
from runicorn.storage.points import PointStore
from runicorn.storage.tensorboard.overlay import OverlayFiles
from runicorn.viewer.artifact_list import ArtifactList
from runicorn.viewer.hooks import RemoteHook, Session
from runicorn.viewer.run_list import RunListWriter
from runicorn.viewer.streams import Streams
from runicorn.viewer.workers import Workers


@dataclass
class ViewerState:
    """One viewer's belongings."""

    settings: Settings
    files: OverlayFiles
    index: RunIndex
    points: PointStore
    workers: Workers
    remote: RemoteHook | None
    session: Session | None
    now: Callable[[], float] = time.time
    artifacts: ArtifactList = field(init=False)
    run_list: RunListWriter = field(default_factory=RunListWriter)
    notes_lock: threading.Lock = field(default_factory=threading.Lock)
    streams: Streams = field(default_factory=Streams)

    def __post_init__(self) -> None:
        self.artifacts = ArtifactList(self.files)

    @classmethod
    def create(cls, settings: Settings, remote: RemoteHook | None, session: Session | None) -> ViewerState:
        files = OverlayFiles(settings.root, settings.cache_folder)
        worth_from = WORTH_SAVING if session is None else WORTH_SAVING_AS_A_GUEST
        cache = IndexCache(settings.cache_folder, settings.root, worth_from=worth_from)
        index = RunIndex(files, cache=cache)
        return cls(settings, files, index, PointStore(files), Workers(), remote, session)


def viewer_state(request: Request) -> ViewerState:
    """Return the state of the app that serves this request; for FastAPI's Depends."""
    state = request.app.state.viewer
    assert isinstance(state, ViewerState)
    return state
