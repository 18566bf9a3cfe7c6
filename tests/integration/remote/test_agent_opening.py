"""All that the first chart of a run takes is asked of the agent at once, and is what was asked for one by one."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from tests.support.agents import pythons, run_agent
from tests.support.first_charts import at_once, chart, long_run, numbers
from tests.support.pyramids import Run
from tests.support.waiting import eventually

from runicorn.model import Axis
from runicorn.remote.server.agent import client, command
from runicorn.sources.host import HostSource
from runicorn.sources.host_files import HostFiles
from runicorn.sources.lines import CurveLine, Wanted
from runicorn.sources.local import LocalSource
from runicorn.storage.files import LocalFiles, Range
from runicorn.storage.pyramid.table import foreseen_rule
from runicorn.storage.series import Window

PYTHONS = pythons()
POINTS = 400_000


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return long_run(tmp_path / "root", POINTS)


@pytest.fixture
def agent() -> Iterator[client.Agent]:
    with run_agent() as started:
        yield started


class Questions:
    """What an agent is asked, in order; but for what looks for other logs behind it."""

    def __init__(self, agent: client.Agent, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked: list[str] = []
        send = agent._send

        def noted(number: int, request: dict[str, Any]) -> None:
            if threading.current_thread().name != "runicorn-tensorboard":
                self.asked.append(request["do"])
            send(number, request)

        monkeypatch.setattr(agent, "_send", noted)


@pytest.mark.parametrize("version", PYTHONS)
def test_a_chart_takes_one_question_and_is_the_same(
    version: str, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "_PYTHONS", (PYTHONS[version],))
    with run_agent() as agent:
        agent.hello(str(run.root))
        source = HostSource("x", HostFiles(agent, monotonic=at_once), "host", str(run.root), tmp_path / "cache")
        asked = Questions(agent, monkeypatch).asked
        far = chart(source, run.run_id)
        assert asked == ["open"]
        source.close()
    local = LocalSource("y", run.root, tmp_path / "own")
    assert numbers(far) == numbers(chart(local, run.run_id))
    local.close()


def test_what_is_known_of_a_run_takes_one_question(
    run: Run, agent: client.Agent, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent.hello(str(run.root))
    source = HostSource("x", HostFiles(agent, monotonic=at_once), "host", str(run.root), tmp_path / "cache")
    asked = Questions(agent, monkeypatch).asked
    details, files = source.details(run.run_id)
    assert asked == ["open"]
    assert {name: stats.count for name, stats in details.metrics.items()} == {"loss": POINTS / 2, "lr": POINTS / 2}
    assert {name for name, _ in files} == {each.name for each in run.path.iterdir()}
    source.close()


def test_of_a_run_that_is_written_on_no_point_is_lost(
    run: Run, agent: client.Agent, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent.hello(str(run.root))
    source = HostSource("x", HostFiles(agent), "host", str(run.root), tmp_path / "cache")
    asked = Questions(agent, monkeypatch).asked
    source.metrics([run.run_id])
    run.append(run.rows(np.arange(1000) % 2, POINTS + np.arange(1000), 0.5))
    time.sleep(0.6)  # what was told of the folder is old by then
    lines, _ = source.lines([run.run_id], Window(Axis.STEP, 200), "std", overwritten=True)
    (line,) = lines.each([Wanted("lr", [run.run_id])])
    assert isinstance(line, CurveLine)
    assert line.last_step == POINTS + 999
    assert asked == ["open", "look", "fetch"], "what was condensed counts, and only what is new is read"
    source.close()


def test_what_is_made_ahead_holds_up_nothing_urgent(tmp_path: Path, agent: client.Agent) -> None:
    run = Run(tmp_path)
    for number in range(20):
        run.append(run.rows(np.arange(50_000) % 200, np.arange(50_000) + number * 50_000, 1.0))
    process = psutil.Process(agent.hello(str(run.root)).pid)
    opening = agent.open(f"runs/{run.run_id}", list(foreseen_rule()))
    entries, small = opening.told()
    assert {entry[0] for entry in entries} == {each.name for each in run.path.iterdir()}
    assert set(small) <= {each.name for each in run.path.iterdir()}
    done: list[Any] = []
    waiting = threading.Thread(target=lambda: done.append(opening.condensed()))
    waiting.start()
    meanwhile = 0
    while waiting.is_alive() and meanwhile < 20:
        assert agent.stats([f"runs/{run.run_id}/metrics.bin"])[0][2] == 32 * 10**6
        meanwhile += not done
    waiting.join()
    assert done[0][f"runs/{run.run_id}/metrics.bin"][0] == 32 * 10**6
    assert meanwhile >= 5
    assert process.memory_info().rss < 60 * 2**20


def test_odd_folders_are_told_as_they_are(tmp_path: Path, agent: client.Agent) -> None:
    folder = tmp_path / "odd"
    folder.mkdir()
    os.mkfifo(folder / "run.json")
    (folder / "status.json").write_bytes(b'{"state": "fin\xff')
    (folder / "large.json").write_bytes(b"x" * 2**20)
    (folder / "sub.json").mkdir()
    (folder / "short.bin").write_bytes(bytes(64))
    (folder / "noise.bin").write_bytes(bytes(10**6))
    (tmp_path / "file").touch()
    agent.hello(str(tmp_path))
    opening = agent.open("odd", list(foreseen_rule()))
    entries, small = opening.told()
    assert len(entries) == 6
    assert small == {"status.json": b'{"state": "fin\xff'}
    assert {path: told[0] for path, told in opening.condensed().items()} == {"odd/noise.bin": 0}
    for nothing in ("not-there", "file"):
        gone = agent.open(nothing, list(foreseen_rule()))
        assert gone.told() == ([], {})
        assert gone.condensed() == {}


@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGSTOP])
def test_who_waits_for_it_is_told_when_the_agent_is_gone(
    ending: signal.Signals, run: Run, agent: client.Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = psutil.Process(agent.hello(str(run.root)).pid)
    files = HostFiles(agent)
    os.kill(process.pid, ending)
    files.foresee([f"runs/{run.run_id}"], foreseen_rule())
    told: list[Any] = []
    waiting = threading.Thread(target=lambda: told.append(files.look([f"runs/{run.run_id}"])))
    waiting.start()
    if ending == signal.SIGSTOP:  # nothing is known of it, until it is read by another one
        time.sleep(0.2)
        assert not told
        with run_agent() as another:
            another.hello(str(run.root))
            files.read_by(another)
            eventually(lambda: bool(told), 5, "the answer")
            assert isinstance(files.look([f"runs/{run.run_id}"])[0], list)
        os.kill(process.pid, signal.SIGKILL)
    waiting.join(5)
    assert isinstance(told[0][0], ConnectionResetError)


def test_notes_that_a_person_changed_are_not_told_as_before(run: Run, agent: client.Agent) -> None:
    agent.hello(str(run.root))
    files, local = HostFiles(agent), LocalFiles(run.root)
    notes = f"runs/{run.run_id}/notes.json"
    (run.path / "notes.json").write_text('{"a": 1}')
    files.foresee([f"runs/{run.run_id}"])
    files.look([f"runs/{run.run_id}"])
    assert files.fetch([Range(notes)]) == [b'{"a": 1}']
    files.replace(notes, b'{"a": 2}')
    assert files.fetch([Range(notes)]) == local.fetch([Range(notes)]) == [b'{"a": 2}']
