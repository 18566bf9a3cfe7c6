"""A network in between: a TCP relay on 127.0.0.1 that delays every byte, counts round trips, and can be cut."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from runicorn.loop_thread import LoopThread

CHUNK_BYTES = 262_144


@dataclass
class Link:
    """A running relay. port: where to connect instead. rtt_secs may be changed at any time.

    rounds: how many round trips have followed on one another so far, however slow the machine is. What the client
    sends is one deeper than the deepest thing that had reached it; an answer is as deep as what had reached the server.
    A new connection is one round trip by itself.
    """

    port: int
    rtt_secs: float
    rounds: int = 0
    depth_there: int = 0
    sockets: set[Any] = field(default_factory=set)
    thread: LoopThread | None = None

    def cut(self) -> None:
        """Reset every connection that runs over the link."""
        assert self.thread
        self.thread.soon(lambda: [writer.transport.abort() for writer in list(self.sockets)])


@contextlib.contextmanager
def run_link(to_port: int, rtt_secs: float = 0.0) -> Iterator[Link]:
    """Relay a free port to `to_port`, with half the round trip in each direction, in order and without loss."""
    thread = LoopThread("link")
    listener = socket.create_server(("127.0.0.1", 0))
    link = Link(listener.getsockname()[1], rtt_secs, thread=thread)

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(link.rtt_secs)  # the handshake of TCP
        link.rounds += 1
        there = await asyncio.open_connection("127.0.0.1", to_port, limit=CHUNK_BYTES)
        for each in (writer, there[1]):
            link.sockets.add(each)
            each.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            await asyncio.gather(_carry(link, reader, there[1], out=True), _carry(link, there[0], writer, out=False))
        except asyncio.CancelledError:
            pass  # the link ends, and its connections with it
        finally:
            for each in (writer, there[1]):
                link.sockets.discard(each)
                each.close()

    async def serve() -> Any:
        return await asyncio.start_server(accept, sock=listener, limit=CHUNK_BYTES)

    server = thread.call(serve(), 5)
    try:
        yield link
    finally:
        thread.soon(server.close)
        thread.stop()


async def _carry(link: Link, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, out: bool) -> None:
    """Send each piece half a round trip after it came, however much came in between. out: towards the server."""
    loop = asyncio.get_running_loop()
    waiting: asyncio.Queue[tuple[float, int, bytes]] = asyncio.Queue()

    async def send() -> None:
        while True:
            due, depth, data = await waiting.get()
            await asyncio.sleep(max(0.0, due - loop.time()))
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
    try:
        while not sender.done():
            data = await reader.read(CHUNK_BYTES)
            depth = link.rounds + 1 if out else link.depth_there
            waiting.put_nowait((loop.time() + link.rtt_secs / 2, depth, data))
            if not data:
                break
        await sender
    except OSError:
        pass
    finally:
        sender.cancel()
