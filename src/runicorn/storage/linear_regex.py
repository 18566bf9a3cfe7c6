"""Whether a regular expression is found in a text, in time that grows with the text only. Pure.

`re` can take longer than the universe will last for thirty characters. Here all ways through the pattern are gone at
once (Thompson 1968), and what a character leads to is remembered; docs/decisions/regular-expressions.md has figures.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from runicorn.storage.regex_syntax import (
    At,
    Chars,
    Choice,
    Node,
    PatternError,
    Repeat,
    Sequence,
    is_word,
    parse_pattern,
)

_MAX_STATES = 2000
_MAX_REMEMBERED = 20_000
_END, _WORD, _OTHER = 0, 1, 2


class RegexBudgetError(Exception):
    """So much was looked at with this pattern that it is given up."""


@dataclass
class _State:
    """chars: what leads on to the first of `ways`; at: a place that has to be here; neither: all ways are open."""

    ways: list[int] = field(default_factory=list)
    chars: Chars | None = None
    at: str = ""


class LinearRegex:
    """A pattern, upper and lower case alike. Raises PatternError.

    budget: after how many steps, over all texts, search() raises RegexBudgetError.
    """

    def __init__(self, pattern: str, *, budget: int = 5_000_000) -> None:
        self._states: list[_State] = []
        self._length = len(pattern)
        self._final = self._add(_State())
        self._first = self._build(parse_pattern(pattern), self._final)
        self._budget = budget
        self._next: dict[tuple[frozenset[int], int, str], frozenset[int] | None] = {}

    def search(self, text: str) -> bool:
        """Tell whether some part of the text is as the pattern says."""
        now, before = frozenset((self._first,)), _END
        text = text.lower()
        self._budget -= len(text)
        if self._budget < 0:
            raise RegexBudgetError
        known = self._next
        for char in text:
            key = (now, before, char)
            try:
                after = known[key]
            except KeyError:
                after = self._step(key)
            if after is None:
                return True
            now, before = after, _WORD if char.isalnum() or char == "_" else _OTHER
        return self._final in self._reachable(now, before, _END)

    def _step(self, key: tuple[frozenset[int], int, str]) -> frozenset[int] | None:
        """Return the states after a character, None where the pattern has been found before it."""
        now, before, char = key
        here = self._reachable(now, before, _WORD if is_word(char) else _OTHER)
        self._budget -= 2 * len(here)
        if self._budget < 0:
            raise RegexBudgetError
        states = self._states
        after: frozenset[int] | None = None
        if self._final not in here:
            found = {states[at].ways[0] for at in here if (chars := states[at].chars) is not None and chars.holds(char)}
            found.add(self._first)  # it may begin anywhere
            after = frozenset(found)
        if len(self._next) >= _MAX_REMEMBERED:
            self._next.clear()
        self._next[key] = after
        return after

    def _reachable(self, states: frozenset[int], before: int, ahead: int) -> set[int]:
        """Return the states that these lead to without a character, between what lies before and what lies ahead."""
        seen = set(states)
        waiting = list(states)
        while waiting:
            state = self._states[waiting.pop()]
            if state.chars is not None or (state.at and not _is_at(state.at, before, ahead)):
                continue
            for way in state.ways:
                if way not in seen:
                    seen.add(way)
                    waiting.append(way)
        return seen

    # --- the machine, built from its end -----------------------------------------------------------------------------

    def _add(self, state: _State) -> int:
        if len(self._states) >= _MAX_STATES:
            raise PatternError("the pattern is too large, with all its repetitions", max(0, self._length - 1))
        self._states.append(state)
        return len(self._states) - 1

    def _build(self, node: Node, then: int) -> int:
        """Return the state with which a part begins that leads on to `then`."""
        if isinstance(node, Chars):
            return self._add(_State([then], chars=node))
        if isinstance(node, At):
            return self._add(_State([then], at=node.place))
        if isinstance(node, Sequence):
            for part in reversed(node.parts):
                then = self._build(part, then)
            return then
        if isinstance(node, Choice):
            return self._add(_State([self._build(option, then) for option in node.options]))
        return self._build_repeat(node, then)

    def _build_repeat(self, node: Repeat, then: int) -> int:
        if node.most is None:
            again = _State([then])
            then = self._add(again)
            again.ways.append(self._build(node.node, then))
        else:
            end = then
            for _ in range(node.most - node.least):
                then = self._add(_State([self._build(node.node, then), end]))
        for _ in range(node.least):
            then = self._build(node.node, then)
        return then


def _is_at(place: str, before: int, ahead: int) -> bool:
    if place == "^":
        return before == _END
    if place == "$":
        return ahead == _END
    return ((before == _WORD) is not (ahead == _WORD)) is (place == "b")
