"""Every cause in the error table, real: each has its own code, status and next step, within its limit."""

from __future__ import annotations

import contextlib
import functools
import re
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.support.accounts import Account, make_account
from tests.support.agent import add_key, run_agent
from tests.support.remote import accept, connect, start, stop
from tests.support.server import ENVIRONMENT, Server, run_server
from tests.support.serving import Viewer, run_viewer
from tests.support.sshd import Sshd, end_tree, make_key, run_sshd
from tests.support.waiting import eventually, eventually_nothing

from runicorn import errors

SFTP_SERVER = "/usr/lib/openssh/sftp-server"
TESTS = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def laptop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Viewer]:
    """The viewer that all of these servers are reached from."""
    folder = tmp_path_factory.mktemp("laptop")
    with run_viewer(folder / "root", folder, {"RUNICORN_SESSION_GRACE_SECS": "1"}) as viewer:
        yield viewer


@pytest.fixture
def serve(server_account: Account, tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Make a server with these lines of sshd_config: serve(MaxSessions="1")."""
    with contextlib.ExitStack() as stack:
        yield lambda **options: stack.enter_context(run_server(server_account, tmp_path, options=options))


@contextlib.contextmanager
def lone_account(folder: Path, shell: str, **options: str) -> Iterator[tuple[Sshd, dict[str, Any]]]:
    """An account with this login shell on a server of its own, and the login to it."""
    with make_account(shell) as account, run_sshd(options=options) as sshd:
        key = make_key(folder / "id_lone")
        sshd.authorize(account.username, key.with_suffix(".pub"))
        login = {"host": "127.0.0.1", "port": sshd.port, "username": account.username, "use_agent": False}
        yield sshd, {**login, "private_key_path": str(key)}


def known(viewer: Viewer, body: dict[str, Any]) -> None:
    """Accept the server's key, without being logged in."""
    accept(viewer, connect(viewer, body))


def connected(viewer: Viewer, body: dict[str, Any]) -> str:
    known(viewer, body)
    answer = connect(viewer, body)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["connection_id"])


def told(answer: httpx.Response, status: int, code: str) -> tuple[str, str]:
    """Require this error, and return its detail and its hint."""
    body = answer.json()
    assert (answer.status_code, body["code"]) == (status, code), answer.text
    assert body.keys() == {"detail", "code", "hint"}
    assert re.match(r"[A-Z].{20}", body["hint"]), body
    return body["detail"], body["hint"]


def start_answer(viewer: Viewer, body: dict[str, Any], **more: Any) -> httpx.Response:
    return viewer.post("/api/remote/viewer/start", {**body, **more})


# --- before the login -----------------------------------------------------------------------------------------------


def test_silence_is_a_timeout_whether_nobody_answers_or_somebody_says_nothing(laptop: Viewer) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as hole, socket.create_server(("127.0.0.1", 0)) as mute:
        waiting = []
        for _ in range(4):  # the queue is full, so the next one's SYN is dropped, as a firewall would
            sock = socket.socket()
            sock.setblocking(False)
            sock.connect_ex(hole.getsockname())
            waiting.append(sock)
        bodies = [
            {"host": "127.0.0.1", "port": each.getsockname()[1], "username": "me", "password": "x"}
            for each in (hole, mute)
        ]

        def timed(body: dict[str, Any]) -> tuple[httpx.Response, float]:
            began_at = time.monotonic()
            return connect(laptop, body), time.monotonic() - began_at

        with ThreadPoolExecutor(2) as pool:
            (dropped, dropped_secs), (silent, silent_secs) = pool.map(timed, bodies)
        for sock in waiting:
            sock.close()
    detail, hint = told(dropped, 500, "CONNECTION_TIMEOUT")
    assert "did not answer within 10 s" in detail
    assert "firewall" in hint
    assert dropped_secs < 12
    detail, hint = told(silent, 500, "CONNECTION_TIMEOUT")
    assert "said nothing" in detail
    assert "speaks first" in hint
    assert silent_secs < 17


def test_an_address_without_a_route_is_unreachable(laptop: Viewer) -> None:
    answer = connect(laptop, {"host": "255.255.255.255", "username": "me", "password": "x"})
    detail, hint = told(answer, 500, "HOST_UNREACHABLE")
    assert "unreachable" in detail.lower()
    assert "VPN" in hint


