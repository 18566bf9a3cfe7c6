"""One end of a TCP connection, as sockets and the kernel's tables write it. Pure."""

from __future__ import annotations

import ipaddress
from typing import NamedTuple

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Endpoint(NamedTuple):
    """One end of a connection. An IPv4 address mapped into IPv6 is the IPv4 address."""

    address: Address
    port: int

    @classmethod
    def of(cls, name: object) -> Endpoint:
        """Return the end that getsockname() or getpeername() tells of. Raises ValueError for what is none of TCP/IP."""
        if not isinstance(name, tuple) or len(name) < 2:
            raise ValueError(f"{name!r} is no end of a TCP connection")
        address = ipaddress.ip_address(str(name[0]).partition("%")[0])
        return cls(unmapped(address), int(str(name[1])))


def unmapped(address: Address) -> Address:
    """Return the IPv4 address where one is mapped into IPv6."""
    return getattr(address, "ipv4_mapped", None) or address
