"""Asking the kernel about one TCP socket by its four numbers, whatever the number of sockets (sock_diag(7))."""

from __future__ import annotations

import functools
import ipaddress
import os
import socket
import struct
import sys
from typing import NamedTuple

from runicorn.loopback.endpoints import Address, Endpoint, unmapped

ESTABLISHED, FIN_WAIT1, FIN_WAIT2, CLOSE_WAIT = 1, 4, 5, 8  # include/net/tcp_states.h

_NETLINK_SOCK_DIAG = 4
_SOCK_DIAG_BY_FAMILY = 20
_NLM_F_REQUEST = 1
_NO_COOKIE = 0xFFFFFFFF
_ANY_STATE = 0xFFFFFFFF
_TIMEOUT_SECS = 1.0  # the kernel answers within the call that asks
_ANSWER_BYTES = 8192

_HEADER = struct.Struct("=IHHII")  # nlmsghdr
_REQUEST = struct.Struct("=BBBBI")  # inet_diag_req_v2 before its socket
_SOCKET = struct.Struct("!HH16s16s")  # inet_diag_sockid in network order,
_SOCKET_END = struct.Struct("=III")  # and its interface and cookie in the machine's
_STATE = struct.Struct("=BBBB")  # inet_diag_msg before its socket,
_FACTS = struct.Struct("=IIIII")  # and after it: expires, rqueue, wqueue, uid, inode


class SocketFacts(NamedTuple):
    """What the kernel tells of a socket. inode: 0 where no process holds it any more; its uid means nothing then."""

    state: int
    uid: int
    inode: int


def look(local: Endpoint, remote: Endpoint) -> SocketFacts | None:
    """Return the socket with these two ends, seen from its owner; None where there is none. Raises OSError."""
    if sys.platform != "linux":
        raise OSError("only Linux has sock_diag")
    family = socket.AF_INET if local.address.version == 4 else socket.AF_INET6
    ends = _SOCKET.pack(local.port, remote.port, local.address.packed.ljust(16, b"\0"),
                        remote.address.packed.ljust(16, b"\0"))  # fmt: skip
    body = (
        _REQUEST.pack(family, socket.IPPROTO_TCP, 0, 0, _ANY_STATE) + ends + _SOCKET_END.pack(0, _NO_COOKIE, _NO_COOKIE)
    )
    request = _HEADER.pack(_HEADER.size + len(body), _SOCK_DIAG_BY_FAMILY, _NLM_F_REQUEST, 1, 0) + body
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _NETLINK_SOCK_DIAG) as kernel:
        kernel.settimeout(_TIMEOUT_SECS)
        kernel.sendto(request, (0, 0))
        answer, sender = kernel.recvfrom(_ANSWER_BYTES)
    if sender[0] != 0:  # only the kernel has the port id 0
        return None
    return parse(answer, local, remote)


def parse(answer: bytes, local: Endpoint, remote: Endpoint) -> SocketFacts | None:
    """Return what an answer tells of the socket with these ends; None where it tells of none, or of another one.

    Asked for a connection that is not there, the kernel answers with whoever listens on its port.
    """
    try:
        _, kind, _, _, _ = _HEADER.unpack_from(answer)
        if kind != _SOCK_DIAG_BY_FAMILY:
            return None
        family, state, _, _ = _STATE.unpack_from(answer, _HEADER.size)
        at = _HEADER.size + _STATE.size
        local_port, remote_port, here, there = _SOCKET.unpack_from(answer, at)
        _, _, _, uid, inode = _FACTS.unpack_from(answer, at + _SOCKET.size + _SOCKET_END.size)
        ends = Endpoint(_address(family, here), local_port), Endpoint(_address(family, there), remote_port)
    except (struct.error, ValueError):
        return None
    return SocketFacts(state, uid, inode) if ends == (local, remote) else None


@functools.cache
def available() -> bool:
    """Whether this kernel answers, found out once with a connection of our own: `none` and `no answer` look alike."""
    if sys.platform != "linux":
        return False
    try:
        with (
            socket.create_server(("127.0.0.1", 0)) as listener,
            socket.create_connection(listener.getsockname(), timeout=_TIMEOUT_SECS) as client,
        ):
            facts = look(Endpoint.of(client.getsockname()), Endpoint.of(listener.getsockname()))
    except (OSError, AttributeError):  # no such family here, or a sandbox that forbids it
        return False
    return facts is not None and facts.uid == os.geteuid()


def _address(family: int, packed: bytes) -> Address:
    return unmapped(ipaddress.IPv4Address(packed[:4]) if family == socket.AF_INET else ipaddress.IPv6Address(packed))
