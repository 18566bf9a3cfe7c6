"""Starting, watching and stopping a remote viewer through the API, over each tunnel, on a real sshd."""

from __future__ import annotations

import shutil
import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from tests.support.accounts import Account
from tests.support.processes import words_of
from tests.support.remote import accept, connect, start, stop
from tests.support.server import ENVIRONMENT, Server, run_server
from tests.support.serving import Viewer, run_viewer, tunnel_folders
from tests.support.sshd import free_port, make_key
from tests.support.waiting import eventually, eventually_nothing

SESSION_FIELDS = {
    *("sessionId", "localPort", "remotePort", "remoteRoot", "status", "url"),
    *("host", "sshPort", "username", "connectionId", "condaEnv", "remotePid", "startedAt", "uptimeSeconds", "isActive"),
    *("tunnelBackend", "fallbacks", "runicornVersion", "error", "reconnects"),
}


def last_step(url: str) -> int:
    runs = httpx.get(f"{url}/api/runs").json()["runs"]
    if not runs:
        return -1
    query = {"run": runs[0]["id"], "metric": "train/loss"}
    (series,) = httpx.get(f"{url}/api/series", params=query).json()["series"]
    return int(series["x"][-1])


def nothing_of_ours_here(viewer: Viewer) -> bool:
    """Whether the viewer has no child and no port but its own left, and no folder of a tunnel."""
    process = psutil.Process(viewer.process.pid)
    children = [each for each in process.children(recursive=True) if each.status() != psutil.STATUS_ZOMBIE]
    ports = {each.laddr.port for each in process.net_connections("tcp") if each.status == psutil.CONN_LISTEN}
    return not children and ports == {viewer.port}


@pytest.mark.parametrize("backend", ["openssh", "asyncssh", "paramiko"])
def test_a_live_run_grows_through_each_tunnel_and_stopping_leaves_nothing(
    backend: str, connected_with: Callable[..., Viewer], server: Server
) -> None:
    folders_before = tunnel_folders()
    viewer = connected_with(RUNICORN_TUNNEL=backend)
    server.train()
    session = start(viewer, server.login(remote_root=str(server.runs)))
    assert session.keys() >= SESSION_FIELDS
    assert (session["status"], session["isActive"], session["tunnelBackend"]) == ("running", True, backend)
    assert (session["condaEnv"], session["fallbacks"], session["error"]) == (ENVIRONMENT, [], None)
    assert viewer.get(f"/api/remote/viewer/status/{session['sessionId']}").json()["remotePid"] == session["remotePid"]

    first = eventually(lambda: last_step(session["url"]) + 1) - 1
    eventually(lambda: last_step(session["url"]) > first + 20, what="the run's last step")
    health = httpx.get(f"{session['url']}/api/health").json()
    assert (health["session_id"], health["remote"]["tunnel"]) == (session["sessionId"], backend)
    assert server.listening_ports() == {session["remotePort"]}

    began_at = time.monotonic()
    assert stop(viewer, session).json()["ok"] is True
    assert time.monotonic() - began_at < 2
    eventually_nothing(server.traces, 2)
    assert server.listening_ports() == set()
    assert viewer.post("/api/remote/disconnect", server.target()).json()["ok"] is True
    eventually(lambda: nothing_of_ours_here(viewer), 2, "nothing left on this side")
    assert tunnel_folders() <= folders_before
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{session['url']}/api/health")


def test_a_forced_tunnel_has_no_fallback(connected_with: Callable[..., Viewer], server: Server) -> None:
    viewer = connected_with(RUNICORN_SSH_PATH="/nowhere/ssh", RUNICORN_TUNNEL="openssh")
    answer = viewer.post("/api/remote/viewer/start", server.login(remote_root=str(server.runs)))
    assert (answer.status_code, answer.json()["code"]) == (500, "TUNNEL_FAILED")
    assert "/nowhere/ssh" in answer.json()["detail"]


def test_a_double_click_starts_nothing_twice(connected: Viewer, server: Server) -> None:
    body = server.login(remote_root=str(server.runs))
    with ThreadPoolExecutor(4) as pool:
        sessions = list(pool.map(lambda _: start(connected, body), range(4)))
    assert len({session["sessionId"] for session in sessions}) == 1
    assert start(connected, body)["sessionId"] == sessions[0]["sessionId"]
    other = start(connected, {**body, "local_port": free_port()})
    assert other["sessionId"] != sessions[0]["sessionId"]
    assert len(connected.get("/api/remote/viewer/sessions").json()["sessions"]) == 2


def test_ports_that_are_asked_for_are_used(connected: Viewer, server: Server) -> None:
    local, remote = free_port(), free_port()
    session = start(connected, server.login(remote_root=str(server.runs), local_port=local, remote_port=remote))
    assert (session["localPort"], session["remotePort"], session["url"]) == (local, remote, f"http://localhost:{local}")


