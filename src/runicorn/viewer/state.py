"""What all routes share: the sources of runs, and the threads that ask them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from fastapi import Request

from runicorn.errors import ArtifactNotFoundError, RunNotFoundError
from runicorn.settings import Settings
from runicorn.sources.folder import FolderSource
from runicorn.sources.local import LocalSource
from runicorn.viewer.collector import RestingCollector
from runicorn.viewer.hooks import RemoteHook, Session
from runicorn.viewer.places import PlaceBook
from runicorn.viewer.source_state import LOCAL, SourceState
from runicorn.viewer.streams import Streams


class Address(NamedTuple):
    """A run: its source, and its id there."""

    place: SourceState
    run_id: str


class ArtifactAddress(NamedTuple):
    """An artifact: its source, and its name there."""

    place: SourceState
    name: str


@dataclass
class ViewerState:
    """One viewer's belongings. local: this machine's root."""

    settings: Settings
    local: SourceState
    remote: RemoteHook | None
    session: Session | None
    now: Callable[[], float] = time.time
    streams: Streams = field(default_factory=Streams)
    places: PlaceBook = field(default_factory=PlaceBook)
    collector: RestingCollector = field(default_factory=RestingCollector)

    @classmethod
    def create(
        cls,
        settings: Settings,
        remote: RemoteHook | None,
        session: Session | None,
        source: FolderSource | None = None,
    ) -> ViewerState:
        """source: where its runs are, in place of the root on this machine's disk. Its id must be LOCAL."""
        if source is None:
            source = LocalSource(LOCAL, settings.root, settings.cache_folder, guest=session is not None)
        return cls(settings, SourceState(source), remote, session)

    @property
    def sources(self) -> Mapping[str, SourceState]:
        """All there are now, by id: this machine's root first, then those of open sessions."""
        guests = self.remote.guests.places if self.remote is not None else {}
        return {LOCAL: self.local, **guests}

    def find(self, address: str) -> Address:
        """Return where a run is to be asked for, by `ID` or `SOURCE:ID`. Raises RunNotFoundError for no such source."""
        source_id, run_id = _parts(address)
        place = self.sources.get(source_id)
        if place is None:
            raise RunNotFoundError(f"There is no run {address[:200]!r}.")
        return Address(place, run_id)

    def find_artifact(self, address: str) -> ArtifactAddress:
        """Return where an artifact is to be asked for, by `NAME` or `SOURCE:NAME`.

        Raises ArtifactNotFoundError for no such source.
        """
        source_id, name = _parts(address)
        place = self.sources.get(source_id)
        if place is None:
            raise ArtifactNotFoundError(f"There is no artifact {address[:200]!r}.")
        return ArtifactAddress(place, name)

    def by_source(self, addresses: Iterable[str]) -> tuple[list[tuple[SourceState, dict[str, str]]], list[str]]:
        """Return the runs of each source, an id with how it was asked for; and the addresses of no source."""
        found: dict[str, tuple[SourceState, dict[str, str]]] = {}
        missing: list[str] = []
        for address in dict.fromkeys(addresses):
            try:
                place, run_id = self.find(address)
            except RunNotFoundError:
                missing.append(address)
            else:
                found.setdefault(place.id, (place, {}))[1][run_id] = address
        return list(found.values()), missing

    def start(self) -> None:
        self.local.source.start()

    def stop_waiting(self) -> None:
        """Let nobody wait for files any more; must not block."""
        for place in self.sources.values():
            place.source.stop_waiting()

    def close(self) -> None:
        """End the local source, within a second or two. The others end with their sessions."""
        self.local.source.close()
        self.local.workers.close()


def _parts(address: str) -> tuple[str, str]:
    """Return the id of a source, and what is asked for there; no name of a run or an artifact holds a colon."""
    source_id, colon, own_id = address.rpartition(":")
    return source_id if colon else LOCAL, own_id


def viewer_state(request: Request) -> ViewerState:
    """Return the state of the app that serves this request; for FastAPI's Depends."""
    state = request.app.state.viewer
    assert isinstance(state, ViewerState)
    return state
