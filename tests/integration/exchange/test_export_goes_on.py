"""An export that was broken off goes on where it was, and ends as one that was not."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from tests.support.commands import command, environment, run
from tests.support.many_points import make_root, records
from tests.support.terminal import EAGER, started, wait_for

pytestmark = pytest.mark.skipif(os.name == "nt", reason="needs signals")
COUNTS = [150_000, 0, 5, *[20_000] * 20, 300_000]
# The command as it is, but that it waits, once so many pieces are noted, for what is sent to it.
STOPPING = """
import os, signal, sys
from runicorn.cli.main import main
from runicorn.exchange.export_draft import ExportDraft
mark, noted, last = ExportDraft.mark, 0, int(sys.argv.pop(1))
def counted(*arguments):
    global noted
    mark(*arguments)
    noted += 1
    if noted == last:
        os.kill(os.getpid(), signal.SIGSTOP)
ExportDraft.mark = counted
main()
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    make_root(tmp_path / "root", COUNTS)
    return tmp_path / "root"


def journals(folder: Path) -> list[Path]:
    return list(folder.glob(".points*/journal"))


def pieces(folder: Path) -> int:
    """Return how many pieces the exports into a folder have noted."""
    return sum(text.count(b'"offset"') for path in journals(folder) if (text := contents(path)))


def contents(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""


def export(tmp_path: Path, root: Path, name: str, *words: str) -> subprocess.CompletedProcess[str]:
    return run("export", "--all", "-o", str(tmp_path / name), "--root", str(root), *words, home=tmp_path)


def break_off(
    tmp_path: Path, root: Path, name: str, number: int, after: int, *words: str
) -> subprocess.CompletedProcess[str]:
    """Start an export, and send it a signal right when it has noted so many pieces itself."""
    said = command("export", "--all", "-o", str(tmp_path / name), "--root", str(root), *words)
    process = subprocess.Popen(
        [sys.executable, "-c", STOPPING, str(after), *said[3:]],
        env=environment(tmp_path),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # Tests that run under nohup ignore it, and a command that is started so keeps to that.
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL),  # noqa: PLW1509 - no threads here
    )
    wait_for(process, lambda: psutil.Process(process.pid).status() == psutil.STATUS_STOPPED)
    process.send_signal(number)
    process.send_signal(signal.SIGCONT)
    stdout, stderr = process.communicate(timeout=60)
    return subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr)


def hidden(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if path.name.startswith(".points")]


