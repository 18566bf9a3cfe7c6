"""What the viewer is given from outside: remote support, and the session it runs in. It knows neither's inside."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from fastapi import APIRouter

    from runicorn.remote.machines import MachineLook
    from runicorn.viewer.guests import Guests


class RemoteHook(Protocol):
    """Remote support as the viewer sees it. router holds every path under /api/remote. guests: the roots of hosts."""

    router: APIRouter
    guests: Guests

    async def start(self) -> None:
        """Begin; called once, in the viewer's event loop, before the first request."""
        ...

    async def stop(self) -> None:
        """Stop everything that was started; called once, in the same loop, after the last request."""
        ...

    async def machines(self) -> list[MachineLook]:
        """Return this machine and those that are connected, as they were told last, and have them read on for a while.

        Waits a moment for those of which nothing is known yet.
        """
        ...

    def snapshot(self) -> dict[str, Any]:
        """Return the body of GET /api/remote/status; must not block."""
        ...

    def steady(self, snapshot: dict[str, Any]) -> dict[str, Any]:
        """Return the snapshot without what changes by the passing of time alone, which is no news."""
        ...

    def subscribe(self) -> AsyncIterator[None]:
        """Yield after every change of snapshot(), until it is closed. Several changes may be told as one."""
        ...


class Session(Protocol):
    """The session that started this viewer, on a server. remote_info stands under `remote` in GET /api/health.

    proof: with which the session's connections are let in where they come as another user's, see loopback/proof.py.
    """

    session_id: str
    proof: str
    pid: int
    started_at: float
    remote_info: dict[str, Any] | None

    def touch(self) -> None:
        """Somebody who knows the session id asked for its health."""
        ...

    def end(self) -> None:
        """Stop this viewer."""
        ...
