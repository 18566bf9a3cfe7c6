"""What takes a while says so in one line; what is quick says nothing."""

import io

import pytest

from runicorn.progress_line import POINTS, ProgressLine, duration, progress_text


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_the_line_says_how_much_of_how_much_and_how_long():
    text = progress_text("storing the artifact model", 120_000_000, 480_000_000, 2.0)
    assert text == "runicorn: storing the artifact model, 120 of 480 MB, 60 MB/s, 6 s left"


def test_what_is_counted_may_be_something_else_and_the_time_left_be_told_by_a_share():
    text = progress_text("importing 3 of 20", 1_240_000, None, 4.0, unit=POINTS, share=0.25)
    assert text == "runicorn: importing 3 of 20, 1,240,000 points, 310,000 points/s, 12 s left"


def test_what_was_done_before_counts_neither_for_the_rate_nor_for_the_time_left():
    text = progress_text("exporting", 6_000, 10_000, 2.0, unit=POINTS, before=5_000)
    assert text == "runicorn: exporting, 6,000 of 10,000 points, 500 points/s, 8 s left"


@pytest.mark.parametrize(
    ("secs", "text"), [(3.6, "4 s"), (59.4, "59 s"), (59.6, "1 min 0 s"), (200, "3 min 20 s"), (7500, "2 h 5 min")]
)
def test_a_long_time_is_told_in_minutes_and_hours(secs, text):
    assert duration(secs) == text


def copied(stream, total, secs):
    clock = Clock()
    with ProgressLine("storing", total, monotonic=clock, stream=stream) as progress:
        for _ in range(100):
            clock.now += secs / 100
            progress(total // 100)
    return stream.getvalue()


def test_a_terminal_gets_one_line_that_is_gone_at_the_end():
    shown = copied(Terminal(), 100_000_000, 5)
    assert "\n" not in shown
    assert "51 of 100 MB, 20 MB/s, 2 s left" in shown
    assert shown.endswith(" \r")


def test_what_takes_less_than_a_second_says_nothing():
    assert copied(Terminal(), 100_000_000, 0.9) == ""


def test_a_little_that_takes_long_is_told_with_a_decimal():
    assert "0.5 of 1.0 MB" in copied(Terminal(), 1_000_000, 60)


def test_an_ordinary_line_in_between_stands_alone():
    clock = Clock()
    stream = Terminal()
    with ProgressLine("importing", 100, POINTS, monotonic=clock, stream=stream) as line:
        clock.now += 5
        line(50)
        line.say("left out: x")
    shown, _, rest = stream.getvalue().partition("\rruni")[2].partition("\r")
    assert (shown, rest.split("\r")) == (
        "corn: importing, 50 of 100 points, 10 points/s, 5 s left",
        [" " * len("runicorn: importing, 50 of 100 points, 10 points/s, 5 s left^C"), "left out: x\n"],
    )


@pytest.mark.parametrize("what", ["x" * 200, "\u6a21\u578b" * 100])
def test_a_line_never_wraps(what):
    clock = Clock()
    stream = Terminal()
    with ProgressLine(what, 100, POINTS, monotonic=clock, stream=stream) as line:
        clock.now += 5
        line(50)
    text = stream.getvalue().split("\r")[1]
    assert sum(1 + (letter > "\u2e80") for letter in text) <= 77


def test_a_narrow_terminal_gets_the_figures_first():
    clock = Clock()
    stream = Terminal()
    with ProgressLine("exporting", 5_000_000, POINTS, monotonic=clock, stream=stream) as line:
        clock.now += 2
        line(1_631_072)
    assert stream.getvalue().split("\r")[1] == "exporting, 1,631,072 of 5,000,000 points, 815,536 points/s, 4 s left"


def test_a_silent_line_says_ordinary_lines_only():
    clock = Clock()
    stream = Terminal()
    with ProgressLine("exporting", 100, POINTS, monotonic=clock, stream=stream, silent=True) as line:
        clock.now += 5
        line(50)
        line.say("left out: x")
    assert stream.getvalue() == "left out: x\n"


def test_a_file_is_told_what_is_done_now_and_then_and_all_ordinary_lines():
    clock = Clock()
    stream = io.StringIO()
    with ProgressLine("importing", unit=POINTS, monotonic=clock, stream=stream) as line:
        for share in (0.25, 0.5):
            clock.now += 6
            line.update(100 * share, share)
        line.say("done")
    assert stream.getvalue() == "runicorn: importing, 50 points, 4 points/s, 12 s left\ndone\n"


def test_a_file_gets_one_line_each_ten_seconds():
    assert copied(io.StringIO(), 100_000_000, 9) == ""
    assert copied(io.StringIO(), 100_000_000, 35).count("\n") == 3


def test_a_stream_that_fails_stops_nothing():
    class Broken(Terminal):
        def write(self, text):
            raise OSError("closed")

    assert copied(Broken(), 100_000_000, 5) == ""
