"""The query language of the run list: text into a predicate. Pure.

    query      = [term {["and"] term}]
    term       = ["not"] (comparison | "tag:" value | "state:" value | value)
    comparison = field operator value          operator: = != < <= > >=   (blanks around it do not matter)
    value      = a word, or "anything in quotes"

A lone value is looked for in id, name, project, tags and note, upper and lower case alike. A field is `config.KEY`,
`summary.KEY` or one of PLAIN_FIELDS; a run without it, or with null in it, never matches a comparison.

A number is compared as one, with numbers that a run has as texts too: YAML makes a text of 1e-3. Texts that are none
are neither smaller nor greater than it, and only unequal. In quotes it is a text where the run has a text, else a
number. A list is equal to the same list as JSON, blanks aside.
"""

from __future__ import annotations

import json
import math
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from runicorn.errors import InvalidQueryError
from runicorn.model import NON_FINITE

PLAIN_FIELDS = ("id", "name", "project", "state", "host", "user", "step", "duration_secs", "note", "group", "job_type")
_OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_TOKEN = re.compile(
    r"""(?P<blank>\s+)
      | (?P<operator>==|!=|<=|>=|=|<|>)
      | "(?P<quoted>(?:[^"\\]|\\.)*)"
      | (?P<word>(?:[^\s"=<>!]|!(?!=))+)
    """,
    re.VERBOSE | re.DOTALL,
)
_TRUTHS = {"true": True, "false": False}


class Row(Protocol):
    """What a query looks at."""

    def search_text(self) -> str:
        """Return everything that words are looked for in, in lower case."""
        ...

    def field(self, name: str) -> Any:
        """Return the value of a field such as `config.lr`, or None."""
        ...


Predicate = Callable[[Row], bool]


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str
    start: int
    glued: bool  # no blank before it


def parse_query(text: str) -> Predicate:
    """Return what tells whether a row matches all terms. Raises InvalidQueryError, saying where."""
    parser = _Parser(_tokens(text), len(text))
    terms = parser.terms()
    return lambda row: all(term(row) for term in terms)


class _Parser:
    def __init__(self, tokens: list[_Token], length: int) -> None:
        self._tokens = tokens
        self._length = length
        self._at = 0

    def terms(self) -> list[Predicate]:
        terms: list[Predicate] = []
        while self._at < len(self._tokens):
            if self._is_word("and"):
                if not terms:
                    raise self._error("`and` needs a term before it")
                self._at += 1
                if self._at == len(self._tokens):
                    raise self._error("`and` needs a term after it")
            terms.append(self._term())
        return terms

    def _term(self) -> Predicate:
        if self._is_word("not"):
            self._at += 1
            if self._at == len(self._tokens):
                raise self._error("`not` needs a term after it")
            inner = self._term()
            return lambda row: not inner(row)
        token = self._next("a word, a comparison or a quoted text")
        if token.kind == "operator":
            raise self._error(f"`{token.text}` needs a field before it", token.start)
        if token.kind == "word":
            if token.text.lower() == "or":
                raise self._error('`or` is not part of the language (write "or" to look for the word)', token.start)
            special = self._special(token)
            if special is not None:
                return special
        needle = token.text.lower()
        return lambda row: needle in row.search_text()

    def _special(self, token: _Token) -> Predicate | None:
        if self._peek_kind() == "operator":
            return self._comparison(token)
        if token.text in ("config.", "summary.") and self._peek_kind() == "quoted" and self._tokens[self._at].glued:
            quoted = self._next("a key")
            return self._comparison(_Token("word", token.text + quoted.text, token.start, token.glued))
        prefix, colon, rest = token.text.partition(":")
        if not colon or prefix.lower() not in ("tag", "state"):
            return None
        if not rest:
            if self._peek_kind() not in ("quoted", "word") or not self._tokens[self._at].glued:
                raise self._error(f"`{prefix}:` needs a value", token.start + len(token.text))
            rest = self._next("a value").text
        wanted = rest.lower()
        if prefix.lower() == "tag":
            return lambda row: wanted in (tag.lower() for tag in row.field("tags"))
        return lambda row: row.field("state") == wanted

    def _comparison(self, token: _Token) -> Predicate:
        name = token.text
        if not is_own(name) and name not in PLAIN_FIELDS:
            raise self._error(
                f"`{name}` is no field; use config.KEY, summary.KEY or one of {', '.join(PLAIN_FIELDS)}", token.start
            )
        if self._peek_kind() != "operator":
            raise self._error(f"`{name}` needs an operator after it")
        compare = self._next("an operator")
        value = self._next(f"a value after `{compare.text}`")
        if value.kind == "operator":
            raise self._error(f"Expected a value, found `{value.text}`", value.start)
        return _comparer(name, _OPERATORS[compare.text], value.text, quoted=value.kind == "quoted")

    def _next(self, expected: str) -> _Token:
        if self._at == len(self._tokens):
            raise self._error(f"Expected {expected}")
        self._at += 1
        return self._tokens[self._at - 1]

    def _peek_kind(self) -> str | None:
        return self._tokens[self._at].kind if self._at < len(self._tokens) else None

    def _is_word(self, word: str) -> bool:
        return self._peek_kind() == "word" and self._tokens[self._at].text.lower() == word

    def _error(self, what: str, start: int | None = None) -> InvalidQueryError:
        if start is None:
            start = self._tokens[self._at].start if self._at < len(self._tokens) else self._length
        return InvalidQueryError(f"{what}, at character {start + 1} of the query.")


