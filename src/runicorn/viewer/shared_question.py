"""A question that may take long, for all who ask it: one thread at a time, and what it brought last stays known."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

from runicorn.viewer.workers import Workers

T = TypeVar("T")


class SharedQuestion(Generic[T]):
    """Asks on a thread of `workers`. It goes on when nobody waits any more. For one event loop.

    known: the last answer there was, however old; None before the first.
    """

    def __init__(self, ask: Callable[[], T], workers: Workers) -> None:
        self._ask = ask
        self._workers = workers
        self._asked: asyncio.Future[T] | None = None
        self._next: asyncio.Future[T] | None = None
        self.known: T | None = None

    async def answer(self) -> T:
        """Return an answer to what was asked after this call: nobody is told what was so before.

        Raises what asking raises.
        """
        if self._next is None:
            if self._asked is None or self._asked.done():
                self._asked = kept(asyncio.ensure_future(self._workers.run(self._ask_and_keep)))
                return await asyncio.shield(self._asked)
            self._next = kept(asyncio.ensure_future(self._answer_after(self._asked)))
        return await asyncio.shield(self._next)

    async def _answer_after(self, before: asyncio.Future[T]) -> T:
        await asyncio.wait([before])
        self._asked, self._next = self._next, None
        return await self._workers.run(self._ask_and_keep)

    def _ask_and_keep(self) -> T:
        self.known = answer = self._ask()
        return answer


def kept(asked: asyncio.Future[T]) -> asyncio.Future[T]:
    """Return the same; what it fails with is nobody's to miss, where all who waited have given up."""
    asked.add_done_callback(lambda done: done.cancelled() or done.exception())
    return asked
