"""Every way to log in, through every tunnel, up to a page that answers; each by a real sshd."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.support.accounts import Account
from tests.support.agent import run_agent
from tests.support.remote import accept, connect, start, stop
from tests.support.server import Server, run_server
from tests.support.serving import Viewer, run_viewer
from tests.support.sshd import make_key
from tests.support.waiting import eventually_nothing

BACKENDS = ("openssh", "asyncssh", "paramiko")
PASSPHRASE = "correct horse, battery 'staple' ü"
KEYBOARD_ONLY = {
    "UsePAM": "yes",
    "KbdInteractiveAuthentication": "yes",
    "PasswordAuthentication": "no",
    "PubkeyAuthentication": "no",
}


@dataclass(frozen=True)
class Place:
    """Two servers of one account and the keys that the first accepts. keyboard: asks for a password by prompts only.

    locked: a key behind PASSPHRASE. readable: a key that every user of this machine may read.
    """

    server: Server
    keyboard: Server
    locked: Path
    readable: Path


@dataclass(frozen=True)
class Kind:
    """A way to log in: the body of its request, a pattern of how the viewer calls it, and how the server does."""

    body: Callable[[Place], dict[str, Any]]
    label: str
    method: str = "publickey"


def by_password(server: Server) -> dict[str, Any]:
    return server.body(password=server.account.password)


KINDS = {
    "key path": Kind(lambda place: place.server.body(private_key_path=str(place.server.key)), "key /.+"),
    "key path with passphrase": Kind(
        lambda place: place.server.body(private_key_path=str(place.locked), passphrase=PASSPHRASE), "key /.+"
    ),
    "key content": Kind(lambda place: place.server.body(private_key=place.server.key.read_text()), "key content"),
    "key content with passphrase": Kind(
        lambda place: place.server.body(private_key=place.locked.read_text(), passphrase=PASSPHRASE), "key content"
    ),
    "key file that others may read": Kind(
        lambda place: place.server.body(private_key_path=str(place.readable)), "key /.+"
    ),
    "agent": Kind(lambda place: place.server.body(use_agent=True), "agent key .+"),
    "password": Kind(lambda place: by_password(place.server), "password", "password"),
    "password by keyboard only": Kind(
        lambda place: by_password(place.keyboard), r"password \(keyboard-interactive\)", "keyboard-interactive/pam"
    ),
}


@pytest.fixture(scope="module")
def place(server_account: Account, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder, other = tmp_path_factory.mktemp("keys"), tmp_path_factory.mktemp("other-keys")
    with (
        run_server(server_account, folder) as server,
        run_server(server_account, other, options=KEYBOARD_ONLY) as keyboard,
    ):
        locked = make_key(folder / "locked", "ed25519", PASSPHRASE)
        server.sshd.authorize(server_account.username, locked.with_suffix(".pub"))
        readable = Path(shutil.copy(server.key, folder / "readable"))
        readable.chmod(0o644)
        yield Place(server, keyboard, locked, readable)


@pytest.fixture(scope="module", params=BACKENDS)
def forced(
    request: pytest.FixtureRequest, place: Place, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, Viewer]]:
    """A backend, and a viewer that may use no other, with an agent that holds the server's key."""
    home = tmp_path_factory.mktemp("home")
    with ExitStack() as stack:
        agent = stack.enter_context(run_agent(home / "agent", place.server.key))
        viewer = stack.enter_context(run_viewer(home / "root", home, {**agent, "RUNICORN_TUNNEL": request.param}))
        for server in (place.server, place.keyboard):
            accept(viewer, connect(viewer, server.login()))
        yield request.param, viewer


@pytest.mark.parametrize("name", KINDS)
def test_every_login_goes_through_every_tunnel_that_supports_it(
    name: str, forced: tuple[str, Viewer], place: Place
) -> None:
    (backend, viewer), kind = forced, KINDS[name]
    body = kind.body(place)
    server = place.keyboard if body["port"] == place.keyboard.sshd.port else place.server
    logins_before = logins(server, kind)
    answer = connect(viewer, body)
    assert answer.status_code == 200, answer.text
    assert re.fullmatch(kind.label, accepted_login(viewer, answer.json()["connection_id"]))
    if backend == "openssh" and kind.method != "publickey":
        answer = viewer.post("/api/remote/viewer/start", {**body, "remote_root": str(server.runs)})
        assert (answer.status_code, answer.json()["code"]) == (500, "TUNNEL_FAILED")
        assert "openssh: ssh is not given passwords" in answer.json()["detail"]
    else:
        session = start(viewer, {**body, "remote_root": str(server.runs)})
        assert (session["tunnelBackend"], session["fallbacks"]) == (backend, [])
        health = httpx.get(f"{session['url']}/api/health").json()
        assert (health["status"], health["session_id"]) == ("ok", session["sessionId"])
        # Its own login the same way, but for the one that is carried by the connection.
        assert logins(server, kind) - logins_before == (1 if backend == "paramiko" else 2)
        assert stop(viewer, session).json()["ok"] is True
    # The next login to this server is one of its own again.
    assert viewer.post("/api/remote/disconnect", server.target()).json()["ok"] is True
    eventually_nothing(server.processes, 5)


def logins(server: Server, kind: Kind) -> int:
    """Return how many logins of this kind the server has accepted."""
    return server.sshd.log.count(f"Accepted {kind.method} for {server.account.username} ")


def accepted_login(viewer: Viewer, connection_id: str) -> str:
    """Return how the viewer calls what it logged in with."""
    (progress,) = (
        each for each in viewer.get("/api/remote/status").json()["progress"] if each["connectionId"] == connection_id
    )
    return next(str(stage["detail"]) for stage in progress["stages"] if stage["name"] == "login")