def number_of(value: object) -> int | float | None:
    """Return the number that a value is, or that a text stands for, integers with all their digits; else None."""
    if isinstance(value, bool):
        return None
    if isinstance(value, (int, float)):
        return value
    if not isinstance(value, str) or "_" in value:
        return None
    for kind in (int, float):
        try:
            return kind(value)
        except ValueError:
            continue
    return None


def is_own(name: str) -> bool:
    """Tell whether a field holds what a script gave it, of whatever type; the plain ones have a type each."""
    return name.startswith(("config.", "summary."))


def _comparer(name: str, compare: Callable[[Any, Any], bool], text: str, *, quoted: bool) -> Predicate:
    truth = _TRUTHS.get(text.lower())
    number = number_of(text)
    wanted_text = text.lower()
    orders = compare not in (operator.eq, operator.ne)

    def matches(row: Row) -> bool:
        value = row.field(name)
        if value is None:
            return False
        if isinstance(value, bool):
            return truth is not None and compare(value, truth)
        if isinstance(value, (list, tuple, Mapping)):
            return not orders and compare(_compact(json.dumps(value)), _compact(text))
        if number is not None and not (quoted and isinstance(value, str) and value not in NON_FINITE):
            found = number_of(value)
            if found is not None:
                # NaN equals itself here: somebody who looks for it wants to find it.
                return compare(0, 0) if _is_nan(found) and _is_nan(number) else compare(found, number)
            if orders and is_own(name):
                return False
        return isinstance(value, str) and compare(value.lower(), wanted_text)

    return matches


def _is_nan(number: float) -> bool:
    return isinstance(number, float) and math.isnan(number)


def _compact(text: str) -> str:
    return "".join(text.lower().split())


def _tokens(text: str) -> list[_Token]:
    tokens: list[_Token] = []
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None or match.lastgroup is None:
            what = "A quote is opened and not closed" if text[at] == '"' else f"`{text[at]}` is not understood"
            raise InvalidQueryError(f"{what}, at character {at + 1} of the query.")
        kind = match.lastgroup
        if kind != "blank":
            value = re.sub(r"\\(.)", r"\1", match[kind], flags=re.DOTALL) if kind == "quoted" else match[kind]
            tokens.append(_Token(kind, value, at, at > 0 and not text[at - 1].isspace()))
        at = match.end()
    return tokens
