"""The roots of hosts beside this machine's own: sources that come with sessions.

Of one whose session ended though nobody wanted that, as with its viewer or its host, the rows stay as they were seen
last, also in the next viewer: until it is connected again, or a person lets go of it.
"""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Callable, Mapping

from runicorn.errors import PlaceConnectedError, PlaceNotFoundError
from runicorn.sources.folder import FolderSource
from runicorn.viewer.remembered import Remembered, RememberedRoots
from runicorn.viewer.source_state import SourceState

_HASH_CHARACTERS = 6

# Makes the source of a root of which only what was saved is shown.
AbsentMaker = Callable[[Remembered], FolderSource]


class Guests:
    """Which there are now: those of sessions in the order in which they came, then those that are remembered.

    remembered, absent: both None where nothing is remembered. Safe to use from several threads.
    """

    def __init__(self, remembered: RememberedRoots | None = None, absent: AbsentMaker | None = None) -> None:
        self._lock = threading.Lock()
        self._by_session: dict[str, SourceState] = {}
        self._absent: dict[str, SourceState] = {}
        self._unwanted: set[str] = set()  # sessions that a person ends
        self._remembered = remembered
        self._make_absent = absent
        self._places: Mapping[str, SourceState] = {}

    @property
    def places(self) -> Mapping[str, SourceState]:
        """By their ids. It does not change any more; another one is given where some have come or gone."""
        return self._places

    def start(self) -> None:
        """Show what is remembered of earlier viewers. Blocks."""
        for root in reversed(self._remembered.load() if self._remembered is not None else []):
            self._show_absent(root)

    def add(
        self,
        session_id: str,
        host: str,
        root: str,
        source: FolderSource,
        *,
        called: str = "",
        as_of: float | None = None,
    ) -> None:
        """Show a root of a host for as long as a session lasts.

        host: how it is reached, as user@name:port; a node behind that, with >node. called: what a person calls it,
        where that is known; two machines are never called the same. as_of: when what the source already knows was seen.
        """
        with self._lock:
            place = SourceState(
                source,
                id=source_id(host, root),
                host=self._label(host, called),
                reached_by=host,
                session_id=session_id,
                called=called,
                as_of=as_of,
                seen_first=self._keep,
            )
            self._by_session[session_id] = place
            self._publish()

    def remove(self, session_id: str) -> None:
        """Let go of what came with a session. What still waits for the host there ends with its reader. Blocks."""
        with self._lock:
            place = self._by_session.pop(session_id, None)
            is_unwanted = session_id in self._unwanted
            self._unwanted.discard(session_id)
            self._publish()
        if place is None:
            return
        place.workers.close()
        if not is_unwanted and place.as_of is not None:
            self._keep(place)
            self._show_absent(_remembered(place, place.as_of))

    def let_go(self, session_id: str) -> None:
        """A person ends this session: nothing of it is to stay. Blocks."""
        with self._lock:
            place = self._by_session.get(session_id)
            if place is not None:
                self._unwanted.add(session_id)
        if place is not None:
            self._forget(place)

    def forget(self, source_id: str) -> None:
        """Show nothing any more of a root that is not connected. Blocks.

        Raises PlaceNotFoundError, PlaceConnectedError.
        """
        with self._lock:
            place = self._places.get(source_id)
            if place is None:
                raise PlaceNotFoundError(f"There is no source {source_id[:100]!r} beside this machine's.")
            if place.session_id is not None:
                raise PlaceConnectedError(f"The runs of {place.host} are shown for as long as it is connected.")
        self._forget(place)

    def _forget(self, place: SourceState) -> None:
        with self._lock:
            absent = self._absent.pop(place.id, None)
            self._publish()
        if absent is not None:
            absent.workers.close()
            absent.source.close()
        if self._remembered is not None:
            self._remembered.forget(place.reached_by, place.source.root)

    def _keep(self, place: SourceState) -> None:
        """Remember a root that was seen."""
        with self._lock:
            is_unwanted = place.session_id in self._unwanted
        if self._remembered is not None and place.as_of is not None and not is_unwanted:
            self._remembered.keep(_remembered(place, place.as_of))

    def _show_absent(self, root: Remembered) -> None:
        if self._make_absent is None:
            return
        source = self._make_absent(root)
        with self._lock:
            place = SourceState(
                source,
                id=source_id(root.host, root.root),
                host=self._label(root.host, root.called),
                reached_by=root.host,
                called=root.called,
                as_of=root.as_of,
                root_id=root.root_id,
            )
            before = self._absent.pop(place.id, None)
            self._absent[place.id] = place
            self._publish()
        if before is not None:
            before.workers.close()
            before.source.close()

    def _label(self, host: str, called: str) -> str:
        name, _, port = _name_and_port(host)
        others = {
            each.host.lower()
            for each in (*self._by_session.values(), *self._absent.values())
            if each.reached_by != host
        }
        names = (called.strip(), name, f"{name}:{port}", host)
        return next((each for each in names if each and each.lower() not in others), host)

    def _publish(self) -> None:
        # Two sessions may show the same root of the same host, by two ports: it is one place.
        places: dict[str, SourceState] = {}
        for place in (*self._by_session.values(), *self._absent.values()):
            places.setdefault(place.id, place)
        self._places = places


def source_id(host: str, root: str) -> str:
    """Return what a root of a host is called: the same one each time, and fit for an address and a link."""
    short = hashlib.sha256(f"{host}\n{root}".encode("utf-8", "surrogateescape")).hexdigest()[:_HASH_CHARACTERS]
    return f"{re.sub(r'[^A-Za-z0-9._-]+', '-', _name_and_port(host)[0])[:60]}-{short}"


def _name_and_port(host: str) -> tuple[str, str, str]:
    """Return the name and the port by which a host is reached; of a node behind it, its name and that of the host."""
    way, _, node = host.partition(">")
    name, colon, port = way.rpartition("@")[2].rpartition(":")
    return (node, colon, name) if node else (name, colon, port)


def _remembered(place: SourceState, as_of: float) -> Remembered:
    return Remembered(place.reached_by, place.source.root, place.called, place.root_id, as_of)
