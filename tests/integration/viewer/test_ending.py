"""Asked to end, a viewer is gone within three seconds and in order, whatever hangs in it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from tests.support.event_files import event, scalar, write_events

import runicorn as rn

LIMIT_SECS = 3.0
START_SECS = 30
BIG_BYTES = 300 * 2**20

pytestmark = [
    pytest.mark.skipif(os.name == "nt", reason="SIGTERM ends a process of Windows without asking it"),
    pytest.mark.waits,
]

# What hangs does so as a read from a dead disk does: nothing but the end of the process ends it.
VIEWER = """
import sys, threading
from pathlib import Path

mark = Path(sys.argv[1]) / "hangs"

def hang(*args, **kwargs):
    mark.touch()
    while True:
        threading.Event().wait()

{patch}
sys.argv = ["runicorn", "viewer", *sys.argv[2:]]
import runpy
runpy.run_module("runicorn", run_name="__main__")
"""


class Running:
    """A viewer process. hangs: appears once it runs into what hangs."""

    def __init__(self, process: subprocess.Popen[str], folder: Path) -> None:
        self.process = process
        self.hangs = folder / "hangs"
        assert process.stdout
        line = next(line for line in process.stdout if line.strip())
        assert "http://" in line or '"port"' in line, line
        self.port = (
            json.loads(line[line.index("{") :])["port"] if "{" in line else int(line.rsplit(":", 1)[1].rstrip("/\n"))
        )
        self.url = f"http://127.0.0.1:{self.port}"

    def wait_until_it_hangs(self) -> None:
        ends_at = time.monotonic() + START_SECS
        while not self.hangs.exists():
            assert time.monotonic() < ends_at, "it does not hang"
            time.sleep(0.02)
        time.sleep(0.1)

    def end(self, number: int = signal.SIGTERM) -> None:
        """Send a signal; the viewer must end in order and in time."""
        started = time.monotonic()
        self.process.send_signal(number)
        self.assert_ends(started)

    def assert_ends(self, started: float) -> None:
        assert self.process.wait(START_SECS) == 0
        assert time.monotonic() - started < LIMIT_SECS


class Starter:
    """Starts viewers of a root with a run of ours that has a big file, and TensorBoard's event files."""

    def __init__(self, folder: Path, stack: contextlib.ExitStack) -> None:
        self._folder = folder
        self._stack = stack
        self.root = folder / "root"
        with rn.init(root=self.root, name="ours") as run:
            run.log({"loss": 1})
        self.run = run
        with (run.dir / "big.bin").open("wb") as file:
            file.truncate(BIG_BYTES)
        write_events(self.root / "tb" / "events.out.tfevents.1.h", [event(scalar("loss", 1.0))])

    def __call__(self, patch: str = "", *options: str) -> Running:
        home = self._folder / "home"
        command = [sys.executable, "-c", VIEWER.format(patch=patch), str(self._folder), "--root", str(self.root)]
        process = self._stack.enter_context(
            subprocess.Popen(
                [*command, "--port", "0", "--no-browser", *options],
                env={**os.environ, "HOME": str(home), "RUNICORN_HOME": str(home)},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        )
        self._stack.callback(process.kill)
        return Running(process, self._folder)

    def loaded(self, patch: str = "") -> Running:
        """Start one, and wait until all of it is there."""
        viewer = self(patch)
        assert httpx.get(f"{viewer.url}/api/health", timeout=START_SECS).status_code == 200
        return viewer


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Starter]:
    with contextlib.ExitStack() as stack:
        yield Starter(tmp_path, stack)


@contextlib.contextmanager
def asking(viewer: Running, path: str) -> Iterator[None]:
    """Have a request under way that is not answered."""

    def ask() -> None:
        with contextlib.suppress(httpx.HTTPError):
            httpx.get(f"{viewer.url}{path}", timeout=START_SECS)

    thread = threading.Thread(target=ask)
    thread.start()
    yield
    thread.join()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_while_nothing_happens(start: Starter, number: int) -> None:
    start.loaded().end(number)


@pytest.mark.parametrize(
    "patch",
    [
        "from runicorn.storage.mirroring import finding; finding.walk = hang",
        "from runicorn.storage.mirroring.event_mirror import EventMirror; EventMirror.follow = hang",
        "from runicorn.storage.mirroring.worker import Worker; Worker._release = hang",
    ],
    ids=["looking for event files", "reading one", "letting go of them"],
)
def test_it_ends_while_event_files_hang(start: Starter, patch: str) -> None:
    viewer = start.loaded(patch)
    with contextlib.suppress(httpx.HTTPError):
        httpx.get(f"{viewer.url}/api/runs", timeout=2)
    if "_release" not in patch:
        viewer.wait_until_it_hangs()
    viewer.end()


