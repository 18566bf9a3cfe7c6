"""An event loop in a thread of its own, for asynchronous code that a blocking caller starts, asks and ends."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

STOP_TIMEOUT_SECS = 5.0


class LoopThread:
    """Owns the loop and the thread; `stop` ends both and every task that still runs there."""

    def __init__(self, name: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def call(self, work: Coroutine[Any, Any, T], timeout_secs: float) -> T:
        """Run this in the loop and return its result. Raises TimeoutError, and what the work raises."""
        future = asyncio.run_coroutine_threadsafe(asyncio.wait_for(work, timeout_secs), self._loop)
        try:
            return future.result(timeout_secs + 1)
        except asyncio.TimeoutError as error:  # another class than TimeoutError before Python 3.11
            raise TimeoutError from error

    def soon(self, callback: Callable[..., Any], *args: Any) -> None:
        """Call this in the loop, without waiting. Raises RuntimeError if the loop has ended."""
        self._loop.call_soon_threadsafe(callback, *args)

    def stop(self) -> None:
        """Cancel what still runs there and end the thread. May be called twice."""
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(STOP_TIMEOUT_SECS)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_forever()
            left = asyncio.all_tasks(self._loop)
            for task in left:
                task.cancel()
            self._loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        finally:
            self._loop.close()
