"""Finding records in whole, torn and damaged files."""

import pytest

from runicorn.storage.records import MARK_BYTES, RECORD_BYTES, Record, pack, scan, unpack


def points(count, start=0):
    return [Record(step % 3, step, 1.7e9 + step, step * 0.5) for step in range(start, start + count)]


def packed(records):
    return b"".join(pack(*record) for record in records)


def found(data):
    return list(unpack(data, scan(data)))


def test_whole_records_are_read_in_order():
    assert found(packed(points(5))) == points(5)


def test_a_record_begins_with_its_mark():
    assert pack(1, 2, 3.0, 4.0)[:4] == b"RNS1" == MARK_BYTES
    assert len(pack(1, 2, 3.0, 4.0)) == RECORD_BYTES


@pytest.mark.parametrize("cut", range(1, RECORD_BYTES))
def test_a_torn_last_record_is_waited_for(cut):
    data = packed(points(4))[:-cut]
    result = scan(data)
    assert list(unpack(data, result)) == points(3)
    assert (result.skipped, result.consumed) == (0, 3 * RECORD_BYTES)


def test_an_empty_file_holds_nothing():
    assert (scan(b"").spans, scan(b"").consumed) == ((), 0)


def test_damaged_records_are_skipped_and_counted():
    data = bytearray(packed(points(6)))
    data[2 * RECORD_BYTES] ^= 0xFF
    data[4 * RECORD_BYTES + 1] ^= 0xFF
    result = scan(bytes(data))
    assert [record.step for record in unpack(bytes(data), result)] == [0, 1, 3, 5]
    assert result.skipped == 2


def test_a_hole_of_zeros_is_skipped_and_counted():
    data = packed(points(2)) + bytes(4096) + packed(points(2, 10))
    result = scan(data)
    assert [record.step for record in unpack(data, result)] == [0, 1, 10, 11]
    assert result.skipped == 4096 // RECORD_BYTES


@pytest.mark.parametrize("length", [1, 3, 17, 31, 33, 100, 1001])
def test_records_are_found_again_after_garbage_of_any_length(length):
    data = packed(points(3)) + b"\xaa" * length + packed(points(3, 10))
    assert [record.step for record in found(data)] == [0, 1, 2, 10, 11, 12]


@pytest.mark.parametrize("cut", range(4, RECORD_BYTES))
def test_a_record_torn_in_the_middle_is_dropped_and_not_made_up(cut):
    data = packed(points(3)) + packed(points(1, 7))[:cut] + packed(points(3, 10))
    result = scan(data)
    assert [record.step for record in unpack(data, result)] == [0, 1, 2, 10, 11, 12]
    assert result.skipped == 1


def test_a_value_that_holds_the_mark_is_still_a_value():
    tricky = int.from_bytes(MARK_BYTES * 2, "little")
    records = [Record(1, tricky, 1.0, 2.0), Record(1, 5, 1.0, 2.0)]
    assert found(packed(records)) == records


def test_what_is_consumed_never_hides_a_later_record():
    data = b"\xaa" * 50 + packed(points(2))
    seen, at, visible = [], 0, b""
    for byte in range(len(data)):
        visible = data[at : byte + 1]
        result = scan(visible)
        seen += unpack(visible, result)
        at += result.consumed
    assert seen == points(2)
