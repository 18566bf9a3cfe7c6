"""Servers on the way to another one, and the ssh config by which they are reached one through the other."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.support.server import Server
from tests.support.sshd import Sshd, run_sshd

NAMES = ("one", "two", "three")


@contextlib.contextmanager
def two_more(server: Server) -> Iterator[list[Sshd]]:
    """Start two servers that let in the user of this one by the same key."""
    with run_sshd() as first, run_sshd() as second:
        for sshd in (first, second):
            sshd.authorize(server.account.username, server.key.with_suffix(".pub"))
        yield [first, second]


def write_config(home: Path, server: Server, ports: Sequence[int]) -> None:
    """Write a person's config: NAMES at these ports, the second through the first, the third through the second."""
    (home / ".ssh").mkdir(parents=True)
    (home / ".ssh" / "config").write_text(
        f"Host *\n HostName 127.0.0.1\n User {server.account.username}\n IdentityFile {server.key}\n"
        + "".join(f"Host {name}\n Port {port}\n" for name, port in zip(NAMES, ports, strict=True))
        + "".join(f"Host {name}\n ProxyJump {before}\n" for before, name in itertools.pairwise(NAMES))
    )
