"""Which tunnel is taken when nobody chose one, and what a person is told about those that were passed over."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.support.accounts import Account
from tests.support.remote import accept, connect, start, stop
from tests.support.server import Server, run_server
from tests.support.serving import Viewer, run_viewer
from tests.support.sshd import make_key

NOT_IMPORTABLE = "raise ImportError('asyncssh is not here')\n"
PROGRAMS = {
    "silent": "#!/bin/sh\nexit 3\n",
    # It reads configs, and breaks where it should connect.
    "broken": (
        "#!/bin/sh\n[ \"$1\" = -G ] && exec ssh \"$@\"\necho 'first words' >&2\necho 'no luck today' >&2\nexit 255\n"
    ),
    # Listens where it should and leads nowhere, with no word about it.
    "deaf": (
        "#!/usr/bin/env python3\n"
        "import socket, sys\n"
        "listener = socket.socket(socket.AF_UNIX)\n"
        "listener.bind(sys.argv[sys.argv.index('-L') + 1].split(':')[0])\n"
        "listener.listen()\n"
        "while True:\n"
        "    listener.accept()[0].close()\n"
    ),
}


@dataclass(frozen=True)
class Row:
    """A machine, and what `auto` makes of it. passed_over: backends in order, each with a pattern of the whole reason.

    environ: `{folder}` stands for one with the programs above, an empty `bin`, and an asyncssh without use.
    """

    takes: str
    passed_over: tuple[tuple[str, str], ...] = ()
    environ: tuple[tuple[str, str], ...] = ()
    by_password: bool = False


NO_SSH = ("PATH", "{folder}/bin")
NO_ASYNCSSH = ("PYTHONPATH", "{folder}/without-asyncssh")
SSH_IS_GONE = ("openssh", "no ssh was found in PATH")
ASYNCSSH_IS_GONE = ("asyncssh", "the package asyncssh is not installed")
GIVEN_NO_PASSWORD = ("openssh", "ssh is not given passwords")

ROWS = {
    "nothing is amiss": Row("openssh"),
    "ssh is not in PATH": Row("asyncssh", (SSH_IS_GONE,), (NO_SSH,)),
    "RUNICORN_SSH_PATH names nothing": Row(
        "asyncssh",
        (("openssh", "RUNICORN_SSH_PATH names /nowhere/ssh, which is no program that can be run"),),
        (("RUNICORN_SSH_PATH", "/nowhere/ssh"),),
    ),
    "RUNICORN_SSH_PATH names a file that is no program": Row(
        "asyncssh",
        (("openssh", "RUNICORN_SSH_PATH names .+/text, which is no program that can be run"),),
        (("RUNICORN_SSH_PATH", "{folder}/text"),),
    ),
    "only a password is given": Row("asyncssh", (GIVEN_NO_PASSWORD,), by_password=True),
    "AsyncSSH is not installed": Row("openssh", (), (NO_ASYNCSSH,)),
    "ssh and AsyncSSH are missing": Row("paramiko", (SSH_IS_GONE, ASYNCSSH_IS_GONE), (NO_SSH, NO_ASYNCSSH)),
    "only a password, and AsyncSSH is missing": Row(
        "paramiko", (GIVEN_NO_PASSWORD, ASYNCSSH_IS_GONE), (NO_ASYNCSSH,), by_password=True
    ),
    "ssh ends at once with a word": Row(
        "asyncssh", (("openssh", "ssh ended: no luck today"),), (("RUNICORN_SSH_PATH", "{folder}/broken"),)
    ),
    "ssh ends at once without a word": Row(
        "asyncssh", (("openssh", "ssh ended: it said nothing"),), (("RUNICORN_SSH_PATH", "{folder}/silent"),)
    ),
    "ssh carries nothing": Row(
        "asyncssh", (("openssh", "no answer through it: .+"),), (("RUNICORN_SSH_PATH", "{folder}/deaf"),)
    ),
}


@pytest.fixture(scope="module")
def server(server_account: Account, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with run_server(server_account, tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that ROWS calls `{folder}`."""
    folder = tmp_path_factory.mktemp("machine")
    (folder / "bin").mkdir()
    (folder / "without-asyncssh").mkdir()
    (folder / "without-asyncssh" / "asyncssh.py").write_text(NOT_IMPORTABLE)
    (folder / "text").write_text("this is no program\n")
    for name, source in PROGRAMS.items():
        (folder / name).write_text(source)
        (folder / name).chmod(0o755)
    return folder


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


