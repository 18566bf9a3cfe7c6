"""An SSH server that asks what it was told to while somebody logs in, and keeps what was typed."""

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
class Asking:
    """port: where it listens. password: what it takes where it wants one. typed: what came for which prompt."""

    port: int = 0
    password: str = "the account's password"
    typed: list[tuple[str, str]] = field(default_factory=list)
    sent: list[str] = field(default_factory=list)
    logins: int = 0
    failures: int = 0


@contextlib.contextmanager
def run_asking(*requests: Sequence[str], takes_password: bool = False) -> Iterator[Asking]:
    """Start one that asks for these prompts, one request after the other, and lets in whoever answers all.

    takes_password: whether it also takes a password that is only sent. A prompt that begins with "Password" wants the
    password, every other one takes anything.
    """
    asking = Asking()
    logging.getLogger("asyncssh").setLevel(logging.CRITICAL)

    class Server(asyncssh.SSHServer):  # type: ignore[misc]
        def begin_auth(self, username: str) -> bool:
            return True

        def password_auth_supported(self) -> bool:
            return takes_password

        def validate_password(self, username: str, password: str) -> bool:
            asking.sent.append(password)
            return self.judge(password == asking.password)

        def kbdint_auth_supported(self) -> bool:
            return bool(requests)

        def get_kbdint_challenge(self, username: str, lang: str, submethods: str) -> Any:
            self.left = list(requests)
            return self.ask()

        def validate_kbdint_response(self, username: str, responses: Sequence[str]) -> Any:
            pairs = list(zip(self.asked, responses, strict=True))
            asking.typed += pairs
            right = all(not text.startswith("Password") or given == asking.password for text, given in pairs)
            if not right or not self.left:
                return self.judge(right)
            return self.ask()

        def ask(self) -> Any:
            self.asked = self.left.pop(0)
            return "", "", "", [(text, False) for text in self.asked]

        def judge(self, right: bool) -> bool:
            if right:
                asking.logins += 1
            else:
                asking.failures += 1
            return right

    thread = LoopThread("asking")

    async def serve() -> Any:
        key = asyncssh.generate_private_key("ssh-ed25519")
        return await asyncssh.create_server(Server, "127.0.0.1", 0, server_host_keys=[key])

    try:
        server = thread.call(serve(), START_TIMEOUT_SECS)
        asking.port = server.get_port()
        yield asking
        thread.soon(server.close)
    finally:
        thread.stop()
