"""How a value of a run is compared with what a query says, by the kind of its field. Pure."""

from __future__ import annotations

import json
import math
import operator
from collections.abc import Callable, Mapping
from typing import Any

from runicorn.model import NON_FINITE
from runicorn.storage.patterns import Limit, Pattern
from runicorn.storage.query_fields import Kind, is_own, kind_of, number_of
from runicorn.storage.query_times import Moment, Span, parse_date, parse_duration

Compare = Callable[[Any, Any], bool]
Test = Callable[[Any], bool]  # of a field's value, which is not None
OPERATORS: Mapping[str, Compare] = {
    "=": operator.eq,
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
MATCHES, MATCHES_NOT = "~", "!~"
_TRUTHS = {"true": True, "false": False}


class ValueNotUsableError(ValueError):
    """A field cannot be compared with a value; says which ones it can be compared with."""


def comparer(name: str, sign: str, text: str, *, quoted: bool, moment: Moment, ago: bool = False) -> Test:
    """Return what tells whether a field's value compares so with a text. Raises ValueNotUsableError."""
    kind = kind_of(name)
    compare = OPERATORS[sign]
    if kind is Kind.DATE:
        return _date(name, sign, text, moment, ago=ago)
    if kind is Kind.DURATION:
        secs = parse_duration(text)
        if secs is None:
            raise ValueNotUsableError(f"`{text[:100]}` is no duration; write 2h30m, 45s or a number of seconds")
        return lambda value: compare(value, secs)
    if kind is Kind.TAGS:
        return _tags(sign, text)
    return _value(name, compare, text, quoted=quoted)


def matcher(name: str, sign: str, pattern: str) -> Test:
    """Return what tells whether a pattern is found in a field's value. Raises InvalidPatternError.

    What it returns raises PatternTooSlowError once the values together took too long.
    """
    machine, limit = Pattern(pattern, is_regex=True, match_case=False), Limit()
    wanted = sign == MATCHES
    known: dict[str, bool] = {}

    def search(text: str) -> bool:
        found = known.get(text)
        if found is None:
            found = machine.is_in(text, limit)
            if len(text) < 200 and len(known) < 10_000:
                known[text] = found
        return found

    if kind_of(name) is Kind.TAGS:
        return lambda tags: any(search(tag) for tag in tags) is wanted
    return lambda value: search(text_of(value)) is wanted


def text_of(value: object) -> str:
    """Return a value as its row shows it."""
    if isinstance(value, str):
        return value
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    if isinstance(value, (bool, list, tuple, Mapping)):
        return json.dumps(value)
    return str(value)


def _date(name: str, sign: str, text: str, moment: Moment, *, ago: bool) -> Test:
    span = parse_date(text, moment, ago=ago)
    if span is None:
        raise ValueNotUsableError(
            f"`{text[:100]}{' ago' if ago else ''}` is no date; "
            " write 2026-11-01, 2026-11-01T14:30, today, -7d or 7d ago"
        )
    tests: Mapping[str, Callable[[float, Span], bool]] = {
        "=": lambda value, span: span.start <= value < span.end or value == span.start,
        "<": lambda value, span: value < span.start,
        ">=": lambda value, span: value >= span.start,
        "<=": lambda value, span: value < span.end or value <= span.start,
        ">": lambda value, span: value >= span.end if span.end > span.start else value > span.end,
    }
    if sign == "!=":
        return lambda value: not tests["="](value, span)
    test = tests["=" if sign == "==" else sign]
    return lambda value: test(value, span)


def _tags(sign: str, text: str) -> Test:
    if sign not in ("=", "==", "!="):
        raise ValueNotUsableError("Tags are not in an order; compare them with = != ~ or !~")
    wanted = text.lower()
    is_equal = sign != "!="
    return lambda tags: any(tag.lower() == wanted for tag in tags) is is_equal


def _value(name: str, compare: Compare, text: str, *, quoted: bool) -> Test:
    truth = _TRUTHS.get(text.lower())
    number = number_of(text)
    wanted_text = text.lower()
    orders = compare not in (operator.eq, operator.ne)

    def test(value: Any) -> bool:
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

    return test


def _is_nan(number: float) -> bool:
    return isinstance(number, float) and math.isnan(number)


def _compact(text: str) -> str:
    return "".join(text.lower().split())


__all__ = [
    "MATCHES",
    "MATCHES_NOT",
    "OPERATORS",
    "Test",
    "ValueNotUsableError",
    "comparer",
    "matcher",
    "text_of",
]
