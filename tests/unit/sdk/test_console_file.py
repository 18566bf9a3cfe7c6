"""What follows in the console behind a text that was cut short."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runicorn.sdk.console_file import owed_after


@pytest.mark.parametrize(("text", "written", "owed"), [
    ("one", 3, b""), ("one\n", 4, b""), ("one\n", 3, b"\n"), ("one\ntwo", 4, b""), ("a\u20acb", 2, b"\x82\xac\n"),
    ("a\u20acb", 4, b"\n"),
])  # fmt: skip
def test_the_rest_of_the_last_character_and_the_end_of_the_line_follow(text, written, owed):
    assert owed_after(text.encode(), written) == owed


@given(st.text(min_size=1), st.data())
def test_whatever_is_cut_where_the_file_is_text_that_ends_a_line(text, data):
    whole = text.encode()
    written = data.draw(st.integers(1, len(whole)))
    kept = whole[:written] + owed_after(whole, written)
    assert whole.startswith(kept.decode().rstrip("\n").encode().rstrip(b"\n"))
    assert kept == whole or kept.endswith(b"\n")
