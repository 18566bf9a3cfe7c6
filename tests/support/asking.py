"""An SSH server that asks what it was told to while somebody logs in, and keeps what was typed."""

from __future__ import annotations

import asyncio
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
    """port: where it listens. password: what it takes where it wants one. typed: what came for which prompt.

    codes: what it takes for a prompt that begins with "Verification", each once. visits: how many connections came.
    changes: the passwords that were changed, old and new.
    """

    port: int = 0
    password: str = "the account's password"
    codes: list[str] = field(default_factory=lambda: ["246810", "135791"])
    typed: list[tuple[str, str]] = field(default_factory=list)
    sent: list[str] = field(default_factory=list)
    changes: list[tuple[str, str]] = field(default_factory=list)
    visits: int = 0
    lost: int = 0
    logins: int = 0
    failures: int = 0


@dataclass(frozen=True)
class Said:
    """A request with words of the server's own. seen: which prompts show what is typed."""

    prompts: Sequence[str] = ()
    name: str = ""
    instructions: str = ""
    seen: Sequence[int] = ()


@contextlib.contextmanager
def run_asking(
    *requests: Sequence[str] | Said,
    takes_password: bool = False,
    takes_nothing: bool = False,
    expired: bool = False,
    checks_secs: float = 0.0,
    patience_secs: float = 120.0,
    banner: str = "",
) -> Iterator[Asking]:
    """Start one that asks for these prompts, one request after the other, and lets in whoever answers all.

    takes_password: whether it also takes a password that is only sent. takes_nothing: lets anybody in. expired: a
    password that is sent has to be changed. checks_secs: how long it looks at each answer. patience_secs: how long it
    waits for a login. banner: what it says to everybody. A prompt that begins with "Password" wants the password, one
    with "Verification" a code, every other one takes anything.
    """
    asking = Asking()
    logging.getLogger("asyncssh").setLevel(logging.CRITICAL)
    wanted = [each if isinstance(each, Said) else Said(each) for each in requests]

    class Server(asyncssh.SSHServer):  # type: ignore[misc]
        def connection_made(self, connection: Any) -> None:
            asking.visits += 1
            self.connection = connection

        def connection_lost(self, error: Exception | None) -> None:
            asking.lost += 1

        def begin_auth(self, username: str) -> bool:
            if banner:
                self.connection.send_auth_banner(banner)
            return not takes_nothing

        def password_auth_supported(self) -> bool:
            return takes_password

        async def validate_password(self, username: str, password: str) -> bool:
            await asyncio.sleep(checks_secs)
            asking.sent.append(password)
            right = password == asking.password
            if right and expired and not asking.changes:
                raise asyncssh.PasswordChangeRequired("Your password has expired.")
            return self.judge(right)

        def change_password(self, username: str, old_password: str, new_password: str) -> bool:
            asking.changes.append((old_password, new_password))
            asking.password = new_password
            return self.judge(True)

        def kbdint_auth_supported(self) -> bool:
            return bool(wanted)

        def get_kbdint_challenge(self, username: str, lang: str, submethods: str) -> Any:
            self.left = list(wanted)
            return self.ask()

        async def validate_kbdint_response(self, username: str, responses: Sequence[str]) -> Any:
            await asyncio.sleep(checks_secs)
            pairs = list(zip(self.asked.prompts, responses, strict=True))
            asking.typed += pairs
            right = not [text for text, given in pairs if not self.is_right(text, given)]
            if not right or not self.left:
                return self.judge(right)
            return self.ask()

        def ask(self) -> Any:
            self.asked = asked = self.left.pop(0)
            return asked.name, asked.instructions, "", [(text, n in asked.seen) for n, text in enumerate(asked.prompts)]

        def is_right(self, text: str, given: str) -> bool:
            if text.startswith("Verification"):
                right = given in asking.codes
                asking.codes = [each for each in asking.codes if each != given]
                return right
            return not text.startswith("Password") or given == asking.password

        def judge(self, right: bool) -> bool:
            if right:
                asking.logins += 1
            else:
                asking.failures += 1
            return right

    thread = LoopThread("asking")

    async def serve() -> Any:
        key = asyncssh.generate_private_key("ssh-ed25519")
        return await asyncssh.create_server(Server, "127.0.0.1", 0, server_host_keys=[key], login_timeout=patience_secs)

    try:
        server = thread.call(serve(), START_TIMEOUT_SECS)
        asking.port = server.get_port()
        yield asking
        thread.soon(server.close)
    finally:
        thread.stop()
