"""A channel's inbox, led on while another thread feeds it."""

from __future__ import annotations

import threading

from hypothesis import given
from hypothesis import strategies as st

from runicorn.remote.ssh.paramiko.inbox import Inbox


class Collected:
    """A sink that remembers what it was given."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.finished = threading.Event()

    def deliver(self, data: bytes) -> None:
        assert not self.finished.is_set()
        self.pieces.append(bytes(data))

    def finish(self) -> None:
        self.finished.set()


@given(pieces=st.lists(st.binary(min_size=1, max_size=5)), at=st.integers(0, 20), closed=st.booleans())
def test_what_came_before_and_after_leading_on_arrives_in_order(pieces: list[bytes], at: int, closed: bool) -> None:
    inbox, sink = Inbox(), Collected()
    for number, piece in enumerate(pieces):
        if number == at:
            inbox.lead_to(sink)
        inbox.feed(piece)
    if closed:
        inbox.close()
    if at >= len(pieces):
        inbox.lead_to(sink)
    assert b"".join(sink.pieces) == b"".join(pieces)
    assert sink.finished.is_set() is closed


def test_leading_on_while_bytes_arrive_loses_and_reorders_none() -> None:
    for _ in range(50):
        inbox, sink, under_way = Inbox(), Collected(), threading.Event()

        def feed(inbox: Inbox = inbox, under_way: threading.Event = under_way) -> None:
            for number in range(500):
                inbox.feed(number.to_bytes(2, "big"))
                under_way.set()
            inbox.close()

        feeder = threading.Thread(target=feed)
        feeder.start()
        under_way.wait()
        inbox.lead_to(sink)
        feeder.join()
        assert sink.finished.is_set()
        assert b"".join(sink.pieces) == b"".join(number.to_bytes(2, "big") for number in range(500))


def test_an_inbox_that_is_not_led_on_is_read_as_ever() -> None:
    inbox = Inbox()
    inbox.feed(b"abc")
    assert inbox.read(2, 0.0) == b"ab"
    inbox.close()
    assert (inbox.read(9, 0.0), inbox.read(9, 0.0)) == (b"c", b"")
