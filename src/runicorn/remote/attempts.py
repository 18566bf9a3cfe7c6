"""What each attempt of a person's has under way, so that it can be given up and nothing else with it.

An attempt has an id that its page made up: the connects and starts that bear it are one attempt. Two windows may be on
their way to the same host at once; what both wait for goes on until the last one gives up.
"""

from __future__ import annotations

import asyncio
import collections
from collections.abc import Coroutine
from typing import Any, TypeVar

from runicorn.errors import ConnectCancelledError

T = TypeVar("T")

# An attempt that was given up before its request arrived must not begin afterwards.
GIVEN_UP_KEPT = 256


class Attempts:
    """Belongs to the event loop's thread."""

    def __init__(self) -> None:
        self._tasks: dict[str, set[asyncio.Task[Any]]] = {}
        self._given_up: collections.deque[str] = collections.deque(maxlen=GIVEN_UP_KEPT)

    async def run(self, attempt: str | None, work: Coroutine[Any, Any, T]) -> T:
        """Return what the work returns; it is cancelled when the attempt is given up. None is nobody's attempt.

        Raises ConnectCancelledError then, and what the work raises.
        """
        if attempt is None:
            return await work
        if attempt in self._given_up:
            work.close()
            raise _given_up()
        task = asyncio.ensure_future(work)
        self._tasks.setdefault(attempt, set()).add(task)
        try:
            await asyncio.wait([task])
        finally:
            task.cancel()
            self._forget(attempt, task)
        if task.cancelled():
            raise _given_up()
        return task.result()

    async def give_up(self, attempt: str) -> bool:
        """Cancel what this attempt has under way, and wait until that has ended. Returns whether there was any."""
        self._given_up.append(attempt)
        tasks = list(self._tasks.get(attempt, ()))
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        return bool(tasks)

    def _forget(self, attempt: str, task: asyncio.Task[Any]) -> None:
        tasks = self._tasks.get(attempt, set())
        tasks.discard(task)
        if not tasks:
            self._tasks.pop(attempt, None)


def _given_up() -> ConnectCancelledError:
    return ConnectCancelledError("The attempt was given up.")
