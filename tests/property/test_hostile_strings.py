"""Whatever stands in a path, a root, an environment, a host or a user name: it runs nothing, on neither side."""

from __future__ import annotations

import contextlib
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.support.watched import Watched, run_watched

from runicorn.errors import InvalidConnectionIdError, InvalidTargetError
from runicorn.remote.names.way import direct
from runicorn.remote.server import launch, listing, shell
from runicorn.remote.server.launch import Launch
from runicorn.remote.server.paths import shell_word
from runicorn.remote.server.probe import Environment
from runicorn.remote.ssh.interface import Login
from runicorn.remote.ssh.tunnels import openssh_command
from runicorn.remote.trust.target import Target, parse_connection_id

SHELLS = tuple(filter(None, map(shutil.which, ("/bin/sh", "bash", "dash"))))
LOGIN_SHELLS = tuple(filter(None, map(shutil.which, ("bash", "dash", "zsh", "fish", "tcsh"))))

# Each would make a file in the current folder, or in CANARY, where a shell or an option parser took it at its word.
TOUCH = "touch canary; touch $CANARY/canary"
PIECES = st.sampled_from(
    [
        f"$({TOUCH})",
        f"`{TOUCH}`",
        f"; {TOUCH};",
        f"&& {TOUCH} &&",
        f"| {TOUCH} |",
        f"\n{TOUCH}\n",
        f"\r\n{TOUCH}\r\n",
        f"'; {TOUCH}; '",
        f'"; {TOUCH}; "',
        f"\\'; {TOUCH}; #",
        "'\"'\"'",
        f"-oProxyCommand={TOUCH}",
        "--root",
        "--help",
        "-c",
        "${CANARY}",
        "$((1+1))",
        "~",
        "~root",
        "*",
        "?",
        "!!",
        "<(touch canary)",
        ">canary",
        ">>canary",
        "<<EOF",
        "&",
        "#",
        "%s%n",
        "%h",
        "\t",
        " ",
        "\\",
        "'",
        '"',
        "\u2028",
        "\u202e",
        "\u00e9\U0001f40d",
        "\x1b]0;title\x07",
        "\x00",
        "\x7f",
        "..",
        "/",
        "@",
        ":",
        "[",
        "]",
        ",",
        "=",
    ]
)
# A JSON body cannot hold half of a surrogate pair: it is refused before it is text.
TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=12)
HOSTILE = st.lists(st.one_of(PIECES, TEXT), min_size=1, max_size=5).map("".join)


def examples(count: int) -> Any:
    """2,000 strings in all, the same ones each time."""
    return settings(
        max_examples=count,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )


@pytest.fixture(scope="module")
def canary() -> Iterator[Path]:
    """An empty folder that scripts run in; at the end it must still be empty."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "work"
        path.mkdir()
        yield path
        assert list(path.iterdir()) == []


@pytest.fixture(scope="module")
def show(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A program that prints its arguments, each ended by a zero byte."""
    path = tmp_path_factory.mktemp("show") / "show"
    path.write_text("#!/bin/sh\nprintf '%s\\0' \"$@\"\n")
    path.chmod(0o755)
    return path


def run(program: str, script: bytes, canary: Path, *arguments: str) -> bytes:
    """Run a script as a server does, and check that nothing else ran."""
    done = subprocess.run(
        [program, *arguments],
        input=script,
        cwd=canary,
        # A login shell may make a folder of its own in the home.
        env={"CANARY": str(canary), "PATH": "/usr/bin:/bin", "HOME": str(canary.parent if arguments else canary)},
        capture_output=True,
        timeout=20,
        check=False,
    )
    assert list(canary.iterdir()) == [], script
    assert not Path("/canary").exists(), script  # the launch script goes to / first
    return done.stdout


def launching(path: str, root: str) -> bytes:
    environment = Environment(name="x", kind="virtualenv", python_version="3.11", path=path, runicorn_version=None)
    return launch.script(Launch("s1", environment, root, None, 600.0, ("localhost:1",)), "marker")


@examples(400)
@given(root=HOSTILE)
def test_a_root_reaches_the_viewer_as_one_word(canary: Path, show: Path, root: str) -> None:
    for program in SHELLS:
        words = run(program, launching(str(show), root), canary).split(b"\0")
        # No argument can hold a zero byte; shells drop it or end there, and the rest stays one word all the same.
        assert words[:6] == [b"-E", b"-m", b"runicorn", b"viewer", b"--no-browser", b"--root"]
        assert words[7:9] == [b"--port", b"0"]
        if "\0" not in root and shell_word(root) == shlex.quote(root):
            assert words[6] == root.encode()


