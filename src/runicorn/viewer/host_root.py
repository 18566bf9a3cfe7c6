"""The root of a host as a source of this viewer, whatever reads it; and its place among the others."""

from __future__ import annotations

import asyncio

from runicorn.remote.server.reading import Reader
from runicorn.settings import Settings
from runicorn.sources.host import AbsentHost, HostSource
from runicorn.sources.host_files import HostFiles
from runicorn.viewer.guests import Guests
from runicorn.viewer.remembered import Remembered, RememberedRoots
from runicorn.viewer.source_state import LOCAL


class HostRoot:
    """host: how it is reached, as user@name:port. root: as an absolute path over there."""

    def __init__(self, settings: Settings, host: str, root: str) -> None:
        self.host = host
        self.root = root
        self._files = HostFiles()
        self.source = HostSource(LOCAL, self._files, host, root, settings.cache_folder)
        # When what is shown until the host has answered was seen, in unix seconds.
        self.recalled_at = self.source.recall()

    def read_by(self, reader: Reader) -> None:
        self._files.read_by(reader)

    def read_by_nobody(self, why: str) -> None:
        self._files.read_by_nobody(why)


class GuestRoot(HostRoot):
    """Implements remote's HostPlace: the root is a source of this viewer until it is closed, and nothing else."""

    def __init__(self, settings: Settings, guests: Guests, session_id: str, host: str, root: str) -> None:
        super().__init__(settings, host, root)
        self._guests = guests
        self._session_id = session_id

    def show(self, called: str) -> None:
        self.source.start()
        self._guests.add(self._session_id, self.host, self.root, self.source, called=called, as_of=self.recalled_at)

    def close(self) -> None:
        self._guests.remove(self._session_id)
        self.source.close()


def remembering(settings: Settings) -> Guests:
    """Return the roots of hosts, with those that an earlier viewer has shown."""
    cache = settings.cache_folder

    def absent(root: Remembered) -> AbsentHost:
        return AbsentHost(LOCAL, root.host, root.root, cache)

    return Guests(RememberedRoots(cache / "hosts.json"), absent)


async def show(settings: Settings, guests: Guests, session_id: str, host: str, root: str, called: str) -> GuestRoot:
    """Show a host's root for as long as a session lasts. See remote's HostPlaces. called: see Guests.add."""
    place = await asyncio.to_thread(GuestRoot, settings, guests, session_id, host, root)
    place.show(called)
    return place
