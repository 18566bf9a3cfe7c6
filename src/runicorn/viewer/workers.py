"""Threads for work on files, so that no slow disk holds up the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

# Requests that hang on a dead network disk must not use up the threads of all others at once.
_THREADS = 24


class Workers:
    """A pool of threads that blocking calls are awaited on."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="runicorn-files")

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Return what `work` returns, called on a thread."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, lambda: work(*args, **kwargs))

    def close(self) -> None:
        """Let no more work begin; what runs is not waited for."""
        self._pool.shutdown(wait=False, cancel_futures=True)
