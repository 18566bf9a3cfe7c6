"""Waiting for a nudge."""

from __future__ import annotations

import asyncio

import pytest

from runicorn.remote.session.session import Session, StartRequest
from runicorn.remote.session.watching import nudged_within
from runicorn.remote.trust.target import Credentials, Target


def make_session() -> Session:
    return Session("feed0001", StartRequest(Target.make("gpu", 22, "me"), Credentials(), "/data"), 0.0)


@pytest.mark.parametrize("turns", range(8))
def test_a_stop_that_comes_together_with_a_nudge_is_not_lost(turns: int) -> None:
    async def scenario() -> bool:
        session = make_session()

        async def watch() -> None:
            while True:
                await nudged_within(session, 30)

        task = asyncio.create_task(watch())
        await asyncio.sleep(0.01)
        session.nudged.set()
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task], timeout=1)
        return task.cancelled()

    assert asyncio.run(scenario())


def test_a_nudge_is_taken_once_and_silence_is_told() -> None:
    async def scenario() -> list[bool]:
        session = make_session()
        session.nudge()
        return [await nudged_within(session, 5), await nudged_within(session, 0.01)]

    assert asyncio.run(scenario()) == [True, False]
