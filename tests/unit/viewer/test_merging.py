"""What several sources give for one answer: as it comes, one ahead of its use, and ended with it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import pytest

from runicorn.viewer.merging import as_they_come


class Source:
    """Gives numbers one after the other, each when it may; keeps what happened to it."""

    def __init__(self, name: str, *items: int, error: Exception | None = None) -> None:
        self.name, self.items, self.error = name, items, error
        self.may = asyncio.Semaphore(0)
        self.made = 0
        self.closed = False

    async def give(self) -> AsyncGenerator[str, None]:
        try:
            for item in self.items:
                await self.may.acquire()
                self.made += 1
                yield f"{self.name}{item}"
            if self.error is not None:
                raise self.error
        finally:
            self.closed = True

    def let(self, count: int) -> None:
        for _ in range(count):
            self.may.release()


def test_a_source_that_takes_its_time_holds_up_no_other() -> None:
    async def read() -> list[str]:
        slow, quick = Source("slow", 1, 2), Source("quick", 1, 2, 3)
        quick.let(3)
        found = []
        async for item in as_they_come([slow.give(), quick.give()]):
            found.append(item)
            if item == "quick3":
                slow.let(2)
        assert slow.closed and quick.closed
        return found

    assert asyncio.run(read()) == ["quick1", "quick2", "quick3", "slow1", "slow2"]


def test_one_item_is_made_while_the_one_before_is_used_and_no_more() -> None:
    async def read() -> list[int]:
        source = Source("s", 1, 2, 3, 4)
        source.let(4)
        made = []
        async for _ in as_they_come([source.give()]):
            for _ in range(10):
                await asyncio.sleep(0)
            made.append(source.made)
        return made

    assert asyncio.run(read()) == [2, 3, 4, 4]


def test_what_one_raises_is_raised_and_the_others_end() -> None:
    async def read() -> tuple[bool, bool]:
        bad, waiting = Source("bad", 1, error=OSError("gone")), Source("waiting", 1)
        bad.let(1)
        with pytest.raises(OSError, match="gone"):
            async for _ in as_they_come([bad.give(), waiting.give()]):
                pass
        return bad.closed, waiting.closed

    assert asyncio.run(read()) == (True, True)


def test_a_reader_that_goes_away_ends_all_of_them() -> None:
    async def read() -> tuple[bool, bool]:
        quick, waiting = Source("quick", 1, 2), Source("waiting", 1)
        quick.let(1)
        reader = as_they_come([quick.give(), waiting.give()])

        async def use() -> None:
            async for _ in reader:
                await asyncio.sleep(60)

        task = asyncio.ensure_future(use())
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await reader.aclose()
        return quick.closed, waiting.closed

    assert asyncio.run(read()) == (True, True)


def test_of_no_source_nothing_comes() -> None:
    async def read() -> list[int]:
        return [item async for item in as_they_come([])]

    assert asyncio.run(read()) == []