@examples(60)
@given(root=HOSTILE)
def test_a_root_passes_every_login_shell_as_one_word(canary: Path, show: Path, root: str) -> None:
    command, stdin = shell.deliver(launching(str(show), root.replace("\0", "")))
    for login_shell in LOGIN_SHELLS:
        words = run(login_shell, stdin, canary, "-c", command).split(b"\0")
        assert words[7:9] == [b"--port", b"0"], login_shell
        if shell_word(root.replace("\0", "")) == shlex.quote(root.replace("\0", "")):
            assert words[6] == root.replace("\0", "").encode(), login_shell


@examples(340)
@given(path=HOSTILE)
def test_a_path_of_an_environment_runs_nothing_but_itself(canary: Path, path: str) -> None:
    for program in SHELLS:
        run(program, launching(path, "/data"), canary)


@examples(400)
@given(path=HOSTILE)
def test_a_folder_that_is_listed_is_only_read(canary: Path, path: str) -> None:
    for program in SHELLS:
        run(program, listing.script(path.replace("\0", ""), "begin", "end"), canary)


@examples(600)
@given(text=HOSTILE)
def test_a_target_is_plain_or_refused(text: str) -> None:
    for host, username in ((text, "me"), ("gpu", text)):
        try:
            target = Target.make(host, 22, username)
        except InvalidTargetError:
            continue
        arguments = openssh_command.command(
            "ssh",
            direct(target).last,
            Login(),
            forward="./s:127.0.0.1:1",
            key_types=("ssh-ed25519",),
        )
        assert arguments[-4:] == ["-l", target.username, "--", target.host]
        for word in (target.host, target.username):
            assert not word.startswith("-")
            assert word == word.strip()
            assert word.isprintable()
        assert not set(target.host) & set(" \t\r\n\0'\"`$;&|<>(){}*?!#\\,")
        # What OpenSSH itself refuses in a user: what a shell takes for more than a word, and an option behind a blank.
        assert not set(target.username) & set("\t\r\n\0'\"`;&|<>(){}")
        assert " -" not in target.username
        assert parse_connection_id(target.connection_id) == target
    with contextlib.suppress(InvalidConnectionIdError):
        parse_connection_id(text)


@pytest.fixture(scope="module")
def viewer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    with run_watched(tmp_path_factory.mktemp("hostile"), allow_other_users=True) as running:
        yield running


@pytest.fixture(scope="module")
def client(viewer: Watched) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"http://127.0.0.1:{viewer.port}", timeout=20) as made:
        yield made


@examples(200)
@given(text=HOSTILE)
def test_the_api_refuses_or_passes_it_on_as_text(viewer: Watched, client: httpx.Client, text: str) -> None:
    here: dict[str, Any] = {"host": "127.0.0.1", "port": 1, "username": "me", "password": "x"}
    answers = [
        client.post("/api/remote/connect", json={**here, "username": text}),
        client.post("/api/remote/connect", json={**here, "private_key_path": text}),
        client.post("/api/remote/viewer/start", json={**here, "remote_root": text, "conda_env": text}),
        client.get("/api/remote/fs/list", params={"connection_id": "me@127.0.0.1:1", "path": text}),
        client.get("/api/remote/fs/exists", params={"connection_id": text, "path": text}),
        client.get("/api/remote/config", params={"connection_id": "me@127.0.0.1:1", "conda_env": text}),
        client.post("/api/remote/known-hosts/remove", json={"host": text, "port": 22, "key_type": text}),
        client.post("/api/remote/viewer/stop", json={"session_id": text}),
        client.get("/api/runs", params={"q": text, "project": text}),
    ]
    for answer in answers:
        assert answer.status_code < 500 or answer.json()["code"] == "CONNECTION_REFUSED", answer.text
    assert not (viewer.settings.home / "known_hosts").exists()


def test_the_canary_sings(canary: Path) -> None:
    """A script that does not quote is caught: the check above can fail."""
    with pytest.raises(AssertionError):
        run("/bin/sh", b"echo $(touch $CANARY/canary)\n", canary)
    (canary / "canary").unlink()
