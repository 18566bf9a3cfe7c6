"""What is looked for in lines of text: words as they are, or a regular expression that cannot take for ever. Pure.

Regular expressions are those of the package `regex`, since it gives one up after a time and lets other threads work
meanwhile; the standard library's do neither, and a pattern such as (a+)+$ would stop the whole viewer.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import regex

from runicorn.errors import InvalidPatternError, PatternTooSlowError

MAX_PATTERN_CHARACTERS = 500
# For all lines that are looked through in one call.
TIMEOUT_SECS = 1.0

# Patterns of these parts alone match within a line, so that many lines can be looked through at once.
_WITHIN_LINES = regex.compile(
    r"(?:[^\\\[({\x00-\x1f]|\\[dwSbB.^$*+?()\[\]{}|/\-:]|\[(?!\^)|\((?!\?)|\(\?:|\{(?=[\d,]))*", regex.V0
)


@dataclass(frozen=True)
class Hit:
    """A place in a text: the number of its line in that text, and the characters from `start` to `end` of the line."""

    line: int
    line_start: int
    start: int
    end: int


class Pattern:
    """A compiled pattern. Raises InvalidPatternError where `text` is no regular expression."""

    def __init__(self, text: str, *, is_regex: bool, match_case: bool) -> None:
        flags = regex.V0 | regex.MULTILINE | (0 if match_case else regex.IGNORECASE)
        source = text if is_regex else regex.escape(text)
        try:
            self._pattern: Any = regex.compile(source, flags)
        except (regex.error, ValueError, OverflowError, RecursionError, MemoryError) as error:
            raise InvalidPatternError(f"{text[:200]!r} is no regular expression: {error}.") from error
        self._at_once = "\n" not in text and (not is_regex or _WITHIN_LINES.fullmatch(text) is not None)
        if self._at_once and self._search("", _Limit()) is not None:
            self._at_once = False  # it matches nothing at all, and so at every character

    def hits(self, text: str) -> Iterator[Hit]:
        """Yield the first place in each line that matches. Raises PatternTooSlowError."""
        return self._hits_at_once(text) if self._at_once else self._hits_by_line(text)

    def _hits_at_once(self, text: str) -> Iterator[Hit]:
        limit = _Limit()
        line, line_start, at = 0, 0, 0
        while at < len(text):
            match = self._search(text, limit, at)
            if match is None:
                return
            start = match.start()
            line += text.count("\n", line_start, start)
            line_start = text.rfind("\n", 0, start) + 1
            yield Hit(line, line_start, start - line_start, match.end() - line_start)
            at = text.find("\n", start) + 1 or len(text)

    def _hits_by_line(self, text: str) -> Iterator[Hit]:
        limit = _Limit()
        at = 0
        for number, line in enumerate(text.split("\n")):
            match = self._search(line, limit)
            if match is not None:
                yield Hit(number, at, *match.span())
            at += len(line) + 1

    def _search(self, text: str, limit: _Limit, start: int = 0) -> Any:
        try:
            return self._pattern.search(text, start, timeout=limit.left_secs(), concurrent=True)
        except (TimeoutError, MemoryError) as error:
            raise PatternTooSlowError("The regular expression takes too long on some of the lines.") from error


class _Limit:
    """The time within which a text must have been looked through."""

    def __init__(self) -> None:
        self._until = time.monotonic() + TIMEOUT_SECS

    def left_secs(self) -> float:
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left
