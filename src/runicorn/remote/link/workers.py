"""Run blocking work in daemon threads, so that the event loop never waits and the program can always end."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import Any

MAX_THREADS = 64


class Workers:
    """Call it to run a function in a thread of its own. At most 64 at once; the others wait their turn.

    The threads are daemons: a host that hangs until its time limit must not hold up the end of the program, as the
    standard executor's threads would.
    """

    def __init__(self) -> None:
        self._turn = asyncio.Semaphore(MAX_THREADS)

    async def __call__(self, function: Callable[..., Any], *args: Any) -> Any:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()

        def settle(result: Any, error: BaseException | None) -> None:
            if future.done():
                return
            if error is not None:
                future.set_exception(error)
            else:
                future.set_result(result)

        def run() -> None:
            result, error = None, None
            try:
                result = function(*args)
            except BaseException as raised:  # noqa: BLE001  handed to the caller, whatever it is
                error = raised
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(settle, result, error)

        async with self._turn:
            threading.Thread(target=run, name=f"remote-{getattr(function, '__name__', 'work')}", daemon=True).start()
            return await future
