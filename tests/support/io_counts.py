"""What a process reads and writes through system calls, of which only Linux tells; files and sockets alike."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import psutil
import pytest

needs_io_counts = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs /proc/PID/io")


@dataclass
class Io:
    """Bytes that were read and written, and how many calls read them."""

    read_bytes: int = 0
    written_bytes: int = 0
    reads: int = 0


@contextlib.contextmanager
def counting_io(pid: int | None = None) -> Iterator[Io]:
    """Yield what a process, by default this one, reads and writes in the block; filled in at its end."""
    process, io = psutil.Process(pid), Io()
    before = process.io_counters()
    yield io
    after = process.io_counters()
    io.read_bytes = after.read_chars - before.read_chars
    io.written_bytes = after.write_chars - before.write_chars
    io.reads = after.read_count - before.read_count
