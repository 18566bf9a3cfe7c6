"""What was asked of a host before it was needed counts while it is fresh, once, and for nobody else."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import pytest

from runicorn.sources.foreseen import Foreseen
from runicorn.storage.files import Condensing, Range
from runicorn.storage.pyramid.table import foreseen_rule

RULE = foreseen_rule()


class Opening:
    """An answer whose parts come when the test says so."""

    brings = False
    is_over = True

    def __init__(self, folder: str, rule: Any) -> None:
        self.folder, self.rule = folder, rule
        self.may_tell, self.may_make = threading.Event(), threading.Event()
        self.is_closed = False
        self.error: OSError | None = None

    def told(self) -> tuple[list[Any], dict[str, bytes]]:
        assert self.may_tell.wait(5)
        if self.error is not None:
            raise self.error
        return [["run.json", 0, 2, 0, 0, 0]], {"run.json": b"{}"}

    def condensed(self) -> dict[str, Any]:
        assert self.may_make.wait(5)
        if self.error is not None:
            raise self.error
        return {f"{self.folder}/{name}.bin": [3200, "", "", 64, b"rows", b""] for name in ("metrics", "other")}

    def close(self) -> None:
        self.is_closed = True


class Reader:
    def __init__(self, *, at_once: bool = True) -> None:
        self.opened: list[Opening] = []
        self._at_once = at_once

    def open(self, folder: str, rule: Any) -> Opening:
        self.opened.append(Opening(folder, rule))
        if self._at_once:
            self.opened[-1].may_tell.set()
            self.opened[-1].may_make.set()
        return self.opened[-1]


class Clock:
    moment = 100.0

    def __call__(self) -> float:
        return self.moment


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def foreseen(clock: Clock) -> Foreseen:
    return Foreseen(clock)


def ask(ranges: Sequence[Range]) -> list[bytes | OSError]:
    """Answer as the host does."""
    return [b"asked" for _ in ranges]


def wish(name: str, size: int = 3200, points: int = 64) -> Condensing:
    return Condensing(f"runs/a/{name}.bin", size, points, 64, 8)


def test_a_folder_counts_for_a_moment_and_is_then_asked_for_anew(foreseen: Foreseen, clock: Clock) -> None:
    reader: Any = Reader()
    foreseen.ask(reader, ["runs/a"], None)
    foreseen.ask(reader, ["runs/a"], None)
    assert len(reader.opened) == 1, "it is being told"
    assert foreseen.fetch([Range("runs/a/run.json")], ask) == [b"asked"], "nothing has come yet"
    assert foreseen.look(["runs/a"]) == [[["run.json", 0, 2, 0, 0, 0]]]
    assert foreseen.look(["runs/a", "runs/b"]) is None
    assert foreseen.fetch([Range("runs/a/run.json", 1, 5000), Range("runs/a/run.json", 0, 1)], ask) == [b"}", b"{"]
    assert foreseen.fetch([Range("runs/a/run.json"), Range("runs/a/status.json")], ask) == [b"{}", b"asked"]
    clock.moment += 0.6
    assert foreseen.look(["runs/a"]) is None
    assert foreseen.fetch([Range("runs/a/run.json")], ask) == [b"asked"]
    foreseen.ask(reader, ["runs/a"], None)
    assert foreseen.look(["runs/a"]) is not None
    assert [each.is_closed for each in reader.opened] == [True, False]


def test_buckets_are_given_once_and_all_together(foreseen: Foreseen) -> None:
    reader: Any = Reader()
    foreseen.ask(reader, ["runs/a"], RULE)
    foreseen.look(["runs/a"])
    both = [wish("metrics"), wish("other")]
    assert foreseen.condense([*both, Condensing("runs/b/metrics.bin", 3200, 64, 64, 8)], []) is None
    found = foreseen.condense(both, [Range("runs/a/run.json")])
    assert found is not None
    assert [each[4] for each in found[0]] == [b"rows", b"rows"]
    assert found[1:] == ([b"{}"], {})
    assert foreseen.condense(both, []) is None
    assert reader.opened[0].is_closed


@pytest.mark.parametrize("other", [wish("metrics", size=3199), wish("metrics", points=512), wish("unknown")])
def test_buckets_that_are_not_those_wished_for_are_asked_for(other: Condensing, foreseen: Foreseen) -> None:
    reader: Any = Reader()
    foreseen.ask(reader, ["runs/a"], RULE)
    of_many = other._replace(of_many=512) if other.points == 512 else other
    assert foreseen.condense([of_many], []) is None


def test_asking_again_takes_nothing_away_from_who_waits_for_buckets(foreseen: Foreseen, clock: Clock) -> None:
    reader: Any = Reader(at_once=False)
    foreseen.ask(reader, ["runs/a"], RULE)
    reader.opened[0].may_tell.set()
    foreseen.look(["runs/a"])
    found: list[Any] = []
    waiting = threading.Thread(target=lambda: found.append(foreseen.condense([wish("metrics")], [])))
    waiting.start()
    clock.moment += 60
    foreseen.ask(reader, ["runs/a"], RULE)
    assert [each.rule is None for each in reader.opened] == [False, True], "they are made already"
    reader.opened[0].may_make.set()
    waiting.join(5)
    assert found[0] is not None
    assert reader.opened[0].is_closed


def test_what_nobody_comes_for_is_let_go_of(foreseen: Foreseen, clock: Clock) -> None:
    reader: Any = Reader()
    for number in range(100):
        foreseen.ask(reader, [f"runs/{number}"], RULE)
        clock.moment += 1
    kept = [each for each in reader.opened if not each.is_closed]
    assert len(kept) <= 33
    assert foreseen.condense([Condensing("runs/50/metrics.bin", 3200, 64, 64, 8)], []) is None
    foreseen.forget()
    assert all(each.is_closed for each in reader.opened)


def test_an_error_is_told_once_and_then_asked_anew(foreseen: Foreseen) -> None:
    reader: Any = Reader()
    foreseen.ask(reader, ["runs/a"], RULE)
    reader.opened[0].error = TimeoutError("no answer")
    with pytest.raises(TimeoutError):
        foreseen.look(["runs/a"])
    assert foreseen.look(["runs/a"]) is None
    with pytest.raises(TimeoutError):
        foreseen.condense([wish("metrics")], [])
    assert foreseen.condense([wish("metrics")], []) is None
    assert reader.opened[0].is_closed


def test_where_a_reader_does_nothing_at_once_nothing_is_known(foreseen: Foreseen) -> None:
    class Slow:
        def open(self, folder: str, rule: Any) -> None:
            """Ask for nothing."""

    slow: Any = Slow()
    foreseen.ask(slow, ["runs/a"], RULE)
    assert foreseen.look(["runs/a"]) is None
    assert foreseen.condense([wish("metrics")], []) is None


class Bringing(Opening):
    """Brings the bytes of its record file, in order."""

    brings = True
    data = bytes(range(100))
    given = 0

    @property
    def is_over(self) -> bool:  # type: ignore[override]
        return self.given == len(self.data)

    def holds(self, path: str, start: int, length: int) -> bool:
        return path == f"{self.folder}/metrics.bin" and start == self.given and start + length <= len(self.data)

    def read(self, path: str, start: int, length: int) -> bytes | None:
        if self.error is not None:
            raise self.error
        self.given = start + length
        return self.data[start : self.given]


class BringingReader(Reader):
    def open(self, folder: str, rule: Any) -> Opening:
        self.opened.append(Bringing(folder, rule))
        self.opened[-1].may_tell.set()
        return self.opened[-1]


def test_bytes_that_are_brought_are_given_once_and_nothing_is_made(foreseen: Foreseen, clock: Clock) -> None:
    reader: Any = BringingReader()
    foreseen.ask(reader, ["runs/a"], RULE)
    foreseen.look(["runs/a"])
    clock.moment += 5
    names = [Range("runs/a/run.json")]
    assert foreseen.condense([wish("metrics")], names) == ([None], [b"{}"], {}), "names as old as the bytes"
    assert foreseen.fetch([Range("runs/a/metrics.bin")], ask) == [b"asked"], "how much that is, is not known"
    first, elsewhere = Range("runs/a/metrics.bin", 0, 60), Range("runs/b/metrics.bin", 0, 60)
    assert foreseen.fetch([elsewhere, first], ask) == [b"asked", bytes(range(60))]
    assert foreseen.fetch([first], ask) == [b"asked"], "it was given"
    both = [Range("runs/a/metrics.bin", 60, 10), first]
    assert foreseen.fetch(both, ask) == [b"asked"] * 2, "of one file, all from the same place"
    foreseen.ask(reader, ["runs/a"], RULE)
    assert reader.opened[1].rule is None, "they are brought already"
    clock.moment += 9
    foreseen.ask(reader, ["runs/c"], RULE)
    last = Range("runs/a/metrics.bin", 60, 40)
    assert foreseen.fetch([last], ask) == [bytes(range(60, 100))], "somebody came in between"
    assert reader.opened[0].is_closed
    assert foreseen.condense([wish("metrics")], []) is None


def test_an_error_of_what_is_brought_is_told_and_it_is_asked_for_anew(foreseen: Foreseen, clock: Clock) -> None:
    reader: Any = BringingReader()
    foreseen.ask(reader, ["runs/a"], RULE)
    foreseen.look(["runs/a"])
    reader.opened[0].error = ConnectionResetError("gone")
    wanted = [Range("runs/a/metrics.bin", 0, 60), Range("runs/b/run.json")]
    error, other = foreseen.fetch(wanted, ask)
    assert isinstance(error, ConnectionResetError)
    assert other == b"asked"
    clock.moment += 11
    foreseen.ask(reader, ["runs/b"], RULE)
    assert foreseen.fetch(wanted, ask) == [b"asked"] * 2
    assert reader.opened[0].is_closed
