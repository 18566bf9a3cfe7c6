"""What it means that ssh ended, by its own words, as of 9.2."""

from __future__ import annotations

from dataclasses import replace

import pytest

from runicorn.errors import RemoteError
from runicorn.remote.names.way import Hop
from runicorn.remote.ssh.system.failures import why_it_ended
from runicorn.remote.trust.target import Target

GPU = Target.make("gpu.lab", 22, "me")
HOP = Hop("gpu", GPU, GPU)
JUMP = Hop("login", Target.make("login.lab", 22, "me"), Target.make("login.lab", 22, "me"))
LOST = "Connection closed by UNKNOWN port 65535\n"


def why(
    said: str,
    hop: Hop = HOP,
    before: Hop | None = None,
    *,
    reached: bool = False,
    no_key: bool = False,
    sent: bool = False,
    wanted: tuple[str, ...] = (),
) -> RemoteError:
    return why_it_ended(
        said, hop, before, reached=reached, gave_key=False, no_key=no_key, sent=sent, typed=False, wanted=wanted
    )


@pytest.mark.parametrize(
    ("no_key", "sent", "code"),
    [(True, False, "NO_CREDENTIALS"), (True, True, "AUTH_FAILED"), (False, False, "AUTH_FAILED")],
)
def test_a_login_that_had_nothing_to_show_is_not_told_as_refused(no_key: bool, sent: bool, code: str) -> None:
    error = why("me@gpu.lab: Permission denied (publickey,password).", reached=True, no_key=no_key, sent=sent)
    assert error.code == code
    assert "publickey, password" in error.detail


@pytest.mark.parametrize(
    ("said", "code", "part"),
    [
        ("ssh: connect to host 10.0.0.1 port 22: Connection refused", "CONNECTION_REFUSED", "refused"),
        ("ssh: connect to host 10.0.0.1 port 22: Connection timed out", "CONNECTION_TIMEOUT", "in time"),
        ("ssh: connect to host 10.0.0.1 port 22: No route to host", "HOST_UNREACHABLE", "No route to host"),
        ("ssh: Could not resolve hostname gpu.lab: Name or service not known", "DNS_FAILED", "Name or service"),
        (
            "Unable to negotiate with 10.0.0.1 port 22: no matching cipher found. Their offer: a,b",
            "NO_COMMON_ALGORITHM",
            "the server offers a, b",
        ),
        ("kex_exchange_identification: Connection closed by remote host", "CONNECTION_CLOSED", "did not reach"),
        ("", "CONNECTION_CLOSED", "it said nothing"),
    ],
)
def test_a_server_that_is_not_reached(said: str, code: str, part: str) -> None:
    error = why(said)
    assert (error.code, part in error.detail) == (code, True), error.detail


def test_a_refused_login_tells_what_would_be_accepted() -> None:
    error = why("me@gpu.lab: Permission denied (publickey,password).", reached=True)
    assert error.code == "AUTH_FAILED"
    assert "It would accept: publickey, password." in error.detail


def test_what_nobody_could_be_asked_for_is_what_is_told() -> None:
    error = why("me@gpu.lab: Permission denied (publickey).", reached=True, wanted=("Enter PIN for 'mine':",))
    assert error.code == "INTERACTION_REQUIRED"
    assert "Enter PIN for 'mine':" in error.detail


def test_a_jump_is_named_where_it_does_not_let_on_or_reaches_nobody() -> None:
    forbidden = "channel 0: open failed: administratively prohibited: open failed\nstdio forwarding failed\n" + LOST
    assert why(forbidden, before=JUMP).code == "JUMP_FORBIDDEN"
    refused = "channel 0: open failed: connect failed: Connection refused\nstdio forwarding failed\n" + LOST
    error = why(refused, before=JUMP)
    assert (error.code, "login.lab cannot reach gpu.lab port 22" in error.detail) == ("HOST_UNREACHABLE", True)


def test_a_command_on_the_way_is_quoted() -> None:
    hop = replace(HOP, proxy_command="nc gpu.lab 22")
    error = why("no such ticket\nkex_exchange_identification: Connection closed by remote host\n" + LOST, hop)
    assert (error.code, "no such ticket" in error.detail) == ("PROXY_COMMAND_FAILED", True), error.detail
