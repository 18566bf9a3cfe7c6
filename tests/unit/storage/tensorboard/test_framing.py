"""Records of an event file are found whole; a torn end waits, and garbage is never taken for a record."""

import pytest
from tests.support.event_files import event, scalar, write_events

from runicorn.storage.tensorboard.crc32c import crc32c
from runicorn.storage.tensorboard.framing import Stop, contents, framed, frames


def test_the_checksum_is_that_of_the_standard():
    assert crc32c(bytes(32)) == 0x8A9136AA  # RFC 3720, B.4
    assert crc32c(b"123456789") == 0xE3069283


def test_what_tensorboardx_frames_is_read(tmp_path):
    events = [event(scalar("loss", step / 3), step=step) for step in range(5)]
    data = write_events(tmp_path / "events.out.tfevents.1.h", events)
    assert list(contents(data)) == [each.SerializeToString() for each in events]


def test_our_frames_are_those_of_tensorboardx(tmp_path):
    events = [event(scalar("loss", 1.5))]
    assert write_events(tmp_path / "f", events) == b"".join(framed(each.SerializeToString()) for each in events)


def test_a_torn_end_says_how_much_is_needed():
    data = framed(b"abc") + framed(b"defg")
    found = frames(data[:-1])
    assert (found.spans, found.consumed, found.needed, found.stop) == (((12, 15),), 19, len(data), Stop.TORN)


@pytest.mark.parametrize("garbage", [b"\0" * 40, b"\xff" * 40, b"not an event file at all, but text"])
def test_garbage_is_damage(garbage):
    found = frames(framed(b"abc") + garbage)
    assert (found.consumed, found.stop) == (19, Stop.DAMAGED)


def test_a_huge_length_is_not_believed_without_its_checksum():
    assert frames((2**60).to_bytes(8, "little") + bytes(8)).stop is Stop.DAMAGED
