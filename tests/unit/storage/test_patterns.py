"""Patterns: what they find is what the standard library finds, line by line, and none goes on for ever."""

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runicorn.errors import InvalidPatternError, PatternTooSlowError
from runicorn.storage.patterns import TIMEOUT_SECS, Limit, Pattern

LINES = st.lists(st.text(st.sampled_from("ab .x1[\t"), max_size=8), max_size=8)


def found(pattern, text):
    return [(hit.line, hit.line_start, hit.start, hit.end) for hit in pattern.hits(text)]


def by_the_standard_library(source, flags, text):
    out, at = [], 0
    for number, line in enumerate(text.split("\n")):
        match = re.search(source, line, flags)
        if match:
            out.append((number, at, *match.span()))
        at += len(line) + 1
    return out


@given(LINES, st.text(st.sampled_from("ab .x1["), min_size=1, max_size=3))
def test_words_are_found_as_they_are(lines, words):
    text = "\n".join(lines)
    expected = by_the_standard_library(re.escape(words), 0, text)
    assert found(Pattern(words, is_regex=False, match_case=True), text) == expected


@pytest.mark.parametrize("source", [
    "a+b", "^a", "b$", "^$", "a*", r"\s", r"\s+x", "[^a]", "[^a]+", "a.b", "(a|b)x", r"(?:a|x)\b", r"\d", r"\W", "x?",
    "[ab]{2}", r"a\.", "(?s)a.*b", r"\Aa", "(?<=a)b", "a(?!b)", r"[\s]", "^.*$", "a{2,}", r"\S+\s\S+", "|a",
])  # fmt: skip
@given(lines=LINES)
def test_regular_expressions_never_reach_beyond_a_line(source, lines):
    text = "\n".join(lines)
    assert found(Pattern(source, is_regex=True, match_case=True), text) == by_the_standard_library(source, 0, text)


def test_case_matters_only_where_it_is_to():
    assert len(found(Pattern("loss", is_regex=False, match_case=False), "Loss\nLOSS\nloss")) == 3
    assert len(found(Pattern("loss", is_regex=False, match_case=True), "Loss\nLOSS\nloss")) == 1
    assert len(found(Pattern("L[o]ss", is_regex=True, match_case=False), "Loss\nLOSS\nloss")) == 3


@pytest.mark.parametrize("source", ["(", "a{2", "[", "*", "(?P<x", r"\p{Nonsense}", "(?"])
def test_what_is_no_expression_says_so(source):
    try:
        re.compile(source)
    except re.error:
        with pytest.raises(InvalidPatternError) as raised:
            Pattern(source, is_regex=True, match_case=True)
        assert "no regular expression" in raised.value.detail
    else:
        Pattern(source, is_regex=True, match_case=True)


@pytest.mark.parametrize("source", ["(a+)+$", "(x+x+)+y", "(a|aa)+$", "(?=(a|aa)+$)"])
def test_one_that_explodes_is_given_up(source):
    began = time.process_time()
    text = "\n".join(["a" * 5000 + "b", "x" * 5000, "y"] * 3)
    with pytest.raises(PatternTooSlowError):
        found(Pattern(source, is_regex=True, match_case=True), text)
    assert time.process_time() - began < TIMEOUT_SECS + 1.5


def test_many_lines_that_are_each_slow_are_given_up_together():
    began = time.process_time()
    with pytest.raises(PatternTooSlowError):
        found(Pattern(r"(a|aa|\s)+$", is_regex=True, match_case=True), "\n".join(["a" * 18 + "b"] * 100_000))
    assert time.process_time() - began < TIMEOUT_SECS + 1.5


@pytest.mark.parametrize("source", ["(((a{1000}){1000}){1000})", "(a{1000}){1000}", "a{1000000}", "(a{2,1000}b){1000}"])
def test_one_that_would_take_all_memory_is_refused(source):
    with pytest.raises(InvalidPatternError, match="repeats too much"):
        Pattern(source, is_regex=True, match_case=True)


def test_repetitions_that_people_write_are_taken():
    found = {
        r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}": "at 2026-11-20T11:00",
        "[0-9a-f]{40}": "commit " + "0f" * 20,
        "x{1000}": "x" * 1000,
        "(ab){2,}": "ababab",
    }
    for source, text in found.items():
        pattern, limit = Pattern(source, is_regex=True, match_case=True), Limit(5.0)
        assert pattern.is_in(text, limit)
        assert not pattern.is_in(text[: len(text) // 2], limit)


def test_many_texts_together_may_take_so_long_and_what_passes_between_them_does_not_count():
    pattern, limit = Pattern("^(a+)+$", is_regex=True, match_case=False), Limit(0.5)
    assert pattern.is_in("AAA", limit)
    time.sleep(0.6)
    assert not pattern.is_in("b", limit)
    began = time.process_time()
    with pytest.raises(PatternTooSlowError):
        for number in range(1000):
            pattern.is_in("a" * 400 + f"b{number}", limit)
    assert time.process_time() - began < 2.0
