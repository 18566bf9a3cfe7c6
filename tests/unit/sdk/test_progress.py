"""What takes a while says so in one line; what is quick says nothing."""

import io

from runicorn.sdk.progress import ProgressLine, progress_text


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
    assert text == "runicorn: storing the artifact model, 120 of 480 MB, 6 s left"


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
    assert "51 of 100 MB, 2 s left" in shown
    assert shown.endswith(" \r")


def test_what_takes_less_than_a_second_or_is_small_says_nothing():
    assert copied(Terminal(), 100_000_000, 0.9) == ""
    assert copied(Terminal(), 1_000_000, 60) == ""


def test_a_file_gets_one_line_each_ten_seconds():
    assert copied(io.StringIO(), 100_000_000, 9) == ""
    assert copied(io.StringIO(), 100_000_000, 35).count("\n") == 3


def test_a_stream_that_fails_stops_nothing():
    class Broken(Terminal):
        def write(self, text):
            raise OSError("closed")

    assert copied(Broken(), 100_000_000, 5) == ""
