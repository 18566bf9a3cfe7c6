"""How often a far server is waited for, counted at a relay and not by the clock."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from tests.support.hops import NAMES, two_more, write_config
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


def wait_for_quiet(link: Link) -> None:
    """Wait until nothing has gone over a link for a while."""
    carried = -1
    while carried != link.bytes_carried:
        carried = link.bytes_carried
        time.sleep(1)


@pytest.mark.parametrize(("mode", "to_start", "to_list"), [("agent", 3, 3), ("sftp", 5, 6)])
def test_what_only_reads_starts_and_shows_its_runs_in_few_round_trips(
    mode: str, to_start: int, to_list: int, server: Server, link: Link, viewer: Viewer
) -> None:
    """A session's channel, what runs in it, and its greeting; then the folder, the states of small files, and those.

    SFTP agrees on a version, and opens what it reads; what closes that is counted, too, though nobody waits for it.
    """
    server.train(steps=5, pause_secs=0).wait()
    accept(viewer, connect(viewer, login(server, link)))
    connect(viewer, login(server, link))
    body = {**login(server, link), "remote_root": str(server.runs), "mode": mode}
    assert rounds_of(link, viewer, "POST", "/api/remote/viewer/start", **body) <= to_start
    (session,) = viewer.get("/api/remote/viewer/sessions").json()["sessions"]
    wait_for_quiet(link)  # a second channel is opened behind that, in which others could ask already
    before = link.rounds
    assert len(httpx.get(f"{session['url']}/api/runs").json()["runs"]) == 1
    assert link.rounds - before <= to_list
    stop(viewer, session)


def test_a_way_through_hops_takes_as_many_as_one_login_times_the_hops(
    server: Server, link: Link, tmp_path: Path
) -> None:
    """The first hop is far; each one behind it is reached through it, so every word to it takes the same way."""
    with two_more(server) as inner:
        write_config(tmp_path / "home", server, [link.port, *(sshd.port for sshd in inner)])
        with run_viewer(tmp_path / "root", tmp_path / "home") as viewer:
            taken = [rounds_by_name(name, server, link, viewer) for name in NAMES]
    assert 4 <= taken[0] <= CONNECT
    assert taken[1] <= 2 * taken[0] + 1, taken  # and one to have the hop reach the next one
    assert taken[2] <= 3 * taken[0] + 2, taken


def rounds_by_name(name: str, server: Server, link: Link, viewer: Viewer) -> int:
    """Return how many round trips a connect to this name takes, with all keys on its way known."""
    body = {"host": name, "username": server.account.username, "use_agent": False}
    while (answer := connect(viewer, body)).status_code == 409:
        accept(viewer, answer)
    assert answer.status_code == 200, answer.text
    viewer.post("/api/remote/disconnect", body)
    taken = rounds_of(link, viewer, "POST", "/api/remote/connect", **body)
    viewer.post("/api/remote/disconnect", body)
    return taken
