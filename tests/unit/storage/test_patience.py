"""Files that may never answer: every call comes back, and costs nobody else anything."""

import os
import threading
import time

import pytest

from runicorn.storage.files import LocalFiles, Range
from runicorn.storage.patience import PatientFiles, UnansweredError

PATIENCE_SECS = 0.3
# Whatever hangs, a call takes no longer, with room for a busy machine.
LIMIT_SECS = 10


class Slow(LocalFiles):
    """Files some of which answer when they are let to."""

    def __init__(self, root):
        super().__init__(root)
        self.places = set()
        self.let = threading.Event()
        self.asked = []

    def _wait(self, path):
        self.asked.append(path)
        if any(path.startswith(place) for place in self.places):
            self.let.wait(60)

    def list(self, path):
        self._wait(path)
        return super().list(path)

    def names(self, path):
        self._wait(path)
        return super().names(path)

    def stat(self, path):
        self._wait(path)
        return super().stat(path)

    def read(self, path, offset=0, length=None):
        self._wait(path)
        return super().read(path, offset, length)


@pytest.fixture
def slow(tmp_path):
    for number in range(10):
        (tmp_path / "runs" / f"r{number}").mkdir(parents=True)
        (tmp_path / "runs" / f"r{number}" / "run.json").write_text(str(number))
    files = Slow(tmp_path)
    yield files
    files.let.set()


@pytest.fixture
def files(slow):
    return PatientFiles(slow, patience_secs=PATIENCE_SECS)


RANGES = [Range(f"runs/r{number}/run.json") for number in range(10)]


def in_time(work):
    started = time.monotonic()
    found = work()
    assert time.monotonic() - started < LIMIT_SECS
    return found


def test_what_hangs_is_an_error_in_its_place_only(files, slow):
    slow.places = {"runs/r4"}
    found = in_time(lambda: files.fetch(RANGES))
    assert isinstance(found[4], UnansweredError)
    assert [int(each) for number, each in enumerate(found) if number != 4] == [0, 1, 2, 3, 5, 6, 7, 8, 9]
    assert files.stuck == 1


def test_nobody_else_is_sent_where_one_hangs(files, slow):
    slow.places = {"runs/r4"}
    files.fetch(RANGES)
    slow.asked.clear()
    for _ in range(5):
        assert isinstance(files.fetch(RANGES)[4], UnansweredError)
        assert isinstance(files.stats(["runs/r4"])[0], UnansweredError)
    assert not any(path.startswith("runs/r4") for path in slow.asked)
    assert files.stuck == 1


def test_what_comes_late_is_given_to_the_next_who_asks(files, slow):
    slow.places = {"runs"}
    with pytest.raises(UnansweredError):
        in_time(lambda: files.names("runs"))
    slow.let.set()
    ends_at = time.monotonic() + LIMIT_SECS
    while files.stuck and time.monotonic() < ends_at:
        time.sleep(0.01)
    slow.asked.clear()
    assert len(files.names("runs")) == 10
    assert slow.asked == []
    assert len(files.names("runs")) == 10
    assert slow.asked == ["runs"]


def test_what_is_slow_but_moves_is_no_error(files, slow, monkeypatch):
    read = slow.read

    def slowly(*asked):
        time.sleep(PATIENCE_SECS / 2)
        return read(*asked)

    monkeypatch.setattr(slow, "read", slowly)
    assert [int(each) for each in files.fetch(RANGES)] == list(range(10))


def test_a_long_range_is_read_in_pieces_and_given_whole(files, tmp_path):
    data = os.urandom(9 * 2**20 + 7)
    (tmp_path / "runs/r1/metrics.bin").write_bytes(data)
    assert files.read("runs/r1/metrics.bin", 3, 2**24) == data[3:]
    assert files.read("runs/r1/metrics.bin", 5, 8 * 2**20) == data[5 : 5 + 8 * 2**20]
    assert files.read("runs/r1/metrics.bin") == data


def test_a_quick_disk_is_read_in_larger_pieces_until_it_keeps_one_waiting(slow, files, tmp_path, monkeypatch):
    path = "runs/r1/metrics.bin"
    (tmp_path / path).write_bytes(bytes(9 * 2**20))
    asked = []
    read = slow.read
    monkeypatch.setattr(slow, "read", lambda *piece: [asked.append(piece[2]), read(*piece)][1])
    for _ in range(2):
        assert len(files.read(path, 0, 8 * 2**20)) == 8 * 2**20
    assert asked == [2 * 2**20] * 4 + [4 * 2**20] * 2
    slow.places.add("runs/r2")
    assert isinstance(files.fetch([Range("runs/r2/run.json", 0, 1)])[0], UnansweredError)
    asked.clear()
    assert len(files.read(path, 0, 8 * 2**20)) == 8 * 2**20
    assert asked[0] == 2 * 2**20


