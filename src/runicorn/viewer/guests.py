"""The roots of hosts beside this machine's own: sources that come with sessions, and go with them."""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Mapping

from runicorn.sources.folder import FolderSource
from runicorn.viewer.source_state import SourceState

_HASH_CHARACTERS = 6


class Guests:
    """Which there are now, in the order in which they came. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_session: dict[str, SourceState] = {}
        self._places: Mapping[str, SourceState] = {}

    @property
    def places(self) -> Mapping[str, SourceState]:
        """By their ids. It does not change any more; another one is given where some have come or gone."""
        return self._places

    def add(self, session_id: str, host: str, root: str, source: FolderSource, *, called: str = "") -> None:
        """Show a root of a host for as long as a session lasts.

        host: how it is reached, as user@name:port. called: what a person calls it, where that is known; two machines
        are never called the same.
        """
        name, _, port = host.rpartition("@")[2].rpartition(":")
        with self._lock:
            others = {each.host.lower() for each in self._by_session.values() if each.reached_by != host}
            names = (called.strip(), name, f"{name}:{port}", host)
            label = next((each for each in names if each and each.lower() not in others), host)
            place = SourceState(
                source, id=source_id(name, host, root), host=label, reached_by=host, session_id=session_id
            )
            self._by_session[session_id] = place
            self._publish()

    def remove(self, session_id: str) -> None:
        """Let go of what came with a session. What still waits for the host there ends with its reader."""
        with self._lock:
            place = self._by_session.pop(session_id, None)
            self._publish()
        if place is not None:
            place.workers.close()

    def _publish(self) -> None:
        # Two sessions may show the same root of the same host, by two ports: it is one place.
        places: dict[str, SourceState] = {}
        for place in self._by_session.values():
            places.setdefault(place.id, place)
        self._places = places


def source_id(name: str, host: str, root: str) -> str:
    """Return what a root of a host is called: the same one each time, and fit for an address and a link."""
    short = hashlib.sha256(f"{host}\n{root}".encode("utf-8", "surrogateescape")).hexdigest()[:_HASH_CHARACTERS]
    return f"{re.sub(r'[^A-Za-z0-9._-]+', '-', name)[:60]}-{short}"
