"""What a server's start files say to other programs does not disturb the viewer that is started there."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from tests.support.remote import start, stop
from tests.support.server import Server
from tests.support.serving import Viewer


@pytest.fixture
def poisoned(server: Server) -> Iterator[Path]:
    """A folder with a module of the standard library's name; and a start file, which is taken away again."""
    folder, bashrc = server.account.home / "poisoned", server.account.home / ".bashrc"
    folder.mkdir()
    (folder / "json.py").write_text("raise RuntimeError('another json')\n")
    bashrc.write_text(f"export PYTHONPATH={folder} PYTHONHOME=/nowhere PYTHONWARNINGS=error PYTHONINSPECT=1\n")
    yield folder
    bashrc.unlink()
    shutil.rmtree(folder)


def test_pythons_own_variables_do_not_reach_it_and_are_in_the_log(
    connected: Viewer, server: Server, poisoned: Path
) -> None:
    session = start(connected, server.login(remote_root=str(server.runs)))
    assert httpx.get(f"{session['url']}/api/health").json()["session_id"] == session["sessionId"]
    lines = connected.get(f"/api/remote/viewer/log/{session['sessionId']}").json()["lines"]
    said = " ".join(line["text"] for line in lines)
    assert str(poisoned) not in said  # a value may be a secret
    for name in ("PYTHONPATH", "PYTHONHOME", "PYTHONWARNINGS", "PYTHONINSPECT"):
        assert f"left out: {name}" in said
    stop(connected, session)


def test_a_folder_may_begin_with_a_variable_of_the_start_files_or_somebodys_home(
    connected: Viewer, server: Server
) -> None:
    bashrc = server.account.home / ".bashrc"
    bashrc.write_text(f"export SCRATCH='{server.runs.parent}'\n")
    connection_id = f"{server.account.username}@127.0.0.1:{server.sshd.port}"
    name = server.runs.name
    try:
        for typed in (f"$SCRATCH/{name}", f"${{HOME}}/{name}", f"~{server.account.username}/{name}"):
            listed = connected.get("/api/remote/fs/list", connection_id=connection_id, path=typed)
            assert listed.json()["path"] == str(server.runs), listed.text
            exists = connected.get("/api/remote/fs/exists", connection_id=connection_id, path=typed).json()
            assert (exists["exists"], exists["is_dir"]) == (True, True)
            session = start(connected, server.login(remote_root=typed))
            assert httpx.get(f"{session['url']}/api/runs").json()["runs"] == []
            stop(connected, session)
        answer = connected.post("/api/remote/viewer/start", server.login(remote_root="$NO_SUCH/x"))
        assert answer.json()["code"] == "REMOTE_ROOT_MISSING", answer.text
    finally:
        bashrc.unlink()