def test_a_server_with_old_key_exchange_only_is_told_with_its_offer(laptop: Viewer) -> None:
    with run_sshd(options={"KexAlgorithms": "diffie-hellman-group14-sha1"}) as sshd:
        answer = connect(laptop, {"host": "127.0.0.1", "port": sshd.port, "username": "me", "password": "x"})
    detail, hint = told(answer, 500, "NO_COMMON_ALGORITHM")
    assert "diffie-hellman-group14-sha1" in detail
    assert "key exchange" in detail
    assert "administrator" in hint


def test_a_server_with_old_ciphers_only_is_told_with_its_offer(laptop: Viewer) -> None:
    with run_sshd(options={"Ciphers": "aes128-cbc"}) as sshd:
        answer = connect(laptop, {"host": "127.0.0.1", "port": sshd.port, "username": "me", "password": "x"})
    detail, _ = told(answer, 500, "NO_COMMON_ALGORITHM")
    assert "aes128-cbc" in detail
    assert "cipher" in detail


def test_too_many_logins_at_once_is_no_broken_server(laptop: Viewer, serve: Callable[..., Server]) -> None:
    server = serve(MaxStartups="1:100:1")

    def question() -> httpx.Response | None:
        """Return the question about the host key; None while the look whether it listens still takes the one place."""
        answer = connect(laptop, server.login())
        return answer if answer.status_code == 409 else None

    accept(laptop, eventually(question))
    with contextlib.closing(eventually(lambda: idle_login(server))):
        detail, hint = told(connect(laptop, server.login()), 500, "CONNECTION_CLOSED")
    assert "MaxStartups" in detail
    assert "Wait" in hint
    eventually(lambda: connect(laptop, server.login()).status_code == 200)


def idle_login(server: Server) -> socket.socket | None:
    """Return a connection that takes up a place and never logs in, None while there is no place."""
    sock = socket.create_connection(("127.0.0.1", server.sshd.port), timeout=5)
    with contextlib.suppress(ConnectionResetError):
        if sock.recv(4) == b"SSH-":
            return sock
    sock.close()
    return None


def test_a_known_hosts_that_cannot_be_written_is_told(
    laptop: Viewer, serve: Callable[..., Server], tmp_path: Path
) -> None:
    server = serve()
    (tmp_path / "home" / "runicorn" / "known_hosts").mkdir(parents=True)
    with run_viewer(tmp_path / "root", tmp_path / "home") as viewer:
        _, hint = told(connect(viewer, server.login()), 500, "KNOWN_HOSTS_UNUSABLE")
    assert "RUNICORN_HOME" in hint


# --- the login ------------------------------------------------------------------------------------------------------


@pytest.fixture
def crowded_agent(tmp_path: Path) -> Iterator[dict[str, str]]:
    """An agent whose keys no server here knows."""
    wrong = [make_key(tmp_path / name) for name in ("wrong_1", "wrong_2")]
    with run_agent(tmp_path / "agent", *wrong) as environ:
        yield environ


def test_an_agent_that_uses_up_the_attempts_is_told_to_name_the_key(
    serve: Callable[..., Server], crowded_agent: dict[str, str], tmp_path: Path
) -> None:
    server = serve(MaxAuthTries="1")
    add_key(crowded_agent, server.key)
    (tmp_path / "home").mkdir()
    with run_viewer(tmp_path / "root", tmp_path / "home", crowded_agent) as viewer:
        known(viewer, server.login())
        detail, hint = told(connect(viewer, server.target()), 401, "AUTH_FAILED")
        assert "too many" in detail.lower()
        assert "Name the one key" in hint
        assert connect(viewer, server.login()).status_code == 200


def test_a_key_alone_where_a_password_is_wanted_too_names_the_password(
    laptop: Viewer, serve: Callable[..., Server]
) -> None:
    server = serve(AuthenticationMethods="publickey,password")
    known(laptop, server.login())
    detail, hint = told(connect(laptop, server.login()), 401, "AUTH_FAILED")
    assert "accepted the key" in detail
    assert "password" in detail
    assert "password" in hint
    body = server.login(password=server.account.password)
    assert connect(laptop, body).status_code == 200
    session = start(laptop, {**body, "remote_root": str(server.runs)})
    assert session["tunnelBackend"] == "asyncssh"
    assert session["fallbacks"] == [{"backend": "openssh", "reason": "ssh is not given passwords"}]
    stop(laptop, session)


def test_a_key_where_only_a_password_is_taken_names_the_password(laptop: Viewer, serve: Callable[..., Server]) -> None:
    server = serve(PubkeyAuthentication="no")
    known(laptop, server.login())
    detail, hint = told(connect(laptop, server.login()), 401, "AUTH_FAILED")
    assert detail.endswith("It would accept: password.")
    assert "password" in hint


