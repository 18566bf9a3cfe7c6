"""By SFTP, too, all that the first chart of a run takes is asked for at once, and is what comes one by one."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from tests.support.agents import ShellConnection, run_sftp
from tests.support.first_charts import at_once, chart, long_run, numbers
from tests.support.pyramids import Run
from tests.support.waiting import eventually

from runicorn.remote.server.inbox import Outbox
from runicorn.remote.server.sftp import ahead
from runicorn.remote.server.sftp.client import Sftp
from runicorn.remote.server.sftp.lanes import Lanes
from runicorn.sources.host import HostSource
from runicorn.sources.host_files import HostFiles
from runicorn.sources.lines import CurveLine, Wanted
from runicorn.sources.local import LocalSource
from runicorn.storage import layout, records
from runicorn.storage.files import Range
from runicorn.storage.pyramid.table import foreseen_rule
from runicorn.storage.series import Axis, Window

POINTS = 700_000  # more than is asked for at once


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "root").mkdir()
    return tmp_path / "root"


@pytest.fixture
def run(root: Path) -> Run:
    return long_run(root, POINTS)


@pytest.fixture
def connection() -> ShellConnection:
    return ShellConnection()


@pytest.fixture
def reader(connection: ShellConnection, root: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sftp]:
    """Reads by SFTP; its second channel is open."""
    monkeypatch.setattr(Lanes, "widen_behind", Lanes.widen)
    with run_sftp(connection) as started:
        started.hello(str(root))
        yield started
    eventually(lambda: not threads(), 5, "nothing goes on")


@pytest.fixture
def source(reader: Sftp, root: Path, tmp_path: Path) -> Iterator[HostSource]:
    made = HostSource("x", HostFiles(reader), "host", str(root), tmp_path / "cache")
    yield made
    made.close()


@pytest.fixture
def source_at_once(reader: Sftp, root: Path, tmp_path: Path) -> Iterator[HostSource]:
    made = HostSource("x", HostFiles(reader, monotonic=at_once), "host", str(root), tmp_path / "cache")
    yield made
    made.close()


def threads() -> list[str]:
    return [each.name for each in threading.enumerate() if each.name in ("sftp-opening", "sftp-bringing")]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """By which threads something is asked, each time; but for those that look for other logs."""
    found: list[str] = []
    send = Outbox.send

    def noted(outbox: Outbox, data: bytes) -> None:
        name = threading.current_thread().name
        if name not in ("runicorn-tensorboard", "sftp-widening"):
            found.append(name)
        send(outbox, data)

    monkeypatch.setattr(Outbox, "send", noted)
    return found


def here(root: Path, tmp_path: Path, run: Run) -> list[Any]:
    local = LocalSource("y", root, tmp_path / "own")
    try:
        return numbers(chart(local, run.run_id))
    finally:
        local.close()


def test_a_chart_is_brought_before_it_is_asked_for_and_is_the_same(
    source_at_once: HostSource, run: Run, root: Path, tmp_path: Path, asked: list[str]
) -> None:
    far = chart(source_at_once, run.run_id)
    assert set(asked) == {"sftp-opening", "sftp-bringing"}, "nothing was asked for once it was needed"
    assert asked.count("sftp-opening") == 2, "the folder, then its small files"
    assert numbers(far) == here(root, tmp_path, run)


def test_details_are_counted_from_what_was_brought(source_at_once: HostSource, run: Run, asked: list[str]) -> None:
    details, files = source_at_once.details(run.run_id)
    assert {name: stats.count for name, stats in details.metrics.items()} == {"loss": POINTS / 2, "lr": POINTS / 2}
    assert {name for name, _ in files} == {each.name for each in run.path.iterdir()}
    assert set(asked) == {"sftp-opening", "sftp-bringing"}


def test_of_a_run_that_is_written_on_no_point_is_lost(source: HostSource, run: Run) -> None:
    source.metrics([run.run_id])
    run.append(run.rows(np.arange(1000) % 2, POINTS + np.arange(1000), 0.5))
    lines, _ = source.lines([run.run_id], Window(Axis.STEP, 200), "std", overwritten=True)
    (line,) = lines.each([Wanted("lr", [run.run_id])])
    assert isinstance(line, CurveLine)
    assert line.last_step in (POINTS - 1, POINTS + 999), "as it was when it was looked at, within half a second"
    eventually(lambda: last_step(source, run) == POINTS + 999, 5)
    assert source.details(run.run_id)[0].metrics["lr"].count == POINTS / 2 + 500


def last_step(source: HostSource, run: Run) -> int | None:
    lines, _ = source.lines([run.run_id], Window(Axis.STEP, 200), "std", overwritten=True)
    (line,) = lines.each([Wanted("lr", [run.run_id])])
    assert isinstance(line, CurveLine)
    return line.last_step


def test_another_file_in_its_place_is_shown_and_nothing_of_the_one_before(
    source: HostSource, run: Run, root: Path, tmp_path: Path
) -> None:
    source.metrics([run.run_id])
    (run.path / "metrics.bin").unlink()
    run.append(run.rows(np.arange(POINTS) % 2, np.arange(POINTS), -7.0))
    eventually(lambda: numbers(chart(source, run.run_id)) == here(root, tmp_path, run), 5)


def test_a_file_that_is_cut_meanwhile_is_shown_as_it_is(
    source: HostSource, run: Run, root: Path, tmp_path: Path
) -> None:
    source.metrics([run.run_id])
    os.truncate(run.path / "metrics.bin", 320_000)
    eventually(lambda: numbers(chart(source, run.run_id)) == here(root, tmp_path, run), 5)


@pytest.mark.parametrize("name", ["metrics.bin", "run.json", "metrics.keys"])
def test_pipes_hold_up_nothing(name: str, source: HostSource, reader: Sftp, run: Run) -> None:
    (run.path / name).unlink()
    os.mkfifo(run.path / name)
    files = HostFiles(reader)
    files.foresee([f"runs/{run.run_id}"], foreseen_rule())
    (entries,) = files.look([f"runs/{run.run_id}"])
    assert not isinstance(entries, OSError)
    assert {each.name for each in entries} == {each.name for each in run.path.iterdir()}
    (answer,) = files.fetch([Range(f"runs/{run.run_id}/{name}", 0, 100)])
    assert isinstance(answer, OSError)
    assert files.read(f"runs/{run.run_id}/status.json") == b'{"state": "finished"}'


def test_folders_with_nothing_to_bring_are_told_as_they_are(reader: Sftp, root: Path) -> None:
    (root / "odd").mkdir()
    (root / "odd" / "short.bin").write_bytes(bytes(64))
    (root / "odd" / "large.json").write_bytes(b"x" * 2**20)
    (root / "odd" / "sub.json").mkdir()
    (root / "odd" / "status.json").write_bytes(b'{"state": "fin\xff')
    (root / "file").touch()
    rule = list(foreseen_rule())
    opening = reader.open("odd", rule)
    assert opening is not None
    entries, small = opening.told()
    assert len(entries) == 4
    assert small == {"status.json": b'{"state": "fin\xff'}
    assert not opening.holds("odd/short.bin", 0, 64)
    for nothing in ("not-there", "file"):
        gone = reader.open(nothing, rule)
        assert gone is not None
        assert gone.told() == ([], {})
        assert gone.is_over


@pytest.mark.parametrize("others", [["system.bin"], ["system.bin", "metrics.2.bin", "metrics.3.bin"]])
def test_of_several_record_files_all_are_shown(
    others: list[str], source_at_once: HostSource, run: Run, asked: list[str]
) -> None:
    for name in others:
        (run.path / name).write_bytes((run.path / "metrics.bin").read_bytes()[: 10**7])
        (run.path / name.replace(".bin", ".keys")).write_bytes((run.path / "metrics.keys").read_bytes())
    there = list(layout.record_files([*others, "metrics.bin"]))
    details, _ = source_at_once.details(run.run_id)
    expected = (POINTS + (len(there) - 1) * (10**7 // records.RECORD_BYTES)) / 2
    assert details.metrics["lr"].count == expected
    assert (set(asked) == {"sftp-opening", "sftp-bringing"}) == (len(there) == 2), "two are brought, others are asked"


@pytest.mark.parametrize("ending", ["kill", "suspend"])
def test_who_waits_for_it_is_told_when_the_server_is_gone(
    ending: str, connection: ShellConnection, reader: Sftp, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = HostFiles(reader)
    files.foresee([f"runs/{run.run_id}"], foreseen_rule())
    files.look([f"runs/{run.run_id}"])
    children = [psutil.Process(each.child.pid) for each in connection.processes]
    for child in children:
        child.suspend()
    answers: list[Any] = []
    waiting = threading.Thread(
        target=lambda: answers.extend(files.fetch([Range(f"runs/{run.run_id}/metrics.bin", 0, 16 * 2**20)]))
    )
    waiting.start()
    if ending == "kill":
        for child in children:
            child.kill()
    else:
        waiting.join(0.2)
        files.read_by_nobody("The link is lost")
    waiting.join(10)
    assert not waiting.is_alive()
    assert isinstance(answers[0], (OSError, bytes))
    if ending == "suspend":
        for child in children:
            child.resume()


def test_a_chart_that_nobody_comes_for_is_let_go_of(reader: Sftp, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ahead, "KEPT_SECS", 0.3)
    files = HostFiles(reader)
    files.foresee([f"runs/{run.run_id}"], foreseen_rule())
    files.look([f"runs/{run.run_id}"])
    eventually(lambda: not threads(), 5)
    data = files.read(f"runs/{run.run_id}/metrics.bin", 0, 1000)
    assert data == (run.path / "metrics.bin").read_bytes()[:1000]


def test_of_many_runs_at_once_few_are_brought_and_all_are_shown(source: HostSource, root: Path, tmp_path: Path) -> None:
    ids = []
    for number in range(8):
        made = Run(root, f"20261120-00000{number}-00000{number}")
        (made.path / "run.json").write_text(json.dumps({"id": made.run_id, "name": "x", "created_at": 1000.0}))
        made.keys("loss")
        made.append(made.rows(0, np.arange(20_000), float(number)))
        ids.append(made.run_id)
    source.metrics(ids)
    assert threads().count("sftp-bringing") <= 2
    lines, _ = source.lines(ids, Window(Axis.STEP, 200), "std", overwritten=True)
    found = {line.run_id: line for line in lines.each([Wanted("loss", ids)]) if isinstance(line, CurveLine)}
    assert {run_id: (line.last_step, float(line.curve.y[0])) for run_id, line in found.items() if line.curve} == {
        run_id: (19_999, float(number)) for number, run_id in enumerate(ids)
    }
