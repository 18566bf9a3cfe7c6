"""An SSH server that nobody should log in to: it takes any login, and counts every attempt at one."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import asyncssh

from runicorn.loop_thread import LoopThread

START_TIMEOUT_SECS = 10


@dataclass
class Rogue:
    """port: where it listens. keys: its host keys as `<type> <base64>`. visits, logins: what it has seen."""

    port: int = 0
    keys: list[str] = field(default_factory=list)
    visits: int = 0
    logins: list[str] = field(default_factory=list)


@contextlib.contextmanager
def run_rogue(key_types: Sequence[str] = ("ssh-ed25519",)) -> Iterator[Rogue]:
    """Start one with fresh host keys of these types."""
    rogue = Rogue()
    logging.getLogger("asyncssh").setLevel(logging.CRITICAL)

    class Server(asyncssh.SSHServer):  # type: ignore[misc]
        def connection_made(self, conn: Any) -> None:
            rogue.visits += 1

        def begin_auth(self, username: str) -> bool:
            # Called on the first authentication request, before its method is even looked at.
            rogue.logins.append(username)
            return True

        def password_auth_supported(self) -> bool:
            return True

        def validate_password(self, username: str, password: str) -> bool:
            rogue.logins.append(f"{username} with a password")
            return True

        def public_key_auth_supported(self) -> bool:
            return True

        def validate_public_key(self, username: str, key: Any) -> bool:
            rogue.logins.append(f"{username} with a key")
            return True

    host_keys = [asyncssh.generate_private_key(kind) for kind in key_types]
    rogue.keys = [" ".join(key.export_public_key().decode().split()[:2]) for key in host_keys]
    thread = LoopThread("rogue")

    async def serve() -> Any:
        return await asyncssh.create_server(Server, "127.0.0.1", 0, server_host_keys=host_keys)

    try:
        server = thread.call(serve(), START_TIMEOUT_SECS)
        rogue.port = server.get_port()
        yield rogue
        thread.soon(server.close)
    finally:
        thread.stop()
