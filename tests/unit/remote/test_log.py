"""A session's log: bounded in every direction, numbered, and harmless to show."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from runicorn.remote.telling.log import MAX_LINE_CHARS, Line, Log, printable


def texts(log: Log, after: int = 0) -> list[str]:
    return [line.text for line in log.after(after)[0]]


def test_each_line_has_the_time_it_came_at() -> None:
    log = Log(now=itertools.count(1000).__next__)
    log.add("one\ntwo")
    log.add("three")
    assert log.lines == [Line(1000, "one"), Line(1000, "two"), Line(1001, "three")]


def test_a_reader_who_comes_back_gets_what_is_new() -> None:
    log = Log()
    log.add("one")
    lines, following = log.after(0)
    assert ([line.text for line in lines], following) == (["one"], 1)
    log.add("two")
    assert texts(log, following) == ["two"]
    assert log.after(2) == ([], 2)
    assert log.after(99) == ([], 2)


def test_the_newest_lines_are_kept_and_go_on_being_counted() -> None:
    log = Log(kept=3)
    for number in range(10):
        log.add(str(number))
    assert (texts(log), log.next) == (["7", "8", "9"], 10)
    assert texts(log, 8) == ["8", "9"]
    assert texts(log, 2) == ["7", "8", "9"]


@given(st.text())
def test_no_text_can_move_the_cursor_hide_itself_or_grow_without_limit(text: str) -> None:
    shown = printable(text)
    assert shown.isprintable()
    assert len(shown) <= MAX_LINE_CHARS
    shown.encode()  # no broken Unicode, which no answer could carry


def test_control_characters_are_shown_and_a_long_line_says_that_it_goes_on() -> None:
    assert printable("\x1b[31mred\x07\u202e\r") == "\\x1b[31mred\\x07\\u202e"
    assert printable("a\tb") == "a    b"
    assert printable("x" * 5000) == "x" * (MAX_LINE_CHARS - 1) + "…"
    assert printable("é" * MAX_LINE_CHARS) == "é" * MAX_LINE_CHARS