@pytest.mark.parametrize("path", ["/api/runs", "/api/live", "/api/artifacts", "/api/runs/{}",
                                  "/api/series?run={}&metric=loss", "/api/runs/{}/console"])  # fmt: skip
def test_it_ends_while_requests_hang_on_the_root(start: Starter, path: str) -> None:
    viewer = start.loaded("from runicorn.storage.files import LocalFiles\nfor n in ('list', 'stat', 'names', 'read'):"
                          " setattr(LocalFiles, n, hang)")  # fmt: skip
    asked = path.format(start.run.id)
    with asking(viewer, asked), asking(viewer, asked):
        viewer.wait_until_it_hangs()
        viewer.end()


def test_it_ends_while_one_run_of_many_hangs(start: Starter) -> None:
    viewer = start.loaded(
        "from runicorn.storage.files import LocalFiles\nread = LocalFiles.read\n"
        f"LocalFiles.read = lambda self, path, *a: (hang if {start.run.id!r} in path else read)(self, path, *a)"
    )
    for path in ("/api/runs", f"/api/runs/{start.run.id}", f"/api/series?run={start.run.id}&metric=loss"):
        httpx.get(f"{viewer.url}{path}", timeout=START_SECS)
    viewer.wait_until_it_hangs()
    viewer.end()


def test_it_ends_while_a_file_that_is_sent_hangs(start: Starter) -> None:
    viewer = start.loaded(
        "from runicorn.storage.files import LocalFiles\nread = LocalFiles.read\n"
        "LocalFiles.read = lambda self, path, *a: (hang if path.endswith('big.bin') else read)(self, path, *a)"
    )
    with asking(viewer, f"/api/runs/{start.run.id}/files/big.bin"):
        viewer.wait_until_it_hangs()
        viewer.end()


def test_it_ends_while_a_client_is_slow_to_take_a_download(start: Starter) -> None:
    viewer = start.loaded()
    with socket.create_connection(("127.0.0.1", viewer.port), timeout=10) as client:
        path = f"/api/runs/{start.run.id}/files/big.bin"
        client.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{viewer.port}\r\n\r\n".encode())
        assert client.recv(100).startswith(b"HTTP/1.1 200")
        time.sleep(0.5)  # all buffers on the way are full
        viewer.end()
    assert viewer.process.stderr
    assert viewer.process.stderr.read() == ""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_while_streams_are_open(start: Starter, number: int) -> None:
    viewer = start.loaded()
    with contextlib.ExitStack() as stack:
        for _ in range(5):
            path = f"{viewer.url}/api/live?run={start.run.id}"
            stream = stack.enter_context(httpx.stream("GET", path, timeout=START_SECS))
            next(stream.iter_bytes())
        viewer.end(number)


def test_it_ends_while_a_body_is_on_its_way(start: Starter) -> None:
    viewer = start.loaded()
    with contextlib.ExitStack() as stack:
        for length in (1000, 2**40):
            client = stack.enter_context(socket.create_connection(("127.0.0.1", viewer.port), timeout=10))
            head = f"PATCH /api/runs/x HTTP/1.1\r\nHost: 127.0.0.1:{viewer.port}\r\nContent-Type: application/json\r\n"
            client.sendall(f"{head}Content-Length: {length}\r\n\r\n{{".encode())
        time.sleep(0.1)
        viewer.end()


@pytest.mark.parametrize(
    "patch",
    [
        "import runicorn.viewer.app as app; app.create_app = hang",
        "from runicorn.viewer import server; server.load_numpy = hang",
        "from runicorn.remote.service import RemoteService\n"
        "async def start(self): hang_on = await self.run_blocking(hang)\n"
        "RemoteService.start = start",
        "from runicorn.remote.service import RemoteService\n"
        "async def stop(self): hang_on = await self.run_blocking(hang)\n"
        "RemoteService.stop = stop",
        "from runicorn.loopback.gate import Gate; Gate.close = hang",
        "from runicorn.storage.index import RunIndex; RunIndex.close = hang",
    ],
    ids=["load", "warm up", "start remote", "stop remote", "close the port", "save the list"],
)
def test_it_ends_while_its_parts_hang(start: Starter, patch: str) -> None:
    viewer = start(patch)
    if "stop" in patch or "close" in patch:
        assert httpx.get(f"{viewer.url}/api/health", timeout=START_SECS).status_code == 200
    else:
        viewer.wait_until_it_hangs()
    viewer.end()


def test_one_on_a_server_ends_as_it_is_told_while_event_files_hang(start: Starter) -> None:
    patch = "from runicorn.storage.mirroring import finding; finding.walk = hang"
    viewer = start(patch, "--session", "0123456789abcdef", "--session-marker", "")
    viewer.wait_until_it_hangs()
    assert viewer.process.stdin
    started = time.monotonic()
    viewer.process.stdin.write('{"stop": true}\n')
    viewer.process.stdin.flush()
    viewer.assert_ends(started)
