"""Whatever the folder for temporary files is called, `ssh` carries the session."""

from __future__ import annotations

import tempfile
from pathlib import Path

import httpx
import pytest
from tests.support.agent import run_agent
from tests.support.remote import accept, connect, start, stop
from tests.support.server import Server
from tests.support.serving import run_viewer

NAMES = {
    "a blank": "a folder of mine",
    "quotes": 'it\'s "mine"',
    "percent": "100%h %% %d",
    "colon and comma": "a:b,c",
    "backslash and dollar": "a\\b $HOME ${HOME} ~",
    "beyond ASCII": "größe 目录",
    "too long for a socket": "x" * 120,
}


# With a key, ssh asks an agent of ours in that folder; with the person's own agent it reads a public key there.
@pytest.mark.parametrize(("login", "name"), [*(("key", name) for name in NAMES), ("agent", "a blank")])
def test_ssh_carries_the_session(login: str, name: str, server: Server, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    folder = Path(tempfile.mkdtemp(prefix="t-")) / NAMES[name]
    folder.mkdir()
    with run_agent(tmp_path / "agent", server.key) as agent:
        environ = {**agent, "RUNICORN_TUNNEL": "openssh", "TMPDIR": str(folder)}
        with run_viewer(tmp_path / "root", tmp_path / "home", environ) as viewer:
            body = server.login() if login == "key" else server.body(use_agent=True)
            accept(viewer, connect(viewer, body))
            session = start(viewer, {**body, "remote_root": str(server.runs)})
            assert (session["tunnelBackend"], session["fallbacks"]) == ("openssh", [])
            assert httpx.get(f"{session['url']}/api/health").json()["session_id"] == session["sessionId"]
            stop(viewer, session)
    assert list(folder.iterdir()) == []
