"""Folds what a program paints over - progress bars - so that a file keeps their last states and not all of them. Pure.

Text that only goes forward passes as it is, at once. As soon as a line is painted over (a carriage return, a cursor
that moves up, an erased line), the last few lines are held as a small screen; painting over them is held back until
settle(), and what then comes out is what turns the screen that the file shows into the one that the program meant, in
the same escape codes (ECMA-48). What cannot be held on that screen comes out as it went in.
"""

from __future__ import annotations

import collections
import functools
import itertools
import re
import time
from collections.abc import Callable

# How many new lines may follow without any painting over until the screen is given up.
_QUIET_LINES = 5
_MAX_ROWS = 60
_MAX_COLUMNS = 4000
# What is remembered of the text before, for a program that begins to paint over lines that it printed in one go.
_TAIL_CHARACTERS = 8000
# After codes that the screen does not model, so many lines pass until it is believed again where the cursor is.
_DISTRUSTED_LINES = 100
_TAB = 8
_LONGEST_PAUSE_SECS = 10.0

_PAINTS_OVER = re.compile(r"\r(?!\n)|[\b\v\f]|\x1b\[[0-9;]*[A-HJKSTXPLMf]")
_COLOUR = re.compile(r"\x1b\[[0-9;:]*m")


@functools.cache
def _token() -> re.Pattern[str]:
    """Return what splits text into what is shown and what moves the cursor; compiled when something is painted over."""
    return re.compile(
        r"""(?P<text>[^\x00-\x1f\x7f\x1b]+)
          | (?P<control>[\r\n\b\t])
          | \x1b\[(?P<parameters>[0-9;:?<=>]*)[\x20-\x2f]*(?P<final>[@-~])
          | (?P<string>\x1b[\]PX^_](?:[^\x07\x1b]|\x1b[^\\])*(?:\x07|\x1b\\))
          | (?P<other>[\x00-\x1f\x7f])
        """,
        re.VERBOSE | re.DOTALL,
    )


class _Line:
    """One line of the screen: characters, and the colours that each was written with."""

    def __init__(self) -> None:
        self.chars: list[str] = []
        self.pens: list[str] = []
        self.painted = False  # erased or overwritten since the file last showed it

    def put(self, column: int, text: str, pen: str) -> None:
        if column > len(self.chars):
            gap = column - len(self.chars)
            self.chars += " " * gap
            self.pens += [""] * gap
        self.chars[column : column + len(text)] = text
        self.pens[column : column + len(text)] = [pen] * len(text)

    def erase(self, start: int, end: int | None) -> None:
        if end is None or end >= len(self.chars):
            del self.chars[start:], self.pens[start:]
        else:
            self.put(start, " " * (end - start), "")
        self.painted = True

    def rendered(self) -> str:
        """Return the line with its colours, which it leaves switched off."""
        parts, before = [], ""
        for pen, cells in itertools.groupby(zip(self.pens, self.chars, strict=True), key=lambda cell: cell[0]):
            if pen != before:
                parts.append(("\x1b[0m" if before else "") + pen)
                before = pen
            parts.append("".join(char for _, char in cells))
        return "".join(parts) + ("\x1b[0m" if before else "")