def connected(viewer: Viewer, body: dict[str, Any]) -> None:
    accept(viewer, connect(viewer, body))
    assert connect(viewer, body).status_code == 200


@pytest.mark.parametrize("name", ROWS)
def test_the_first_tunnel_that_carries_is_taken_and_the_others_say_why_not(
    name: str, server: Server, machine: Path, home: Path
) -> None:
    row = ROWS[name]
    environ = {variable: value.format(folder=machine) for variable, value in row.environ}
    body = server.body(password=server.account.password) if row.by_password else server.login()
    with run_viewer(home / "root", home, environ) as viewer:
        connected(viewer, body)
        session = start(viewer, {**body, "remote_root": str(server.runs)})
        for shown in (
            session,
            viewer.get(f"/api/remote/viewer/status/{session['sessionId']}").json(),
            viewer.get("/api/remote/status").json()["viewer_sessions"][0],
        ):
            assert (shown["status"], shown["tunnelBackend"]) == ("running", row.takes)
            assert [each["backend"] for each in shown["fallbacks"]] == [backend for backend, _ in row.passed_over]
            for (_, reason), each in zip(row.passed_over, shown["fallbacks"], strict=True):
                assert re.fullmatch(reason, each["reason"])
        assert httpx.get(f"{session['url']}/api/health").json()["session_id"] == session["sessionId"]
        stop(viewer, session)


HOST_KEY_TROUBLE = {
    # What the file says now of a server whose key is {key}, and another key is {other}: the answer to a start.
    "replaced": ("{name} {other}\n", 409, "HOST_KEY_CONFIRMATION_REQUIRED"),
    "removed": ("", 409, "HOST_KEY_CONFIRMATION_REQUIRED"),
    "revoked": ("{name} {key}\n@revoked {name} {key}\n", 403, "HOST_KEY_REVOKED"),
}


@pytest.mark.parametrize("trouble", HOST_KEY_TROUBLE)
@pytest.mark.parametrize("row", ["nothing is amiss", "ssh is not in PATH"])
def test_a_host_key_that_is_no_longer_trusted_is_never_passed_over(
    row: str, trouble: str, server: Server, machine: Path, home: Path
) -> None:
    """Whichever backend comes first stops there, though another one could still use the connection as it is."""
    lines, status, code = HOST_KEY_TROUBLE[trouble]
    environ = {variable: value.format(folder=machine) for variable, value in ROWS[row].environ}
    other = " ".join(make_key(home / "other").with_suffix(".pub").read_text().split()[:2])
    body = server.login(remote_root=str(server.runs))
    with run_viewer(home / "root", home, environ) as viewer:
        connected(viewer, server.login())
        name = f"[127.0.0.1]:{server.sshd.port}"
        text = lines.format(name=name, key=server.sshd.host_key(), other=other)
        (home / "runicorn" / "known_hosts").write_text(text)
        answer = viewer.post("/api/remote/viewer/start", body)
        assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
        (session,) = viewer.get("/api/remote/viewer/sessions", ended=True).json()["sessions"]
        assert (session["status"], session["tunnelBackend"], session["error"]["code"]) == ("failed", None, code)
        assert [each["backend"] for each in session["fallbacks"]] == [backend for backend, _ in ROWS[row].passed_over]
