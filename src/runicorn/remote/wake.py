"""Notices that this machine slept, or that this process was stopped: time went on and we did not."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

TICK_SECS = 1.0
JUMP_SECS = 4.0  # a loaded machine is late, too, but seldom this much; a false alarm costs one question


@dataclass(frozen=True)
class Clocks:
    """wall: unix seconds, which go on while the machine sleeps. steady: monotonic seconds, which may stand still."""

    wall: float
    steady: float

    @classmethod
    def now(cls) -> Clocks:
        return cls(time.time(), time.monotonic())


def slept(before: Clocks, now: Clocks, expected_secs: float) -> bool:
    """Whether much more time has passed between the two than was meant to, by either clock.

    A wall clock that is set back or, by a little, forward is no sleep.
    """
    passed = max(now.wall - before.wall, now.steady - before.steady)
    return passed - expected_secs > JUMP_SECS


async def watch(on_wake: Callable[[], None]) -> None:
    """Call `on_wake` after each sleep; runs until cancelled."""
    before = Clocks.now()
    while True:
        await asyncio.sleep(TICK_SECS)
        now = Clocks.now()
        if slept(before, now, TICK_SECS):
            on_wake()
        before = now
