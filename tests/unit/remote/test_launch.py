"""The start script and what a viewer's first words mean."""

import shlex

import pytest

from runicorn.errors import (
    ConnectionClosedError,
    RemoteViewerCrashedError,
    RunicornError,
    RunicornMissingError,
    RunicornTooOldError,
)
from runicorn.remote.server import launch
from runicorn.remote.server.launch import Launch
from runicorn.remote.server.probe import Environment

PYTHON = Environment("ml", "conda", "3.11.9", "/opt/my env/bin/python", "0.8.0")


def request(root: str = "/data") -> Launch:
    return Launch("abcd1234", PYTHON, root, None, 600.0, ("localhost:18080",))


@pytest.mark.parametrize("root", ["/data; rm -rf ~", "$(id)", "`id`", "a'b\"c", "a\nb", "-x", "~/runs"])
def test_a_hostile_root_is_one_quoted_word(root: str) -> None:
    text = launch.script(request(root), "marker").decode()
    beginning, variables, command = text.split("\n", 2)
    assert beginning == "cd /"
    assert variables.startswith("env|sed ")
    words = shlex.split(command)
    assert words[0] == "exec"
    assert words[1] == PYTHON.path
    assert words[words.index("--root") + 1] == root


def test_the_answer_is_found_behind_noise_and_only_when_complete() -> None:
    line = b'Welcome\nmarker{"port": 1}'
    assert launch.find_answer(line, "marker") is None
    assert launch.find_answer(line + b"\n", "marker") == {"port": 1}
    assert launch.find_answer(b'other{"port": 1}\n', "marker") is None


@pytest.mark.parametrize(
    ("stderr", "status", "error"),
    [
        (b"/usr/bin/python3: No module named runicorn\n", 1, RunicornMissingError),
        (b"Usage: runicorn viewer\nError: No such option: --session\n", 2, RunicornTooOldError),
        (b"noise\nTraceback (most recent call last):\n  x\nImportError: numpy\n", 1, RemoteViewerCrashedError),
        (b"ModuleNotFoundError: No module named 'runicorn.viewer'\n", 1, RemoteViewerCrashedError),
        (b"", None, ConnectionClosedError),
        (b"Killed\n", -1, RemoteViewerCrashedError),
    ],
)
def test_each_early_end_has_its_error(stderr: bytes, status: int | None, error: type[RunicornError]) -> None:
    explained = launch.explain_exit(b"", stderr, status, request())
    assert type(explained) is error


def test_a_crash_names_what_of_the_start_files_was_left_out() -> None:
    stderr = b"noise\nleft out: PYTHONPATH\nleft out: PYTHONHOME\nTraceback (most recent call last):\nImportError\n"
    detail = launch.explain_exit(b"", stderr, 1, request()).detail
    assert "(PYTHONPATH, PYTHONHOME of the server's start files did not reach it)" in detail
    assert "left out" not in launch.explain_exit(b"", b"Killed\n", 137, request()).detail


def test_a_crash_shows_its_traceback() -> None:
    stderr = b"module load noise\nTraceback (most recent call last):\n  boom\nImportError: numpy is broken\n"
    assert "numpy is broken" in launch.explain_exit(b"", stderr, 1, request()).detail