class RepaintFolder:
    """Takes text as it is printed; gives the text to write to a file."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._tail: collections.deque[str] = collections.deque()  # the last text, while there is no screen
        self._tail_length = 0
        self._tail_whole = True  # whether it begins at the beginning of a line
        self._distrusted = 0
        self._painting_since = self._shown_at = monotonic()
        self._row = self._column = self._quiet = 0
        self._pen = self._file_pen = ""
        self._leave("")

    def feed(self, text: str) -> str:
        """Return what is to be written now; what paints over may wait for settle()."""
        if not self._active:
            if self._distrusted or not _PAINTS_OVER.search(text):
                self._remember(text)
                return text
            self._enter()
        stopped, extended = self._play(text)
        if stopped < len(text):
            out = self._show() + text[stopped:]
            self._leave("")
            self._tail_whole = False
            self._distrusted = _DISTRUSTED_LINES
            return out
        if not extended:
            return ""
        self._painting_since = self._monotonic()
        out = self._show()
        self._trim()
        return out

    def settle(self, *, force: bool = False) -> str:
        """Return what brings the file up to date; nothing where that was done a moment ago, unless forced.

        The longer something is being painted over, the rarer its states are kept: each second, in the end each ten.
        """
        if not self._active:
            return ""
        now = self._monotonic()
        pause = min(_LONGEST_PAUSE_SECS, (now - self._painting_since) / 60)
        return self._show() if force or now - self._shown_at >= pause else ""

    def _remember(self, text: str) -> None:
        if self._distrusted:
            self._distrusted = max(0, self._distrusted - text.count("\n"))
            return
        self._tail.append(text[-_TAIL_CHARACTERS:])
        self._tail_length += len(self._tail[-1])
        self._tail_whole &= len(text) <= _TAIL_CHARACTERS
        while self._tail_length > _TAIL_CHARACTERS and len(self._tail) > 1:
            self._tail_length -= len(self._tail.popleft())
            self._tail_whole = False

    def _enter(self) -> None:
        """Begin a screen with the last lines, the one that is not ended yet among them."""
        tail = "".join(self._tail)
        if not self._tail_whole:
            tail = tail.partition("\n")[2] if "\n" in tail else ""
        self._active = True
        self._play("\n".join(tail.split("\n")[-_MAX_ROWS:]))
        self._file_lines = [line.rendered() for line in self._lines]
        self._file_row, self._file_column, self._file_pen = self._row, self._column, self._pen
        for line in self._lines:
            line.painted = False
        self._quiet = 0

    def _leave(self, tail: str) -> None:
        self._active = False
        self._tail.clear()
        self._tail.append(tail)
        self._tail_length, self._tail_whole = len(tail), True
        self._lines = [_Line()]
        self._row = self._column = self._quiet = 0
        self._pen = self._file_pen = ""
        self._file_lines = [""]
        self._file_row = self._file_column = 0

    def _play(self, text: str) -> tuple[int, bool]:
        """Apply text to the screen; return where something came that it does not model, and whether anything is new."""
        at, extended, match = 0, False, _token().match
        while at < len(text):
            token = match(text, at)
            if token is None:
                return at, extended
            kind = token.lastgroup
            if kind == "text":
                extended |= self._put(token["text"])
            elif kind == "control":
                extended |= self._control(token["control"])
            elif kind == "final":
                if not self._sequence(token["parameters"], token["final"]):
                    return at, extended
            elif kind != "string":
                return at, extended
            if self._column > _MAX_COLUMNS:
                return at, extended
            at = token.end()
        return at, extended

    def _put(self, text: str) -> bool:
        line = self._lines[self._row]
        new = self._column >= len(line.chars) and not line.painted
        if not new:
            line.painted = True
        line.put(self._column, text, self._pen)
        self._column += len(text)
        return new

    def _control(self, char: str) -> bool:
        if char == "\n":
            self._row += 1
            self._column = 0
            if self._row < len(self._lines):
                return False
            self._lines.append(_Line())
            self._quiet += 1
            return True
        if char == "\r":
            self._column = 0
        elif char == "\b":
            self._column = max(0, self._column - 1)
        else:  # a tab moves, and leaves what it passes as it was
            self._column += _TAB - self._column % _TAB
            return False
        self._quiet = 0
        return False

    def _sequence(self, parameters: str, final: str) -> bool:
        """Apply a control sequence; return whether it is one of those that are modelled."""
        if final == "m":
            self._pen = "" if parameters in ("", "0") else (self._pen + f"\x1b[{parameters}m")[-200:]
            return True
        if parameters.startswith("?"):
            return final in "hl"  # the cursor shown or hidden
        if parameters and not parameters.isdecimal():
            return False
        amount = int(parameters or 0)
        self._quiet = 0
        line = self._lines[self._row]
        if final in "AF":
            self._row -= max(1, amount)
            if self._row < 0:
                self._row += max(1, amount)
                return False
            self._column = 0 if final == "F" else self._column
        elif final in "BE":
            if self._row + max(1, amount) >= len(self._lines):  # a terminal's end is not known here
                return False
            self._row += max(1, amount)
            self._column = 0 if final == "E" else self._column
        elif final == "C":
            self._column += max(1, amount)
        elif final == "D":
            self._column = max(0, self._column - max(1, amount))
        elif final == "G":
            self._column = max(1, amount) - 1
        elif final == "K" and amount <= 2:
            line.erase(self._column if amount == 0 else 0, self._column + 1 if amount == 1 else None)
        elif final == "J" and amount == 0:
            line.erase(self._column, None)
            for below in self._lines[self._row + 1 :]:
                below.erase(0, None)
        else:
            return False
        return True

    def _show(self) -> str:
        """Return what turns the screen that the file shows into this one."""
        out: list[str] = []
        for row, line in enumerate(self._lines):
            rendered = line.rendered()
            known = self._file_lines[row] if row < len(self._file_lines) else None
            line.painted = False
            if rendered == known:
                continue
            if known is not None and self._at_end(row, known) and rendered.startswith(known) and not self._file_pen:
                out.append(rendered[len(known) :])
            else:
                out += self._move(row), "\r" if self._file_column else "", "\x1b[0m" if self._file_pen else "", rendered
                if known and len(_COLOUR.sub("", known)) > len(line.chars):
                    out.append("\x1b[K")
                self._file_pen = ""
            self._file_column = len(line.chars)
            self._file_lines[row] = rendered
        out.append(self._move(self._row))
        if self._file_column != self._column:
            out += "\r", f"\x1b[{self._column}C" if self._column else ""
            self._file_column = self._column
        if self._file_pen != self._pen:
            out += "\x1b[0m" if self._file_pen else "", self._pen
            self._file_pen = self._pen
        self._shown_at = self._monotonic()
        return "".join(out)

    def _at_end(self, row: int, known: str) -> bool:
        return row == self._file_row and "\x1b" not in known and self._file_column == len(known)

    def _move(self, row: int) -> str:
        """Return what moves the file's cursor to a row, which may lie below all that the file has."""
        out = ""
        if row < self._file_row:
            out = f"\x1b[{self._file_row - row}A"
        elif row > self._file_row:
            last = len(self._file_lines) - 1
            down = min(row, last) - self._file_row
            out = f"\x1b[{down}B" if down > 0 else ""
            if row > last:
                out += "\n" * (row - last)
                self._file_lines += [""] * (row - last)
                self._file_column = 0
        self._file_row = row
        return out

    def _trim(self) -> None:
        """Give up the screen when output only goes forward again, and lines that are far up in any case."""
        at_end = self._row == len(self._lines) - 1 and self._column == len(self._lines[-1].chars)
        if self._quiet >= _QUIET_LINES and at_end:
            self._leave("\n".join(line.rendered() for line in self._lines))
            return
        surplus = min(len(self._lines) - _MAX_ROWS, self._row)
        if surplus > 0:
            del self._lines[:surplus], self._file_lines[:surplus]
            self._row -= surplus
            self._file_row -= surplus
