"""The addresses of this machine, and one more of each family, from which its users can connect."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import subprocess
from collections.abc import Iterator

import psutil

# For documentation only (RFC 5737, RFC 3849), so that nothing real is hidden by them.
ADDED = ("198.51.100.77", "2001:db8::77")


def machine_addresses() -> list[str]:
    """Return every IPv4 and IPv6 address of this machine, with its zone where it needs one."""
    found = [
        each.address
        for addresses in psutil.net_if_addrs().values()
        for each in addresses
        if each.family in (socket.AF_INET, socket.AF_INET6)
    ]
    return [*found, "127.0.0.2", "127.255.255.254"]


def of_family(addresses: list[str], host: str) -> list[str]:
    """Return those of the same family as `host`."""
    version = ipaddress.ip_address(host).version
    return [each for each in addresses if ipaddress.ip_address(each.partition("%")[0]).version == version]


@contextlib.contextmanager
def added_addresses() -> Iterator[None]:
    """Give this machine one more address of each family, which nobody else reaches, until it is left. Needs root."""
    added = []
    try:
        for address in ADDED:
            length = 32 if "." in address else 128
            command = ["ip", "address", "add", f"{address}/{length}", "dev", "lo"]
            if length == 128:
                command.append("nodad")
            subprocess.run(command, check=True, capture_output=True)
            added.append(f"{address}/{length}")
        yield
    finally:
        for address in added:
            subprocess.run(["ip", "address", "del", address, "dev", "lo"], check=True, capture_output=True)
