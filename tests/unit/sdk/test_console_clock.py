"""The times of output, as they are kept while it is written."""

import os

import pytest

from runicorn.sdk.console_clock import ConsoleClock
from runicorn.sdk.console_file import ConsoleFile
from runicorn.storage.output_times import decode


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def log(tmp_path):
    fd = os.open(tmp_path / "console.log", os.O_RDWR | os.O_CREAT | os.O_APPEND)
    yield fd
    os.close(fd)


def kept(tmp_path):
    times = decode((tmp_path / "console.times").read_bytes(), 10**6)
    return list(zip(times.times.tolist(), times.offsets.tolist(), strict=True))


def test_at_most_one_entry_a_second_says_where_the_output_was(tmp_path, log, clock):
    noted = ConsoleClock(tmp_path / "console.times", pytest.fail, clock)
    for _ in range(100):
        noted.note(log)
        os.write(log, b"0123456789")
        clock.now += 0.1
    assert kept(tmp_path) == [
        (pytest.approx(1000.0 + second, abs=0.11), pytest.approx(second * 100, abs=10)) for second in range(10)
    ]
    noted.close()


def test_nothing_printed_is_nothing_noted(tmp_path, clock):
    ConsoleClock(tmp_path / "console.times", pytest.fail, clock).close()
    assert not (tmp_path / "console.times").exists()


def test_a_resumed_run_goes_on_behind_a_torn_end(tmp_path, log, clock):
    first = ConsoleClock(tmp_path / "console.times", pytest.fail, clock)
    first.note(log)
    first.close()
    with (tmp_path / "console.times").open("ab") as file:
        file.write(b"torn")
    os.write(log, b"before")
    clock.now += 500
    second = ConsoleClock(tmp_path / "console.times", pytest.fail, clock)
    second.note(log)
    second.close()
    assert kept(tmp_path) == [(1000.0, 0), (1500.0, 6)]


def test_a_clock_that_is_set_back_does_not_stop_it(tmp_path, log, clock):
    noted = ConsoleClock(tmp_path / "console.times", pytest.fail, clock)
    noted.note(log)
    clock.now -= 3600
    noted.note(log)
    noted.close()
    assert kept(tmp_path) == [(1000.0, 0), (1000.0 - 3600, 0)]


def test_what_fails_is_told_and_not_tried_again_for_each_line(tmp_path, log, clock):
    told = []
    (tmp_path / "console.times").mkdir()
    noted = ConsoleClock(tmp_path / "console.times", told.append, clock)
    for _ in range(50):
        noted.note(log)
        clock.now += 0.1
    assert 4 <= len(told) <= 6


def test_output_is_kept_where_times_cannot_be(tmp_path):
    (tmp_path / "console.times").mkdir()
    told = []
    file = ConsoleFile(tmp_path / "console.log", told.append)
    file.write(b"one\n")
    file.write(b"two\n")
    file.close()
    assert (tmp_path / "console.log").read_bytes() == b"one\ntwo\n"
    assert len(told) == 1
