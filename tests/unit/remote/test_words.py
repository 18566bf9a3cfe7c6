"""Bytes in pieces become whole lines."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from runicorn.remote.telling.words import MAX_LINE_BYTES, Words


def said(pieces: list[bytes]) -> list[str]:
    lines: list[str] = []
    words = Words(lines.append)
    for piece in pieces:
        words.deliver(piece)
    words.finish()
    words.finish()
    return lines


@given(st.text(alphabet="aé \n\r"), st.lists(st.integers(0, 40), max_size=6))
def test_however_it_is_cut_the_lines_are_the_same(text: str, cuts: list[int]) -> None:
    data = text.encode()
    places = sorted({0, len(data), *(min(cut, len(data)) for cut in cuts)})
    pieces = [data[begin:end] for begin, end in itertools.pairwise(places)]
    assert said(pieces) == [line for each in text.split("\n") if (line := each.rstrip())]


def test_of_an_endless_line_only_the_beginning_is_kept() -> None:
    lines = said([b"x" * 1000] * 100 + [b"\nnext\n"])
    assert lines == ["x" * MAX_LINE_BYTES, "next"]


def test_what_is_no_utf8_is_shown_all_the_same() -> None:
    assert said([b"caf\xe9\n"]) == ["caf\ufffd"]
