"""Whether the process behind a run, or behind a claim, still lives: the one verdict on it."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass

from runicorn import processes
from runicorn.model import Origin
from runicorn.processes import Presence

HEARTBEAT_LIMIT_SECS = 60.0
# Tools whose files say when a run ends, and how long one may be silent before it: W&B writes its log in blocks of
# 32 KiB, which its measurements of the machine fill in a quarter of an hour; MLflow writes nothing between two epochs.
_SILENCE_LIMIT_SECS = {"wandb": 900.0, "mlflow": 3600.0}
# Of runs that have their process's start in unix seconds only: counted from the boot time, it moves with the clock.
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
    return Place(_host(), processes.scope())


def is_alive(origin: Origin, pulse: Pulse, place: Place) -> bool:
    """Tell whether a run that says it is running really is.

    In its own place the process itself is asked. From elsewhere, and where the process is not shown, only the heartbeat
    counts.
    """
    presence = presence_of(origin, place)
    limit_secs = _SILENCE_LIMIT_SECS.get(origin.recorded_by, HEARTBEAT_LIMIT_SECS)
    return beats(pulse, limit_secs) if presence is Presence.UNSURE else presence is Presence.RUNS


def tells_its_end(origin: Origin) -> bool:
    """Tell whether what recorded a run says so when it ends, so that one which is silent without it was killed."""
    return not origin.recorded_by or origin.recorded_by in _SILENCE_LIMIT_SECS


def presence_of(origin: Origin, place: Place) -> Presence:
    """Tell what the process itself says, without any heartbeat. GONE is proof, however the clocks were set."""
    if origin.pid is None or origin.host != place.host or not processes.is_same_scope(origin.pid_scope, place.scope):
        return Presence.UNSURE
    if origin.pid_start is not None or origin.pid_started_at is None:
        return processes.presence(origin.pid, origin.pid_start)
    found = processes.presence(origin.pid, None)
    if found is Presence.RUNS and not _started_at(origin.pid, origin.pid_started_at):
        return Presence.UNSURE  # another process, or the same one after the clock was set
    return found


def beats(pulse: Pulse, limit_secs: float = HEARTBEAT_LIMIT_SECS) -> bool:
    """Tell whether a heart beats by what is seen of it alone. limit_secs: how long one may be still."""
    if pulse.unchanged_secs > limit_secs:
        return False
    return pulse.changed or (pulse.age_secs is not None and pulse.age_secs <= limit_secs)


def _started_at(pid: int, moment: float) -> bool:
    start = processes.start_of(pid)
    started_at = None if start is None else processes.unix_time_of(start)
    return started_at is not None and abs(started_at - moment) <= _START_TOLERANCE_SECS


def _host() -> str:
    if sys.platform != "win32":  # what socket.gethostname() asks, which takes 2 ms to import
        return os.uname().nodename
    import socket

    return socket.gethostname()
