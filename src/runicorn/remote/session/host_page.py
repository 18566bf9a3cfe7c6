"""What this side shows of a session's host: the page of one on which no viewer runs, with what stands for the tunnel
and its questions; and the place of one that has a viewer.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from runicorn._version import __version__
from runicorn.remote.server.reading import Reader
from runicorn.remote.session.health import Health, UnhealthyError
from runicorn.remote.ssh.interface import Tunnel


class HostPage(Protocol):
    """Serves what a reader reads. It stays through all reconnects, with all that was read."""

    def read_by(self, reader: Reader) -> None:
        """Read by this one from now on."""

    def tell(self, news: dict[str, Any]) -> None:
        """Show how the host is reached."""

    def way(self) -> Tunnel:
        """Return what carries clients of the session's door to it, until that is closed."""

    def close(self) -> None:
        """End it, from a worker thread, within a second or two."""


class HostPages(Protocol):
    """Makes the page of a session.

    host: how it is reached, as user@name:port. root: as an absolute path over there. local_port: of the session's door.
    """

    def __call__(
        self, session_id: str, host: str, root: str, local_port: int, started_at: float
    ) -> Awaitable[HostPage]: ...


class HostPlace(Protocol):
    """A host's root among those that this side shows, while a viewer over there serves its page. It stays through all
    reconnects.
    """

    @property
    def root(self) -> str: ...

    def read_by(self, reader: Reader) -> None:
        """Read by this one from now on."""

    def read_by_nobody(self, why: str) -> None:
        """Say from now on why it is not read, in one sentence."""

    def close(self) -> None:
        """Have it gone, from a worker thread, within a second or two."""


class HostPlaces(Protocol):
    """Shows the place of a session. host: as for HostPages. root: over there, as far as that is known."""

    def __call__(self, session_id: str, host: str, root: str) -> Awaitable[HostPlace]: ...


class ReaderLine:
    """Questions to a reader, where health.Line asks a viewer."""

    def __init__(self, reader: Reader, tell: Callable[[dict[str, Any]], None]) -> None:
        self._reader = reader
        self._tell = tell

    def ask(self, timeout_secs: float = 10.0, first_timeout_secs: float | None = None) -> Health:
        """Raises UnhealthyError."""
        try:
            return Health(__version__, self._reader.answers(timeout_secs))
        except OSError as error:
            raise UnhealthyError(error.strerror or str(error)) from error

    def tell(self, link: dict[str, Any], timeout_secs: float = 0.0) -> None:
        self._tell(link)

    def stop(self, timeout_secs: float = 2.0) -> None:
        self._reader.close()

    def close(self) -> None:
        """There is nothing to close: the reader belongs to its session."""
