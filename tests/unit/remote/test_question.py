"""A server's words are shown as they are, and can do nothing but be read."""

import pytest

from runicorn.remote.asking.question import (
    MAX_INSTRUCTIONS_CHARS,
    MAX_PROMPT_CHARS,
    Asked,
    Prompt,
    readable,
    readable_lines,
    to_question,
)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Verification code: ", "Verification code:"),
        ("two\r\nlines\tand a tab", "two lines and a tab"),
        ("\x1b[2J\x1b[31mred", "␛[2J␛[31mred"),
        ("a\x00b\x7f", "a␀b␡"),
        ("evil\u202egnp.exe", "evil\ufffdgnp.exe"),
        ("zero\u200bwidth", "zero\ufffdwidth"),
        ("Código de verificación: 验证码", "Código de verificación: 验证码"),
        ("<b>bold</b>", "<b>bold</b>"),
        ("", ""),
    ],
)
def test_a_line_of_the_servers_is_made_readable(text, shown):
    assert readable(text, MAX_PROMPT_CHARS) == shown


def test_lines_stay_lines():
    assert readable_lines("\r\n  Push sent.\r\nWait\x07\r\rhere\n\n", 100) == "  Push sent.\nWait␇\n\nhere"


def test_a_long_text_is_cut():
    question = to_question(Asked("h", "n" * 9999, "i" * 9999, (Prompt("p" * 9999, False),)), "1", "me@h:22", 0.0)
    assert len(question.name) == 200
    assert len(question.instructions) == MAX_INSTRUCTIONS_CHARS
    assert question.instructions.endswith("…")
    assert len(question.prompts[0].text) == MAX_PROMPT_CHARS


def test_whatever_a_server_says_can_be_printed():
    every = "".join(map(chr, range(0x3000)))
    assert readable(every, 99_999).isprintable()
    assert all(line.isprintable() for line in readable_lines(every, 99_999).split("\n"))
