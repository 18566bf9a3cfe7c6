"""The query language of the run list: text into a predicate. Pure.

    query      = all {"or" all}
    all        = term {["and"] term}
    term       = {"not"} ("(" query ")" | comparison | ("tag:" | "state:" | "host:") value | value)
    comparison = field operator value          operator: = != < <= > >= ~ !~   (blanks around it do not matter)
    value      = a word, or "anything in quotes"

A lone value is looked for in id, name, project, tags and note, upper and lower case alike. A field is `config.KEY`,
`summary.KEY`, one of `last. min. max. mean. best.` with the name of a metric, or one of PLAIN_FIELDS; a run without it,
or with null in it, never matches a comparison.

A number is compared as one, with numbers that a run has as texts too: YAML makes a text of 1e-3. Texts that are none
are neither smaller nor greater than it, and only unequal. In quotes it is a text where the run has a text, else a
number. A list is equal to the same list as JSON, blanks aside.

`created` and `finished` are compared with dates, each of which is all of its day, hour or minute: what is `created >
2026-11-01` begins with the 2nd; `-7d` and `7d ago` are moments. `duration` is compared with `2h30m` or seconds. `~`
looks for a regular expression (patterns.py) in the value; in quotes its backslashes are its own.

Parentheses stand for a group around terms. Within a word, as in `f(2)`, and in quotes they are characters.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from runicorn.errors import InvalidPatternError, InvalidQueryError, PatternTooSlowError
from runicorn.storage.query_compare import (
    MATCHES,
    MATCHES_NOT,
    Test,
    ValueNotUsableError,
    comparer,
    matcher,
)
from runicorn.storage.query_fields import METRIC_PREFIXES, OWN_PREFIXES, PLAIN_FIELDS, Kind, kind_of
from runicorn.storage.query_times import Moment
from runicorn.storage.query_tokens import Sort, Token, mistake, tokens_of

_MAX_DEPTH = 50


class Row(Protocol):
    """What a query looks at."""

    def search_text(self) -> str:
        """Return everything that words are looked for in, in lower case."""
        ...

    def field(self, name: str) -> Any:
        """Return the value of a field such as `config.lr`, or None."""
        ...


Predicate = Callable[[Row], bool]


def parse_query(text: str, moment: Moment = Moment()) -> Predicate:  # noqa: B008 - frozen
    """Return what tells whether a row matches. Raises InvalidQueryError, saying where; so does what is returned, where
    a regular expression takes too long.
    """
    try:
        tokens = tokens_of(text)
    except InvalidQueryError as unpaired:
        tokens = tokens_of(text, parentheses=False)
        if any(token.sort is Sort.WORD and token.text.lower() in ("and", "or", "not") for token in tokens):
            raise
        try:  # a lone parenthesis that nothing else speaks for is a character of a name
            return _Parser(tokens, len(text), moment).parse()
        except InvalidQueryError:
            raise unpaired from None
    return _Parser(tokens, len(text), moment).parse()


class _Parser:
    def __init__(self, tokens: list[Token], length: int, moment: Moment) -> None:
        self._tokens = tokens
        self._length = length
        self._moment = moment
        self._at = 0

    def parse(self) -> Predicate:
        if not self._tokens:
            return lambda row: True
        found = self._any(0)
        if self._at < len(self._tokens):
            raise self._error("`)` has no `(` before it")
        return found

    def _any(self, depth: int) -> Predicate:
        options = [self._all(depth)]
        while self._is_word("or"):
            self._at += 1
            if not self._begins_a_term():
                raise self._error("`or` needs a term after it")
            options.append(self._all(depth))
        return options[0] if len(options) == 1 else lambda row: any(option(row) for option in options)

    def _all(self, depth: int) -> Predicate:
        terms: list[Predicate] = []
        while self._begins_a_term() or self._is_word("and"):
            if self._is_word("and"):
                if not terms:
                    raise self._error("`and` needs a term before it")
                self._at += 1
                if not self._begins_a_term(behind_and=True):
                    raise self._error("`and` needs a term after it")
            terms.append(self._term(depth))
        if not terms:
            raise self._error(
                f"`{self._tokens[self._at].text}` needs a term before it" if self._more() else "A term is missing"
            )
        return terms[0] if len(terms) == 1 else lambda row: all(term(row) for term in terms)

    def _more(self) -> bool:
        return self._at < len(self._tokens)

    def _begins_a_term(self, *, behind_and: bool = False) -> bool:
        """behind_and: where a second `and` can only be the word that is looked for."""
        if not self._more() or self._sort() is Sort.CLOSE or self._is_word("or"):
            return False
        return behind_and or not self._is_word("and")

    def _term(self, depth: int) -> Predicate:
        wanted = True
        while self._is_word("not"):
            self._at += 1
            if not self._begins_a_term(behind_and=True):
                raise self._error("`not` needs a term after it")
            wanted = not wanted
        inner = self._group(depth) if self._sort() is Sort.OPEN else self._simple()
        return inner if wanted else lambda row: not inner(row)

    def _group(self, depth: int) -> Predicate:
        if depth >= _MAX_DEPTH:
            raise self._error(f"More than {_MAX_DEPTH} parentheses within each other")
        self._at += 1
        if self._sort() is Sort.CLOSE:
            raise self._error("There is nothing between the parentheses")
        inner = self._any(depth + 1)
        self._at += 1  # tokens_of found them to be in pairs
        return inner

    def _simple(self) -> Predicate:
        token = self._next("a word, a comparison or a quoted text")
        if token.sort is Sort.OPERATOR:
            raise mistake(f"`{token.text}` needs a field before it", token.start)
        if token.sort is Sort.WORD:
            special = self._special(token)
            if special is not None:
                return special
        needle = token.text.lower()
        return lambda row: needle in row.search_text()

    def _special(self, token: Token) -> Predicate | None:
        if self._sort() is Sort.OPERATOR:
            return self._comparison(token, token.text)
        if token.text in OWN_PREFIXES and self._sort() is Sort.QUOTED and self._tokens[self._at].glued:
            # Of a metric's kind alone, the text is a word like others, unless it is compared.
            after = self._tokens[self._at + 1] if self._at + 1 < len(self._tokens) else None
            if token.text not in METRIC_PREFIXES or (after is not None and after.sort is Sort.OPERATOR):
                return self._comparison(token, token.text + self._next("a key").text)
        prefix, colon, rest = token.text.partition(":")
        if not colon or prefix.lower() not in ("tag", "state", "host"):
            return None
        if not rest:
            if self._sort() not in (Sort.QUOTED, Sort.WORD) or not self._tokens[self._at].glued:
                raise mistake(f"`{prefix}:` needs a value", token.end)
            rest = self._next("a value").text
        wanted = rest.lower()
        if prefix.lower() == "tag":
            return lambda row: wanted in (tag.lower() for tag in row.field("tags"))
        name = prefix.lower()
        return lambda row: (row.field(name) or "").lower() == wanted

    def _comparison(self, token: Token, name: str) -> Predicate:
        kind = kind_of(name)
        if kind is None:
            raise mistake(
                f"`{name}` is no field; use config.KEY, summary.KEY, a METRIC behind {' '.join(METRIC_PREFIXES)} or "
                f"one of {', '.join(PLAIN_FIELDS)}",
                token.start,
            )
        if self._sort() is not Sort.OPERATOR:
            raise self._error(f"`{name}` needs an operator after it")
        sign = self._next("an operator")
        value = self._next(f"a value after `{sign.text}`")
        if value.sort not in (Sort.WORD, Sort.QUOTED):
            raise mistake(f"Expected a value, found `{value.text}`", value.start)
        test = self._test(name, kind, sign.text, value)

        def matches(row: Row) -> bool:
            found = row.field(name)
            return found is not None and test(found)

        return matches

    def _test(self, name: str, kind: Kind, sign: str, value: Token) -> Test:
        if sign in (MATCHES, MATCHES_NOT):
            return self._regex(name, kind, sign, value)
        ago = kind is Kind.DATE and self._is_word("ago")
        if ago:
            self._at += 1
        try:
            return comparer(name, sign, value.text, quoted=value.sort is Sort.QUOTED, moment=self._moment, ago=ago)
        except ValueNotUsableError as error:
            raise mistake(str(error), value.start) from None

    def _regex(self, name: str, kind: Kind, sign: str, value: Token) -> Test:
        if kind in (Kind.DATE, Kind.DURATION):
            raise mistake(f"`{name}` is no text; compare it with < or >", value.start)
        quoted = value.sort is Sort.QUOTED
        pattern = value.raw.replace('\\"', '"') if quoted else value.text
        first = value.start + quoted
        try:
            test = matcher(name, sign, pattern)
        except InvalidPatternError as error:
            raise mistake(f"The regular expression cannot be used: {error.reason}", first + error.position) from None

        def bounded(found: Any) -> bool:
            try:
                return test(found)
            except PatternTooSlowError:
                raise mistake("The regular expression takes too long over these runs; make it simpler", first) from None

        return bounded

    def _next(self, expected: str) -> Token:
        if not self._more():
            raise self._error(f"Expected {expected}")
        self._at += 1
        return self._tokens[self._at - 1]

    def _sort(self) -> Sort | None:
        return self._tokens[self._at].sort if self._more() else None

    def _is_word(self, word: str) -> bool:
        return self._sort() is Sort.WORD and self._tokens[self._at].text.lower() == word

    def _error(self, what: str) -> InvalidQueryError:
        return mistake(what, self._tokens[self._at].start if self._more() else self._length)