@pytest.mark.parametrize("suffix", ["csv", "jsonl"])
def test_an_export_that_was_killed_many_times_is_the_same_to_the_byte(tmp_path: Path, root: Path, suffix: str) -> None:
    assert export(tmp_path, root, f"whole.{suffix}").returncode == 0
    name = f"points.{suffix}"
    chance = random.Random(1)
    for _ in range(4):
        done = break_off(tmp_path, root, name, signal.SIGKILL, chance.randint(1, 3))
        assert done.returncode == -signal.SIGKILL
        assert not (tmp_path / name).exists()
        assert len(hidden(tmp_path)) == 1
    done = export(tmp_path, root, name)
    assert done.returncode == 0
    assert "goes on after" in done.stderr
    assert done.stderr.endswith("850,005 points of 24 runs\n")
    assert (tmp_path / name).read_bytes() == (tmp_path / f"whole.{suffix}").read_bytes()
    assert hidden(tmp_path) == []


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_says_in_one_line_what_is_written(
    tmp_path: Path, root: Path, number: signal.Signals, code: int
) -> None:
    done = break_off(tmp_path, root, "points.csv", number, 2)
    assert done.returncode == code
    (line,) = done.stderr.splitlines()
    assert line.startswith("runicorn: stopped: ")
    assert line.endswith(" of 850,005 points are written. The same command goes on from there.")
    again = export(tmp_path, root, "points.csv")
    assert again.stderr.startswith(f"goes on after {line.split()[2]} points")
    assert export(tmp_path, root, "whole.csv").returncode == 0
    assert (tmp_path / "points.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()


def test_a_full_disk_says_that_the_same_command_goes_on(tmp_path: Path, root: Path) -> None:
    resource = pytest.importorskip("resource")
    limit = 25_000_000
    done = subprocess.run(
        command("export", "--all", "-o", str(tmp_path / "points.csv"), "--root", str(root)),
        env=environment(tmp_path),
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, "Traceback" in done.stderr) == (1, False)
    assert "points are written. Once that is put right, the same command goes on from there." in done.stderr
    assert "goes on after" in export(tmp_path, root, "points.csv").stderr
    assert export(tmp_path, root, "whole.csv").returncode == 0
    assert (tmp_path / "points.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()
    assert hidden(tmp_path) == []


def grow(root: Path, number: int) -> None:
    folder = sorted(root.glob("runs/*"))[number]
    with (folder / "metrics.bin").open("ab") as file:
        file.write(records(3, 99))


@pytest.mark.parametrize("number", [0, 3], ids=["the first run", "the one in the middle"])
def test_a_run_that_has_grown_meanwhile_is_written_anew(tmp_path: Path, root: Path, number: int) -> None:
    break_off(tmp_path, root, "points.csv", signal.SIGKILL, 5)
    grow(root, number)
    assert ("goes on after" in export(tmp_path, root, "points.csv").stderr) == (number > 0)
    assert export(tmp_path, root, "whole.csv").returncode == 0
    assert (tmp_path / "points.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()
    assert hidden(tmp_path) == []


def test_other_runs_or_options_begin_anew(tmp_path: Path, root: Path) -> None:
    for words in (("--system",), ("--format", "jsonl")):
        break_off(tmp_path, root, "points.csv", signal.SIGKILL, 2)
        done = export(tmp_path, root, "points.csv", *words)
        assert (done.returncode, "goes on" in done.stderr, hidden(tmp_path)) == (0, False, [])
        assert export(tmp_path, root, "whole.csv", *words).returncode == 0
        assert (tmp_path / "points.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()
    break_off(tmp_path, root, "points.csv", signal.SIGKILL, 2)
    alone = run("export", "run23", "-o", str(tmp_path / "points.csv"), "--root", str(root), home=tmp_path)
    assert (alone.stderr, hidden(tmp_path)) == ("300,000 points of 1 run\n", [])


def test_parquet_begins_anew_and_leaves_nothing(tmp_path: Path, root: Path) -> None:
    pytest.importorskip("pyarrow.parquet")
    target = tmp_path / "points.parquet"
    process = subprocess.Popen(
        command("export", "--all", "-o", str(target), "--root", str(root)),
        env=environment(tmp_path),
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_for(process, lambda: hidden(tmp_path))
    process.kill()
    process.communicate(timeout=60)
    assert len(hidden(tmp_path)) == 1
    done = export(tmp_path, root, "points.parquet")
    assert (done.stderr, hidden(tmp_path)) == ("850,005 points of 24 runs\n", [])


def test_two_exports_to_one_file_at_once_leave_each_other_alone(tmp_path: Path, root: Path) -> None:
    assert export(tmp_path, root, "whole.csv").returncode == 0
    with started(*command("export", "--all", "-o", str(tmp_path / "points.csv"), "--root", str(root)),
                 home=tmp_path) as first:  # fmt: skip
        first.wait_for(lambda: pieces(tmp_path) >= 1)
        first.process.send_signal(signal.SIGSTOP)
        second = export(tmp_path, root, "points.csv")
        assert (second.returncode, "goes on" in second.stderr) == (0, False)
        assert (tmp_path / "points.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()
        first.process.send_signal(signal.SIGCONT)
        assert first.end() == 0
    assert (tmp_path / "points.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()
    assert hidden(tmp_path) == []


def test_a_run_that_could_not_be_read_is_told_again(tmp_path: Path, root: Path) -> None:
    folder = sorted(root.glob("runs/*"))[0]
    (folder / "metrics.bin").unlink()
    (folder / "metrics.bin").mkdir()
    break_off(tmp_path, root, "points.csv", signal.SIGKILL, 2)
    done = export(tmp_path, root, "points.csv")
    assert (done.returncode, "goes on after" in done.stderr) == (1, True)
    assert "left out: run0" in done.stderr
    export(tmp_path, root, "whole.csv")
    assert (tmp_path / "points.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()


def test_a_run_that_can_be_read_again_is_written(tmp_path: Path, root: Path) -> None:
    folder = sorted(root.glob("runs/*"))[0]
    (folder / "metrics.bin").rename(folder / "away")
    (folder / "metrics.bin").mkdir()
    break_off(tmp_path, root, "points.csv", signal.SIGKILL, 2)
    (folder / "metrics.bin").rmdir()
    (folder / "away").rename(folder / "metrics.bin")
    assert export(tmp_path, root, "points.csv").returncode == 0
    export(tmp_path, root, "whole.csv")
    assert (tmp_path / "points.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()


def test_a_terminal_shows_how_far_it_is_and_ends_clean(tmp_path: Path, root: Path) -> None:
    words = ("export", "--all", "-o", str(tmp_path / "points.csv"), "--root", str(root))
    with started(sys.executable, "-c", EAGER, *words, home=tmp_path) as shown:
        shown.wait_for(lambda: " s left" in shown.stderr)
        shown.process.send_signal(signal.SIGINT)
        assert shown.end() == 130
    assert "\rrunicorn: exporting, " in shown.stderr
    assert " of 850,005 points, " in shown.stderr
    assert " points/s, " in shown.stderr
    assert [line.split(": ")[1] for line in shown.screen] == ["stopped"]


def test_a_table_on_a_terminal_is_not_written_over(tmp_path: Path, root: Path) -> None:
    words = ("export", "--all", "--root", str(root))
    with started(sys.executable, "-c", EAGER, *words, home=tmp_path, on_terminal=True) as shown:
        shown.wait_for(lambda: shown.stderr.count("\n") > 1000)
        shown.process.send_signal(signal.SIGINT)
        assert shown.end() == 130
    assert "exporting" not in shown.stderr
    assert shown.screen[-1] == "runicorn: stopped before all was written. The same command begins anew."


def test_ctrl_c_ends_an_export_that_nobody_reads(tmp_path: Path, root: Path) -> None:
    process = subprocess.Popen(
        command("export", "--all", "--root", str(root)),
        env=environment(tmp_path),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    assert process.stdout.readline() == "run,metric,step,time,value\n"  # and the pipe is full
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 130
    assert process.stderr
    said = process.stderr.read()
    assert (said.count("\n"), said.startswith("runicorn: stopped before all was written. ")) == (1, True)
    process.communicate()


def test_a_closed_standard_error_stops_nothing(tmp_path: Path, root: Path) -> None:
    words = ("export", "--all", "-o", str(tmp_path / "points.csv"), "--root", str(root))
    done = subprocess.run(
        [sys.executable, "-c", EAGER, *words],
        env=environment(tmp_path),
        preexec_fn=lambda: os.close(2),
        timeout=60,
        check=False,
    )
    assert done.returncode == 0
    assert (tmp_path / "points.csv").read_text().count("\n") == 850_006


def test_a_journal_of_another_boot_is_nobodys(tmp_path: Path, root: Path) -> None:
    """Pids mean something within a boot only; what such an export left is removed after a day."""
    break_off(tmp_path, root, "points.csv", signal.SIGKILL, 2)
    (draft,) = [path.parent for path in journals(tmp_path)]
    parts = draft.name.rsplit(".", 3)
    other = draft.with_name(f"{parts[0]}.{'0' * 12}{parts[1][12:]}.{parts[2]}.export")
    draft.rename(other)
    assert "goes on" not in export(tmp_path, root, "points.csv").stderr
    assert other.exists()
    for path in (other, *other.iterdir()):
        os.utime(path, (0, 0))
    export(tmp_path, root, "points.csv")
    assert not other.exists()


def test_a_long_name_of_the_output_has_room_for_its_draft(tmp_path: Path, root: Path) -> None:
    name = "\u6a21" * 80 + ".csv"
    assert json.dumps(name)
    assert export(tmp_path, root, name).returncode == 0
    assert (tmp_path / name).is_file()
