"""What is looked for in texts: words as they are, or a regular expression that cannot take for ever. Pure.

Regular expressions are those of the package `regex`, since it gives one up after a time and lets other threads work
meanwhile; the standard library's do neither, and a pattern such as (a+)+$ would stop the whole viewer.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from runicorn.errors import InvalidPatternError, PatternTooSlowError

MAX_PATTERN_CHARACTERS = 500
# For all lines that are looked through in one call.
TIMEOUT_SECS = 1.0

# A pattern is written out for what it repeats: (a{1000}){1000} would take 300 MB, and once more as often all there is.
_MAX_WRITTEN_OUT = 200_000
_REPEATS = re.compile(r"\{(\d+)(?:,(\d*))?\}")

# Patterns of these parts alone match within a line, so that many lines can be looked through at once.
_WITHIN_LINES = re.compile(r"(?:[^\\\[({\x00-\x1f]|\\[dwSbB.^$*+?()\[\]{}|/\-:]|\[(?!\^)|\((?!\?)|\(\?:|\{(?=[\d,]))*")


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
        import regex  # 26 ms

        flags = regex.V0 | regex.MULTILINE | (0 if match_case else regex.IGNORECASE)
        source = text if is_regex else regex.escape(text)
        if is_regex and _written_out(text) > _MAX_WRITTEN_OUT:
            raise InvalidPatternError(f"{text[:200]!r} repeats too much.", reason="it repeats too much")
        try:
            self._pattern: Any = regex.compile(source, flags)
        except (regex.error, ValueError, OverflowError, RecursionError, MemoryError) as error:
            position = min(getattr(error, "pos", None) or 0, len(text))
            raise InvalidPatternError(
                f"{text[:200]!r} is no regular expression: {error}.",
                reason=getattr(error, "msg", None) or str(error),
                position=position,
            ) from error
        self._at_once = "\n" not in text and (not is_regex or _WITHIN_LINES.fullmatch(text) is not None)
        if self._at_once and self._search("", Limit()) is not None:
            self._at_once = False  # it matches nothing at all, and so at every character

    def is_in(self, text: str, limit: Limit) -> bool:
        """Tell whether it is found anywhere in a text. limit: of all texts together. Raises PatternTooSlowError."""
        began = time.monotonic()
        try:
            return self._search(text, limit) is not None
        finally:
            limit.take(time.monotonic() - began)

    def hits(self, text: str) -> Iterator[Hit]:
        """Yield the first place in each line that matches. Raises PatternTooSlowError."""
        return self._hits_at_once(text) if self._at_once else self._hits_by_line(text)

    def _hits_at_once(self, text: str) -> Iterator[Hit]:
        limit = Limit()
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
        limit = Limit()
        at = 0
        for number, line in enumerate(text.split("\n")):
            match = self._search(line, limit)
            if match is not None:
                yield Hit(number, at, *match.span())
            at += len(line) + 1

    def _search(self, text: str, limit: Limit, start: int = 0) -> Any:
        try:
            return self._pattern.search(text, start, timeout=limit.left_secs(), concurrent=True)
        except (TimeoutError, MemoryError) as error:
            raise PatternTooSlowError("The regular expression takes too long on some of the lines.") from error


class Limit:
    """How long may be searched: from now on, or, where take() is told, in searches only."""

    def __init__(self, secs: float = TIMEOUT_SECS) -> None:
        self._left_secs = secs
        self._since: float | None = time.monotonic()

    def take(self, secs: float) -> None:
        """Count these seconds, and none that pass between searches."""
        self._left_secs -= secs
        self._since = None

    def left_secs(self) -> float:
        left = self._left_secs - (0.0 if self._since is None else time.monotonic() - self._since)
        if left <= 0:
            raise TimeoutError
        return left


def _written_out(pattern: str) -> int:
    """Return at most how many parts a pattern has once its repetitions are written out, all within each other."""
    size = len(pattern)
    for match in _REPEATS.finditer(pattern):
        size *= max(1, *(int(bound) for bound in match.groups() if bound))
    return size
