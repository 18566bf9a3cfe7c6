"""The syntax of regular expressions: a pattern into a tree, with the place of what is wrong in it. Pure.

What can be told in one pass over a text is understood as `re` does: characters, `.`, `[sets]`, `\\d`, `\\w`, `\\s`,
`\\D`, `\\W`, `\\S`,
`\\t \\n \\r`, `\\xHH`, `\\uHHHH`, `^`, `$`, `\\b`, `\\B`, `( )`, `(?: )`, `|`, `* + ? {m,n}` and their lazy forms. Back
references and looking around are not: no engine can bound the time that they take.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

MAX_COUNT = 1000
_MAX_DEPTH = 50
_REPEAT = re.compile(r"\{(?=,?\d)(\d{0,9})(,?)(\d{0,9})\}")
_CONTROLS = {"t": "\t", "n": "\n", "r": "\r", "f": "\f", "v": "\v", "a": "\a", "0": "\0"}


class PatternError(ValueError):
    """A pattern cannot be used. at: the index of the character that shows it."""

    def __init__(self, what: str, at: int) -> None:
        super().__init__(what)
        self.what, self.at = what, at


@dataclass(frozen=True)
class Chars:
    """One character out of a set. ranges: of code points, both ends in it. kinds: of "dwsDWS"."""

    ranges: tuple[tuple[int, int], ...] = ()
    kinds: str = ""
    negated: bool = False

    def holds(self, char: str) -> bool:
        """Tell whether the character is one of these, upper and lower case alike."""
        cases = {char, char.lower(), char.upper()}
        hit = any(low <= ord(one) <= high for one in cases if len(one) == 1 for low, high in self.ranges) or any(
            _is_kind(char, kind) for kind in self.kinds
        )
        return hit is not self.negated


@dataclass(frozen=True)
class At:
    """A place between two characters: "^", "$", "b" at the edge of a word, "B" anywhere else."""

    place: str


@dataclass(frozen=True)
class Sequence:
    parts: tuple[Node, ...] = ()


@dataclass(frozen=True)
class Choice:
    options: tuple[Node, ...] = ()


@dataclass(frozen=True)
class Repeat:
    """most: None without an end."""

    node: Node
    least: int
    most: int | None


Node = Chars | At | Sequence | Choice | Repeat

ANY = Chars(((10, 10),), negated=True)


def is_word(char: str) -> bool:
    return char.isalnum() or char == "_"


def _is_kind(char: str, kind: str) -> bool:
    found = {"d": char.isdecimal, "w": lambda: is_word(char), "s": char.isspace}[kind.lower()]()
    return found is not kind.isupper()


def parse_pattern(pattern: str) -> Node:
    """Return the tree of a pattern. Raises PatternError."""
    parser = _Parser(pattern)
    node = parser.choice(0)
    if parser.at < len(pattern):
        raise PatternError("`)` has no `(` before it", parser.at)
    return node


@dataclass
class _Parser:
    text: str
    at: int = field(default=0)

    def choice(self, depth: int) -> Node:
        if depth > _MAX_DEPTH:
            raise PatternError(f"more than {_MAX_DEPTH} parentheses within each other", self.at)
        options = [self._sequence(depth)]
        while self._peek() == "|":
            self.at += 1
            options.append(self._sequence(depth))
        return options[0] if len(options) == 1 else Choice(tuple(options))

    def _peek(self) -> str:
        return self.text[self.at : self.at + 1]

    def _sequence(self, depth: int) -> Node:
        parts: list[Node] = []
        while self._peek() not in ("", "|", ")"):
            parts.append(self._repeated(self._atom(depth)))
        return parts[0] if len(parts) == 1 else Sequence(tuple(parts))

    def _repeated(self, node: Node) -> Node:
        least, most, length = self._count()
        if not length:
            return node
        if isinstance(node, At):
            raise PatternError("there is nothing here that could be repeated", self.at)
        self.at += length
        if self._peek() == "?":  # as few as possible: the same to whoever asks only whether it is there
            self.at += 1
        if self._peek() == "+" or self._count()[2]:
            raise PatternError("what is repeated already is repeated once more; use parentheses", self.at)
        return Repeat(node, least, most)

    def _count(self) -> tuple[int, int | None, int]:
        """Return least, most and how many characters say so; 0 for none."""
        simple = {"*": (0, None, 1), "+": (1, None, 1), "?": (0, 1, 1)}.get(self._peek())
        if simple is not None:
            return simple
        counted = _REPEAT.match(self.text, self.at)
        if counted is None:
            return 1, 1, 0
        least = int(counted[1] or 0)
        most = (int(counted[3]) if counted[3] else None) if counted[2] else least
        if max(least, most or 0) > MAX_COUNT:
            raise PatternError(f"more than {MAX_COUNT} repetitions", self.at)
        if most is not None and most < least:
            raise PatternError("the least number of repetitions is larger than the most", self.at)
        return least, most, len(counted[0])

    def _atom(self, depth: int) -> Node:
        char, start = self._peek(), self.at
        if char in "*+?":
            raise PatternError(f"there is nothing before `{char}` that could be repeated", self.at)
        self.at += 1
        if char == "(":
            return self._group(start, depth)
        if char == "[":
            return self._set(start)
        if char == "\\":
            return self._escaped(start)
        if char in "^$":
            return At(char)
        return ANY if char == "." else _one(char)

    def _group(self, start: int, depth: int) -> Node:
        if self._peek() == "?":
            if self.text[self.at : self.at + 2] != "?:":
                raise PatternError("of `(?` only `(?:` is understood", start)
            self.at += 2
        node = self.choice(depth + 1)
        if self._peek() != ")":
            raise PatternError("`(` is opened and not closed", start)
        self.at += 1
        return Sequence((node,))

    def _escaped(self, start: int) -> Node:
        char = self._peek()
        if char and char in "bB":
            self.at += 1
            return At(char)
        kinds, point = self._escape(start)
        return Chars(kinds=kinds) if point is None else _one(chr(point))

    def _escape(self, start: int) -> tuple[str, int | None]:
        """Return what follows a backslash: a kind of characters, or a code point."""
        char = self._peek()
        self.at += 1
        if not char:
            raise PatternError("a backslash at the end stands for nothing", start)
        if char in "dwsDWS":
            return char, None
        if char in "xu":
            length = 2 if char == "x" else 4
            digits = self.text[self.at : self.at + length]
            if not re.fullmatch(f"[0-9a-fA-F]{{{length}}}", digits):
                raise PatternError(f"`\\{char}` needs {length} hexadecimal digits", start)
            self.at += length
            return "", int(digits, 16)
        if char in _CONTROLS:
            return "", ord(_CONTROLS[char])
        if char.isascii() and char.isalnum():
            raise PatternError(f"`\\{char}` is not understood", start)
        return "", ord(char)

    def _set(self, start: int) -> Node:
        negated = self._peek() == "^"
        self.at += negated
        ranges: list[tuple[int, int]] = []
        kinds, first = "", self.at
        while self._peek() != "]" or self.at == first:
            if not self._peek():
                raise PatternError("`[` is opened and not closed", start)
            kind, low = self._member()
            kinds += kind
            if low is None:
                continue
            high: int | None = low
            if self._peek() == "-" and self.text[self.at + 1 : self.at + 2] not in ("]", ""):
                at = self.at
                self.at += 1
                _, high = self._member()
                if high is None or high < low:
                    raise PatternError("the range has no characters in it", at)
            ranges.append((low, low if high is None else high))
        self.at += 1
        return Chars(tuple(ranges), kinds, negated)

    def _member(self) -> tuple[str, int | None]:
        char, start = self._peek(), self.at
        self.at += 1
        if char != "\\":
            return "", ord(char)
        if self._peek() == "b":
            self.at += 1
            return "", 8
        return self._escape(start)


def _one(char: str) -> Chars:
    return Chars(((ord(char), ord(char)),))
