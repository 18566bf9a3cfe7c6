"""The config of our own that the system's `ssh` is given: one block a hop, and what holds for all of them. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable

from runicorn.remote.names.way import Hop

CONFIG = "config"

# Nothing is forwarded, run or written that nobody asked for, and no host key is taken that we have not judged.
BASE = {
    "StrictHostKeyChecking": "yes",
    "UpdateHostKeys": "no",
    "VerifyHostKeyDNS": "no",
    "CheckHostIP": "no",
    "ServerAliveInterval": "30",
    "ServerAliveCountMax": "3",
    "ForwardAgent": "no",
    "ForwardX11": "no",
    "PermitLocalCommand": "no",
    "RequestTTY": "no",
    "LogLevel": "INFO",
}

# What stands in a config as it is, in every version of ssh.
_PLAIN = re.compile(r"[\w.@+-]+")


def config_block(number: int, hop: Hop, options: Iterable[tuple[str, str]]) -> str:
    """Return what our config says of a hop on the way, for the `ssh` that ssh itself starts for each."""
    host = hop.target.host.replace("%", "%%")  # the zone of an IPv6 address
    lines = [("HostName", host), ("Port", str(hop.target.port)), *options]
    if holds_in_config(hop):
        lines.append(("User", hop.target.username))
    if number:
        lines.append(("ProxyJump", hop_name(number - 1)))
    return "".join([f"Host {hop_name(number)}\n", *(f"  {name} {value}\n" for name, value in lines)])


def hop_name(number: int) -> str:
    """Return what our config calls a hop on the way, counted from here."""
    return f"hop{number}"


def holds_in_config(hop: Hop) -> bool:
    """Whether our config can name this hop on the way: not a user that has to be quoted, each version in its way."""
    return _PLAIN.fullmatch(hop.target.username) is not None
