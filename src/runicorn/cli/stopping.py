"""Ctrl-C, SIGTERM and a closed terminal, for a command that has something to tidy up."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Iterator

INTERRUPTED = 130


class Stop:
    """They cancel what runs within `cancelling`, and set `asked`. Make one in the event loop."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self._task: asyncio.Task[object] | None = None
        loop = asyncio.get_running_loop()
        for name in ("SIGINT", "SIGTERM", "SIGHUP"):
            # Windows has no such handlers: there Ctrl-C raises KeyboardInterrupt, with the same clean-up.
            with contextlib.suppress(NotImplementedError, AttributeError):
                loop.add_signal_handler(getattr(signal, name), self._ask)

    @contextlib.contextmanager
    def cancelling(self) -> Iterator[None]:
        self._task = asyncio.current_task()
        try:
            yield
        finally:
            self._task = None

    def _ask(self) -> None:
        self.asked.set()
        if self._task is not None:
            self._task.cancel()
