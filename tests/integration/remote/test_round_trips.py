"""How often a far server is waited for, counted at a relay and not by the clock."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.link import Link, run_link
from tests.support.remote import accept, connect, start, stop
from tests.support.server import Server
from tests.support.serving import Viewer, run_viewer
from tests.support.tunnels import BACKENDS, log_in, run_tunnel

from runicorn.remote.trust.host_keys import HostKeyFile
from runicorn.remote.trust.target import Target

RTT_SECS = 0.05
CONNECT, PROBE, START = 6, 3, 4  # what each may take at most


@pytest.fixture
def link(server: Server) -> Iterator[Link]:
    with run_link(server.sshd.port, RTT_SECS) as running:
        yield running


def login(server: Server, link: Link) -> dict[str, object]:
    return {**server.login(), "port": link.port}


def rounds_of(link: Link, viewer: Viewer, method: str, path: str, **body: object) -> int:
    """Return how many round trips this call took."""
    before = link.rounds
    answer = viewer.post(path, body) if method == "POST" else viewer.get(path, **body)
    assert answer.status_code == 200, answer.text
    return link.rounds - before


@pytest.mark.parametrize("backend", sorted(BACKENDS))
def test_connecting_probing_and_starting_take_few_round_trips(
    backend: str, server: Server, link: Link, tmp_path: Path
) -> None:
    (tmp_path / "home").mkdir()
    with run_viewer(tmp_path / "root", tmp_path / "home", {"RUNICORN_TUNNEL": backend}) as viewer:
        accept(viewer, connect(viewer, login(server, link)))
        assert 4 <= rounds_of(link, viewer, "POST", "/api/remote/connect", **login(server, link)) <= CONNECT
        connection_id = f"{server.account.username}@127.0.0.1:{link.port}"
        probe = rounds_of(link, viewer, "GET", "/api/remote/conda-envs", connection_id=connection_id)
        assert 2 <= probe <= PROBE
        before = link.rounds
        session = start(viewer, {**login(server, link), "remote_root": str(server.runs)})
        taken = link.rounds - before
        stop(viewer, session)
    assert START - 1 <= taken - rounds_of_login(backend, server, link, tmp_path) <= START


def rounds_of_login(backend: str, server: Server, link: Link, folder: Path) -> int:
    """Return how many round trips a tunnel of this kind takes until it could carry something."""
    target = Target.make("127.0.0.1", link.port, server.account.username)
    host_keys = HostKeyFile(folder / "known_hosts")
    with contextlib.closing(log_in(target, server.key, host_keys)) as connection:
        before = link.rounds
        with run_tunnel(backend, connection, server.sshd.port, host_keys):
            return link.rounds - before