def refused(viewer: Viewer, server: Server, **body: Any) -> tuple[int, str]:
    answer = viewer.post("/api/remote/viewer/start", server.login(**{"remote_root": str(server.runs), **body}))
    assert answer.json()["hint"]
    return answer.status_code, answer.json()["code"]


def test_each_start_that_cannot_work_has_its_own_answer_and_leaves_nothing(connected: Viewer, server: Server) -> None:
    secret = server.account.home / "secret"
    secret.mkdir(mode=0o700)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert refused(connected, server, remote_port=port) == (500, "REMOTE_PORT_IN_USE")
        assert refused(connected, server, local_port=port) == (500, "LOCAL_PORT_IN_USE")
    assert refused(connected, server, remote_root="/no/such/folder") == (500, "REMOTE_ROOT_MISSING")
    assert refused(connected, server, remote_root="/etc/passwd") == (500, "REMOTE_ROOT_MISSING")
    assert refused(connected, server, remote_root=str(secret)) == (500, "REMOTE_ROOT_UNREADABLE")
    assert refused(connected, server, conda_env="system") == (500, "RUNICORN_MISSING")
    assert refused(connected, server, conda_env="mll") == (404, "ENVIRONMENT_NOT_FOUND")
    secret.rmdir()
    eventually_nothing(server.traces, 3)
    # The document's lists are of what is active; what ended is there for who asks for it.
    assert connected.get("/api/remote/viewer/sessions").json() == {"sessions": []}
    (session,) = connected.get("/api/remote/viewer/sessions", ended=True).json()["sessions"]
    assert (session["status"], session["error"]["code"]) == ("failed", "ENVIRONMENT_NOT_FOUND")
    status = connected.get("/api/remote/status").json()
    assert (status["viewer_sessions"], status["viewer_session_count"]) == ([], 0)
    assert [each["sessionId"] for each in status["ended_sessions"]] == [session["sessionId"]]
    assert connected.get(f"/api/remote/viewer/status/{session['sessionId']}").json()["status"] == "failed"


def test_a_viewer_that_crashes_at_import_shows_its_traceback(connected: Viewer, server: Server) -> None:
    broken = server.account.home / "venvs" / "broken"
    shutil.copytree(server.python.parents[1], broken, symlinks=True)
    (next(broken.glob("lib/python3*/site-packages/runicorn")) / "model.py").write_text("raise ImportError('canary')")
    try:
        body = server.login(remote_root=str(server.runs), conda_env="broken")
        answer = connected.post("/api/remote/viewer/start", body)
    finally:
        shutil.rmtree(broken)
    assert (answer.status_code, answer.json()["code"]) == (500, "REMOTE_VIEWER_CRASHED")
    assert "ImportError: canary" in answer.json()["detail"]


def test_unknown_sessions_and_connections_are_404(connected: Viewer) -> None:
    for answer in (
        connected.get("/api/remote/viewer/status/feedbeef"),
        connected.post("/api/remote/viewer/stop", {"session_id": "feedbeef"}),
    ):
        assert (answer.status_code, answer.json()["code"]) == (404, "SESSION_NOT_FOUND")
    malformed = connected.get("/api/remote/conda-envs", connection_id="gpu")
    assert (malformed.status_code, malformed.json()["code"]) == (400, "INVALID_CONNECTION_ID")
    unknown = connected.get("/api/remote/conda-envs", connection_id="me@gpu:22")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "NOT_CONNECTED")


def test_environments_config_and_status_have_their_documented_shapes(connected: Viewer, server: Server) -> None:
    connection_id = f"{server.account.username}@127.0.0.1:{server.sshd.port}"
    listed = connected.get("/api/remote/conda-envs", connection_id=connection_id).json()
    by_name = {each["name"]: each for each in listed["envs"]}
    assert by_name[ENVIRONMENT]["is_default"] is True
    assert by_name[ENVIRONMENT]["path"] == str(server.python)
    assert by_name["system"]["runicorn_version"] is None
    assert sum(each["is_default"] for each in listed["envs"]) == 1
    config = connected.get("/api/remote/config", connection_id=connection_id, conda_env=ENVIRONMENT).json()
    assert config.keys() == {
        *("ok", "condaEnv", "pythonVersion", "runicornVersion", "defaultStorageRoot", "storageRootExists"),
        *("suggestedRemotePort", "connectionId"),
    }
    assert config["pythonVersion"].startswith("Python 3.")
    assert config["defaultStorageRoot"] == f"{server.account.home}/runicorn_data"
    status = connected.get("/api/remote/status").json()
    assert (status["connection_count"], status["viewer_session_count"]) == (1, 0)
    stages = {stage["name"]: stage["state"] for stage in status["progress"][0]["stages"]}
    assert stages["login"] == "done"


