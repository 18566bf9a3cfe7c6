"""What is asked for again and again is watched by the agent: it tells what changes, and nobody asks any more."""

from __future__ import annotations

import contextlib
import itertools
import os
import random
import shutil
import signal
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.agents import pythons, run_agent
from tests.support.waiting import eventually

from runicorn.remote.server.agent import client, command, watching
from runicorn.sources.host_files import HostFiles
from runicorn.storage import layout
from runicorn.storage.files import LocalFiles, Range
from runicorn.storage.follow import NewPoints, NewText, Replaced, RunFollower, news
from runicorn.storage.records import pack

PYTHONS = pythons()
RUN = "20261120-000000-000000"


@pytest.fixture
def run_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "root" / "runs" / RUN
    folder.mkdir(parents=True)
    (folder / "metrics.keys").write_bytes(layout.encode_key("loss"))
    (folder / "metrics.bin").write_bytes(points(0, 10))
    return folder


def points(start: int, end: int) -> bytes:
    return b"".join(pack(0, step, 1000.0 + step, 1 / (step + 1)) for step in range(start, end))


def append(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)


class Counted:
    """Counts what an agent is asked, by what it is asked to do."""

    def __init__(self, agent: client.Agent, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked: list[str] = []
        send = agent._send

        def counted(number: int, request: dict[str, Any]) -> None:
            self.asked.append(request["do"])
            send(number, request)

        monkeypatch.setattr(agent, "_send", counted)


def watched(files: HostFiles, folder: str = f"runs/{RUN}") -> None:
    """Ask for a folder until it is watched."""

    def is_told() -> bool:
        files.look([folder])
        watch = files._watch
        return watch is not None and watch.look([folder]) is not None

    eventually(is_told, 10, "the watch")


@pytest.mark.parametrize("version", PYTHONS)
def test_each_change_is_told_with_what_was_appended(
    version: str, run_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "_PYTHONS", (PYTHONS[version],))
    root, name = run_folder.parents[1], f"runs/{RUN}"
    with run_agent() as agent:
        agent.hello(str(root))
        watch = agent.watch([name, "missing"], [f"{name}/status.json"])
        (entries, missing) = eventually(lambda: watch.look([name, "missing"]), 10, "all of it")
        assert [entry[0] for entry in entries] == ["metrics.bin", "metrics.keys"]
        assert (missing, watch.stats([f"{name}/status.json"])) == ([], [None])
        assert watch.look(["another"]) is None
        assert watch.fetch([(f"{name}/metrics.bin", 0, 32)]) is None

        append(run_folder / "metrics.bin", points(10, 12))
        (run_folder / "status.json").write_text("{}")
        eventually(lambda: watch.stats([f"{name}/status.json"]) != [None], 10, "a file that came")
        told = [(f"{name}/metrics.bin", 0, 64), (f"{name}/metrics.bin", 256, 64), (f"{name}/metrics.bin", 320, 64)]
        (head, before, new) = eventually(lambda: watch.fetch(told), 10, "what was appended")
        assert (head, before, new) == (points(0, 2), points(8, 10), points(10, 12))
        assert watch.fetch([(f"{name}/metrics.bin", 64, 1000)]) is None
        assert watch.fetch([(f"{name}/metrics.bin", 0, None)]) is None

        append(run_folder / "metrics.bin", points(12, 1000))
        all_new = (f"{name}/metrics.bin", 12 * 32, 988 * 32)
        assert eventually(lambda: watch.fetch([all_new]), 10, "many records") == [points(12, 1000)]
        append(run_folder / "metrics.bin", bytes(100_000))  # too much to be told unasked
        eventually(lambda: watch.look([name])[0][0][2] == 132_000, 10, "its size")
        assert watch.fetch([all_new]) is None

        shutil.rmtree(run_folder)
        eventually(lambda: watch.look([name]) == [[]], 10, "that it is gone")
        watch.stop()
        assert watch.look([name]) is None


def test_a_live_run_is_followed_without_a_question(run_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with run_agent() as agent:
        agent.hello(str(run_folder.parents[1]))
        files, follower = HostFiles(agent), RunFollower(RUN, {"metrics.bin": 0, "console.log": 0})
        steps: list[int] = []
        text = ""

        def follow() -> None:
            nonlocal text
            for _, item in news(files, [follower]):
                if isinstance(item, NewPoints):
                    steps.extend(step for each in item.metrics.values() for step in each[0])
                elif isinstance(item, NewText):
                    text += item.text

        follow()
        watched(files)
        counted = Counted(agent, monkeypatch)
        for number in range(10, 30):
            append(run_folder / "metrics.bin", points(number, number + 1))
            append(run_folder / "console.log", f"line {number}\n".encode())
            eventually(lambda number=number: (follow(), steps[-1] == number)[1], 10, f"step {number}")
        eventually(lambda: (follow(), text.count("\n") == 20)[1], 10, "all lines")
        assert steps == list(range(30))
        assert text == "".join(f"line {number}\n" for number in range(10, 30))
        # The first line came with a file that was not there before; then only that it is still wanted.
        assert len([each for each in counted.asked if each != "watch_on"]) <= 4


def test_a_file_that_is_replaced_while_it_is_watched_is_another_one(run_folder: Path) -> None:
    with run_agent() as agent:
        agent.hello(str(run_folder.parents[1]))
        files, follower = HostFiles(agent), RunFollower(RUN, {"metrics.bin": 0})
        found: list[Any] = []
        list(news(files, [follower]))
        watched(files)
        for first, replaced in ((100, lambda path, data: path.write_bytes(data)), (200, replace_by_rename)):
            last = first + first // 5
            replaced(run_folder / "metrics.bin", b"".join(pack(0, step, 5.0, 0.5) for step in range(first, last + 1)))
            found.clear()

            def follow() -> bool:
                found.extend(item for _, item in news(files, [follower]))
                return last in steps_of(found)  # noqa: B023 - within this turn

            eventually(follow, 10, "the other file")
            begin = max(place for place, item in enumerate(found) if is_replaced(item))
            assert steps_of(found[begin:]) == list(range(first, last + 1))


def test_a_run_that_grows_is_not_begun_anew_as_a_watch_begins(tmp_path: Path) -> None:
    """What the watch told first is older than what was asked for until it came: most of all where it watches much."""
    root = tmp_path / "root"
    names = [f"runs/20261120-000000-{number:06x}" for number in range(500)]
    for name in names:
        (root / name).mkdir(parents=True)
        (root / name / "metrics.keys").write_bytes(layout.encode_key("loss"))
    ends = threading.Event()

    def ask_for_all() -> None:
        while not ends.wait(0.3):
            files.stats(names)
            files.look(names)

    with run_agent() as agent, grows(root / names[0] / "metrics.bin"):
        agent.hello(str(root))
        files, follower = HostFiles(agent), RunFollower(names[0].rpartition("/")[2], {"metrics.bin": 0})
        others = threading.Thread(target=ask_for_all)
        others.start()
        try:
            found: list[Any] = []
            for _ in range(4):
                ends_at = time.monotonic() + 3
                while time.monotonic() < ends_at:
                    found += [item for _, item in news(files, [follower])]
                    time.sleep(0.05)
                files.read_by(agent)  # as after a link that was cut
        finally:
            ends.set()
            others.join()
        assert not any(map(is_replaced, found))
        assert steps_of(found) == list(range(len(steps_of(found))))


@contextlib.contextmanager
def grows(path: Path) -> Iterator[None]:
    """Append points without a pause."""
    ends = threading.Event()

    def grow() -> None:
        with path.open("ab", buffering=0) as file:
            for step in itertools.count():
                file.write(points(step, step + 1))
                if ends.wait(0.0005):
                    return

    growing = threading.Thread(target=grow)
    growing.start()
    try:
        yield
    finally:
        ends.set()
        growing.join()


def is_replaced(item: Any) -> bool:
    return isinstance(item, Replaced)


def steps_of(items: list[Any]) -> list[int]:
    return [step for item in items if isinstance(item, NewPoints) for each in item.metrics.values() for step in each[0]]


def replace_by_rename(path: Path, data: bytes) -> None:
    draft = path.with_name("draft")
    draft.write_bytes(data)
    draft.replace(path)


def test_what_is_written_from_here_is_seen_at_once(run_folder: Path) -> None:
    with run_agent() as agent:
        agent.hello(str(run_folder.parents[1]))
        files = HostFiles(agent)
        watched(files)
        for number in range(5):
            files.replace(f"runs/{RUN}/notes.json", b'{"note": "%d"}' % number)
            (status,) = files.stats([f"runs/{RUN}/notes.json"])
            (entries,) = files.look([f"runs/{RUN}"])
            assert status in entries
            assert files.fetch([Range(f"runs/{RUN}/notes.json", 0, 100)]) == [b'{"note": "%d"}' % number]


@pytest.mark.parametrize("how", ["killed", "stopped"])
def test_what_was_told_holds_for_seconds_only(how: str, run_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "_SILENT_SECS", 1.0)
    monkeypatch.setattr(client, "ANSWER_TIMEOUT_SECS", 1.0)
    with run_agent() as agent:
        pid = agent.hello(str(run_folder.parents[1])).pid
        files = HostFiles(agent)
        watched(files)
        os.kill(pid, signal.SIGKILL if how == "killed" else signal.SIGSTOP)
        try:
            with pytest.raises(ConnectionResetError if how == "killed" else TimeoutError):
                while time.monotonic():
                    files.list(f"runs/{RUN}")
                    time.sleep(0.01)
        finally:
            if how == "stopped":
                os.kill(pid, signal.SIGCONT)


def changed_program(monkeypatch: pytest.MonkeyPatch, old: bytes, new: bytes) -> None:
    source = zlib.decompress(command.packed_program())
    assert source.count(old) == 1
    monkeypatch.setattr(command, "packed_program", lambda: zlib.compress(source.replace(old, new)))


def test_what_nobody_asks_for_any_more_is_watched_no_longer(run_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    changed_program(monkeypatch, b"WATCH_LIFE_SECS = 10.0", b"WATCH_LIFE_SECS = 1.0")
    with run_agent() as agent:
        agent.hello(str(run_folder.parents[1]))
        files = HostFiles(agent)
        watched(files)
        watch = files._watch
        assert watch is not None
        time.sleep(1.5)
        eventually(lambda: watch.is_over, 5, "its end")
        assert files.look([f"runs/{RUN}"]) == LocalFiles(run_folder.parents[1]).look([f"runs/{RUN}"])
        watched(files)  # and begins anew where it is asked for again


def test_one_that_is_asked_for_lives_on(run_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    changed_program(monkeypatch, b"WATCH_LIFE_SECS = 10.0", b"WATCH_LIFE_SECS = 1.0")
    monkeypatch.setattr(watching, "_LIVE_ON_SECS", 0.2)
    with run_agent() as agent:
        agent.hello(str(run_folder.parents[1]))
        files = HostFiles(agent)
        watched(files)
        watch = files._watch
        ends_at = time.monotonic() + 3
        while time.monotonic() < ends_at:
            files.look([f"runs/{RUN}"])
            time.sleep(0.05)
        assert files._watch is watch
        assert watch is not None
        assert not watch.is_over


@pytest.mark.parametrize("answer", [
    b'"{}"', b'b""', b'as_json([1])', b'WATCHED.pack(9) + b"{}"', b'WATCHED.pack(2) + b"{}"',
    b'(lambda told: WATCHED.pack(len(told)) + told)(as_json({"folders": [[7, []]], "paths": [], "appended": []}))',
    b'(lambda told: WATCHED.pack(len(told)) + told)(as_json({"folders": [], "paths": [], "appended": [["x"]]}))',
])  # fmt: skip
def test_an_agent_that_tells_nonsense_is_asked_instead(
    answer: bytes, run_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed_program(
        monkeypatch,
        b'        return WATCHED.pack(len(words)) + words + b"".join(pieces)',
        b"        return (lambda found: found.encode() if isinstance(found, str) else found)(" + answer + b")",
    )
    with run_agent() as agent:
        agent.hello(str(run_folder.parents[1]))
        files, here = HostFiles(agent), LocalFiles(run_folder.parents[1])
        ends_at = time.monotonic() + 2
        while time.monotonic() < ends_at:
            assert files.look([f"runs/{RUN}"]) == here.look([f"runs/{RUN}"])


def test_parts_that_cannot_be_unpacked_end_the_watch_and_nothing_else() -> None:
    stopped: list[bool] = []

    def parts() -> list[bytes]:
        raise zlib.error("incorrect header check")

    watch = watching.Watching(["a"], ["b"], parts, lambda: None, lambda: stopped.append(True))
    assert (watch.fetch([("a/x", 0, 4)]), watch.look(["a"]), watch.stats(["b"])) == (None, None, None)
    assert watch.is_over
    assert stopped == [True]


def test_whatever_happens_to_a_folder_is_what_is_there_a_moment_later(tmp_path: Path) -> None:
    """Random changes, each followed by readings as a live view makes them; then all is compared with the disk."""
    rnd = random.Random(7)
    root = tmp_path / "root"
    folder = root / "runs" / RUN
    folder.mkdir(parents=True)
    names = ["metrics.bin", "system.bin", "console.log", "events.jsonl", "status.json"]

    def shrink(path: Path) -> None:
        if path.exists():
            path.write_bytes(path.read_bytes()[: rnd.randint(0, path.stat().st_size)])

    changes: list[Callable[[Path], object]] = [
        *[lambda path: append(path, rnd.randbytes(rnd.choice((1, 31, 32, 200, 8192, 70_000))))] * 6,
        lambda path: path.write_bytes(rnd.randbytes(rnd.randint(0, 5000))),
        lambda path: replace_by_rename(path, rnd.randbytes(rnd.randint(0, 5000))),
        lambda path: path.unlink(missing_ok=True),
        shrink,
    ]
    with run_agent() as agent:
        agent.hello(str(root))
        files, here = HostFiles(agent), LocalFiles(root)
        watched(files)
        for _ in range(150):
            path = folder / rnd.choice(names)
            rnd.choice(changes)(path)

            def is_as_on_the_disk() -> bool:
                (entries,), (own,) = files.look([f"runs/{RUN}"]), here.look([f"runs/{RUN}"])
                assert not isinstance(entries, OSError)
                assert not isinstance(own, OSError)
                return sorted(entries) == sorted(own)

            eventually(is_as_on_the_disk, 10, "what is there")
            for each in sorted(folder.iterdir()):
                size, name = each.stat().st_size, f"runs/{RUN}/{each.name}"
                start = rnd.randint(0, size)
                asked = [
                    Range(name, 0, min(64, size)),
                    Range(name, start, size - start),
                    Range(name, max(0, size - 64), 64),
                ]
                assert files.fetch(asked) == here.fetch(asked), each.name
