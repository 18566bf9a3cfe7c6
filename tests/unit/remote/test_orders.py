"""The script that ends a viewer by its identity, run by a real shell."""

from __future__ import annotations

import subprocess
import sys

import pytest

from runicorn.remote.server.orders import kill_script


@pytest.mark.skipif(sys.platform == "win32", reason="needs /bin/sh")
def test_only_the_viewer_whose_command_line_names_the_session_is_ended() -> None:
    def sleeper(*words: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)", *words])

    ours = sleeper("runicorn", "viewer", "--session", "feed0001", "--port", "0")
    others = [
        sleeper("runicorn", "viewer", "--session", "feed0002", "--port", "0"),
        sleeper("runicorn", "viewer", "--session", "feed00011", "--port", "0"),
        sleeper("grep", "--session", "feed0001", "file"),
    ]
    try:
        done = subprocess.run(["/bin/sh"], input=kill_script("feed0001"), check=True, capture_output=True, timeout=10)
        assert (done.stdout, ours.wait(2)) == (b"", -15)
        assert [each.poll() for each in others] == [None, None, None]
    finally:
        for process in (ours, *others):
            process.kill()
            process.wait()
