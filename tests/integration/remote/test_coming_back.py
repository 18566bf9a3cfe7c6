"""Who looks at machines again after a while: told what is so now, by this machine itself."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest

from runicorn.remote import machines
from runicorn.remote.link.connections import Connections

AWAY_SECS = 60.0


class Clock:
    """Seconds that pass when a test says so."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_who_comes_back_is_told_what_is_so_now(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody looked for longer than a machine is read on; the first answer then is no older than a later one."""
    monkeypatch.setattr(machines, "EVERY_SECS", 0.2)
    monkeypatch.setattr(machines, "_FIRST_SECS", 60.0)  # however slow the machine of this test is
    clock = Clock()

    async def look_twice() -> None:
        none_connected = cast(Connections, SimpleNamespace(live=list))

        async def run_blocking(function: Any, *args: Any) -> Any:
            return await asyncio.to_thread(function, *args)

        watching = machines.Machines(none_connected, run_blocking, lambda _: (), monotonic=clock)
        try:
            (first,) = await watching.look()
            assert first.told is not None
            assert first.age_secs == 0
            clock.now += AWAY_SECS
            deadline = asyncio.get_running_loop().time() + 60
            while not all(each.reading and each.reading.done() for each in watching._watched.values()):
                assert asyncio.get_running_loop().time() < deadline
                await asyncio.sleep(0.05)
            (again,) = await watching.look()
            assert again.told is not None
            assert again.age_secs == 0
            assert again.told["time"] > first.told["time"]
        finally:
            await watching.close()

    asyncio.run(look_twice())
