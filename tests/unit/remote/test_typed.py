"""What a person types for a server, in each form that a terminal knows."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runicorn.errors import InvalidTargetError
from runicorn.remote.names.typed import Typed, parse_typed, split_jumps

MEANT = {
    "gpu": Typed("gpu"),
    " gpu.lab.example ": Typed("gpu.lab.example"),
    "me@gpu": Typed("gpu", "me"),
    "me@gpu:2222": Typed("gpu", "me", 2222),
    "gpu:2222": Typed("gpu", None, 2222),
    "me@[::1]:22": Typed("[::1]", "me", 22),
    "[fe80::1%eth0]": Typed("[fe80::1%eth0]"),
    "fe80::1%eth0": Typed("fe80::1%eth0"),
    "me@2001:db8::7": Typed("2001:db8::7", "me"),
    "ssh://gpu": Typed("gpu"),
    "ssh://me@gpu:2200/": Typed("gpu", "me", 2200),
    "SSH://me;fingerprint=ssh-ed25519-aa@gpu/path": Typed("gpu", "me"),
    "ssh://jane%20doe@gpu": Typed("gpu", "jane doe"),
    "alice@corp.com#gpu-7@bastion": Typed("bastion", "alice@corp.com#gpu-7"),
    "alice+root+gpu@bastion:2222": Typed("bastion", "alice+root+gpu", 2222),
    "vault@alice@gpu:SSH:me@bastion": Typed("bastion", "vault@alice@gpu:SSH:me"),
    "LAB\\alice@gpu": Typed("gpu", "LAB\\alice"),
    "Jane Doe@gpu": Typed("gpu", "Jane Doe"),
    "ssh": Typed("ssh"),  # a name like another
    "ssh gpu": Typed("gpu"),
    "$ ssh me@gpu": Typed("gpu", "me"),
    "ssh -p 22 -i key -J jump user@host": Typed("host", "user", 22, ("jump",), ("key",)),
    "ssh -p2222 -lme gpu": Typed("gpu", "me", 2222),
    "ssh gpu -p 2222": Typed("gpu", None, 2222),
    "ssh -vNT -L 6006:localhost:6006 -o ServerAliveInterval=30 me@gpu": Typed("gpu", "me"),
    "ssh -J a@one:22,two gpu": Typed("gpu", None, None, ("a@one:22", "two")),
    "ssh -J none gpu": Typed("gpu", None, None, ()),
    "ssh -i '~/my keys/id' -i other gpu": Typed("gpu", None, None, None, ("~/my keys/id", "other")),
    "ssh -o Port=2222 -o 'User me' -o ProxyJump=one -oIdentityFile=k gpu": Typed("gpu", "me", 2222, ("one",), ("k",)),
    "ssh -p 1 -p 2 gpu": Typed("gpu", None, 1),
    "ssh -t me@gpu tmux attach -t 0": Typed("gpu", "me"),
    "ssh -- gpu": Typed("gpu"),
    "ssh \\\n  -p 2222 \\\n  gpu": Typed("gpu", None, 2222),
    "ssh ssh://me@gpu:77": Typed("gpu", "me", 77),
}


@pytest.mark.parametrize("text", MEANT)
def test_it_means(text: str) -> None:
    assert parse_typed(text) == MEANT[text]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "No server"),
        ("@gpu", "user name before the @"),
        ("me@", "host is missing"),
        ("ssh://me@", "host is missing"),
        ("me@gpu:0", "no port"),
        ("me@gpu:65536", "no port"),
        ("me@gpu:", "no port"),
        ("me@gpu:22x", "no port"),
        ("me@[::1", "closing ]"),
        ("me@[::1]22", "closing ]"),
        ("ssh -p 22", "names no host"),
        ("ssh -p", "is missing"),
        ("ssh -p x gpu", "no port"),
        ("ssh -F other gpu", "-F"),
        ("ssh -o ProxyCommand=x gpu", "ProxyCommand"),
        ("ssh -o Hostname=x gpu", "Hostname"),
        ("ssh -o Port gpu", "no value"),
        ("ssh -z gpu", "no option"),
        ("ssh 'gpu", "cannot be read"),
        ("ssh -J me@ gpu", "host is missing"),
        ("ssh -W other:22 gpu", "-W"),
    ],
)
def test_it_is_refused_with_a_reason(text: str, said: str) -> None:
    with pytest.raises(InvalidTargetError) as error:
        parse_typed(text)
    assert said in error.value.detail


@given(st.text(alphabet=string.printable + "é日\x00", max_size=60))
def test_any_garbage_is_a_place_or_our_error(text: str) -> None:
    for whole in (text, f"ssh {text}"):
        try:
            typed = parse_typed(whole)
        except InvalidTargetError as error:
            assert error.hint
        else:
            assert typed.host


def test_jumps_are_parted_by_commas_and_none_is_none() -> None:
    assert split_jumps("a, b@c:22 ,d") == ("a", "b@c:22", "d")
    assert split_jumps("none") == split_jumps("NONE") == split_jumps("") == ()
