"""What reads beside a viewer: which reader is taken, what is told where none is, and what comes too late."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from runicorn.errors import NoPythonError, SessionLimitError, SftpUnavailableError
from runicorn.remote.link.workers import Workers
from runicorn.remote.server import readers
from runicorn.remote.server.reading import Hello
from runicorn.remote.session import beside
from runicorn.remote.session.beside import Beside
from runicorn.remote.session.session import Mode, Session, StartRequest
from runicorn.remote.trust.target import Credentials, Target

TARGET = Target.make("gpu-7", 22, "me")


class Reader:
    def __init__(self, root: str = "/data/runs") -> None:
        self.root, self.closed, self.is_silent = root, False, False

    def hello(self, root: str) -> Hello:
        return Hello("a test", self.root, None)

    def answers(self, timeout_secs: float) -> float:
        if self.is_silent:
            raise ConnectionResetError(104, "it has ended")
        return 1.0

    def close(self) -> None:
        self.closed = True


class Place:
    def __init__(self, root: str) -> None:
        self.root, self.reader, self.why, self.closed = root, None, "", False

    def read_by(self, reader: Any) -> None:
        self.reader, self.why = reader, ""

    def read_by_nobody(self, why: str) -> None:
        self.reader, self.why = None, why

    def close(self) -> None:
        self.closed = True


class Host:
    """A session whose readers a test makes. begin: returns a reader for a mode, or raises."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, begin: Callable[[Mode], Any]) -> None:
        self.places: list[Place] = []
        self.session = Session("feed0001", StartRequest(TARGET, Credentials(), "~/runs"), 0.0)
        monkeypatch.setattr(readers.agents, "start", lambda connection, own, log: begin(Mode.AGENT))
        monkeypatch.setattr(readers.sftp, "start", lambda connection, own, log: begin(Mode.SFTP))
        monkeypatch.setattr(beside, "LOOK_EVERY_SECS", 0.01)
        monkeypatch.setattr(beside, "BETWEEN_ATTEMPTS_SECS", (0.02,))
        connections: Any = SimpleNamespace(find=lambda target: object())
        self.task = asyncio.create_task(Beside(connections, Workers(), self.show).read(self.session))

    async def show(self, session_id: str, host: str, root: str) -> Place:
        assert (session_id, host) == ("feed0001", "me@gpu-7:22")
        self.places.append(Place(root))
        return self.places[-1]

    async def until(self, check: Callable[[], Any]) -> None:
        for _ in range(500):
            if check():
                return
            await asyncio.sleep(0.01)
        raise AssertionError("it did not come to that")

    async def end(self) -> None:
        self.task.cancel()
        await asyncio.wait([self.task])
        assert self.task.cancelled()
        await asyncio.to_thread(self.session.holder.release)


def live(work: Callable[[], Any]) -> None:
    asyncio.run(work())


def test_where_no_python_is_sftp_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    asked, reader = [], Reader()

    def begin(mode: Mode) -> Reader:
        asked.append(mode)
        if mode is Mode.AGENT:
            raise NoPythonError("No Python.")
        return reader

    async def work() -> None:
        host = Host(monkeypatch, begin)
        await host.until(lambda: host.places and host.places[0].reader is reader)
        assert asked == [Mode.AGENT, Mode.SFTP]
        assert host.places[0].root == "/data/runs"
        await host.end()
        assert (reader.closed, host.places[0].closed) == (True, True)

    live(work)


@pytest.mark.parametrize(
    ("errors", "why"),
    [
        ({Mode.AGENT: NoPythonError("No Python."), Mode.SFTP: SftpUnavailableError("No SFTP.")}, "No Python"),
        ({Mode.AGENT: SessionLimitError("No room.")}, "No room"),
        ({Mode.AGENT: RuntimeError("canary")}, "A fault: RuntimeError('canary')"),
    ],
)
def test_why_nothing_reads_is_told_and_it_is_tried_again(
    errors: dict[Mode, Exception], why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader, works = Reader(), threading.Event()

    def begin(mode: Mode) -> Reader:
        if not works.is_set():
            raise errors[mode]
        return reader

    async def work() -> None:
        host = Host(monkeypatch, begin)
        await host.until(lambda: host.places and host.places[0].why)
        # The root is what was typed, until something over there has said where that is.
        assert (host.places[0].why, host.places[0].root) == (why, "~/runs")
        works.set()
        await host.until(lambda: host.places[-1].reader is reader)
        assert [(each.root, each.closed) for each in host.places] == [("~/runs", True), ("/data/runs", False)]
        await host.end()

    live(work)


def test_a_reader_that_ends_is_replaced_at_the_same_place(monkeypatch: pytest.MonkeyPatch) -> None:
    readers: list[Reader] = []

    def begin(mode: Mode) -> Reader:
        readers.append(Reader())
        return readers[-1]

    async def work() -> None:
        host = Host(monkeypatch, begin)
        await host.until(lambda: host.places and host.places[0].reader)
        readers[0].is_silent = True
        await host.until(lambda: len(readers) == 2 and host.places[0].reader is readers[1])
        assert [each.closed for each in readers] == [True, False]
        assert len(host.places) == 1
        await host.end()
        assert readers[1].closed

    live(work)


def test_a_reader_that_comes_after_the_session_has_ended_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    reader, begun, comes = Reader(), threading.Event(), threading.Event()

    def begin(mode: Mode) -> Reader:
        begun.set()
        assert comes.wait(10)
        return reader

    async def work() -> None:
        host = Host(monkeypatch, begin)
        await host.until(begun.is_set)
        await host.end()
        assert host.places == []
        comes.set()
        await host.until(lambda: reader.closed)

    live(work)
