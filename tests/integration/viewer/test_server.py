"""Starting and stopping: what cannot be served is said before anything starts, and stopping takes no time."""

import os
import signal
import socket
import time

import httpx
import pytest

import runicorn as rn
from runicorn.errors import PortInUseError, RootNotUsableError, UsageError
from runicorn.settings import Settings
from runicorn.viewer.server import ViewerServer


def settings(root, **changes):
    return Settings(**{"root": root, "home": root, "port": 0, **changes})


def test_a_port_in_use_is_an_error_with_a_name(root):
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(PortInUseError, match="in use"):
        ViewerServer(settings(root, port=taken.getsockname()[1]))


def test_a_host_that_is_none_is_an_error_with_a_name(root):
    with pytest.raises(UsageError):
        ViewerServer(settings(root, host="no such host"))
    with pytest.raises(UsageError):
        ViewerServer(settings(root, host="192.0.2.1"))


@pytest.mark.parametrize("below", ["", "/below"])
def test_a_root_that_is_a_file_is_an_error_with_a_name(tmp_path, below):
    (tmp_path / "file").touch()
    with pytest.raises(RootNotUsableError, match="not a folder"):
        ViewerServer(settings(tmp_path / f"file{below}"))


@pytest.mark.skipif(not os.path.isdir("/proc/1"), reason="needs /proc")  # noqa: PTH112
def test_a_root_that_cannot_be_created_is_an_error_with_a_name(tmp_path):
    from pathlib import Path

    with pytest.raises(RootNotUsableError, match="cannot be created"):
        ViewerServer(settings(Path("/proc/runicorn")))


def test_a_root_that_another_user_may_not_read_is_an_error_with_a_name(tmp_path, viewer_process, nobody):
    import tempfile

    with tempfile.TemporaryDirectory() as folder:  # tmp_path itself is closed to other users
        os.chmod(folder, 0o700)  # noqa: PTH101
        process, line = viewer_process(folder, uid=nobody)
        assert line == ""
        assert process.wait(timeout=20) != 0
        assert "RootNotUsableError" in process.stderr.read()


def test_a_root_that_may_only_be_read_is_shown(viewer_process, nobody):
    import shutil
    import tempfile
    from pathlib import Path

    folder = Path(tempfile.mkdtemp())
    try:
        with rn.init(root=folder) as run:
            run.log({"loss": 1})
        for path in (folder, *folder.rglob("*")):
            path.chmod(0o555 if path.is_dir() else 0o444)
        process, line = viewer_process(folder, uid=nobody, allow_other_users=True)
        assert line, process.stderr.read()
        url = line.split()[-1]
        assert httpx.get(f"{url}api/runs", timeout=20).json()["total"] == 1
        denied = httpx.patch(f"{url}api/runs/{run.id}", json={"name": "x"}, timeout=20)
        assert (denied.status_code, denied.json()["code"]) == (500, "STORAGE_ERROR")
    finally:
        for path in (folder, *folder.rglob("*")):
            path.chmod(0o755)
        shutil.rmtree(folder)


def test_a_root_that_does_not_exist_is_created(tmp_path, serve):
    with serve(settings(tmp_path / "a/b")) as viewer:
        assert viewer.get("/api/runs")["total"] == 0
    assert (tmp_path / "a/b/runicorn.json").exists()


def test_the_line_with_the_address_means_that_requests_are_answered(root, viewer_process):
    _, line = viewer_process(root)
    assert line.startswith("Runicorn viewer: http://127.0.0.1:")
    assert httpx.get(line.split()[-1] + "api/health", timeout=5).status_code == 200


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_it_at_once_even_with_open_streams(root, viewer_process, number):
    process, line = viewer_process(root)
    url = line.split()[-1]
    with httpx.stream("GET", f"{url}api/live", timeout=20) as stream:
        chunks = stream.iter_bytes()
        next(chunks)
        started = time.monotonic()
        process.send_signal(number)
        b"".join(chunks)
        assert process.wait(timeout=20) == 0
    assert time.monotonic() - started < 2.0
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{url}api/health", timeout=5)


def test_stopping_sets_the_port_free(root, serve):
    with serve(settings(root)) as viewer:
        port = viewer.port
    with serve(settings(root, port=port)) as again:
        assert again.port == port


def test_it_serves_over_ipv6(root, serve):
    with serve(settings(root, host="::1")) as viewer:
        assert viewer.server.url == f"http://[::1]:{viewer.port}/"
        assert httpx.get(f"{viewer.server.url}api/health", timeout=5).status_code == 200