def test_errors_are_as_they_were(files):
    assert isinstance(files.fetch([Range("runs/none")])[0], FileNotFoundError)
    assert files.stats(["runs/none"]) == [None]
    with pytest.raises(ValueError, match="null"):
        files.stat("runs/\0")
    with pytest.raises(ZeroDivisionError):
        files.do("runs/r1", lambda: 1 // 0)
    assert files.do("runs/r1", lambda: 5) == 5


PIECE_BYTES = 2**16
SIZES = [PIECE_BYTES] * 11


def write_long(tmp_path):
    """Write a file of ten pieces and a bit; return its path and what is in it."""
    data = os.urandom(10 * PIECE_BYTES + 100)
    (tmp_path / "runs/r1/metrics.bin").write_bytes(data)
    return "runs/r1/metrics.bin", data


def test_a_long_file_is_poured_piece_by_piece(files, tmp_path):
    path, data = write_long(tmp_path)
    for sizes in ([PIECE_BYTES] * 11, [5] + [PIECE_BYTES] * 20, [3 * PIECE_BYTES, 7], [100], []):
        pieces = []
        files.pour(path, sizes, lambda piece: pieces.append(bytes(piece)) is None)  # noqa: B023
        assert b"".join(pieces) == data[: sum(sizes)]
        assert [len(piece) for piece in pieces[:-1]] == sizes[: max(0, len(pieces) - 1)]
    pieces = []
    files.pour(path, SIZES, lambda piece: pieces.append(bytes(piece)) or len(pieces) < 3)
    assert b"".join(pieces) == data[: 3 * PIECE_BYTES]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with a name here")
def test_what_is_no_file_is_not_poured(files, tmp_path):
    os.mkfifo(tmp_path / "runs/r1/metrics.bin")
    for path in ("runs/r1/metrics.bin", "runs/r1", "runs/r1/none.bin"):
        with pytest.raises(OSError):
            in_time(lambda: files.pour(path, [100], lambda _: pytest.fail("something came")))  # noqa: B023


def test_a_slow_pour_that_moves_is_no_error(files, tmp_path):
    path, data = write_long(tmp_path)
    pieces = []

    def take(piece):
        time.sleep(PATIENCE_SECS / 2)
        pieces.append(bytes(piece))
        return True

    files.pour(path, SIZES, take)
    assert b"".join(pieces) == data


def test_a_pour_that_stands_still_is_left_behind_and_asks_no_more(files, slow, tmp_path, monkeypatch):
    path, _ = write_long(tmp_path)
    taken = []
    pour = slow.pour

    def hang(path, sizes, take):
        pour(path, sizes, lambda piece: [len(taken) == 3 and slow.let.wait(60), take(piece)][1])

    monkeypatch.setattr(slow, "pour", hang)
    with pytest.raises(UnansweredError):
        in_time(lambda: files.pour(path, SIZES, lambda piece: taken.append(len(piece)) is None))
    assert (taken, files.stuck) == ([PIECE_BYTES] * 3, 1)
    slow.let.set()
    ends_at = time.monotonic() + LIMIT_SECS
    while files.stuck and time.monotonic() < ends_at:
        time.sleep(0.01)
    assert (taken, files.stuck) == ([PIECE_BYTES] * 3, 0)


def test_an_error_of_who_takes_a_piece_is_raised_where_it_was_asked(files, tmp_path):
    path, _ = write_long(tmp_path)
    with pytest.raises(ZeroDivisionError):
        files.pour(path, SIZES, lambda piece: len(piece) // 0 == 0)


def test_a_dead_root_costs_a_bounded_number_of_threads(files, slow):
    slow.places = {"runs"}
    found = in_time(lambda: files.stats([f"runs/r{number}" for number in range(200)]))
    assert all(isinstance(each, UnansweredError) for each in found)
    assert files.stuck <= 100


def test_at_the_end_whoever_waits_is_let_go(files, slow):
    slow.places = {"runs"}
    patient = PatientFiles(slow, patience_secs=60)
    threading.Timer(0.2, patient.close).start()
    assert isinstance(in_time(lambda: patient.stats(["runs/r1"]))[0], UnansweredError)
    assert isinstance(in_time(lambda: patient.stats(["runs/r2"]))[0], UnansweredError)


def test_many_callers_at_once_get_their_own_answers(files):
    wrong = []

    def ask(number):
        for _ in range(50):
            if files.read(f"runs/r{number}/run.json") != str(number).encode():
                wrong.append(number)

    threads = [threading.Thread(target=ask, args=(number % 10,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
