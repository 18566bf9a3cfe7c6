"""A search through a whole console: the same lines as a plain loop finds, in whatever steps it is asked for."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runicorn.storage import console_search
from runicorn.storage.console_search import Place, search_console
from runicorn.storage.files import LocalFiles
from runicorn.storage.patterns import Pattern


@pytest.fixture
def console(tmp_path):
    def write(data):
        (tmp_path / "console.log").write_bytes(data)
        return LocalFiles(tmp_path)

    return write


def words(text, **options):
    return Pattern(text, is_regex=False, match_case=True, **options)


START = Place(0, 0)


def search(files, pattern, begin=START, *, limit=100, count=True, **options):
    return search_console(files, "console.log", pattern, begin, limit=limit, count=count, **options)


def test_each_match_says_where_it_is(console):
    files = console("zero\none é loss=1\ntwo\n\x1b[31mlo\x1b[0mss=2\nlast loss".encode())
    found = search(files, words("loss"))
    assert [(one.line, one.offset, one.text, one.start, one.end) for one in found.matches] == [
        (1, 5, "one é loss=1", 6, 10),
        (3, 23, "loss=2", 0, 4),
        (4, 39, "last loss", 5, 9),
    ]
    assert (found.total, found.unfinished, found.complete, found.next) == (2, True, True, None)
    assert (found.counted, found.last_line, found.size_bytes) == (Place(39, 4), True, 48)


def test_columns_are_those_of_javascript(console):
    (match,) = search(console("\U0001f600 loss\n".encode()), words("loss")).matches
    assert (match.start, match.end) == (3, 7)


def test_nothing_to_look_for_counts_the_lines(console):
    found = search(console(b"one\ntwo\nthree"), None)
    assert (found.counted, found.last_line, found.complete, found.total) == (Place(8, 2), True, True, 0)


def test_no_console_is_no_lines(tmp_path):
    found = search(LocalFiles(tmp_path), words("x"))
    assert (found.complete, found.counted, found.matches) == (True, Place(0, 0), [])


def test_it_answers_in_time_and_goes_on_from_there(console, monkeypatch):
    monkeypatch.setattr(console_search, "PIECE_BYTES", 100)
    files = console(b"".join(b"line %04d\n" % number for number in range(1000)))
    ticks = iter(range(10**6))
    total, begin, steps = 0, Place(0, 0), 0
    while True:
        found = search(files, words("7"), begin, limit=0, monotonic=lambda: next(ticks))
        total, begin, steps = total + found.total, found.counted, steps + 1
        if found.complete:
            break
        assert found.next is not None
    assert steps > 10
    assert total == sum("7" in f"line {number:04d}" for number in range(1000))
    assert begin == Place(10_000, 1000)


def test_a_file_without_lines_is_looked_through_in_pieces(console, monkeypatch):
    monkeypatch.setattr(console_search, "PIECE_BYTES", 1000)
    found = search(console(b"x" * 10_000 + b"needle" + b"y" * 3000 + b"\nneedle\n"), words("needle"))
    assert [match.line for match in found.matches] == [0, 1]


LINE = st.text(st.sampled_from("ab\x1b[m\r é"), max_size=12)


@settings(deadline=None)
@given(
    st.lists(LINE, max_size=30),
    st.booleans(),
    st.sampled_from(["a", "ab", "é", "b"]),
    st.integers(1, 4),
    st.integers(8, 60),
)
def test_pages_of_matches_are_together_what_one_answer_is(tmp_path_factory, lines, ended, wanted, limit, piece):
    folder = tmp_path_factory.mktemp("console")
    data = ("\n".join(lines) + ("\n" if ended else "")).encode()
    (folder / "console.log").write_bytes(data)
    files, before = LocalFiles(folder), console_search.PIECE_BYTES
    whole = search(files, words(wanted), limit=1000)
    try:
        console_search.PIECE_BYTES = piece
        pages, place = [], Place(0, 0)
        while place is not None:
            found = search(files, words(wanted), place, limit=limit, count=False)
            assert len(found.matches) <= limit
            pages += found.matches
            place = found.next
    finally:
        console_search.PIECE_BYTES = before
    assert [match.offset for match in pages] == [match.offset for match in whole.matches]
    assert [match.line for match in pages] == [match.line for match in whole.matches]
    for match in whole.matches:
        assert data[: match.offset].count(b"\n") == match.line
        assert match.offset == 0 or data[match.offset - 1 : match.offset] == b"\n"
    plain = [re.sub(r"\x1b\[m", "", line) for line in lines]
    if not any(char in line for line in plain for char in "\r\x1b"):
        assert [match.line for match in whole.matches] == [at for at, line in enumerate(plain) if wanted in line]
