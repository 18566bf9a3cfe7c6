"""How a viewer speaks HTTP, whoever brings it its connections."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from runicorn.viewer.coalescing import CoalescingTransport

_KEEP_ALIVE_SECS = 30  # over a slow link a new connection costs more than an idle one; a session asks every 4 s
# A comparison of hundreds of runs names them all in its address and in its cursor.
_MAX_HEAD_BYTES = 512 * 1024


class PromptProtocol(H11Protocol):
    """HTTP whose answers leave in one piece, for the sake of those that go through a tunnel."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(CoalescingTransport(transport))


def config_of(app: Any, request_secs: float) -> uvicorn.Config:
    """Return how an app is served. request_secs: at the end, a request that is not done by then is cut off."""
    return uvicorn.Config(
        app,
        http=PromptProtocol,
        ws="none",
        lifespan="on",
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        h11_max_incomplete_event_size=_MAX_HEAD_BYTES,
        proxy_headers=False,
        timeout_graceful_shutdown=request_secs,  # type: ignore[arg-type]  # takes parts of a second as well
        timeout_keep_alive=_KEEP_ALIVE_SECS,
    )


async def connect(server: uvicorn.Server, client: socket.socket) -> asyncio.BaseTransport | None:
    """Do what uvicorn does with a connection that it accepted itself; return what carries it, None if it is gone."""

    def protocol() -> asyncio.Protocol:
        return server.config.http_protocol_class(  # type: ignore[call-arg]
            config=server.config, server_state=server.server_state, app_state=server.lifespan.state
        )

    try:
        transport, _ = await asyncio.get_running_loop().connect_accepted_socket(protocol, client)
    except OSError:
        client.close()
        return None
    return transport
