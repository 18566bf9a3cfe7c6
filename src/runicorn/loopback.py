"""Which Unix user made a loopback connection, from /proc/net/tcp and /proc/net/tcp6.

Every user of a machine can reach 127.0.0.1; on Linux the kernel tells whose socket is at the other end (proc(5); the
columns are in Documentation/networking/proc_net_tcp.rst of the kernel). Used by the viewer and by the tunnel's door.
"""

from __future__ import annotations

import ipaddress
import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

from runicorn.errors import OtherUserError

_TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
# The kernel hands the table out in pieces, and a row can slip between two of them while others come and go.
_ATTEMPTS = 3


class Endpoint(NamedTuple):
    """One end of a connection. An IPv4 address mapped into IPv6 is the IPv4 address."""

    address: ipaddress.IPv4Address | ipaddress.IPv6Address
    port: int

    @classmethod
    def of(cls, name: tuple[object, ...]) -> Endpoint:
        """Return the end that getsockname() or getpeername() tells of. Raises ValueError."""
        address = ipaddress.ip_address(str(name[0]).partition("%")[0])
        return cls(_unmapped(address), int(str(name[1])))


class Row(NamedTuple):
    """One socket of the table, seen from its owner."""

    local: Endpoint
    remote: Endpoint
    uid: int
    inode: int


def parse_rows(text: str, byteorder: str = sys.byteorder) -> Iterable[Row]:
    """Yield the sockets of a /proc/net/tcp or tcp6 table; lines that are none are left out."""
    for line in text.splitlines():
        fields = line.split()
        try:
            yield Row(_endpoint(fields[1], byteorder), _endpoint(fields[2], byteorder), int(fields[7]), int(fields[9]))
        except (IndexError, ValueError):
            continue


def find_uid(tables: Iterable[str], ours: Endpoint, theirs: Endpoint) -> int | None:
    """Return the user of the socket whose own end is `theirs` and whose other end is `ours`, or None.

    A socket that its process has closed belongs to nobody (inode 0, and a uid of 0 that means nothing).
    """
    for text in tables:
        for row in parse_rows(text):
            if row.local == theirs and row.remote == ours and row.inode:
                return row.uid
    return None


def peer_uid(ours: tuple[object, ...], theirs: tuple[object, ...]) -> int | None:
    """Return the user at the other end of a loopback connection, by getsockname() and getpeername().

    None where that cannot be told: no Linux, or no loopback. Raises OtherUserError where it could be told and is not.
    """
    try:
        here, there = Endpoint.of(ours), Endpoint.of(theirs)
    except (ValueError, IndexError):
        return None
    if not there.address.is_loopback or not _TABLES[0].exists():
        return None
    for _ in range(_ATTEMPTS):
        uid = find_uid(map(_read, _TABLES), here, there)
        if uid is not None:
            return uid
    raise OtherUserError("It cannot be told which user of this machine made the connection.")


def other_user(
    ours: tuple[object, ...], theirs: tuple[object, ...], lookup: Callable[..., int | None] = peer_uid
) -> OtherUserError | None:
    """Return why a loopback connection must not be served, or None where it may be."""
    try:
        uid = lookup(ours, theirs)
    except OtherUserError as error:
        return error
    if uid is None or uid == os.getuid():
        return None
    return OtherUserError("The connection was made by another user of this machine.")


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""


def _endpoint(text: str, byteorder: str) -> Endpoint:
    """Parse `0100007F:5B04`: 32-bit words in the machine's byte order, and a port in plain hexadecimal."""
    words, _, port = text.partition(":")
    raw = bytes.fromhex(words)
    if len(raw) not in (4, 16):
        raise ValueError(text)
    if byteorder == "little":
        raw = b"".join(raw[at : at + 4][::-1] for at in range(0, len(raw), 4))
    return Endpoint(_unmapped(ipaddress.ip_address(raw)), int(port, 16))


def _unmapped(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    return getattr(address, "ipv4_mapped", None) or address
