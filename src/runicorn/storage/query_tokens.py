"""The words of a query: a text into tokens, each with its place. Pure."""

from __future__ import annotations

import enum
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from runicorn.errors import InvalidQueryError
from runicorn.storage.query_fields import OWN_PREFIXES, kind_of

_TOKEN = re.compile(
    r"""(?P<blank>\s+)
      | (?P<operator>==|!=|<=|>=|=|<|>)
      | "(?P<quoted>(?:[^"\\]|\\.)*)"
      | (?P<word>(?:[^\s"=<>!]|!(?!=))+)
    """,
    re.VERBOSE | re.DOTALL,
)
_OPERATOR_AHEAD = re.compile(r"\s*(?:==|!=|<=|>=|=|<|>)")
_TILDE = re.compile(r"!?~")


class Sort(enum.Enum):
    WORD = "word"
    QUOTED = "quoted"
    OPERATOR = "operator"
    OPEN = "("
    CLOSE = ")"


@dataclass(frozen=True)
class Token:
    """raw: of a quoted text, what stands between the quotes. glued: no blank before it."""

    sort: Sort
    text: str
    start: int
    glued: bool
    raw: str = ""

    @property
    def end(self) -> int:
        return self.start + len(self.text)


def mistake(what: str, start: int) -> InvalidQueryError:
    """Return the error that points at a character, counted from 0."""
    return InvalidQueryError(f"{what}, at character {start + 1} of the query.", position=start)


def tokens_of(text: str, *, parentheses: bool = True) -> list[Token]:
    """Return the tokens of a query. parentheses: they stand for groups, else for themselves, as in names.

    Raises InvalidQueryError.
    """
    found: list[Token] = []
    for token in _plain_tokens(text):
        if token.sort is Sort.WORD:
            for part in _without_tilde(token, text, found[-2:]):
                found += _without_parentheses(part, found[-1:]) if parentheses else [part]
        else:
            found.append(token)
    return _matched(found) if parentheses else found


def _plain_tokens(text: str) -> Iterator[Token]:
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None or match.lastgroup is None:
            raise mistake(
                "A quote is opened and not closed" if text[at] == '"' else f"`{text[at]}` is not understood", at
            )
        if match.lastgroup != "blank":
            raw = match[match.lastgroup]
            value = re.sub(r"\\(.)", r"\1", raw, flags=re.DOTALL) if match.lastgroup == "quoted" else raw
            yield Token(Sort(match.lastgroup), value, at, at > 0 and not text[at - 1].isspace(), raw)
        at = match.end()


def _without_tilde(token: Token, text: str, before: list[Token]) -> list[Token]:
    """Return `field~value` as three tokens, and `~value` behind a field as two; a word with a tilde stays one."""
    if _OPERATOR_AHEAD.match(text, token.end):
        return [token]  # a key that has a tilde in it
    tilde = _TILDE.match(token.text)
    if tilde is not None and before and _is_field_of_a_term(before):
        return _split(token, [0, tilde.end()], operator=0)
    for tilde in _TILDE.finditer(token.text):
        if kind_of(token.text[: tilde.start()].lstrip("(")) is not None:
            return _split(token, [0, tilde.start(), tilde.end()], operator=1)
    return [token]


def _is_field_of_a_term(before: list[Token]) -> bool:
    field = before[-1]
    if field.sort is Sort.QUOTED:  # config."my key"
        return field.glued and len(before) > 1 and before[0].text.lstrip("(") in OWN_PREFIXES
    if field.sort is not Sort.WORD or kind_of(field.text.lstrip("(")) is None:
        return False
    return len(before) == 1 or before[0].sort is not Sort.OPERATOR


def _split(token: Token, cuts: list[int], *, operator: int) -> list[Token]:
    parts = []
    for number, (first, last) in enumerate(zip(cuts, [*cuts[1:], len(token.text)], strict=True)):
        if first < last:
            sort = Sort.OPERATOR if number == operator else Sort.WORD
            text = token.text[first:last]
            parts.append(Token(sort, text, token.start + first, token.glued if number == 0 else True, text))
    return parts


def _without_parentheses(token: Token, before: list[Token]) -> list[Token]:
    """Return a word apart from the parentheses around it; those in it, as in `f(2)`, belong to it."""
    if token.sort is not Sort.WORD:
        return [token]
    text, start = token.text, token.start
    opened: list[Token] = []
    is_value = bool(before) and before[-1].sort is Sort.OPERATOR
    while text.startswith("(") and not is_value:
        opened.append(Token(Sort.OPEN, "(", start, False))
        text, start = text[1:], start + 1
    closed: list[Token] = []
    while text.endswith(")") and text.count(")") > text.count("("):
        text = text[:-1]
        closed.insert(0, Token(Sort.CLOSE, ")", start + len(text), True))
    middle = [replace(token, text=text, raw=text, start=start, glued=token.glued and not opened)] if text else []
    return [*opened, *middle, *closed]


def _matched(tokens: list[Token]) -> list[Token]:
    """Return the tokens. Raises InvalidQueryError where parentheses are not in pairs."""
    opened: list[Token] = []
    for token in tokens:
        if token.sort is Sort.OPEN:
            opened.append(token)
        elif token.sort is Sort.CLOSE and not opened:
            raise mistake("`)` has no `(` before it", token.start)
        elif token.sort is Sort.CLOSE:
            opened.pop()
    if opened:
        raise mistake("`(` is opened and not closed", opened[-1].start)
    return tokens