def test_a_password_where_only_a_key_is_taken_names_the_key(laptop: Viewer, serve: Callable[..., Server]) -> None:
    server = serve(PasswordAuthentication="no")
    known(laptop, server.login())
    detail, hint = told(connect(laptop, server.target(password="canary")), 401, "AUTH_FAILED")
    assert detail.endswith("It would accept: publickey.")
    assert "key" in hint
    assert "canary" not in detail + hint


KEYBOARD_ONLY = {"UsePAM": "yes", "KbdInteractiveAuthentication": "yes", "PasswordAuthentication": "no"}


def test_a_key_where_the_server_asks_by_keyboard_only_names_that(laptop: Viewer, serve: Callable[..., Server]) -> None:
    server = serve(**KEYBOARD_ONLY, PubkeyAuthentication="no")
    known(laptop, server.login())
    detail, hint = told(connect(laptop, server.login()), 401, "AUTH_FAILED")
    assert detail.endswith("It would accept: keyboard-interactive.")
    assert "password" in hint


# --- the server runs no command -------------------------------------------------------------------------------------


def test_an_account_without_a_shell_is_told_for_everything_that_needs_one(laptop: Viewer, tmp_path: Path) -> None:
    with lone_account(tmp_path, "/usr/sbin/nologin", Subsystem=f"sftp {SFTP_SERVER}") as (_, login):
        connection_id = connected(laptop, login)
        for answer in (
            laptop.get("/api/remote/conda-envs", connection_id=connection_id),
            laptop.get("/api/remote/config", connection_id=connection_id),
            start_answer(laptop, login, remote_root="/tmp"),
        ):
            detail, hint = told(answer, 500, "LOGIN_SHELL_REFUSED")
            assert "This account is currently not available" in detail
            assert "administrator" in hint
        for name in ("list", "exists"):
            answer = laptop.get(f"/api/remote/fs/{name}", connection_id=connection_id, path="/tmp")
            _, hint = told(answer, 500, "SFTP_UNAVAILABLE")
            assert "Type the path" in hint
        assert laptop.post("/api/remote/disconnect", login).json()["ok"] is True


def test_a_start_file_that_prints_disturbs_neither_environments_nor_a_start(
    laptop: Viewer, serve: Callable[..., Server]
) -> None:
    server = serve(Subsystem=f"sftp {SFTP_SERVER}")
    noise = server.account.home / ".bashrc"
    noise.write_text("echo 'Welcome to the cluster!'\necho 'module load noise' >&2\n")
    try:
        connection_id = connected(laptop, server.login())
        envs = laptop.get("/api/remote/conda-envs", connection_id=connection_id).json()["envs"]
        assert ENVIRONMENT in [env["name"] for env in envs]
        session = start(laptop, server.login(remote_root=str(server.runs)))
        assert httpx.get(f"{session['url']}/api/health").json()["session_id"] == session["sessionId"]
        listed = laptop.get("/api/remote/fs/list", connection_id=connection_id, path=str(server.runs))
        assert listed.json()["path"] == str(server.runs)
        answer = laptop.get("/api/remote/fs/exists", connection_id=connection_id, path=str(server.runs))
        _, hint = told(answer, 500, "SFTP_UNAVAILABLE")
        assert "prints text" in hint
        stop(laptop, session)
    finally:
        noise.unlink()


def test_a_server_without_python_says_so(laptop: Viewer, tmp_path: Path) -> None:
    with shell_only_root() as root, lone_account(tmp_path, "/bin/sh", ChrootDirectory=str(root)) as (_, login):
        connection_id = connected(laptop, login)
        for answer in (
            laptop.get("/api/remote/conda-envs", connection_id=connection_id),
            start_answer(laptop, login, remote_root="/runs", mode="viewer"),
            start_answer(laptop, login, remote_root="/runs", mode="agent"),
        ):
            _, hint = told(answer, 500, "NO_PYTHON")
            assert "Load the module that brings a Python" in hint
        told(start_answer(laptop, login, remote_root="/runs"), 500, "REMOTE_ROOT_MISSING")
        (root / "runs").mkdir()
        session = start(laptop, {**login, "remote_root": "/runs"})
        assert session["mode"] == "sftp"
        assert [each["reason"] for each in session["fallbacks"]] == [
            "No Python of version 3.6 or newer was found on the server",
            "No Python 3 was found on this server",
        ]
        stop(laptop, session)
        assert laptop.post("/api/remote/disconnect", login).json()["ok"] is True


