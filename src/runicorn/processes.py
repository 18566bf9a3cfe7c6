"""Which process a number means: a pid with its start, told without a clock that can be set.

On Linux a process's start is kept in clock ticks after the boot, and the boot has an id (proc(5), field 22 of
/proc/PID/stat; /proc/sys/kernel/random/boot_id). A start in unix seconds is no identity there: it is counted from the
boot time, which moves whenever the clock is set. Elsewhere the kernel keeps the time as it was at the start.
"""

from __future__ import annotations

import enum
import os
import sys
from dataclasses import dataclass

from runicorn import locks


class Presence(enum.Enum):
    """UNSURE: it is a process of another machine or container, or one that this user is not shown."""

    RUNS = "runs"
    GONE = "gone"
    UNSURE = "unsure"


@dataclass(frozen=True)
class ProcessId:
    """One process, as it can be written down. Two are the same process only where all three fields are equal.

    start: clock ticks after the boot on Linux, microseconds since 1970 elsewhere; good for comparing only, None where
    it is not known. scope: the boot and the pid namespace, None where the system has neither.
    """

    pid: int
    start: int | None
    scope: str | None

    @property
    def presence(self) -> Presence:
        """Whether it still runs; a zombie does not."""
        if not is_same_scope(self.scope, scope()):
            return Presence.UNSURE
        return presence(self.pid, self.start)


def this_process() -> ProcessId:
    """Return this process as it can be written down."""
    pid = os.getpid()
    return ProcessId(pid, start_of(pid), scope())


def presence(pid: int, start: int | None) -> Presence:
    """Tell whether the process of this machine with this pid and start runs; start: None asks for the pid alone."""
    if pid <= 0:
        return Presence.GONE
    found = _look(pid)
    if not isinstance(found, _Found):
        return found
    if start is None or found.start == start:
        return Presence.RUNS
    return Presence.GONE


def start_of(pid: int) -> int | None:
    """Return the start of a process that runs (see ProcessId), or None where there is none or it is not shown."""
    found = _look(pid) if pid > 0 else Presence.GONE
    return found.start if isinstance(found, _Found) else None


def unix_time_of(start: int) -> float | None:
    """Return a start (see ProcessId) in unix seconds, as far off as the clock was set since; None where it is lost."""
    if sys.platform != "linux":
        return start / 1e6
    try:
        with open("/proc/stat", "rb") as file:  # noqa: PTH123 - init's path
            for line in file:
                if line.startswith(b"btime "):
                    return float(line[6:]) + start / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError):
        pass
    return None


def scope() -> str | None:
    """Return what names this boot of this machine and this container: pids mean something within it only."""
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:  # noqa: PTH123 - init's path
            return f"{file.read().strip()}/{os.readlink('/proc/self/ns/pid')}"  # noqa: PTH115
    except OSError:
        return None


def is_same_scope(one: str | None, other: str | None) -> bool:
    """Tell whether pids of two scopes mean the same. On Linux, where it is not known, it may be any container."""
    return one == other and (one is not None or sys.platform != "linux")


def parse_proc_stat(text: str) -> tuple[str, int] | None:
    """Return state letter and start in clock ticks after boot from /proc/PID/stat (proc(5), fields 3 and 22)."""
    fields = text[text.rfind(")") + 1 :].split()  # the name in parentheses may hold blanks and parentheses
    try:
        return fields[0], int(fields[19])
    except (IndexError, ValueError):
        return None


@dataclass(frozen=True)
class _Found:
    start: int


def _look(pid: int) -> _Found | Presence:
    return _look_on_linux(pid) if sys.platform == "linux" else _look_elsewhere(pid)


def _look_on_linux(pid: int) -> _Found | Presence:
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:  # noqa: PTH123 - init's path
            parsed = parse_proc_stat(file.read())
    except FileNotFoundError:
        return _unless_hidden(pid)
    except OSError as error:
        # ESRCH: it ended between open and read. Everything else says nothing about the process.
        return Presence.GONE if isinstance(error, ProcessLookupError) else Presence.UNSURE
    if parsed is None:
        return Presence.UNSURE
    return Presence.GONE if parsed[0] in "ZX" else _Found(parsed[1])


def _unless_hidden(pid: int) -> Presence:
    """A machine may hide other users' processes (hidepid of proc(5)): they are still there to be refused a signal."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return Presence.GONE
    except (OSError, OverflowError) as error:
        return Presence.UNSURE if isinstance(error, PermissionError) else Presence.GONE
    return Presence.UNSURE


def _look_elsewhere(pid: int) -> _Found | Presence:
    with locks.LOADING:
        import psutil  # 20 ms, and not needed on Linux

    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return Presence.GONE
        return _Found(round(process.create_time() * 1e6))
    except psutil.AccessDenied:
        return Presence.UNSURE
    except (psutil.Error, OverflowError, ValueError):
        return Presence.GONE
