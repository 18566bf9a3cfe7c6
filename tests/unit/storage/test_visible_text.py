"""Text as a terminal shows it, line by line; pyte, a terminal of its own, must agree."""

import pyte
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runicorn.storage.visible_text import visible_text


@pytest.mark.parametrize(("printed", "seen"), [
    ("plain\n", "plain\n"),
    ("\x1b[32mgreen\x1b[0m and \x1b[1;31mred\x1b[m\n", "green and red\n"),
    ("los\x1b[31ms\x1b[0m=1\n", "loss=1\n"),
    ("10%\r20%\r30%\n", "30%\n"),
    ("a long one\rshort\x1b[K\n", "short\n"),
    ("windows\r\nline\r\n", "windows\nline\n"),
    ("\x1b]0;title\x07text\x1b]8;;http://x\x1b\\link\n", "textlink\n"),
    ("abc\b\bX\n", "aXc\n"),
    ("a\tb\n", "a       b\n"),
    ("\x1b[2K\x1b[1Gbar 3\n", "bar 3\n"),
    ("\x1b[?25lhidden cursor\x1b[?25h\n", "hidden cursor\n"),
    ("one\n\ntwo", "one\n\ntwo"),
    ("\x1b[3A\x1b[2Cup\n", "  up\n"),
    ("cut \x1b[3", "cut "),
])  # fmt: skip
def test_what_a_terminal_shows(printed, seen):
    assert visible_text(printed.encode()) == seen


@given(st.binary(max_size=400))
def test_any_bytes_keep_their_lines(data):
    assert visible_text(data).count("\n") == data.count(b"\n")


PIECES = st.sampled_from(
    [
        "a",
        "loss ",
        "é",
        "\r",
        "\b",
        "\t",
        "\x1b[31m",
        "\x1b[0m",
        "\x1b[K",
        "\x1b[1K",
        "\x1b[2K",
        "\x1b[2C",
        "\x1b[D",
        "\x1b[4G",
    ]
)


@given(st.lists(PIECES, max_size=12))
def test_a_line_looks_as_it_does_in_another_terminal(pieces):
    line = "".join(pieces)
    screen = pyte.Screen(200, 2)
    pyte.Stream(screen).feed(line)
    assert visible_text(line.encode()).rstrip() == screen.display[0].rstrip()
