"""What a terminal shows of printed text, line by line, so that escape codes hide nothing that is looked for. Pure.

Colours and whatever else a terminal would act on are dropped; carriage returns, backspaces, erasing and moves within a
line are applied. A move to another line is dropped: each line of the file is looked at for itself.
"""

from __future__ import annotations

import re

_COLOUR = re.compile(rb"\x1b\[[0-9;:]*m")
_PAINTED = re.compile(r"[^\n]*[\r\b\x1b][^\n]*")
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_TOKEN = re.compile(
    r"""(?P<text>[^\x00-\x1f\x7f-\x9f]+)
      | \x1b\[(?P<numbers>[\x30-\x3f]*)[\x20-\x2f]*(?P<final>[@-~])?
      | \x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?
      | \x1b[()*+\-./#%\x20]?[^\x1b]?
      | (?P<control>[\x00-\x1f\x7f-\x9f])
    """,
    re.VERBOSE,
)
# As far as the page draws a line.
_MAX_COLUMNS = 4000
_TAB = 8


def visible_text(data: bytes) -> str:
    """Return the text of whole lines, with as many ends of lines as `data` has."""
    if b"\r\n" in data:
        data = data.replace(b"\r\n", b"\n")
    if b"\x1b" in data:
        data = _COLOUR.sub(b"", data)
    text = data.decode("utf-8", "replace")
    if "\r" in text or "\b" in text or "\x1b" in text:
        text = _PAINTED.sub(lambda line: _painted(line[0]), text)
    if "\t" in text:
        text = text.expandtabs(_TAB)
    return _CONTROLS.sub("", text)


def _painted(line: str) -> str:
    """Return one line as it looks in the end."""
    cells: list[str] = []
    column = 0
    for token in _TOKEN.finditer(line):
        if token["text"]:
            text = token["text"][: max(0, _MAX_COLUMNS - column)]
            cells += " " * (column - len(cells))
            cells[column : column + len(text)] = text
            column += len(text)
        elif token["final"]:
            column = _moved(cells, column, token["numbers"], token["final"])
        elif token["control"] == "\r":
            column = 0
        elif token["control"] == "\b":
            column = max(0, column - 1)
        elif token["control"] == "\t":
            column = min(_MAX_COLUMNS, column + _TAB - column % _TAB)
    return "".join(cells)


def _moved(cells: list[str], column: int, numbers: str, final: str) -> int:
    """Apply a control sequence to a line; return the column behind it."""
    first = numbers.split(";", maxsplit=1)[0]
    amount = int(first) if first.isascii() and first.isdecimal() and len(first) < 6 else 0
    if final == "C":
        return min(_MAX_COLUMNS, column + max(1, amount))
    if final == "D":
        return max(0, column - max(1, amount))
    if final == "G":
        return min(_MAX_COLUMNS, max(1, amount) - 1)
    if final in "EF":
        return 0
    if final == "K":
        if amount == 0:
            del cells[column:]
        elif amount == 1:
            cells[: column + 1] = " " * min(len(cells), column + 1)
        elif amount == 2:
            cells.clear()
    return column
