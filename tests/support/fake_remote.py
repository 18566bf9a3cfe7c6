"""Remote support as a viewer sees it, without a host: what it tells is what a test says."""

import asyncio
import itertools

from fastapi import APIRouter

from runicorn.viewer.guests import Guests


class FakeRemote:
    """Remote support whose state a test changes."""

    def __init__(self):
        self.guests = Guests()
        self.router = APIRouter(prefix="/api/remote")
        self.state = {"connections": [], "viewer_sessions": []}
        self.calls = []
        self.looks = []
        self._changed = None
        self._clock = itertools.count()

    async def start(self):
        self.calls.append("start")
        self._loop = asyncio.get_running_loop()
        self._changed = asyncio.Event()

    async def stop(self):
        self.calls.append("stop")

    async def machines(self):
        return self.looks

    def snapshot(self):
        return {**self.state, "uptime": next(self._clock)}

    def steady(self, snapshot):
        return {**snapshot, "uptime": 0}

    async def subscribe(self):
        while True:
            await self._changed.wait()
            self._changed.clear()
            yield

    def change(self, state):
        self.state = state
        self._loop.call_soon_threadsafe(self._changed.set)
