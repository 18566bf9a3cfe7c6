"""What was given to log in with is let go of when the connection is: nothing in the process holds it any more."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import paramiko
import pytest
from tests.support.remote import ACCEPT_FIELDS
from tests.support.server import Server
from tests.support.sshd import make_key

from runicorn.errors import HostKeyConfirmationError, RunicornError
from runicorn.remote.service import RemoteService
from runicorn.remote.session.lifecycle import State
from runicorn.remote.session.session import StartRequest
from runicorn.remote.ssh.interface import Login
from runicorn.remote.ssh.keys import UnlockedKey
from runicorn.remote.trust.target import Credentials, Secret, Target
from runicorn.settings import Settings, TunnelChoice


@dataclass
class Hidden:
    """A secret that no frame of the test has among its values while it is looked for."""

    parts: tuple[str, ...]

    @classmethod
    def of(cls, text: str) -> Hidden:
        return cls(tuple(text))

    def text(self) -> str:
        return "".join(self.parts)


def holding(hidden: Hidden) -> list[str]:
    """Return what in this process refers to a text with this secret in it, or to a key."""
    gc.collect()
    text, found = hidden.text(), []
    for each in gc.get_objects():
        if isinstance(each, (FrameType, type)):
            continue
        if isinstance(each, (UnlockedKey, paramiko.PKey)) or (isinstance(each, Login) and (each.key or each.password)):
            found.append(repr(type(each)))
        for part in gc.get_referents(each):
            if (isinstance(part, str) and text in part) or (isinstance(part, bytes) and text.encode() in part):
                found.append(f"{type(each)} {getattr(each, '__qualname__', '')} with {len(part)} characters")
    return sorted(found)


PASSPHRASE = Hidden.of("canary passphrase")


class Way:
    """A login that holds a secret. hidden: what to look for."""

    def __init__(self, server: Server, name: str, folder: Path) -> None:
        self.content: Hidden | None = None
        if name == "password":
            self.hidden = Hidden.of(server.account.password or "")
        else:
            key = make_key(folder / "locked", "ed25519", PASSPHRASE.text())
            server.sshd.authorize(server.account.username, key.with_suffix(".pub"))
            self.content, self.hidden = Hidden.of(key.read_text()), PASSPHRASE

    def credentials(self) -> Credentials:
        if self.content is None:
            return Credentials(password=Secret(self.hidden.text()), use_agent=False)
        secret, passphrase = Secret(self.content.text()), Secret(self.hidden.text())
        return Credentials(private_key=secret, passphrase=passphrase, use_agent=False)


def serve(tmp_path: Path, tunnel: str, use: Callable[[RemoteService], Awaitable[None]]) -> None:
    async def run() -> None:
        home = tmp_path / "home"
        home.mkdir()
        service = RemoteService(Settings(root=home, home=home, tunnel=TunnelChoice(tunnel)), home)
        await service.start(take_back=False)
        try:
            await use(service)
        finally:
            await service.stop()

    asyncio.run(run())


async def connect(service: RemoteService, target: Target, way: Way) -> None:
    try:
        await service.connect(target, way.credentials())
    except HostKeyConfirmationError as error:
        service.host_keys.accept(*(error.payload[name] for name in ACCEPT_FIELDS))
    await service.connect(target, way.credentials())


@pytest.mark.parametrize("name", ["password", "key"])
@pytest.mark.parametrize("tunnel", ["asyncssh", "paramiko", "openssh"])
def test_nothing_of_a_login_is_held_after_disconnect(name: str, tunnel: str, server: Server, tmp_path: Path) -> None:
    way = Way(server, name, tmp_path)
    target = Target.make("127.0.0.1", server.sshd.port, server.account.username)
    before: list[str] = []

    async def use(service: RemoteService) -> None:
        await connect(service, target, way)
        assert len(holding(way.hidden)) > len(before)  # it is found where it is held
        request = StartRequest(target, way.credentials(), str(server.runs))
        if name == "password" and tunnel == "openssh":
            with pytest.raises(RunicornError):
                await service.sessions.start(request)
        else:
            session = await service.sessions.start(request)
            assert session.state is State.RUNNING
        del request
        assert await service.disconnect(target)
        assert service.sessions.all()  # the session that ended is still listed
        await settle(lambda: len(holding(way.hidden)) <= len(before))
        assert holding(way.hidden) == before

    before += holding(way.hidden)
    serve(tmp_path, tunnel, use)


@pytest.mark.parametrize("right", [True, False], ids=["accepted", "refused"])
def test_nothing_that_was_typed_is_held_after_the_connection(right: bool, server: Server, tmp_path: Path) -> None:
    target = Target.make("127.0.0.1", server.sshd.port, server.account.username)
    hidden = Hidden.of((server.account.password or "") if right else "canary password")
    before: list[str] = []

    async def use(service: RemoteService) -> None:
        nothing = Credentials(use_agent=False)
        try:
            await service.connect(target, nothing)
        except HostKeyConfirmationError as error:
            service.host_keys.accept(*(error.payload[name] for name in ACCEPT_FIELDS))
        connecting = asyncio.create_task(service.connect(target, nothing, interactive=True))
        await settle(service.questions.questions)
        (question,) = service.questions.questions()
        service.questions.answer(question.id, [hidden.text()])
        await asyncio.wait([connecting])
        assert (connecting.exception() is None) == right
        del connecting
        if right:
            assert len(holding(hidden)) > len(before)  # it is found where it is held
            assert await service.disconnect(target)
        await settle(lambda: len(holding(hidden)) <= len(before))
        assert holding(hidden) == before

    before += holding(hidden)
    serve(tmp_path, "auto", use)


def test_nothing_is_held_of_a_login_that_was_refused_or_given_up(server: Server, tmp_path: Path) -> None:
    target = Target.make("127.0.0.1", server.sshd.port, server.account.username)
    hidden = Hidden.of("canary password")

    async def use(service: RemoteService) -> None:
        for _ in range(2):
            try:
                await service.connect(target, Credentials(password=Secret(hidden.text()), use_agent=False))
            except HostKeyConfirmationError as error:
                service.host_keys.accept(*(error.payload[name] for name in ACCEPT_FIELDS))
            except RunicornError as error:
                assert error.code == "AUTH_FAILED"
        request = StartRequest(target, Credentials(password=Secret(hidden.text()), use_agent=False), str(server.runs))
        with pytest.raises(RunicornError):
            await service.sessions.start(request)
        del request
        credentials = Credentials(password=Secret(hidden.text()), use_agent=False)
        giving_up = asyncio.create_task(service.connect(target, credentials, "window-one-0001"))
        await asyncio.sleep(0.01)
        await service.give_up("window-one-0001")
        await asyncio.wait([giving_up])
        assert giving_up.exception() is not None
        del giving_up, credentials
        assert service.sessions.all()[0].error is not None  # what came of it is still shown
        await settle(lambda: len(holding(hidden)) <= len(before))
        assert holding(hidden) == before

    before: list[str] = []
    before += holding(hidden)
    serve(tmp_path, "auto", use)


async def settle(done: Callable[[], Any]) -> None:
    """Wait until threads that were told to end have ended."""
    for _ in range(50):
        if done():
            return
        await asyncio.sleep(0.1)
