"""The same question put to /proc/net/tcp and tcp6, for kernels without sock_diag; dearer with every socket there is.

The columns are in Documentation/networking/proc_net_tcp.rst of the kernel.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from runicorn.loopback.endpoints import Endpoint
from runicorn.loopback.sock_diag import SocketFacts

_TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
# The kernel hands a table out in pieces, and a row can slip between two of them while others come and go.
_ATTEMPTS = 3
_MAPPED = bytes(10) + b"\xff\xff"


def look(local: Endpoint, remote: Endpoint) -> SocketFacts | None:
    """Return the socket with these two ends, seen from its owner; None where there is none or no table."""
    for _ in range(_ATTEMPTS):
        found = find(_read_tables(), local, remote)
        if found is not None:
            return found
    return None


def find(
    tables: Iterable[bytes], local: Endpoint, remote: Endpoint, byteorder: str = sys.byteorder
) -> SocketFacts | None:
    """Return the socket with these two ends that one of the tables lists."""
    # Searched for as text: parsing every row of a table with 30,000 takes half a second.
    rows = [re.compile(rb": " + _row(local, remote, mapped, byteorder) + rb" (.*)") for mapped in (False, True)]
    for table in tables:
        for row in rows:
            found = row.search(table)
            if found:
                return _facts(found[1].split())
    return None


def _facts(fields: list[bytes]) -> SocketFacts | None:
    try:
        return SocketFacts(int(fields[0], 16), int(fields[4]), int(fields[6]))
    except (IndexError, ValueError):
        return None


def _row(local: Endpoint, remote: Endpoint, mapped: bool, byteorder: str) -> bytes:
    return b" ".join(
        b"%s:%04X" % (_hexadecimal(end.address.packed, mapped, byteorder), end.port) for end in (local, remote)
    )


def _hexadecimal(packed: bytes, mapped: bool, byteorder: str) -> bytes:
    """Write an address as the tables do: 32-bit words in the machine's byte order."""
    if mapped and len(packed) == 4:
        packed = _MAPPED + packed
    if byteorder == "little":
        packed = b"".join(packed[at : at + 4][::-1] for at in range(0, len(packed), 4))
    return packed.hex().upper().encode()


def _read_tables() -> Iterator[bytes]:
    for path in _TABLES:
        try:
            yield path.read_bytes()
        except OSError:
            continue
