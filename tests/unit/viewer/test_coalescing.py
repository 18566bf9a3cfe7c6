"""An answer's head and body leave as one piece."""

from __future__ import annotations

import asyncio
from typing import Any

from runicorn.viewer.coalescing import CoalescingTransport


class Recorder(asyncio.Transport):
    """Keeps what reaches the wire, in pieces."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[bytes] = []

    def write(self, data: Any) -> None:
        self.sent.append(bytes(data))

    def close(self) -> None:
        self.sent.append(b"<closed>")


def test_what_is_written_in_one_turn_leaves_as_one_piece_and_in_order() -> None:
    wire = Recorder()

    async def answer_twice() -> None:
        transport = CoalescingTransport(wire)
        transport.write(b"head ")
        transport.write(bytearray(b"body"))
        assert wire.sent == []
        await asyncio.sleep(0)
        transport.write(b"event")
        await asyncio.sleep(0)

    asyncio.run(answer_twice())
    assert wire.sent == [b"head body", b"event"]


def test_closing_loses_nothing_that_was_written_before() -> None:
    wire = Recorder()

    async def answer_and_close() -> None:
        transport = CoalescingTransport(wire)
        transport.write(b"last words")
        transport.close()
        await asyncio.sleep(0)

    asyncio.run(answer_and_close())
    assert wire.sent == [b"last words", b"<closed>"]
