"""Regular expressions of the query language: what is found, as `re` finds it, and never slowly."""

import re
import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from runicorn.storage.linear_regex import LinearRegex, RegexBudgetError
from runicorn.storage.regex_syntax import PatternError

ATOMS = st.sampled_from(
    [
        "a",
        "b",
        "A",
        "1",
        "_",
        "-",
        " ",
        ".",
        r"\d",
        r"\w",
        r"\s",
        r"\W",
        r"\.",
        r"\b",
        "^",
        "$",
        "[ab]",
        "[^a-c]",
        r"[\d-]",
    ]
)


def _compose(inner):
    return st.one_of(
        st.lists(inner, max_size=4).map("".join),
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: f"(?:{'|'.join(parts)})"),
        st.tuples(inner, st.sampled_from(["*", "+", "?", "{2}", "{1,3}", "{2,}", "*?", "{,2}"])).map(
            lambda two: f"(?:{two[0]}){two[1]}"
        ),
        inner.map(lambda one: f"({one})"),
    )


PATTERNS = st.recursive(ATOMS, _compose, max_leaves=12)


@settings(max_examples=600, deadline=None)
@given(PATTERNS, st.text(alphabet="abAB1_- .x\n", max_size=12))
@example("^$", "")
@example(r"\bb", "a b")
@example("(?:a?){2}$", "b")
def test_it_finds_what_re_finds(pattern, text):
    text = text.rstrip("\n")  # `$` of re is also before a newline at the end, which no name has
    assert LinearRegex(pattern).search(text) is (re.search(pattern, text, re.IGNORECASE) is not None)


@settings(max_examples=400, deadline=None)
@given(st.text(alphabet="ab()[]{}|*+?\\^$.-,12dwsbxuk:<!=P", max_size=14), st.text(max_size=8))
def test_any_text_is_a_pattern_or_is_told_where_it_is_none(pattern, text):
    try:
        assert LinearRegex(pattern).search(text) in (True, False)
    except PatternError as error:
        assert 0 <= error.at <= len(pattern)
        assert error.what


EVIL = [
    ("(a+)+$", "a" * 5000 + "b"),
    ("^(a|a)*$", "a" * 50_000 + "b"),
    ("^(a|aa)+$", "a" * 5000 + "b"),
    ("(?:a?){30}a{30}$", "a" * 29 + "b"),
    ("(.*)(.*)(.*)(.*)(.*)[^ab]$", "ab" * 5000),
    ("(x+x+)+y", "x" * 10_000),
    ("[ab]*a[ab]{12}c", "ab" * 3000),
]


@pytest.mark.parametrize(("pattern", "text"), EVIL)
def test_what_hangs_re_is_told_at_once(pattern, text):
    begun = time.process_time()
    assert not LinearRegex(pattern).search(text)
    assert time.process_time() - begun < 2


@pytest.mark.parametrize(
    "pattern", ["(((a{1000}){1000}){1000})", "(" * 400 + "a" + ")" * 400, "(a{100}){100}", "a{1001}"]
)
def test_a_pattern_that_takes_too_much_room_is_refused(pattern):
    with pytest.raises(PatternError):
        LinearRegex(pattern)


def test_what_is_not_understood_is_refused_at_its_place():
    for pattern, at in (
        (r"a\1", 1),
        ("x(?=y)", 1),
        ("ab(c", 2),
        ("ab)", 2),
        ("a[b", 1),
        ("*a", 0),
        ("a{3,2}", 1),
        ("a**", 2),
    ):
        with pytest.raises(PatternError) as caught:
            LinearRegex(pattern)
        assert caught.value.at == at, pattern


def test_all_texts_together_may_take_so_much():
    machine = LinearRegex("(a|b)*c", budget=10_000)
    with pytest.raises(RegexBudgetError):
        for number in range(1000):
            machine.search("ab" * 20 + str(number))