def test_folders_of_the_server_can_be_browsed(connected: Viewer, server: Server) -> None:
    connection_id = f"{server.account.username}@127.0.0.1:{server.sshd.port}"
    folder = server.account.home / "browse me's"
    (folder / "b").mkdir(parents=True)
    (folder / "a.txt").write_text("hello")
    (folder / "link").symlink_to(folder / "b")
    try:
        listing = connected.get("/api/remote/fs/list", connection_id=connection_id, path=f"~/{folder.name}").json()
        assert listing["path"] == str(folder)
        assert [(item["name"], item["is_dir"]) for item in listing["items"]] == [
            ("b", True),
            ("link", True),
            ("a.txt", False),
        ]
        assert (listing["items"][2]["size"], listing["truncated"]) == (5, False)
    finally:
        shutil.rmtree(folder)
    for path, status, code in (
        ("/no/such", 404, "REMOTE_PATH_NOT_FOUND"),
        ("/etc/passwd", 400, "REMOTE_PATH_NOT_A_DIRECTORY"),
        ("/root", 403, "REMOTE_PERMISSION_DENIED"),
    ):
        answer = connected.get("/api/remote/fs/list", connection_id=connection_id, path=path)
        assert (answer.status_code, answer.json()["code"]) == (status, code)
    exists = connected.get("/api/remote/fs/exists", connection_id=connection_id, path="/no/such").json()
    assert exists == {"path": "/no/such", "exists": False, "is_dir": False}


def test_forwarding_that_the_server_forbids_is_told_and_never_called_running(
    server_account: Account, tmp_path: Path
) -> None:
    (tmp_path / "home").mkdir()
    with (
        run_server(server_account, tmp_path, options={"AllowTcpForwarding": "no"}) as server,
        run_viewer(tmp_path / "root", tmp_path / "home") as viewer,
    ):
        accept(viewer, connect(viewer, server.login()))
        assert refused(viewer, server, mode="viewer") == (500, "FORWARDING_FORBIDDEN")
        eventually_nothing(server.traces, 3)


def test_a_killed_viewer_leaves_nothing_after_the_grace_period(
    connected_with: Callable[..., Viewer], server: Server
) -> None:
    folders_before = tunnel_folders()
    viewer = connected_with(RUNICORN_SESSION_GRACE_SECS="1")
    start(viewer, server.login(remote_root=str(server.runs)))
    children = psutil.Process(viewer.process.pid).children(recursive=True)
    assert children
    viewer.kill()
    eventually_nothing(server.traces, 6)
    eventually(
        lambda: all(not each.is_running() or each.status() == psutil.STATUS_ZOMBIE for each in children), 3, "ssh"
    )
    eventually_nothing(lambda: tunnel_folders() - folders_before, 3)


def test_a_cut_link_comes_back_on_the_same_port_with_the_same_viewer(connected: Viewer, server: Server) -> None:
    session = start(connected, server.login(remote_root=str(server.runs)))
    server.kill_sshd_children()
    status = f"/api/remote/viewer/status/{session['sessionId']}"
    eventually(lambda: connected.get(status).json()["reconnects"] == 1, 15, "the reconnect")
    again = connected.get(status).json()
    assert (again["status"], again["localPort"], again["remotePid"]) == (
        "running",
        session["localPort"],
        session["remotePid"],
    )
    assert httpx.get(f"{session['url']}/api/health").json()["session_id"] == session["sessionId"]
    assert stop(connected, session).json()["ok"] is True
    eventually_nothing(server.traces, 3)


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "rsa"])
def test_a_key_behind_a_passphrase_carries_ssh_too_and_is_written_nowhere(
    kind: str, connected_with: Callable[..., Viewer], server: Server, tmp_path: Path
) -> None:
    key = make_key(tmp_path / "locked", kind, "canary-passphrase")
    server.sshd.authorize(server.account.username, key.with_suffix(".pub"))
    viewer = connected_with(RUNICORN_TUNNEL="openssh")
    assert viewer.post("/api/remote/disconnect", server.target()).json()["ok"] is True
    content = key.read_text()
    body = server.body(private_key=content, passphrase="canary-passphrase", use_agent=False)
    folders_before = tunnel_folders()
    session = start(viewer, {**body, "remote_root": str(server.runs)})
    assert (session["tunnelBackend"], session["fallbacks"]) == ("openssh", [])
    secret = content.splitlines()[3]
    for folder in tunnel_folders() - folders_before:
        for path in folder.iterdir():
            assert path.is_socket() or "PRIVATE" not in path.read_text()
    own = psutil.Process(viewer.process.pid)
    shown = " ".join(words_of([own, *own.children(recursive=True)]))
    assert "runicorn viewer" in shown
    assert secret not in shown
    assert "canary-passphrase" not in shown
