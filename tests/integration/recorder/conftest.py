"""Real training scripts in processes of their own."""

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import runicorn as rn

TIMEOUT_SECS = 30


class Script:
    """Runs Python code with a storage root; `done` is the finished process."""

    def __init__(self, root: Path):
        self.root = root
        self.started: list[subprocess.Popen] = []

    def environ(self, **changes):
        return {**os.environ, "RUNICORN_ROOT": str(self.root), "PYTHONPATH": "", **changes}

    def run(self, code: str, **options) -> subprocess.CompletedProcess:
        return subprocess.run(
            [sys.executable, "-c", textwrap.dedent(code)],
            env=self.environ(),
            capture_output=True,
            text=True,
            timeout=TIMEOUT_SECS,
            check=False,
            **options,
        )

    def start(self, code: str, **options) -> subprocess.Popen:
        process = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(code)],
            env=self.environ(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            **options,
        )
        self.started.append(process)
        return process

    def runs(self) -> list[dict]:
        """Return run.json and status.json of each run, as one dictionary."""
        return [
            {**json.loads((folder / "run.json").read_bytes()), **json.loads((folder / "status.json").read_bytes())}
            for folder in (self.root / "runs").iterdir()
        ]

    def end(self):
        for process in self.started:
            if process.poll() is None:
                process.kill()
            process.communicate(timeout=TIMEOUT_SECS)


@pytest.fixture
def script(tmp_path):
    scripts = Script(tmp_path / "root")
    yield scripts
    scripts.end()


@pytest.fixture
def run(tmp_path):
    """A run that is open, in `root` below tmp_path."""
    with rn.init(root=tmp_path / "root") as opened:
        yield opened


@pytest.fixture
def folder(tmp_path):
    """What could be an artifact: files in folders, an empty one of each."""
    place = tmp_path / "data"
    (place / "weights").mkdir(parents=True)
    (place / "empty").mkdir()
    (place / "weights" / "模型.bin").write_bytes(bytes(range(256)) * 10)
    (place / "nothing").touch()
    return place
