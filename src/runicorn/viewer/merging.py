"""What several sources give for one answer, as it comes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from typing import TypeVar

T = TypeVar("T")


async def as_they_come(sources: Sequence[AsyncGenerator[T, None]]) -> AsyncGenerator[T, None]:
    """Yield what all of them yield: each one's in its order, and nobody waits for another one.

    Each makes its next item while the one before is used, and no more than that. Raises what one of them raises. At the
    end, also an early one, all of them are closed.
    """
    waits = {asyncio.ensure_future(anext(source)): source for source in sources}
    try:
        while waits:
            done, _ = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            for wait in done:
                source = waits.pop(wait)
                try:
                    item = wait.result()
                except StopAsyncIteration:
                    continue
                waits[asyncio.ensure_future(anext(source))] = source
                yield item
    finally:
        for wait in waits:
            wait.cancel()
        await asyncio.gather(*waits, return_exceptions=True)
        for source in sources:
            await source.aclose()
