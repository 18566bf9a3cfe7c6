"""The way to a server, as configs say, and what is left for us to expand in them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from runicorn.errors import InvalidTargetError, SshConfigError
from runicorn.remote.names.literal import literal_names
from runicorn.remote.names.settings import Machine, Settings, SshOnly, parse_answer
from runicorn.remote.names.typed import Typed, parse_typed
from runicorn.remote.names.way import find_way

MACHINE = Machine(Path("/home/me"), "me", 1000, "laptop.lab", {"KEYS": "/keys", "SSH_AUTH_SOCK": "/run/agent"})


def answering(**known: Settings):
    """Return somebody who knows these names; any other is itself."""

    def ask(name, username, port):
        settings = known.get(name, Settings(name, 22, "me"))
        return Settings(
            settings.host,
            port or settings.port,
            username or settings.username,
            proxy_jump=settings.proxy_jump,
            proxy_command=settings.proxy_command,
            host_key_alias=settings.host_key_alias,
        )

    return ask


def told(way):
    return [hop.target.connection_id for hop in way.hops]


def test_a_name_without_more_is_one_hop():
    way = find_way(Typed("gpu"), answering(gpu=Settings("10.0.0.7", 2222, "alice")))
    assert told(way) == ["alice@10.0.0.7:2222"]
    assert way.is_direct
    assert str(way) == "10.0.0.7 as alice"


def test_jumps_follow_each_other_and_only_the_first_one_has_its_own():
    ask = answering(
        gpu=Settings("gpu.in", 22, "alice", proxy_jump="outer,bob@inner:2200"),
        outer=Settings("outer.lab", 22, "alice", proxy_jump="door"),
        inner=Settings("inner.lab", 22, "alice", proxy_jump="elsewhere"),
    )
    way = find_way(Typed("gpu"), ask)
    assert told(way) == ["me@door:22", "alice@outer.lab:22", "bob@inner.lab:2200", "alice@gpu.in:22"]
    assert str(way) == "via door as me, via outer.lab as alice, via inner.lab as bob, then gpu.in as alice"


def test_jumps_by_hand_stand_over_the_config_and_none_is_none():
    ask = answering(gpu=Settings("gpu.in", 22, "alice", proxy_jump="outer", proxy_command="nc x"))
    assert told(find_way(parse_typed("ssh -J a,b gpu"), ask)) == ["me@a:22", "me@b:22", "alice@gpu.in:22"]
    none = find_way(parse_typed("ssh -J none gpu"), ask)
    assert told(none) == ["alice@gpu.in:22"]
    assert none.hops[0].proxy_command is None


def test_a_command_carries_the_first_hop_only():
    ask = answering(
        gpu=Settings("gpu.in", 22, "a", proxy_jump="door"), door=Settings("d", 22, "a", proxy_command="nc d")
    )
    way = find_way(Typed("gpu"), ask)
    assert [hop.proxy_command for hop in way.hops] == ["nc d", None]
    assert not way.is_direct
    assert str(way) == "by the command nc, via d as a, then gpu.in as a"


def test_an_alias_is_whom_the_key_is_of_without_a_port():
    way = find_way(Typed("gpu"), answering(gpu=Settings("10.0.0.7", 2222, "a", host_key_alias="Cluster")))
    assert way.last.known_as.known_hosts_host == "cluster"
    assert way.last.target.known_hosts_host == "[10.0.0.7]:2222"


@pytest.mark.parametrize(
    "ask",
    [
        answering(a=Settings("a", 22, "me", proxy_jump="a")),
        answering(a=Settings("a", 22, "me", proxy_jump="b"), b=Settings("b", 22, "me", proxy_jump="a")),
    ],
)
def test_a_circle_is_told(ask):
    with pytest.raises(SshConfigError, match="through itself"):
        find_way(Typed("a"), ask)


def test_a_way_without_end_is_told():
    def ask(name, username, port):
        return Settings(f"{name}x", 22, "me", proxy_jump=f"{name}x")

    with pytest.raises(SshConfigError):
        find_way(Typed("a"), ask)


def test_a_config_that_makes_nonsense_of_a_name_is_told():
    with pytest.raises(InvalidTargetError, match="Your ssh config makes of gpu"):
        find_way(Typed("gpu"), answering(gpu=Settings("-oProxyCommand=x", 22, "me")))


# --- what ssh -G leaves ----------------------------------------------------------------------------------------------


def test_tokens_and_homes_are_expanded():
    settings = parse_answer(
        "user alice\nhostname gpu.in\nport 2222\n"
        "identityfile ~/.ssh/id_%n_%h_%p_%r_%u_%L\nidentityfile ${KEYS}/%d/%i%%\n"
        "identityfile none\ncertificatefile %d/c\nidentitiesonly yes\nidentityagent SSH_AUTH_SOCK\n"
        "hostkeyalias cluster\nuserknownhostsfile /a /b\nglobalknownhostsfile /c\n"
        "proxycommand nc -x %n:%p %h %r\nproxyjump none\n",
        "gpu",
        MACHINE,
    )
    assert settings == Settings(
        host="gpu.in",
        port=2222,
        username="alice",
        identities=("/home/me/.ssh/id_gpu_gpu.in_2222_alice_me_laptop", "/keys//home/me/1000%"),
        certificates=("/home/me/c",),
        identities_only=True,
        identity_agent=None,
        host_key_alias="cluster",
        known_hosts_files=("/a", "/b", "/c"),
        proxy_jump=None,
        proxy_command="nc -x gpu:2222 gpu.in alice",
    )


@pytest.mark.parametrize(
    ("said", "agent"),
    [
        ("none", "none"),
        ("SSH_AUTH_SOCK", None),
        ("~/agent", "/home/me/agent"),
        ("$SSH_AUTH_SOCK", "/run/agent"),
        ("$X", "none"),
    ],
)
def test_an_agent_is_a_socket_or_none_or_the_usual_one(said, agent):
    assert parse_answer(f"identityagent {said}\n", "gpu", MACHINE).identity_agent == agent


@pytest.mark.parametrize("line", ["identityfile ${NO_SUCH}/x", "identityfile %Z", "proxycommand x %u", "port 70000"])
def test_what_means_nothing_is_told(line):
    with pytest.raises(SshConfigError):
        parse_answer(line, "gpu", MACHINE)


def test_an_empty_answer_is_the_name_itself():
    assert parse_answer("", "gpu", MACHINE) == Settings("gpu", 22, "me")


# --- names to offer --------------------------------------------------------------------------------------------------


def test_literal_names_are_those_without_patterns_with_what_is_included(tmp_path):
    config = tmp_path / "config"
    (tmp_path / "conf.d").mkdir()
    (tmp_path / "conf.d" / "b").write_text("Host second\n")
    (tmp_path / "conf.d" / "a").write_text("Host first *.lab\nInclude ../config\n")
    config.write_text(
        '# Host comment\nInclude conf.d/*\nhost = one two*\nHOST "three" !four five # six\n\tHost one\nMatch host x\n'
        "Include nowhere/*\nHost 'open\nHostName seven\n"
    )
    assert literal_names(config) == ["first", "second", "one", "three", "five", "'open"]


@pytest.mark.parametrize("content", [b"\xff\xfe\x00Host a\n", b"Host " + b"x" * 2**21, b"", None])
def test_a_config_that_cannot_be_read_offers_nothing_and_does_no_harm(tmp_path, content):
    if content is not None:
        (tmp_path / "config").write_bytes(content)
    assert len(literal_names(tmp_path / "config")) <= 1


def test_what_only_ssh_can_do_is_read_from_its_answer():
    said = ("gssapiauthentication yes", "pkcs11provider ~/lib.so", "securitykeyprovider internal", "ciphers a,b")
    only = parse_answer("\n".join([*said, "controlpath none"]), "gpu", MACHINE).ssh_only
    assert (only.gssapi, only.gssapi_delegates) == (True, False)
    assert (only.pkcs11_provider, only.security_key_provider, only.control_path) == ("/home/me/lib.so", None, None)
    assert only.algorithms == (("Ciphers", "a,b"),)


def test_an_open_connection_is_only_for_whom_the_name_means():
    own = Settings("10.0.0.7", 2222, "alice", ssh_only=SshOnly(control_path="/run/cm"))

    def ask(name, username, port):
        return replace(own, username=username or own.username, port=port or own.port)

    def control_path(**typed):
        return find_way(Typed("gpu", **typed), ask).last.ssh_only.control_path

    assert control_path() == control_path(username="alice") == control_path(port=2222) == "/run/cm"
    for other in ({"username": "bob"}, {"port": 22}, {"jumps": ()}, {"identities": ("/k",)}):
        assert control_path(**other) is None
