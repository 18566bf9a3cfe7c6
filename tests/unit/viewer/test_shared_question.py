"""A question of many: one thread at a time, never an answer of before, and what comes too late is kept."""

import asyncio
import threading

import pytest

from runicorn.viewer.shared_question import SharedQuestion
from runicorn.viewer.workers import Workers


class Slow:
    """Answers with how often it was asked, once it may."""

    def __init__(self):
        self.may = threading.Semaphore(0)
        self.count = self.at_once = self.most_at_once = 0
        self.fails = False

    def __call__(self):
        self.count += 1
        self.at_once += 1
        self.most_at_once = max(self.at_once, self.most_at_once)
        number = self.count
        try:
            assert self.may.acquire(timeout=10)
            if self.fails:
                raise OSError("gone")
            return number
        finally:
            self.at_once -= 1


@pytest.fixture
def slow():
    return Slow()


@pytest.fixture
def asked(slow):
    """Return what runs a scenario with a shared question."""
    workers = Workers()
    yield lambda scenario: asyncio.run(scenario(SharedQuestion(slow, workers)))
    slow.may.release(100)
    workers.close()


async def until(true):
    """Wait for what another thread does."""
    for _ in range(10_000):
        if true():
            return
        await asyncio.sleep(0.001)
    raise AssertionError("it did nothing")


async def begun(slow, count):
    await until(lambda: slow.count >= count)


def test_who_asks_meanwhile_is_told_what_was_asked_after_that(slow, asked):
    async def scenario(question):
        first = asyncio.ensure_future(question.answer())
        await begun(slow, 1)
        others = [asyncio.ensure_future(question.answer()) for _ in range(5)]
        await asyncio.sleep(0)
        slow.may.release()
        assert await first == 1
        await begun(slow, 2)
        late = asyncio.ensure_future(question.answer())
        await asyncio.sleep(0)
        slow.may.release(2)
        assert await asyncio.gather(*others) == [2] * 5
        assert await late == 3
        assert slow.most_at_once == 1

    asked(scenario)


def test_it_goes_on_when_nobody_waits_and_keeps_what_it_brings(slow, asked):
    async def scenario(question):
        waiting = asyncio.ensure_future(question.answer())
        await begun(slow, 1)
        waiting.cancel()
        assert question.known is None
        slow.may.release()
        await until(lambda: question.known == 1)
        slow.may.release()
        assert await question.answer() == 2

    asked(scenario)


def test_what_fails_is_told_to_all_who_wait_and_forgets_nothing(slow, asked):
    async def scenario(question):
        slow.may.release()
        assert await question.answer() == 1
        slow.fails = True
        waiting = [asyncio.ensure_future(question.answer()) for _ in range(3)]
        await begun(slow, 2)
        slow.may.release(2)
        told = await asyncio.gather(*waiting, return_exceptions=True)
        assert [str(each) for each in told] == ["gone"] * 3
        assert question.known == 1
        slow.fails = False
        slow.may.release()
        assert await question.answer() == 4

    asked(scenario)
