"""Copying what is printed, from streams of all kinds."""

import io
import sys

import pytest

from runicorn.sdk.console import ConsoleCapture
from runicorn.sdk.warnings import Warnings


@pytest.fixture
def swap(monkeypatch):
    """Return what puts fresh streams in place; within the test, because pytest puts its own there before each."""

    def swapped():
        out, err = io.StringIO(), io.StringIO()
        monkeypatch.setattr(sys, "stdout", out)
        monkeypatch.setattr(sys, "stderr", err)
        return out, err

    return swapped


class NotebookStream(io.TextIOBase):
    """Like a notebook's: a class of its own without a descriptor."""

    def __init__(self):
        self.shown = []

    def write(self, text):
        self.shown.append(text)
        return len(text)


class Slotted:
    __slots__ = ("shown",)

    def __init__(self):
        self.shown = []

    def write(self, text):
        self.shown.append(text)


def test_a_notebooks_stream_is_copied(tmp_path, monkeypatch):
    stream = NotebookStream()
    monkeypatch.setattr(sys, "stdout", stream)
    capture = ConsoleCapture(tmp_path / "log", Warnings())
    print("in a cell")
    capture.stop()
    print("after")
    assert (tmp_path / "log").read_text() == "in a cell\n"
    assert "".join(stream.shown) == "in a cell\nafter\n"


def test_one_stream_for_both_is_copied_once(tmp_path, monkeypatch, swap):
    swap()
    monkeypatch.setattr(sys, "stderr", sys.stdout)
    capture = ConsoleCapture(tmp_path / "log", Warnings())
    print("once")
    capture.stop()
    assert (tmp_path / "log").read_text() == "once\n"


def test_lines_and_partial_lines_are_copied_as_they_come(tmp_path, swap):
    swap()
    capture = ConsoleCapture(tmp_path / "log", Warnings())
    sys.stdout.write("50%\r")
    assert (tmp_path / "log").read_bytes() == b"50%\r"
    sys.stdout.writelines(["all\n", "b\n"])
    assert (tmp_path / "log").read_bytes() == b"50%\rall\nb\n"
    capture.stop()


def test_a_stream_that_cannot_be_wrapped_is_left_alone(tmp_path, monkeypatch, swap):
    swap()
    stream = Slotted()
    monkeypatch.setattr(sys, "stdout", stream)
    warnings = Warnings()
    capture = ConsoleCapture(tmp_path / "log", warnings)
    sys.stdout.write("x")
    capture.stop()
    assert stream.shown == ["x"]
    assert warnings.counts() == {"console": 1}


def test_somebody_elses_wrapping_stays_when_ours_ends(tmp_path, swap):
    streams = swap()
    capture = ConsoleCapture(tmp_path / "log", Warnings())
    ours = sys.stdout.write
    loud = []
    sys.stdout.write = lambda text: (loud.append(text), ours(text))
    capture.stop()
    print("still printed", end="")
    assert "".join(loud) == "still printed"
    assert streams[0].getvalue() == "still printed"
    assert (tmp_path / "log").read_text() == ""


def test_text_that_is_no_valid_unicode_does_not_stop_printing(tmp_path, swap):
    swap()
    capture = ConsoleCapture(tmp_path / "log", Warnings())
    sys.stdout.write("bad \ud800 good")
    capture.stop()
    assert (tmp_path / "log").read_text() == "bad \\ud800 good"


def test_printing_goes_on_when_the_file_cannot_be_written(tmp_path, swap):
    streams = swap()
    warnings = Warnings()
    capture = ConsoleCapture(tmp_path / "log", warnings)
    capture._file.close()
    print("one")
    print("two")
    assert "one\ntwo\n" in streams[0].getvalue()
    assert warnings.counts()["console-lost"] >= 1
    assert streams[1].getvalue().count("runicorn:") == 1
