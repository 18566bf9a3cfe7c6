"""Answers are compressed for a viewer at the other end of a tunnel; a stream never is, as it would be held back."""

from __future__ import annotations

from starlette.middleware.gzip import GZipMiddleware
from starlette.types import Receive, Scope, Send

_STREAMS = frozenset({"/api/live"})


class Compression(GZipMiddleware):
    """Old versions of Starlette compress an event stream, too, and keep each event until there is more of it."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] in _STREAMS:
            await self.app(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)
