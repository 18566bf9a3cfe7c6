"""An event loop that ends in time, and a process that does: whatever hangs in their tasks and threads is left behind.

`asyncio.run` waits without a limit for tasks that cannot be cancelled and for the threads of `asyncio.to_thread`, and
the interpreter for every thread that is no daemon: a read from a disk that is gone would hold up the end for ever.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class DaemonThreads(ThreadPoolExecutor):
    """An executor with a thread for each call, for the few of `asyncio.to_thread`. Nothing ever waits for them.

    A pool in name only: an event loop takes no other kind for its default.
    """

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        future: Future[T] = Future()

        def work() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                result = fn(*args, **kwargs)
            except BaseException as error:  # noqa: BLE001  handed to the caller, whatever it is
                future.set_exception(error)
            else:
                future.set_result(result)

        threading.Thread(target=work, name="runicorn-thread", daemon=True).start()
        return future


def run(main: Coroutine[Any, Any, T], *, end_secs: float) -> T:
    """Return what `main` does, run in an event loop of its own.

    end_secs: how long its tasks may take to end once they are cancelled, and as long again what they generate from.
    """
    loop = asyncio.new_event_loop()
    loop.set_default_executor(DaemonThreads(1))
    asyncio.set_event_loop(loop)
    try:
        return loop.run_until_complete(main)
    finally:
        try:
            loop.run_until_complete(_wind_up(loop, end_secs))
        finally:
            asyncio.set_event_loop(None)
            loop.close()


def end_process_within(secs: float) -> None:
    """Have this process end within so many seconds although threads hang; call it as the last thing, in success.

    Where none does, the interpreter is gone before.
    """

    def end() -> None:
        with contextlib.suppress(OSError, ValueError):  # nobody reads it any more
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(0)

    timer = threading.Timer(secs, end)
    timer.daemon = True
    timer.start()


async def _wind_up(loop: asyncio.AbstractEventLoop, end_secs: float) -> None:
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks, timeout=end_secs)
    with contextlib.suppress(asyncio.TimeoutError):
        await asyncio.wait_for(loop.shutdown_asyncgens(), end_secs)
