"""Whether the process behind a run still lives: facts about processes, and the verdict on them."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass

from runicorn.model import Origin

HEARTBEAT_LIMIT_SECS = 60.0
# The start time is counted from the boot time, which moves a little whenever the clock is set.
_START_TOLERANCE_SECS = 2.0


@dataclass(frozen=True)
class Place:
    """The machine that a reader or a writer runs on. scope: boot and pid namespace, None where neither is known."""

    host: str
    scope: str | None


@dataclass(frozen=True)
class Pulse:
    """What a reader knows of a heartbeat.

    age_secs: by the clocks of writer and reader, None where there is none. unchanged_secs: how long this reader has
    seen the same one. changed: whether it ever changed before this reader's eyes, which no clock can falsify.
    """

    age_secs: float | None
    unchanged_secs: float = 0.0
    changed: bool = False


def here() -> Place:
    """Return the place of this process."""
    return Place(_host(), _scope())


def is_alive(origin: Origin, pulse: Pulse, place: Place) -> bool:
    """Tell whether a run that says it is running really is.

    In its own place the process itself is asked; from elsewhere only the heartbeat counts.
    """
    if origin.pid is not None and origin.host == place.host and origin.pid_scope == place.scope:
        started_at = process_started_at(origin.pid)
        if started_at is None or origin.pid_started_at is None:
            return started_at is not None
        return abs(started_at - origin.pid_started_at) <= _START_TOLERANCE_SECS
    if pulse.unchanged_secs > HEARTBEAT_LIMIT_SECS:
        return False
    return pulse.changed or (pulse.age_secs is not None and pulse.age_secs <= HEARTBEAT_LIMIT_SECS)


def process_started_at(pid: int) -> float | None:
    """Return when the process started in unix seconds, or None where none with this pid runs (a zombie does not)."""
    if sys.platform == "linux":
        return _linux_started_at(pid)
    import psutil  # 20 ms, and not needed on Linux

    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else process.create_time()
    except (psutil.Error, OverflowError, ValueError):
        return None


def parse_proc_stat(text: str) -> tuple[str, int] | None:
    """Return state letter and start in clock ticks after boot from /proc/PID/stat (proc(5), fields 3 and 22)."""
    fields = text[text.rfind(")") + 1 :].split()  # the name in parentheses may hold blanks and parentheses
    try:
        return fields[0], int(fields[19])
    except (IndexError, ValueError):
        return None


def _host() -> str:
    if hasattr(os, "uname"):  # what socket.gethostname() asks, which takes 2 ms to import
        return os.uname().nodename
    import socket

    return socket.gethostname()


def _linux_started_at(pid: int) -> float | None:
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:  # noqa: PTH123 - init's path
            parsed = parse_proc_stat(file.read())
    except OSError:
        return None
    if parsed is None or parsed[0] in "ZX":
        return None
    return _boot_time() + parsed[1] / os.sysconf("SC_CLK_TCK")


def _boot_time() -> float:
    with open("/proc/stat", "rb") as file:  # noqa: PTH123 - init's path
        for line in file:
            if line.startswith(b"btime "):
                return float(line[6:])
    return 0.0


def _scope() -> str | None:
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:  # noqa: PTH123 - init's path
            return f"{file.read().strip()}/{os.readlink('/proc/self/ns/pid')}"  # noqa: PTH115
    except OSError:
        return None
