"""The machines that are connected, and this one, as somebody looks at them: read every few seconds, and else never."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from runicorn.errors import RunicornError, SessionLimitError
from runicorn.remote.link.connections import Connections, RunBlocking
from runicorn.remote.server.machine import client, local
from runicorn.remote.server.machine.history import GpuHistory
from runicorn.remote.server.machine.jobs import Place, places, within
from runicorn.remote.ssh.interface import Connection

LOCAL = "local"
EVERY_SECS = 5.0
# So long after somebody has looked last, a machine is read on.
_WANTED_SECS = 20.0
# Whoever looks for the first time, or after nobody did for a while, waits for so long at most.
_FIRST_SECS = 1.5
# How long a machine waits for its own parts, and how long this side waits for the machine.
_PARTS_SECS, _ANSWER_SECS = 1.0, 10.0
_AGAIN_SECS = 30.0


@dataclass(frozen=True)
class MachineLook:
    """A machine as it was told last. id: that of its connection, or LOCAL. told: see program.Teller; None before the
    first answer. age_secs: of that. error: why nothing is told now, in words. history: of its GPUs. place: the node
    that it is, reached through a job by the machine whose id is `through`.
    """

    id: str
    told: dict[str, Any] | None
    age_secs: float | None
    error: str | None
    clock_ahead_secs: float | None
    history: GpuHistory
    place: Place | None = None
    through: str = ""


class _Reached(NamedTuple):
    """How a machine is reached. connection: None for this one. place: the node that it is, and a job there."""

    connection: Connection | None
    place: Place | None = None
    through: str = ""


@dataclass
class _Watched:
    """A machine that is looked at, or was. begun: whether something was told, or why not, since its reading began."""

    reached: _Reached
    history: GpuHistory = field(default_factory=GpuHistory)
    reading: asyncio.Task[None] | None = None
    wanted_until: float = 0.0
    told: dict[str, Any] | None = None
    told_at: float = 0.0
    clock_ahead_secs: float | None = None
    error: str | None = None
    begun: asyncio.Event = field(default_factory=asyncio.Event)


class Machines:
    """Belongs to the event loop's thread. paths: the roots that are open on a machine, by its id."""

    def __init__(
        self,
        connections: Connections,
        run_blocking: RunBlocking,
        paths: Callable[[str], Sequence[str]],
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._connections = connections
        self._run_blocking = run_blocking
        self._paths = paths
        self._monotonic = monotonic
        self._watched: dict[str, _Watched] = {}
        self._closed = False

    async def look(self) -> list[MachineLook]:
        """Return this machine and those that are connected, and have them read for a while from now on."""
        live = {LOCAL: _Reached(None)}
        live |= {each.target.connection_id: _Reached(each) for each in self._connections.live()}
        live |= self._nodes(live)
        for gone in [name for name in self._watched if name not in live]:
            self._end(self._watched.pop(gone))
        moment = self._monotonic()
        for name, reached in live.items():
            watched = self._watched.setdefault(name, _Watched(reached))
            if watched.reached != reached:  # it was connected anew, or is reached through another job
                self._end(watched)
                watched.reached, watched.reading = reached, None
            watched.wanted_until = moment + _WANTED_SECS
            if (watched.reading is None or watched.reading.done()) and not self._closed:
                watched.begun.clear()
                watched.reading = asyncio.create_task(self._read_on(name, watched))
        first = [asyncio.ensure_future(each.begun.wait()) for each in self._watched.values() if not each.begun.is_set()]
        if first:
            _, late = await asyncio.wait(first, timeout=_FIRST_SECS)
            for task in late:
                task.cancel()
        return [self._shown(name, self._watched[name]) for name in live if name in self._watched]

    def _nodes(self, live: Mapping[str, _Reached]) -> dict[str, _Reached]:
        """Return the nodes that the person's jobs run on, by names behind that of the machine that told of them."""
        found: dict[str, _Reached] = {}
        for name, (connection, _, _) in live.items():
            watched = self._watched.get(name)
            if watched is None or watched.told is None:
                continue
            for place in places(watched.told["jobs"]["value"] or (), watched.told["host"]):
                found[f"{name}/{place.node}"] = _Reached(connection, place, name)
        return found

    async def close(self) -> None:
        """Let go of all of them."""
        self._closed = True
        tasks = [each.reading for each in self._watched.values() if each.reading is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _shown(self, name: str, watched: _Watched) -> MachineLook:
        age = None if watched.told is None else max(0.0, self._monotonic() - watched.told_at)
        _, place, through = watched.reached
        return MachineLook(
            name, watched.told, age, watched.error, watched.clock_ahead_secs, watched.history, place, through
        )

    @staticmethod
    def _end(watched: _Watched) -> None:
        if watched.reading is not None:
            watched.reading.cancel()

    async def _read_on(self, name: str, watched: _Watched) -> None:
        """Read a machine as long as somebody looks at it."""
        machine: client.Machine | None = None
        try:
            while self._monotonic() < watched.wanted_until:
                began = self._monotonic()
                try:
                    if machine is None:
                        machine = await self._start(watched.reached)
                    await self._ask(machine, name, watched)
                    rest = EVERY_SECS
                except (RunicornError, OSError, ValueError, KeyError, TypeError) as error:
                    watched.error = _why(error)
                    # A late answer is waited for; what has ended, or cannot be started, is tried once more later.
                    if machine is not None and not machine.alive:
                        await self._close(machine)
                        machine = None
                    rest = EVERY_SECS if machine is not None else _AGAIN_SECS
                watched.begun.set()
                await asyncio.sleep(max(0.1, rest - (self._monotonic() - began)))
        finally:
            if machine is not None:
                await asyncio.shield(asyncio.ensure_future(self._close(machine)))

    async def _start(self, reached: _Reached) -> client.Machine:
        begun: asyncio.Future[client.Machine] = asyncio.ensure_future(self._run_blocking(_start, reached))
        try:
            return await asyncio.shield(begun)
        except asyncio.CancelledError:
            begun.add_done_callback(_close_when_begun)
            raise

    async def _ask(self, machine: client.Machine, name: str, watched: _Watched) -> None:
        asked_at = time.time()
        told: dict[str, Any] = await self._run_blocking(
            machine.ask, list(self._paths(watched.reached.through or name)), _PARTS_SECS, _ANSWER_SECS
        )
        gpus = told["gpus"]["value"]
        is_here = watched.reached.connection is None and watched.reached.place is None
        watched.clock_ahead_secs = None if is_here else told["time"] - (asked_at + time.time()) / 2
        watched.told, watched.told_at, watched.error = told, self._monotonic(), None
        if gpus is not None:
            watched.history.note(gpus["gpus"], watched.told_at - (told["gpus"]["age_secs"] or 0.0))

    async def _close(self, machine: client.Machine) -> None:
        with contextlib.suppress(OSError, RunicornError):
            await self._run_blocking(machine.close)


def _start(reached: _Reached) -> client.Machine:
    connection, place, _ = reached
    through = within(place) if place is not None else ""
    if connection is None:
        return client.start(local.begin, through)
    return client.start(lambda command, stdin: connection.start(command, stdin=stdin), through)


def _close_when_begun(begun: asyncio.Future[client.Machine]) -> None:
    """Close what nobody waited for, in a thread of its own: ending a channel takes a round trip."""
    if not begun.cancelled() and begun.exception() is None:
        threading.Thread(target=begun.result().close, name="remote-close", daemon=True).start()


def _why(error: BaseException) -> str:
    if isinstance(error, SessionLimitError):
        return "The server gives no further session on this connection."
    return str(error) or type(error).__name__
