"""What a server says before anything is secret."""

from __future__ import annotations

import socket
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runicorn.remote.ssh import server_words
from runicorn.remote.ssh.server_words import Offer

LISTS = ("kex-a,kex-b,ext-info-s", "ssh-ed25519", "in-cipher", "out-cipher", "in-mac", "out-mac")


def packet(*lists: str, padding: int = 7) -> bytes:
    """A first packet as RFC 4253, sections 6 and 7.1 draw it."""
    payload = bytes([20]) + bytes(16) + b"".join(len(each).to_bytes(4, "big") + each.encode() for each in lists)
    body = bytes([padding]) + payload + bytes(padding)
    return len(body).to_bytes(4, "big") + body


COMPLETE = b"Welcome\r\nSSH-2.0-Old_1.0\r\n" + packet(*LISTS, "none", "none", "", "") + b"more"


def test_the_offer_is_read_for_the_direction_to_the_server() -> None:
    assert server_words.find_offer(COMPLETE) == Offer(
        ("kex-a", "kex-b", "ext-info-s"), ("ssh-ed25519",), ("in-cipher",), ("in-mac",)
    )


def test_an_offer_that_is_not_all_there_is_none() -> None:
    end = len(COMPLETE) - len(b"more")
    assert all(server_words.find_offer(COMPLETE[:length]) is None for length in range(end))


@given(st.binary(max_size=200), st.booleans())
def test_garbage_is_no_offer_and_no_crash(data: bytes, behind_a_version: bool) -> None:
    server_words.find_offer((b"SSH-2.0-x\r\n" if behind_a_version else b"") + data)
    assert server_words.first_line(data).isprintable()


def test_agreement_with_asyncssh_about_its_own_offer() -> None:
    import asyncssh
    from asyncssh.kex import get_kex_algs

    from runicorn.loop_thread import LoopThread

    loop = LoopThread("server")
    try:
        key = asyncssh.generate_private_key("ssh-ed25519")
        listener = loop.call(asyncssh.listen("127.0.0.1", 0, server_host_keys=[key]), 10)
        with socket.create_connection(("127.0.0.1", listener.get_port()), timeout=5) as sock:
            sock.sendall(b"SSH-2.0-test\r\n")
            said = b""
            while server_words.find_offer(said) is None:
                data = sock.recv(4096)
                assert data
                said += data
        offer = server_words.find_offer(said)
        loop.call(_close(listener), 5)
    finally:
        loop.stop()
    assert offer
    assert offer.host_keys == ("ssh-ed25519",)
    assert {name.decode() for name in get_kex_algs()} >= set(offer.key_exchange[:3])
    assert threading.active_count() < 50


async def _close(listener: object) -> None:
    listener.close()  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("said", "busy"),
    [
        (b"Exceeded MaxStartups\r\n", "Exceeded MaxStartups"),
        (b"Not allowed at this time\r\n", "Not allowed at this time"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", None),
        (b"220 mail ready, Exceeded MaxStartups today\r\n", None),
        (b"", None),
    ],
)
def test_a_server_that_takes_no_login_now_is_told_from_others(said: bytes, busy: str | None) -> None:
    assert server_words.busy_line(said) == busy


def test_the_first_line_moves_no_cursor() -> None:
    assert server_words.first_line(b"220 mail\x1b[2J\r\nmore") == "220 mail\ufffd[2J"
