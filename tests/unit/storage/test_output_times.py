"""When output was written: entries as they are kept, believed as far as they can be."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from runicorn.storage.console_times import encode, pause_secs
from runicorn.storage.files import LocalFiles
from runicorn.storage.output_times import decode, read_times


def entries(*pairs):
    return b"".join(encode(*pair) for pair in pairs)


def test_a_place_has_the_time_of_the_entry_before_it():
    times = decode(entries((100.0, 0), (101.0, 40), (105.0, 90)), 200)
    assert times.between(45, 60, 10) == ([101.0], [40], 60)
    assert times.between(40, 91, 10) == ([101.0, 105.0], [40, 90], 91)
    assert times.between(0, 200, 2) == ([100.0, 101.0], [0, 40], 90)


def test_a_time_has_the_place_that_was_written_then():
    times = decode(entries((100.0, 0), (101.0, 40), (105.0, 90)), 200)
    assert [times.place_of(at) for at in (0, 100, 104.9, 105, 1e9)] == [0, 0, 40, 90, 90]
    assert decode(b"", 200).place_of(100) is None


def test_what_a_killed_process_left_is_passed_over():
    assert len(decode(entries((100.0, 0), (101.0, 40))[:-3], 200)) == 1


def test_entries_of_a_console_that_is_gone_are_passed_over():
    times = decode(entries((100.0, 0), (101.0, 400), (200.0, 0), (201.0, 10)), 50)
    assert times.times.tolist() == [100.0, 200.0, 201.0]
    assert times.offsets.tolist() == [0, 0, 10]


def test_a_clock_that_was_set_back_leads_nowhere_wrong():
    times = decode(entries((100.0, 0), (200.0, 40), (150.0, 90), (250.0, 120)), 200)
    assert times.place_of(160) == 0  # what was written around then is behind it
    assert times.place_of(250) == 120


@given(st.binary(max_size=400), st.integers(0, 2**63))
def test_any_bytes_give_places_that_do_not_fall(data, size):
    times = decode(data, size)
    assert np.all(np.diff(times.offsets.astype(object)) >= 0)
    assert all(offset <= size for offset in times.offsets.tolist())
    for at in (0.0, 1e9):
        place = times.place_of(at)
        assert place is None or 0 <= place <= size


def test_no_file_is_no_times(tmp_path):
    assert read_times(LocalFiles(tmp_path), "console.times", 100) is None
    (tmp_path / "console.times").write_bytes(entries((100.0, 0)))
    assert len(read_times(LocalFiles(tmp_path), "console.times", 100)) == 1


def test_a_month_of_output_takes_few_entries():
    entries_kept, now = 0, 0.0
    while now < 30 * 86_400:
        now += pause_secs(entries_kept)
        entries_kept += 1
    assert entries_kept * 16 < 6 * 2**20
    assert pause_secs(entries_kept) <= 32