@contextlib.contextmanager
def shell_only_root() -> Iterator[Path]:
    """A folder with /bin/sh and its libraries, fit for ChrootDirectory: root's own, all the way up."""
    root = Path(tempfile.mkdtemp(prefix="chroot-", dir="/var/lib"))
    try:
        root.chmod(0o755)
        linked = subprocess.run(["ldd", "/bin/sh"], check=True, capture_output=True, text=True).stdout
        for name in ("/bin/sh", *re.findall(r"(/\S+)", linked)):
            copy = root / name[1:]
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(name, copy)
        yield root
    finally:
        shutil.rmtree(root)


def test_a_full_connection_says_that_other_sessions_are_to_be_closed(
    laptop: Viewer, serve: Callable[..., Server]
) -> None:
    server = serve(MaxSessions="1")
    connection_id = connected(laptop, server.login())
    session = start(laptop, server.login(remote_root=str(server.runs)))
    for answer in (
        laptop.get("/api/remote/conda-envs", connection_id=connection_id),
        laptop.get("/api/remote/fs/list", connection_id=connection_id, path="/"),
        laptop.get("/api/remote/fs/exists", connection_id=connection_id, path="/"),
        start_answer(laptop, server.login(remote_root="/")),
    ):
        detail, hint = told(answer, 500, "SESSION_LIMIT")
        assert "MaxSessions" in detail + hint
        assert "Close other sessions" in hint
    assert stop(laptop, session).json()["ok"] is True
    listed = laptop.get("/api/remote/fs/list", connection_id=connection_id, path="/")
    assert listed.status_code == 200


def test_a_server_that_allows_one_session_serves_one_after_the_other(
    laptop: Viewer, serve: Callable[..., Server]
) -> None:
    server = serve(MaxSessions="1")
    connection_id = connected(laptop, server.login())
    for _ in range(8):  # each begins at once when the one before has ended, which the server takes a moment to count
        for path in ("conda-envs", "fs/list", "fs/exists"):
            answer = laptop.get(f"/api/remote/{path}", connection_id=connection_id, path="/")
            assert answer.status_code == 200, answer.text
    assert laptop.post("/api/remote/disconnect", server.target()).json()["ok"] is True


# --- environments and starts ----------------------------------------------------------------------------------------


@contextlib.contextmanager
def environment(account: Account, name: str, version: str, **modules: str) -> Iterator[None]:
    """A virtual environment on the server whose runicorn is these modules."""
    prefix = account.home / "venvs" / name
    lib = next((account.home / "venvs" / ENVIRONMENT / "lib").iterdir()).name
    package = prefix / "lib" / lib / "site-packages" / "runicorn"
    package.mkdir(parents=True)
    (package.parent / f"runicorn-{version}.dist-info").mkdir()
    (prefix / "pyvenv.cfg").write_text(f"home = /usr/bin\nversion = {lib.removeprefix('python')}\n")
    (prefix / "bin").mkdir()
    (prefix / "bin" / "python").symlink_to("/usr/bin/python3")
    for module, source in {"__init__": "", **modules}.items():
        (package / f"{module}.py").write_text(source)
    try:
        yield
    finally:
        shutil.rmtree(prefix)


def test_environments_that_cannot_run_a_viewer_say_why(laptop: Viewer, serve: Callable[..., Server]) -> None:
    server = serve()
    known(laptop, server.login())
    body = server.login(remote_root=str(server.runs))
    with environment(server.account, "old", "0.5.4"):
        detail, hint = told(start_answer(laptop, body, conda_env="old"), 500, "RUNICORN_TOO_OLD")
        assert "0.5.4" in detail
        assert "an agent reads the folder without one" in hint
    with environment(server.account, "gone", "0.9.0"):
        python = server.account.home / "venvs" / "gone" / "bin" / "python"
        python.unlink()
        python.symlink_to("/nowhere/python3")
        detail, _ = told(start_answer(laptop, body, conda_env="gone"), 500, "ENVIRONMENT_UNUSABLE")
        assert "/nowhere" in detail or "points to nothing" in detail


HANGS = {"__main__": "import time\ntime.sleep(600)\n"}


