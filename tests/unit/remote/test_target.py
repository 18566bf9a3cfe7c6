"""Targets, connection ids and secrets."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runicorn.errors import InvalidConnectionIdError, InvalidTargetError
from runicorn.remote.trust.target import Credentials, Secret, Target, parse_connection_id

GOOD_HOSTS = ["gpu-7.lab", "GPU-7", "10.0.0.1", "::1", "[fe80::1%eth0]", "a_b.example", "x" * 63]
BAD_HOSTS = [
    "",
    " ",
    "-oProxyCommand=x",
    "a b",
    "a\nb",
    "a\x00b",
    "a;b",
    "a..b",
    "[::1",
    "x" * 254,
    "a/b",
    "a@b",
    "gpu,x",
]
BAD_USERS = ["", "-x", "a -x", " a", "a ", "a\nb", "a;b", "$(id)", "`id`", "a'b", 'a"b', "a\\", "x" * 129, "a\u200b"]


@pytest.mark.parametrize("host", GOOD_HOSTS)
def test_plain_hosts_are_accepted_and_survive_their_connection_id(host: str) -> None:
    target = Target.make(host, 2222, "me")
    assert parse_connection_id(target.connection_id) == target


@pytest.mark.parametrize("host", BAD_HOSTS)
def test_hosts_that_could_be_misread_are_refused(host: str) -> None:
    with pytest.raises(InvalidTargetError):
        Target.make(host, 22, "me")


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("127.1", "127.0.0.1"),
        ("0177.0.0.1", "127.0.0.1"),
        ("0x7F.1", "127.0.0.1"),
        ("2130706433", "127.0.0.1"),
        ("::ffff:10.0.0.1", "10.0.0.1"),
        ("[::FFFF:a00:1]", "10.0.0.1"),
        ("0:0:0:0:0:0:0:1", "::1"),
        ("1.2.3.4.5", "1.2.3.4.5"),
        ("10.example", "10.example"),
        ("256.1.1.1", "256.1.1.1"),
    ],
)
def test_an_address_has_one_form_however_it_is_written(given: str, meant: str) -> None:
    target = Target.make(given, 22, "me")
    assert target.host == meant
    assert parse_connection_id(target.connection_id) == target


@pytest.mark.parametrize("username", BAD_USERS)
def test_users_that_could_be_misread_are_refused(username: str) -> None:
    with pytest.raises(InvalidTargetError):
        Target.make("gpu", 22, username)


@pytest.mark.parametrize(
    "username",
    [
        "me",
        "first.last",
        "DOMAIN\\me",
        "me@corp",
        "m-e_1",
        "Jane Doe",
        "alice@corp#gpu-7:22",
        "a+b+c",
        "a/b,c",
        "svc$",
        "[x]",
        "who?",
        "me!",
        "a*",
        "用户",
    ],
)
def test_usual_users_are_accepted(username: str) -> None:
    target = Target.make("gpu", 22, username)
    assert parse_connection_id(target.connection_id) == target


@pytest.mark.parametrize("port", [0, -1, 65536])
def test_ports_out_of_range_are_refused(port: int) -> None:
    with pytest.raises(InvalidTargetError):
        Target.make("gpu", port, "me")


def test_known_hosts_name_carries_the_port_unless_it_is_22() -> None:
    assert Target.make("GPU", 22, "me").known_hosts_host == "gpu"
    assert Target.make("gpu", 2222, "me").known_hosts_host == "[gpu]:2222"
    assert Target.make("[::1]", 22, "me").known_hosts_host == "::1"
    assert Target.make("::1", 2222, "me").known_hosts_host == "[::1]:2222"


@pytest.mark.parametrize("text", ["", "gpu", "me@gpu", "me@gpu:x", "me@gpu:0", "me@::1:22", "@gpu:22", "me@:22"])
def test_malformed_connection_ids_are_refused(text: str) -> None:
    with pytest.raises(InvalidConnectionIdError):
        parse_connection_id(text)


@given(st.text())
def test_any_text_gives_a_target_or_our_error(text: str) -> None:
    try:
        target = parse_connection_id(text)
    except InvalidConnectionIdError:
        return
    assert parse_connection_id(target.connection_id) == target


def test_no_representation_shows_a_secret() -> None:
    credentials = Credentials(Secret("pass-canary"), Secret("key-canary"), "~/.ssh/id", Secret("phrase-canary"))
    shown = f"{credentials!r} {credentials!s} {credentials.password} {credentials.private_key!r}"
    assert "canary" not in shown
