"""The examples of the Remote API document, run as they stand there: by curl, by Python, by JavaScript.

Only the addresses differ: the viewer's port, and the server's host, port and user.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.browser import find_chromium, run_chromium, visit
from tests.support.remote import accept, connect
from tests.support.server import Server
from tests.support.serving import Viewer, run_viewer

CURL_CONNECT = r"""
curl -X POST http://localhost:23300/api/remote/connect \
  -H "Content-Type: application/json" \
  -d '{
    "host": "gpu-server.com",
    "port": 22,
    "username": "mluser",
    "password": null,
    "private_key": null,
    "private_key_path": "~/.ssh/id_rsa",
    "passphrase": null,
    "use_agent": true
  }'
"""

PYTHON_CONNECT = """
import requests

response = requests.post(
    "http://localhost:23300/api/remote/connect",
    json={
        "host": "gpu-server.com",
        "port": 22,
        "username": "mluser",
        "password": None,
        "private_key": None,
        "private_key_path": "~/.ssh/id_rsa",
        "passphrase": None,
        "use_agent": True,
    }
)

result = response.json()
connection_id = result["connection_id"]
"""

JAVASCRIPT_CONNECT = """
const response = await fetch('http://localhost:23300/api/remote/connect', {
  method: 'POST',
  headers: { 'Content-Type': 'application/json' },
  body: JSON.stringify({
    host: 'gpu-server.com',
    port: 22,
    username: 'mluser',
    password: null,
    private_key: null,
    private_key_path: '~/.ssh/id_rsa',
    passphrase: null,
    use_agent: true
  })
});

const result = await response.json();
const connectionId = result.connection_id;
"""

CURL_SESSIONS = "curl http://localhost:23300/api/remote/sessions"

PYTHON_SESSIONS = """
import requests

response = requests.get("http://localhost:23300/api/remote/sessions")
sessions = response.json()["sessions"]
"""

CURL_DISCONNECT = r"""
curl -X POST http://localhost:23300/api/remote/disconnect \
  -H "Content-Type: application/json" \
  -d '{"host": "gpu-server.com", "port": 22, "username": "mluser"}'
"""


class Reader:
    """Somebody who follows the document on a machine whose `~/.ssh/id_rsa` opens the server."""

    def __init__(self, viewer: Viewer, server: Server) -> None:
        self.viewer = viewer
        self._server = server

    @property
    def connection_id(self) -> str:
        return f"{self._server.account.username}@127.0.0.1:{self._server.sshd.port}"

    def address(self, example: str) -> str:
        """Return the example with its four addresses replaced."""
        for documented, here in (
            (":23300/", f":{self.viewer.port}/"),
            ("gpu-server.com", "127.0.0.1"),
            ("22,", f"{self._server.sshd.port},"),
            ("mluser", self._server.account.username),
        ):
            example = example.replace(documented, here)
        return example

    def connected(self) -> dict[str, Any]:
        """Return the documented answer to a connect."""
        target = {"host": "127.0.0.1", "port": self._server.sshd.port, "username": self._server.account.username}
        documented = {"ok": True, "connection_id": self.connection_id, **target, "connected": True}
        later = {"hops": [target], "resolved_by": "ssh -G", "connector": "paramiko", "connector_reason": None}
        return {**documented, **later}

    def curl(self, example: str) -> Any:
        done = subprocess.run(["/bin/sh", "-c", self.address(example)], check=True, capture_output=True, timeout=30)
        return json.loads(done.stdout)

    def python(self, example: str, variable: str) -> Any:
        source = f"{self.address(example)}\nimport json; print(json.dumps({variable}))"
        done = subprocess.run([sys.executable, "-c", source], check=True, capture_output=True, timeout=30)
        return json.loads(done.stdout)


@pytest.fixture
def reader(server: Server, tmp_path: Path) -> Iterator[Reader]:
    home = tmp_path / "home"
    (home / ".ssh").mkdir(parents=True)
    shutil.copy(server.key, home / ".ssh" / "id_rsa")
    with run_viewer(tmp_path / "root", home) as viewer:
        accept(viewer, connect(viewer, server.login()))
        yield Reader(viewer, server)


@pytest.mark.skipif(not shutil.which("curl"), reason="needs curl")
def test_the_curl_examples(reader: Reader) -> None:
    assert reader.curl(CURL_CONNECT) == reader.connected()
    session = {
        name: value for name, value in reader.connected().items() if name in ("host", "port", "username", "connected")
    }
    assert reader.curl(CURL_SESSIONS) == {"sessions": [{"key": reader.connection_id, **session}]}
    assert reader.curl(CURL_DISCONNECT) == {"ok": True, "message": "Connection removed"}
    assert reader.curl(CURL_SESSIONS) == {"sessions": []}


def test_the_python_examples(reader: Reader) -> None:
    assert reader.python(PYTHON_CONNECT, "connection_id") == reader.connection_id
    (session,) = reader.python(PYTHON_SESSIONS, "sessions")
    assert (session["key"], session["connected"]) == (reader.connection_id, True)


@pytest.mark.skipif(not shutil.which("node"), reason="needs node")
def test_the_javascript_example_in_node(reader: Reader) -> None:
    source = f"{reader.address(JAVASCRIPT_CONNECT)}\nconsole.log(connectionId);"
    done = subprocess.run(
        ["node", "--input-type=module", "-e", source], check=True, capture_output=True, text=True, timeout=30
    )
    assert done.stdout.strip() == reader.connection_id


@pytest.mark.skipif(not find_chromium(), reason="needs chromium")
def test_the_javascript_example_in_the_viewers_own_page(reader: Reader) -> None:
    source = f"async () => {{ {reader.address(JAVASCRIPT_CONNECT)}; return connectionId; }}"
    with run_chromium() as browser, visit(browser, f"http://localhost:{reader.viewer.port}/") as opened:
        assert opened.page.evaluate(source) == reader.connection_id
