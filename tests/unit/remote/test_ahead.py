"""Bytes that are brought for who comes for them later: each once, in order, and never more of them than there is room
for.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Generator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.waiting import eventually

from runicorn.remote.server.sftp import ahead
from runicorn.remote.server.sftp.ahead import Ahead

PATH = "runs/a/metrics.bin"


class Source:
    """Yields bytes in pieces. ended: how it ended, where it did."""

    def __init__(self, data: bytes, piece_bytes: int, error: Exception | None = None) -> None:
        self.data, self.piece_bytes, self.error = data, piece_bytes, error
        self.given = 0
        self.ended = False

    def pieces(self) -> Generator[bytes, None, None]:
        try:
            for at in range(0, len(self.data), self.piece_bytes):
                piece = self.data[at : at + self.piece_bytes]
                self.given += len(piece)
                yield piece
            if self.error is not None:
                raise self.error
        finally:
            self.ended = True


def bringing(brought: Ahead, source: Source) -> threading.Thread:
    thread = threading.Thread(target=brought.bring, args=(source.pieces(),))
    thread.start()
    return thread


@given(st.binary(min_size=1, max_size=3000), st.integers(1, 700), st.lists(st.integers(1, 900), max_size=20))
def test_every_byte_comes_once_and_in_order(data: bytes, piece_bytes: int, lengths: list[int]) -> None:
    brought = Ahead(PATH, len(data))
    thread = bringing(brought, Source(data, piece_bytes))
    at = 0
    for length in [*lengths, len(data)]:
        wanted = min(length, len(data) - at)
        if wanted:
            assert brought.holds(at, wanted)
            assert brought.read(at, wanted) == data[at : at + wanted]
            at += wanted
    thread.join(5)
    assert not thread.is_alive(), "all was given"
    assert brought.is_over


def test_what_was_given_last_comes_again_with_what_follows_it() -> None:
    data = bytes(range(256)) * 40
    brought = Ahead(PATH, len(data))
    thread = bringing(brought, Source(data, 1000))
    assert brought.read(0, 5000) == data[:5000]
    assert brought.read(4990, 2000) == data[4990:6990], "a record that may be cut short"
    assert brought.read(0, 64) == data[:64], "by which a file is told from another one"
    assert brought.read(4926, 64) == data[4926:4990], "and those before the place that was reached"
    assert brought.read(0, 5000) is None, "what was given is not held"
    assert not brought.holds(7000, 10), "it is not the next one"
    assert not brought.holds(6990, len(data)), "more than was asked for"
    brought.close()
    thread.join(5)
    assert not brought.holds(6990, 10)


def test_a_file_that_ended_before_gives_what_there_is() -> None:
    brought = Ahead(PATH, 5000)
    thread = bringing(brought, Source(b"x" * 1200, 500))
    assert brought.read(0, 5000) == b"x" * 1200
    assert not brought.holds(1200, 10)
    thread.join(5)


def test_an_error_comes_where_bytes_are_missing() -> None:
    brought = Ahead(PATH, 5000)
    thread = bringing(brought, Source(b"x" * 1200, 500, ConnectionResetError("gone")))
    assert brought.read(0, 1000) == b"x" * 1000
    with pytest.raises(ConnectionResetError):
        brought.read(1000, 1000)
    assert brought.is_over
    thread.join(5)


def test_no_more_is_brought_than_there_is_room_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ahead, "AHEAD_BYTES", 10_000)
    brought = Ahead(PATH, 100_000)
    source = Source(bytes(100_000), 1000)
    thread = bringing(brought, source)
    eventually(lambda: source.given == 10_000, 5, "the room is filled")
    time.sleep(0.05)
    assert source.given == 10_000
    assert brought.read(0, 5000) == bytes(5000)
    eventually(lambda: source.given == 15_000, 5, "as much as was taken")
    assert brought.read(5000, 95_000) == bytes(95_000), "more at once than there is room for"
    thread.join(5)
    assert not thread.is_alive()


@pytest.mark.parametrize("room", [10_000, 1_000_000])
def test_what_nobody_comes_for_is_let_go_of(room: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ahead, "AHEAD_BYTES", room)
    monkeypatch.setattr(ahead, "KEPT_SECS", 0.2)
    brought = Ahead(PATH, 100_000)
    source = Source(bytes(100_000), 1000)
    thread = bringing(brought, source)
    thread.join(5)
    assert not thread.is_alive()
    assert source.ended
    assert brought.is_over
    assert not brought.holds(0, 10)


@pytest.mark.parametrize("come", [0, 60])
def test_who_waits_is_told_when_it_is_closed(come: int) -> None:
    brought = Ahead(PATH, 100)
    errors: list[OSError] = []
    may_end = threading.Event()

    def pieces() -> Generator[bytes, None, None]:
        yield bytes(come)
        assert may_end.wait(5)

    def wait() -> None:
        try:
            brought.read(0, 100)
        except OSError as error:
            errors.append(error)

    bringing, waiting = threading.Thread(target=brought.bring, args=(pieces(),)), threading.Thread(target=wait)
    for thread in (bringing, waiting):
        thread.start()
    waiting.join(0.05)
    assert waiting.is_alive()
    brought.close()
    waiting.join(5)
    may_end.set()
    bringing.join(5)
    assert isinstance(errors[0], ConnectionResetError), "it is not taken for the end of the file"
