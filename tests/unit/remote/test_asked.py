"""What ssh asks by its askpass is told apart, and a server's words never pass for those of ssh."""

from __future__ import annotations

import pytest

from runicorn.remote.ssh.system.asked import Ask, Wanted, read_ask


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("me@hop1's password: ", Ask(Wanted.PASSWORD, "me@hop1's password: ")),
        ("(me@hop1) Password: ", Ask(Wanted.PROMPT, "Password: ")),
        ("(me@hop1) (me@gpu) Verification code: ", Ask(Wanted.PROMPT, "(me@gpu) Verification code: ")),
        ("(me@hop1) ", Ask(Wanted.PROMPT, "")),
        ("Enter me@hop1's old password: ", Ask(Wanted.OLD_PASSWORD, "Enter me@hop1's old password: ")),
        ("Enter me@hop1's new password: ", Ask(Wanted.NEW_PASSWORD, "Enter me@hop1's new password: ")),
        ("Retype me@hop1's new password: ", Ask(Wanted.NEW_PASSWORD_AGAIN, "Retype me@hop1's new password: ")),
        ("Enter passphrase for key '/home/me/.ssh/it's': ", Ask(Wanted.PASSPHRASE, "/home/me/.ssh/it's")),
        ("Enter passphrase for /keys/id: ", Ask(Wanted.PASSPHRASE, "/keys/id")),
        ("Enter PIN for 'mine': ", Ask(Wanted.OWN, "Enter PIN for 'mine':")),
        ("Enter PIN for ED25519-SK key /k: ", Ask(Wanted.OWN, "Enter PIN for ED25519-SK key /k:")),
    ],
)
def test_each_kind_is_told(text: str, asked: Ask) -> None:
    assert read_ask(text, "me", "hop1") == asked


@pytest.mark.parametrize("words", ["Enter passphrase for key '/k': ", "Enter PIN for 'mine': ", "me@hop1's password: "])
def test_a_server_that_speaks_as_ssh_does_is_a_server_still(words: str) -> None:
    assert read_ask(f"(me@hop1) {words}", "me", "hop1") == Ask(Wanted.PROMPT, words)


def test_a_hop_that_is_not_being_logged_in_to_gets_no_password() -> None:
    assert read_ask("me@hop0's password: ", "me", "hop1").wanted is Wanted.OWN
    assert read_ask("(me@hop0) Password: ", "me", "hop1").wanted is Wanted.OWN
