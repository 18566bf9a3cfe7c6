"""Which folders of a host are likely to hold runs: the script on a real tree, by real shells."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from runicorn.remote.server import candidates
from runicorn.remote.server.candidates import RUNICORN, TENSORBOARD, Candidate, Candidates

BEGIN, END = "<<<begin", "end>>>"
SHELLS = [each for each in ("sh", "bash", "dash", "busybox") if shutil.which(each)]


def look(home: Path, shell: str = "sh", **environ: str) -> Candidates:
    command = [shell, "sh"] if shell == "busybox" else [shell]
    done = subprocess.run(
        command,
        input=candidates.script(BEGIN, END),
        env={"HOME": str(home), "PATH": "/usr/bin:/bin", **environ},
        stdout=subprocess.PIPE,
        check=True,
    )
    found = candidates.parse(b"noise of a start file\n" + done.stdout, BEGIN, END)
    assert found is not None
    return found


def root(path: Path, runs: int) -> Path:
    for number in range(runs):
        (path / "runs" / f"r{number}").mkdir(parents=True)
    path.mkdir(parents=True, exist_ok=True)
    (path / "runicorn.json").write_text("{}")
    return path


def logdir(path: Path, *runs: str) -> Path:
    for run in runs:
        (path / run).mkdir(parents=True, exist_ok=True)
        (path / run / "events.out.tfevents.1700000000.gpu.1.0").touch()
    return path


@pytest.mark.parametrize("shell", SHELLS)
def test_roots_and_logdirs_are_found_with_how_much_they_hold(shell: str, tmp_path: Path) -> None:
    home, scratch = tmp_path / "home", tmp_path / "scratch"
    root(home / "runicorn_data", 3)
    root(home / "old work" / "it's mine", 1)
    logdir(home / "project" / "lightning_logs", "version_0", "version_1", "version_2/val")
    logdir(home / "tb", ".")
    root(scratch / "me", 7)
    root(home / ".cache" / "hidden", 1)
    root(home / "venv" / "in an environment", 1)
    logdir(home / "a" / "b" / "c" / "d" / "e" / "f", "too-deep")
    found = look(home, shell, SCRATCH=str(scratch), WORK=str(home / "project"), RUNICORN_ROOT="relative")
    assert found.scan_root == str(home)
    assert found.candidates == (
        Candidate(str(scratch / "me"), RUNICORN, 7),
        Candidate(str(home / "project" / "lightning_logs"), TENSORBOARD, 3),
        Candidate(str(home / "runicorn_data"), RUNICORN, 3),
        Candidate(str(home / "old work" / "it's mine"), RUNICORN, 1),
        Candidate(str(home / "tb"), TENSORBOARD, 1),
    )


def test_an_empty_home_holds_nothing(tmp_path: Path) -> None:
    assert look(tmp_path).candidates == ()


def test_names_that_break_lines_break_nothing_else(tmp_path: Path) -> None:
    root(tmp_path / "a\n9 /etc", 2)
    root(tmp_path / "plain", 1)
    found = look(tmp_path)
    assert Candidate(str(tmp_path / "plain"), RUNICORN, 1) in found.candidates


@pytest.mark.parametrize("stdout", [b"", b"<<<begin\n/home\n", b"end>>>\n", b"\xff<<<begin", b"<<<begin"])
def test_an_answer_that_is_not_whole_is_none(stdout: bytes) -> None:
    assert candidates.parse(stdout, BEGIN, END) is None


def test_lines_that_make_no_sense_are_passed_over() -> None:
    stdout = b"<<<begin\n/home\nx\n1\n-1 /a/runicorn.json\n1 relative/runicorn.json\n2 /a/runicorn.json\nend>>>\n"
    assert candidates.parse(stdout, BEGIN, END) == Candidates("/home", (Candidate("/a", RUNICORN, 2),))
