"""What a person is told to do about a refused login."""

from __future__ import annotations

import pytest

from runicorn.remote.ssh.paramiko.login import next_step


@pytest.mark.parametrize(
    ("allowed", "gave_key", "gave_password", "part", "words"),
    [
        (["password"], True, False, None, "Give the password;"),
        (["keyboard-interactive"], True, False, None, "Give the password;"),
        (["password"], True, False, "key", "Give the password too"),
        (["publickey"], False, True, None, "Give a private key;"),
        (["publickey"], False, True, "password", "Give a private key too"),
        (["keyboard-interactive"], True, True, "key", "one-time code"),
        (["publickey", "password"], True, False, None, None),
        (["publickey", "password"], False, True, None, None),
        (["password"], False, True, None, None),
        ([], True, True, None, None),
    ],
)
def test_the_next_step_names_what_was_not_given(
    allowed: list[str], gave_key: bool, gave_password: bool, part: str | None, words: str | None
) -> None:
    hint = next_step(allowed, gave_key=gave_key, gave_password=gave_password, part=part)
    assert (hint is None) if words is None else (words in (hint or ""))
