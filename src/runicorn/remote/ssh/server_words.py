"""What a server says before anything is secret: its lines before the version, and the algorithms it offers. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

_KEXINIT = 20  # RFC 4253, section 12
_COOKIE_BYTES = 16
# What sshd writes in place of its version to a connection that it drops at once (sshd.c, drop_connection).
_BUSY = re.compile(rb"^(Exceeded MaxStartups|Not allowed at this time)\s*$", re.MULTILINE)


@dataclass(frozen=True)
class Offer:
    """The algorithms in a server's first packet, for the direction from us to it."""

    key_exchange: tuple[str, ...]
    host_keys: tuple[str, ...]
    ciphers: tuple[str, ...]
    macs: tuple[str, ...]


def busy_line(first_bytes: bytes) -> str | None:
    """Return what sshd said while it took no login from here, None if it said no such thing."""
    found = _BUSY.search(first_bytes)
    return found[1].decode() if found else None


def first_line(first_bytes: bytes) -> str:
    """Return the first line, without what cannot be shown."""
    text = first_bytes.split(b"\n", 1)[0][:80].decode("ascii", "replace").strip()
    return "".join(char if char.isprintable() else "\ufffd" for char in text)


def find_offer(first_bytes: bytes) -> Offer | None:
    """Return the offer behind the version line (RFC 4253, sections 4.2, 6 and 7.1), None if it is not all there."""
    version = re.search(rb"^SSH-[^\n]*\n", first_bytes, re.MULTILINE)
    if not version:
        return None
    packet = first_bytes[version.end() :]
    length = int.from_bytes(packet[:4], "big")
    padding = packet[4] if len(packet) > 4 else 0
    payload = packet[5 : 4 + length - padding]
    if len(packet) < 4 + length or payload[:1] != bytes([_KEXINIT]):
        return None
    lists, rest = [], payload[1 + _COOKIE_BYTES :]
    for _ in range(6):
        size = int.from_bytes(rest[:4], "big")
        if len(rest) < 4 + size:
            return None
        lists.append(tuple(name for name in rest[4 : 4 + size].decode("ascii", "replace").split(",") if name))
        rest = rest[4 + size :]
    return Offer(key_exchange=lists[0], host_keys=lists[1], ciphers=lists[2], macs=lists[4])
