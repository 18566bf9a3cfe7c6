"""A page that is served within this process: it answers who is handed to it, ends whole, and listens nowhere."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from tests.support.agents import run_agent

from runicorn.remote.ssh.interface import Tunnel
from runicorn.settings import Settings
from runicorn.sources.host import HostSource
from runicorn.viewer import hosted

REQUEST = b"GET %s HTTP/1.1\r\nHost: localhost:18080\r\nConnection: close\r\n\r\n"


def ask(way: Tunnel, path: str) -> bytes:
    """Return the whole answer to a request of a client that a door would hand on."""
    mine, theirs = socket.socketpair()
    way.carry(theirs)
    with mine:
        mine.settimeout(10)
        mine.sendall(REQUEST % path.encode())
        answer = b""
        while piece := mine.recv(65536):
            answer += piece
    return answer


def served(tmp_path: Path, work: Callable[[hosted.HostedPage], Any]) -> Any:
    """Do something in a thread with a page, and close it as a session does."""

    async def live() -> Any:
        settings = Settings(root=tmp_path / "local", home=tmp_path / "home")
        page = await hosted.serve(settings, "feed0001", "u@gpu-7:22", "/data/runs", 18080, 1.0)
        try:
            return await asyncio.to_thread(work, page)
        finally:
            await asyncio.to_thread(page.close)

    return asyncio.run(live())


def test_it_answers_whoever_is_handed_to_it_and_says_nothing_of_errors(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "runs").mkdir()

    def work(page: hosted.HostedPage) -> None:
        with run_agent() as agent:
            agent.hello(str(tmp_path))
            page.read_by(agent)
            page.tell({"tunnel": "agent"})
            way = page.way()
            head, _, body = ask(way, "/api/health").partition(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200 ")
            told = json.loads(body)
            assert (told["session_id"], told["root"], told["remote"]) == ("feed0001", "/data/runs", {"tunnel": "agent"})
            assert b'"runs":[]' in ask(way, "/api/runs")
            assert not [each for each in psutil.Process().net_connections("tcp") if each.status == psutil.CONN_LISTEN]

    served(tmp_path, work)
    assert [record.getMessage() for record in caplog.records] == []


def test_before_anything_reads_for_it_the_list_says_what_is_wrong(tmp_path: Path) -> None:
    answer = served(tmp_path, lambda page: ask(page.way(), "/api/runs"))
    assert b"cannot be listed right now" in answer


def test_a_way_that_is_closed_cuts_those_who_came_by_it(tmp_path: Path) -> None:
    def work(page: hosted.HostedPage) -> bytes:
        way = page.way()
        mine, theirs = socket.socketpair()
        way.carry(theirs)
        with mine:
            mine.settimeout(10)
            mine.sendall(REQUEST % b"/api/live?cursor=")
            way.close()
            assert not way.alive
            try:
                while mine.recv(65536):
                    pass
            except ConnectionResetError:
                pass
        return ask(page.way(), "/api/health")

    assert served(tmp_path, work).startswith(b"HTTP/1.1 200 ")


def test_its_source_ends_with_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(HostSource, "start", lambda source: said.append(f"start {source.root}"))
    monkeypatch.setattr(HostSource, "close", lambda source: said.append(f"close {source.root}"))
    served(tmp_path, lambda page: None)
    assert said == ["start /data/runs", "close /data/runs"]


def test_what_does_not_end_is_waited_for_a_while_and_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hosted, "_END_SECS", 0.1)
    given_up = []

    async def for_ever() -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            given_up.append(True)
            raise

    async def live() -> None:
        loop = asyncio.get_running_loop()
        await asyncio.to_thread(hosted._wait_for, loop, for_ever())
        await asyncio.sleep(0)

    asyncio.run(live())
    assert given_up == [True]
