"""Real viewers on 127.0.0.1: one in a thread for most tests, one in a process where the test is about processes."""

import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from tests.support.fake_remote import FakeRemote
from tests.support.places import make_host

from runicorn.settings import Settings
from runicorn.storage.writer import prepare_root
from runicorn.viewer import all_runs
from runicorn.viewer.server import ViewerServer
from runicorn.viewer.source_state import DEADLINE_SECS

TIMEOUT_SECS = 20

# A process becomes another user only once everything is imported: that user may not be able to read this Python.
SERVE = """
import json, os, sys, tempfile
from pathlib import Path
import encodings.ascii, encodings.idna, encodings.latin_1
from runicorn.settings import Settings
from runicorn.viewer.server import ViewerServer, serve
given, uid = json.loads(sys.argv[1]), int(sys.argv[2])
if uid:
    with tempfile.TemporaryDirectory() as folder:
        first = ViewerServer(Settings(root=Path(folder), home=Path(folder), port=0))
        first.run(lambda server: server.stop())
    os.setgroups([])
    os.setgid(uid)
    os.setuid(uid)
serve(Settings(**{**given, "root": Path(given["root"]), "home": Path(given["root"]) / "home"}))
"""


@dataclass
class Viewer:
    """A viewer that serves; `http` talks to it as its own page would."""

    server: ViewerServer
    http: httpx.Client

    @property
    def port(self):
        return self.server.port

    def get(self, path, status=200, **params):
        answer = self.http.get(path, params=params)
        assert answer.status_code == status, answer.text
        return answer.json()


@contextlib.contextmanager
def running(settings, **options):
    server = ViewerServer(settings, **options)
    ready = threading.Event()
    thread = threading.Thread(target=server.run, args=(lambda _: ready.set(),), name="viewer")
    thread.start()
    try:
        assert ready.wait(TIMEOUT_SECS)
        with httpx.Client(base_url=f"http://127.0.0.1:{server.port}", timeout=TIMEOUT_SECS) as client:
            yield Viewer(server, client)
    finally:
        server.stop()
        thread.join(TIMEOUT_SECS)
        assert not thread.is_alive()


@pytest.fixture(scope="session")
def serve():
    """Return a context manager that serves settings."""
    return running


@pytest.fixture
def root(tmp_path):
    return tmp_path / "root"


@pytest.fixture
def viewer(root):
    with running(Settings(root=root, home=root / "home", port=0)) as served:
        yield served


@pytest.fixture(scope="module")
def empty_viewer(tmp_path_factory):
    """A viewer without runs, for many tests that change nothing."""
    root = tmp_path_factory.mktemp("empty")
    with running(Settings(root=root, home=root / "home", port=0)) as served:
        yield served


@pytest.fixture
def viewer_process():
    """Return what starts a viewer process: its settings in, process and first line out."""
    started = []

    def start(root: Path, **settings):
        uid = settings.pop("uid", 0)
        process = subprocess.Popen(
            [sys.executable, "-c", SERVE, json.dumps({"root": str(root), "port": 0, **settings}), str(uid)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process, process.stdout.readline()

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate(timeout=TIMEOUT_SECS)


@pytest.fixture
def nobody():
    """Return another user's id; only root can become that user."""
    if os.name == "nt" or os.getuid() != 0:
        pytest.skip("needs root, to become another user")
    import pwd

    return pwd.getpwnam("nobody").pw_uid


@pytest.fixture
def place(tmp_path, serve, monkeypatch):
    """A viewer, and what gives it a host with a root of its own; a busy machine is no reason to tell what was so."""
    monkeypatch.setattr(all_runs, "PATIENCE_SECS", DEADLINE_SECS)
    remote = FakeRemote()
    prepare_root(tmp_path / "local", now=time.time())

    def host(name, root=None):
        return make_host(remote, name, root or tmp_path / name)

    with serve(Settings(root=tmp_path / "local", home=tmp_path, port=0), remote=lambda _: remote) as viewer:
        viewer.get("/api/remote/nothing", status=404)  # remote support is loaded behind the page
        viewer.root = tmp_path / "local"
        yield viewer, host
