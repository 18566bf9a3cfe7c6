"""A network in between: a TCP relay on 127.0.0.1 with delay, jitter and bandwidth, that stalls, cuts, half-closes and
refuses when told to, and counts round trips and bytes."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from runicorn.loop_thread import LoopThread

CHUNK_BYTES = 262_144
CALL_TIMEOUT_SECS = 5.0


@dataclass(eq=False)
class _Pair:
    """One connection through the link."""

    client: asyncio.StreamWriter
    server: asyncio.StreamWriter


@dataclass
class Link:
    """A running relay. port: where to connect instead. The figures may be changed at any time.

    rtt_secs: added to every round trip. jitter_secs: at most this much more for each piece, the order kept; random with
    a fixed seed. bytes_per_sec: for each direction of each connection; None for no limit.

    rounds: how many round trips have followed on one another so far, however slow the machine is. What the client
    sends is one deeper than the deepest thing that had reached it; an answer is as deep as what had reached the server.
    A new connection is one round trip by itself. bytes_carried: in both directions.
    """

    port: int
    rtt_secs: float
    jitter_secs: float = 0.0
    bytes_per_sec: float | None = None
    rounds: int = 0
    bytes_carried: int = 0
    depth_there: int = 0
    to_port: int = 0
    thread: LoopThread | None = None
    dice: random.Random = field(default_factory=lambda: random.Random(4))
    pairs: set[_Pair] = field(default_factory=set)
    flowing: asyncio.Event = field(default_factory=asyncio.Event)
    server: Any = None

    def cut(self) -> None:
        """Reset every connection that runs over the link, in both directions."""
        self._do(lambda: [writer.transport.abort() for pair in self.pairs for writer in (pair.client, pair.server)])

    def half_close(self) -> None:
        """Tell the clients that nothing more will come, and go on taking what they send."""

        def end() -> None:
            for pair in self.pairs:
                with contextlib.suppress(OSError):
                    pair.client.write_eof()

        self._do(end)

    def stall(self) -> None:
        """Let nothing through and say nothing, as a train in a tunnel: connections stay, bytes wait."""
        self._do(self.flowing.clear)

    def resume(self) -> None:
        """Let everything through again, what waited first."""
        self._do(self.flowing.set)

    def refuse(self) -> None:
        """Refuse new connections."""
        self._await(_close(self))

    def accept(self) -> None:
        """Take new connections again, on the same port."""
        self._await(_listen(self))

    def down(self) -> None:
        """Cut and refuse: no network at all."""
        self.refuse()
        self.cut()

    def _do(self, what: Any) -> None:
        async def run() -> None:
            what()

        self._await(run())

    def _await(self, what: Any) -> None:
        assert self.thread
        self.thread.call(what, CALL_TIMEOUT_SECS)


@contextlib.contextmanager
def run_link(to_port: int, rtt_secs: float = 0.0) -> Iterator[Link]:
    """Relay a free port to `to_port`, with half the round trip in each direction, in order and without loss."""
    thread = LoopThread("link")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        link = Link(probe.getsockname()[1], rtt_secs, to_port=to_port, thread=thread)
    link.resume()
    link.accept()
    try:
        yield link
    finally:
        link.refuse()
        thread.stop()


async def _listen(link: Link) -> None:
    if link.server is None:
        link.server = await asyncio.start_server(
            lambda reader, writer: _relay(link, reader, writer), "127.0.0.1", link.port, limit=CHUNK_BYTES
        )


async def _close(link: Link) -> None:
    if link.server is not None:
        link.server.close()
        link.server = None


async def _relay(link: Link, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        await link.flowing.wait()
        await asyncio.sleep(link.rtt_secs)  # the handshake of TCP
        link.rounds += 1
        there = await asyncio.open_connection("127.0.0.1", link.to_port, limit=CHUNK_BYTES)
    except (OSError, asyncio.CancelledError):
        writer.transport.abort()
        return
    pair = _Pair(writer, there[1])
    link.pairs.add(pair)
    try:
        for each in (writer, there[1]):
            each.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await asyncio.gather(_carry(link, reader, there[1], out=True), _carry(link, there[0], writer, out=False))
    except (OSError, asyncio.CancelledError):
        pass  # the link ends, and its connections with it
    finally:
        link.pairs.discard(pair)
        for each in (writer, there[1]):
            each.close()


async def _carry(link: Link, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, out: bool) -> None:
    """Send each piece half a round trip after it came, however much came in between. out: towards the server."""
    loop = asyncio.get_running_loop()
    waiting: asyncio.Queue[tuple[float, int, bytes]] = asyncio.Queue()

    async def send() -> None:
        while True:
            due, depth, data = await waiting.get()
            await asyncio.sleep(max(0.0, due - loop.time()))
            await link.flowing.wait()
            if out:
                link.depth_there = max(link.depth_there, depth)
            else:
                link.rounds = max(link.rounds, depth)
            if not data:
                with contextlib.suppress(OSError):
                    writer.write_eof()
                return
            writer.write(data)
            await writer.drain()

    sender = asyncio.create_task(send())
    due = 0.0
    try:
        while not sender.done():
            data = await reader.read(CHUNK_BYTES)
            link.bytes_carried += len(data)
            depth = link.rounds + 1 if out else link.depth_there
            busy_until = due if link.bytes_per_sec else 0.0
            due = loop.time() + link.rtt_secs / 2 + link.jitter_secs * link.dice.random()
            if link.bytes_per_sec:
                due = max(due, busy_until) + len(data) / link.bytes_per_sec
            waiting.put_nowait((due, depth, data))
            if not data:
                break
        await sender
    except OSError:  # a reset goes through, too
        writer.transport.abort()
    finally:
        sender.cancel()
