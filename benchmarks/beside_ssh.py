"""`ssh HOST true` over a link: what the figures of remote benchmarks are multiples of."""

from __future__ import annotations

import subprocess
import time

from tests.support.link import Link
from tests.support.server import Server


def login_by_ssh(server: Server, link: Link) -> float:
    """Return how many seconds it takes."""
    known = ["-o", "UserKnownHostsFile=/dev/null", "-o", "StrictHostKeyChecking=no", "-o", "LogLevel=ERROR"]
    words = ["ssh", "-F", "none", *known, "-i", str(server.key), "-p", str(link.port)]
    began_at = time.perf_counter()
    subprocess.run([*words, f"{server.account.username}@127.0.0.1", "true"], check=True)
    return time.perf_counter() - began_at
