"""Folding what is painted over: the file shows what the terminal showed, and holds little more than that."""

import itertools

import pyte
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runicorn.sdk.repaint import RepaintFolder

COLUMNS, ROWS = 2000, 200  # wider and higher than anything here: its edges are not modelled


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def terminal(text):
    """Return a terminal that was shown the text; pyte is the second opinion on what it looks like."""
    screen = pyte.Screen(COLUMNS, ROWS)
    screen.set_mode(pyte.modes.LNM)
    pyte.Stream(screen).feed(text)
    return screen


def look(screen):
    # The colour of a blank cannot be seen; pyte fills what is erased with blanks in the colour of the moment.
    cells = {
        (row, column): (cell.data, cell.fg, cell.bold)
        for row, line in screen.buffer.items()
        for column, cell in line.items()
        if cell.data != " "
    }
    return cells, (screen.cursor.y, screen.cursor.x)


def folded(chunks, *, settle_every=0):
    folder = RepaintFolder(Clock())
    out = []
    for at, chunk in enumerate(chunks, 1):
        out.append(folder.feed(chunk))
        if settle_every and at % settle_every == 0:
            out.append(folder.settle(force=True))
    return "".join([*out, folder.settle(force=True)])


def bar(width=40):
    return [f"\r{'#' * done:{width}}| {done}/{width} [00:01<00:02]" for done in range(width + 1)]


def test_text_that_goes_forward_passes_as_it_is_at_once():
    folder = RepaintFolder(Clock())
    for chunk in ("epoch 1\n", "\x1b[31mred\x1b[0m", " and more", "\n", "windows\r\n", "." * 5, "\x1b]0;title\x07"):
        assert folder.feed(chunk) == chunk
    assert folder.settle(force=True) == ""


def test_a_progress_bar_is_kept_in_its_last_state():
    chunks = [*bar(), "\n", "done\n"]
    out = folded(chunks)
    assert look(terminal(out)) == look(terminal("".join(chunks)))
    assert out.count("[00:01<00:02]") == 2  # the first state at once, the last when it was done
    assert out.endswith(f"\r{'#' * 40}| 40/40 [00:01<00:02]\ndone\n")


def test_a_traceback_after_a_bar_comes_at_once_and_whole():
    folder = RepaintFolder(Clock())
    for chunk in bar()[:20]:
        folder.feed(chunk)
    out = "".join(folder.feed(line) for line in ("Traceback (most recent call last):\n", "ValueError: no\n"))
    assert "19/40" in out
    assert out.endswith("Traceback (most recent call last):\nValueError: no\n")


def test_a_bar_within_a_bar_is_folded_too():
    chunks = []
    for outer in range(10):
        chunks.append(f"\repoch {outer}/10 {'#' * outer:10}|")
        for inner in range(100):
            chunks += ["\n", f"\rbatch {inner}/100 {'-' * (inner // 10):10}|", "\x1b[A"]
    chunks += ["\n\n", "done\n"]
    out = folded(chunks)
    assert look(terminal(out)) == look(terminal("".join(chunks)))
    assert len(out) < len("".join(chunks)) / 20


def test_a_panel_that_grows_is_folded_too():
    chunks = []
    for frame in range(50):
        height = 2 + frame // 20
        chunks.append(
            "\r\x1b[2K" + "\x1b[1A\x1b[2K" * (height - 1 if frame % 20 else max(0, height - 2)) if frame else ""
        )
        chunks.append("\n".join(f"\x1b[3{row}mtask {row}\x1b[0m {frame:3d}%" for row in range(height)))
    chunks.append("\n")
    out = folded(chunks)
    assert look(terminal(out)) == look(terminal("".join(chunks)))
    assert len(out) < len("".join(chunks)) / 4


def test_states_come_rarer_the_longer_it_is_painted_over():
    clock = Clock()
    folder = RepaintFolder(clock)
    times = []
    folder.feed("begin\n")
    for second in range(3600):
        clock.now = float(second)
        folder.feed(f"\r{second:5d} s")
        if folder.settle():
            times.append(second)
    gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert gaps[:20] == [1] * 20
    assert max(gaps) <= 11
    assert len(times) < 600


def test_what_the_screen_does_not_model_comes_out_as_it_went_in():
    chunks = [*bar()[:5], "\x1b[5;5Helsewhere", "\x1b[s", "more\n"]
    out = folded(chunks)
    assert out.endswith("\x1b[5;5Helsewhere\x1b[smore\n")
    assert look(terminal(out)) == look(terminal("".join(chunks)))


@pytest.mark.parametrize("text", ["\x1b", "\x1b[", "\x1b[31", "\r\x1b[", "\rbar\x1b]0;unfinished", "\x00\x07\r\x01x"])
def test_codes_that_are_not_whole_lose_nothing(text):
    folder = RepaintFolder(Clock())
    out = folder.feed("a\rb") + folder.feed(text) + folder.settle(force=True)
    assert out.endswith(text) or look(terminal(out)) == look(terminal("a\rb" + text))


PIECES = st.one_of(
    st.sampled_from(
        ["\r", "\n", "\n", "\x1b[A", "\x1b[2A", "\x1b[B", "\x1b[K", "\x1b[2K", "\x1b[1K", "\x1b[J", "\x1b[3C",
         "\x1b[2D", "\x1b[5G", "\b", "\t", "\x1b[31m", "\x1b[1m", "\x1b[0m", "\x1b[?25l", "\r\x1b[2K", "\r\x1b[K",
         "\x1b[F", "\x1b[E"]
    ),
    st.text(alphabet="ab#=> 0%", min_size=1, max_size=12),
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.lists(st.lists(PIECES, min_size=1, max_size=4).map("".join), max_size=25), st.integers(0, 5))
def test_the_folded_text_shows_what_the_whole_text_shows(chunks, settle_every):
    # A beginning in the middle of the screen, so that the cursor may go up beyond what was held.
    chunks = ["\n" * 30, *chunks]
    assert look(terminal(folded(chunks, settle_every=settle_every))) == look(terminal("".join(chunks)))
