"""The Range header."""

import pytest

from runicorn.viewer.byte_ranges import UnsatisfiableRangeError, parse_range


@pytest.mark.parametrize(
    ("header", "span"),
    [("bytes=0-9", (0, 10)), ("bytes=5-", (5, 100)), ("bytes=-10", (90, 100)), ("bytes=90-900", (90, 100)),
     ("bytes=-900", (0, 100)), ("Bytes = 1-1", (1, 2))],
)  # fmt: skip
def test_one_range_is_understood(header, span):
    assert parse_range(header, 100) == span


@pytest.mark.parametrize("header", [None, "", "bytes=-", "bytes=9-1", "bytes=0-1,5-6", "items=0-1", "bytes=a-b"])
def test_anything_else_asks_for_the_whole_file(header):
    assert parse_range(header, 100) is None


@pytest.mark.parametrize("header", ["bytes=100-", "bytes=200-300", "bytes=-0"])
def test_a_range_beyond_the_file_is_refused(header):
    with pytest.raises(UnsatisfiableRangeError):
        parse_range(header, 100)