def test_a_viewer_that_never_becomes_ready_is_given_up_and_ended(serve: Callable[..., Server], tmp_path: Path) -> None:
    server = serve()
    (tmp_path / "home").mkdir()
    impatient = run_viewer(tmp_path / "root", tmp_path / "home", {"RUNICORN_START_TIMEOUT_SECS": "2"})
    with impatient as viewer, environment(server.account, "hangs", "0.9.0", **HANGS):
        known(viewer, server.login())
        began_at = time.monotonic()
        answer = start_answer(viewer, server.login(remote_root=str(server.runs), conda_env="hangs"))
        detail, hint = told(answer, 500, "START_TIMEOUT")
        assert "2 s" in detail
        assert "RUNICORN_START_TIMEOUT_SECS" in hint
        assert time.monotonic() - began_at < 9
        eventually_nothing(server.processes, 2)


def test_a_start_that_is_stopped_meanwhile_says_so_and_leaves_nothing(
    laptop: Viewer, serve: Callable[..., Server]
) -> None:
    server = serve()
    connected(laptop, server.login())
    with environment(server.account, "hangs", "0.9.0", **HANGS), ThreadPoolExecutor(1) as pool:
        body = server.login(remote_root=str(server.runs), conda_env="hangs")
        starting = pool.submit(start_answer, laptop, body)
        deadline = time.monotonic() + 5
        while not any("--session" in words for words in server.processes()):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        (session,) = [
            each
            for each in laptop.get("/api/remote/viewer/sessions").json()["sessions"]
            if each["sshPort"] == server.sshd.port
        ]
        assert session["status"] == "starting"
        assert stop(laptop, session).json()["ok"] is True
        told(starting.result(), 500, "START_CANCELLED")
        eventually_nothing(server.processes, 2)


@pytest.mark.parametrize("backend", ["openssh", "asyncssh", "paramiko"])
def test_a_port_that_may_not_be_forwarded_is_forbidden_for_every_tunnel(
    backend: str, serve: Callable[..., Server], tmp_path: Path
) -> None:
    server = serve(PermitOpen="127.0.0.1:1")
    (tmp_path / "home").mkdir()
    with run_viewer(tmp_path / "root", tmp_path / "home", {"RUNICORN_TUNNEL": backend}) as viewer:
        known(viewer, server.login())
        answer = start_answer(viewer, server.login(remote_root=str(server.runs), mode="viewer"))
        detail, hint = told(answer, 500, "FORWARDING_FORBIDDEN")
        assert "prohibited" in detail.lower()
        assert "PermitOpen" in hint
        eventually_nothing(server.traces, 3)


def test_while_the_server_is_away_the_session_answers_so_at_once(laptop: Viewer, serve: Callable[..., Server]) -> None:
    server = serve()
    known(laptop, server.login())
    session = start(laptop, server.login(remote_root=str(server.runs)))
    end_tree(server.sshd.process)
    deadline = time.monotonic() + 5
    while (answer := ask_through(session)) is None or answer.status_code == 200:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    _, hint = told(answer, 503, "LINK_DOWN")
    assert "goes on by itself" in hint
    assert stop(laptop, session).json()["ok"] is True


def ask_through(session: dict[str, Any]) -> httpx.Response | None:
    """Ask for the session's page; None where the connection broke while it was carried."""
    with contextlib.suppress(httpx.HTTPError):
        return httpx.get(f"{session['url']}/api/runs", timeout=2)
    return None


# --- all of them ----------------------------------------------------------------------------------------------------

NOT_REPRODUCED = {
    "REMOTE_ERROR": "a branch of the tree, never raised itself",
    "CREDENTIAL_UNUSABLE": "a branch of the tree, never raised itself",
    "CONNECT_FAILED": "a branch of the tree, never raised itself",
    "START_FAILED": "raised only for an answer that no shell gives; tests/unit/remote/test_probe.py",
    "REMOTE_FILE_ERROR": "a disk that fails under the server",
}


@pytest.mark.parametrize(
    "code", [cls.code for cls in errors.catalogue() if issubclass(cls, (errors.RemoteError, errors.PortInUseError))]
)
def test_every_code_is_reproduced_or_says_why_not(code: str) -> None:
    reproduced = any(f'"{code}"' in text for text in integration_tests())
    assert reproduced != (code in NOT_REPRODUCED)


@functools.cache
def integration_tests() -> list[str]:
    """Return the tests against real servers as text, without the dictionary above."""
    texts = [path.read_text(encoding="utf-8") for path in (TESTS / "integration").rglob("test_*.py")]
    return [re.sub(r"(?s)\nNOT_REPRODUCED = \{.*?\n\}\n", "\n", text) for text in texts]
