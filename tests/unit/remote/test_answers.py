"""Answers that come over a channel, and who waits for them."""

from __future__ import annotations

import itertools
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runicorn.errors import ConnectionClosedError
from runicorn.remote.server.inbox import Answers, Outbox
from runicorn.remote.server.sftp import steps
from runicorn.remote.server.sftp.packets import (
    DATA,
    FSTAT,
    HANDLE,
    NAME,
    STATUS,
    Attrs,
    Fields,
    Heard,
    Packets,
    blob,
    packet,
)

END = struct.pack(">I", 1)


def waiting(inbox: Packets, number: int) -> Answers[Heard]:
    answers: Answers[Heard] = Answers("SFTP")
    inbox.expect(number, answers)
    return answers


@given(cuts=st.lists(st.integers(0, 60), max_size=5))
def test_packets_come_whole_however_they_are_cut(cuts: list[int]) -> None:
    inbox = Packets()
    answers = waiting(inbox, 7)
    sent = packet(STATUS, 3, b"of nobody") + packet(HANDLE, 7, blob(b"handle"))
    places = sorted({0, *cuts, len(sent)})
    for start, end in itertools.pairwise(places):
        inbox.deliver(sent[start:end])
    kind, fields = answers.next(0)
    assert (kind, fields.string(), answers.waiting) == (HANDLE, b"handle", False)


@given(garbage=st.binary(max_size=200))
def test_any_garbage_is_an_answer_or_an_end(garbage: bytes) -> None:
    inbox = Packets()
    inbox.deliver(garbage)
    inbox.finish()
    with pytest.raises(ConnectionResetError):
        waiting(inbox, 7).next(0)


def test_who_waits_is_told_of_the_end_and_who_waits_too_long_of_that() -> None:
    inbox = Packets()
    before = waiting(inbox, 1)
    with pytest.raises(TimeoutError):
        before.next(0.01)
    inbox.finish()
    for answers in (before, waiting(inbox, 2)):
        with pytest.raises(ConnectionResetError, match="SFTP has ended"):
            answers.next(1)


def test_what_cannot_be_sent_is_told_as_an_end() -> None:
    class Closed:
        def write(self, data: bytes) -> None:
            raise ConnectionClosedError("The command's channel is closed.")

    channel: Any = Closed()
    with pytest.raises(ConnectionResetError):
        Outbox(channel, Packets(), "SFTP").send(b"x")


@given(st.integers(0, 2**64 - 1), st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1), st.booleans())
def test_attributes_are_read_with_and_without_an_owner(size: int, mode: int, mtime: int, owned: bool) -> None:
    owner = struct.pack(">II", 1, 2) if owned else b""
    body = struct.pack(">IQ", 15 if owned else 13, size) + owner + struct.pack(">III", mode, 3, mtime) + blob(b"next")
    fields = Fields(body, 0)
    assert fields.attrs() == Attrs(size, mode, mtime)
    assert fields.string() == b"next"


@pytest.mark.parametrize(("expected", "asked"), [(0, [2, 16, 128]), (1000, [12, 96, 128])])
def test_a_folder_is_listed_by_more_and_more_questions_at_once(expected: int, asked: list[int]) -> None:
    listing = steps.listed("folder", expected)
    next(listing)
    counts = []
    questions = listing.send([Heard(HANDLE, Fields(blob(b"handle"), 0))])
    names = struct.pack(">I", 1) + blob(b"run") + blob(b"as ls shows it") + struct.pack(">I", 0)
    for _ in range(3):
        counts.append(len(questions))
        questions = listing.send([Heard(NAME, Fields(names, 0)) for _ in questions])
    assert counts == asked
    (closing,) = listing.send([Heard(STATUS, Fields(END, 0)) for _ in questions])
    assert not closing.awaited
    with pytest.raises(StopIteration) as end:
        listing.send([])
    assert len(end.value.value) == sum(asked)


def test_a_server_that_tells_no_length_of_what_is_open_is_read_by_what_was_seen() -> None:
    reading = steps.fetched("file", 0, None, Attrs(3, 0o100644, 0))
    next(reading)
    look, _ = reading.send([Heard(HANDLE, Fields(blob(b"handle"), 0))])
    assert look.kind == FSTAT
    closing = reading.send([Heard(STATUS, Fields(struct.pack(">I", 8), 0)), Heard(DATA, Fields(blob(b"abc"), 0))])
    assert not closing[0].awaited
    with pytest.raises(StopIteration) as end:
        reading.send([])
    assert end.value.value == b"abc"
