"""Packing and bringing files, broken off at any moment: nothing is lost, and the same command goes on."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.support.commands import command, environment, run
from tests.support.many_points import make_root
from tests.support.terminal import EAGER, started, wait_for

import runicorn as rn
from runicorn.storage.artifacts import names
from runicorn.storage.artifacts.download import download
from runicorn.storage.artifacts.manifest import Entry
from runicorn.storage.files import LocalFiles
from runicorn.storage.packed_files import PackedFiles

pytestmark = pytest.mark.skipif(os.name == "nt", reason="needs signals")
RUNS = 8
MEGABYTE = 1_000_000
# A megabyte takes five milliseconds at least: on a fast disk all would be there before it can be broken off.
SLOW_DISK = f"""
import time
from runicorn.storage.artifacts import copying
rest = copying._rest
def slow(*given):
    for data in rest(*given):
        time.sleep(0.005)
        yield data
copying._rest = slow
{EAGER}"""
KILLED_WHILE_IT_WRITES = f"""
import os, signal
os.fsync = lambda fd: os.kill(os.getpid(), signal.SIGKILL)
{EAGER}
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    make_root(tmp_path / "root", [200_000] * RUNS)
    return tmp_path / "root"


def points(root: Path) -> dict[str, bytes]:
    """Return all records of each run, as readers see them."""
    files = PackedFiles(LocalFiles(root))
    return {path.name: files.read(f"runs/{path.name}/metrics.bin") for path in root.glob("runs/*")}


def packed(root: Path) -> int:
    return len(list(root.glob("runs/*/metrics.bin.packed")))


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_leaves_each_run_whole_and_says_what_is_packed(
    tmp_path: Path, root: Path, number: signal.Signals, code: int
) -> None:
    before = points(root)
    words = ("compact", "--root", str(root))
    with started(sys.executable, "-c", EAGER, *words, home=tmp_path) as shown:
        shown.wait_for(lambda: packed(root) >= 2 and "packing, 3 of 8 runs" in shown.stderr)
        shown.process.send_signal(number)
        assert shown.end() == code
    assert "\rrunicorn: packing, 1 of 8 runs, " in shown.stderr
    assert " of 51 MB, " in shown.stderr
    assert " MB/s, " in shown.stderr
    (line,) = shown.screen
    assert line.startswith("runicorn: stopped. Packed ")
    assert line.endswith(" The same command goes on with the rest.")
    done = int(line.split()[3])
    assert 2 <= done < RUNS
    assert points(root) == before
    assert owners(root) == []
    again = run(*words, home=tmp_path)
    assert again.stdout.startswith(f"Packed {RUNS - done} runs")
    check_all_is_packed(root, before)


def test_packing_that_was_killed_many_times_loses_no_bit(tmp_path: Path, root: Path) -> None:
    before = points(root)
    for _ in range(4):
        known, claims = packed(root), len(owners(root))
        process = subprocess.Popen(command("compact", "--root", str(root)), env=environment(tmp_path))
        wait_for(process, lambda known=known: packed(root) > known)
        wait_for(process, lambda claims=claims: len(owners(root)) > claims)  # in the middle of the next run
        process.kill()
        process.communicate(timeout=60)
        assert points(root) == before
    assert run("compact", "--root", str(root), home=tmp_path).returncode == 0
    check_all_is_packed(root, before)


def owners(root: Path) -> list[Path]:
    return list(root.glob("runs/*/.owner-*"))


def test_what_packing_left_that_was_killed_while_it_wrote_is_removed(tmp_path: Path, root: Path) -> None:
    killed = subprocess.run(
        [sys.executable, "-c", KILLED_WHILE_IT_WRITES, "compact", "--root", str(root)],
        env=environment(tmp_path),
        timeout=60,
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL
    assert len(list(root.glob("runs/*/.*.tmp"))) == 1
    before = points(root)
    assert run("compact", "--root", str(root), home=tmp_path).returncode == 0
    check_all_is_packed(root, before)


def check_all_is_packed(root: Path, before: dict[str, bytes]) -> None:
    assert points(root) == before
    assert packed(root) == RUNS
    assert list(root.glob("runs/*/metrics.bin")) == []
    assert list(root.glob("runs/*/.*.tmp")) == []


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A root with an artifact of 200 MB; return the file that it was made from."""
    path = tmp_path / "model.bin"
    path.write_bytes(os.urandom(2 * MEGABYTE) * 100)
    with rn.init(root=tmp_path / "root") as opened:
        opened.log_artifact(path, name="model")
    return path


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_keeps_what_was_copied_and_the_same_command_goes_on(
    tmp_path: Path, model: Path, number: signal.Signals, code: int
) -> None:
    target = tmp_path / "out"
    words = ("artifacts", "get", "model", "-o", str(target), "--root", str(tmp_path / "root"))

    def copied() -> int:
        return sum(part.stat().st_size for part in target.glob(".*.runicorn-part"))

    with started(sys.executable, "-c", SLOW_DISK, *words, home=tmp_path) as shown:
        shown.wait_for(lambda: copied() > 20 * MEGABYTE and " MB/s, " in shown.stderr)
        shown.process.send_signal(number)
        assert shown.end() == code
    assert "\rrunicorn: downloading model:v0, " in shown.stderr
    assert shown.screen == ["runicorn: stopped. What was copied is kept, and the same command goes on from there."]
    (part,) = target.iterdir()
    assert part.stat().st_size > 20 * MEGABYTE
    inode = part.stat().st_ino
    again = run(*words, home=tmp_path)
    assert (again.returncode, again.stdout) == (0, f"{target}\n")
    assert (target / "model.bin").stat().st_ino == inode
    assert (target / "model.bin").read_bytes() == model.read_bytes()


@pytest.mark.parametrize("spoilt", [False, True], ids=["right", "wrong"])
def test_what_is_there_already_is_counted_while_it_is_checked(tmp_path: Path, spoilt: bool) -> None:
    content = os.urandom(MEGABYTE) * 5
    sha256 = hashlib.sha256(content).hexdigest()
    blob = tmp_path / "root" / names.blob_path(sha256)
    blob.parent.mkdir(parents=True)
    blob.write_bytes(content)
    place = tmp_path / "out" / "big"
    place.parent.mkdir()
    place.write_bytes(content[:-1] + (b"?" if spoilt else content[-1:]))
    counted: list[int] = []
    download(tmp_path / "root", [Entry("big", len(content), sha256)], (), place.parent, counted.append)
    assert sum(counted) == len(content)
    assert len([size for size in counted if size > 0]) >= 5
    assert (min(counted) < 0) == spoilt
    assert place.read_bytes() == content
