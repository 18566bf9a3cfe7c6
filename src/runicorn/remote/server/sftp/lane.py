"""One channel of the subsystem: any number of questions under way over it, each taken to its end step by step."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from runicorn.remote.server.inbox import Answers, Outbox
from runicorn.remote.server.sftp.packets import FIRST, INIT, VERSION, Heard, Packets, packet
from runicorn.remote.server.sftp.steps import Question, Steps
from runicorn.remote.ssh.interface import RemoteProcess

START_TIMEOUT_SECS = 15.0
ANSWER_TIMEOUT_SECS = 20.0
# So many questions may be under way that keep nothing open, and so many bytes of answers: what fills a link of 200 ms.
AT_ONCE = 2048
_IN_FLIGHT_BYTES = 16 * 2**20


class Lane:
    """Asks over one channel, which is closed with this. For any number of threads.

    What one of the steps asks for at once is sent in one piece, in this order.
    """

    def __init__(self, channel: RemoteProcess) -> None:
        self._channel = channel
        self._inbox = Packets()
        self._outbox = Outbox(channel, self._inbox, "SFTP")
        self._numbers = itertools.count(1)
        channel.follow(self._inbox, _Unheard(), self._inbox.finish)

    def begin(self) -> None:
        """Agree on the version. Raises OSError, ValueError where something else than SFTP answers."""
        answers: Answers[Heard] = Answers("SFTP")
        self._inbox.expect(FIRST, answers)
        self._outbox.send(packet(INIT, 3, b""))
        kind, fields = answers.next(START_TIMEOUT_SECS)
        if kind != VERSION or fields.u32() < 3:
            raise ValueError("it speaks another version of SFTP")

    @property
    def alive(self) -> bool:
        return not self._inbox.is_over

    @property
    def heard_at(self) -> float:
        """When something came last, as time.monotonic() tells it."""
        return self._inbox.heard_at

    def close(self) -> None:
        self._channel.close()
        self._inbox.finish()

    def run(
        self, all_steps: Sequence[Steps], at_once: int = AT_ONCE, timeout_secs: float = ANSWER_TIMEOUT_SECS
    ) -> list[Any]:
        """Take each of them to its end, so many at once; return what they return, or raise."""
        results: list[Any] = [None] * len(all_steps)
        for number, result in self.each(all_steps, at_once, timeout_secs):
            results[number] = result
        return results

    def each(
        self, all_steps: Sequence[Steps], at_once: int = AT_ONCE, timeout_secs: float = ANSWER_TIMEOUT_SECS
    ) -> Iterator[tuple[int, Any]]:
        """Yield which of them came to its end, and what it returns, as they do. Raises OSError."""
        answers: Answers[Heard] = Answers("SFTP")
        ready: deque[tuple[int, Any]] = deque()
        asked: dict[int, _Place] = {}  # by number
        missing: dict[int, dict[int, Any]] = {}
        begun = ended = bytes_in_flight = 0
        try:
            while ended < len(all_steps):
                packets: list[bytes] = []
                results: list[tuple[int, Any]] = []
                while bytes_in_flight < _IN_FLIGHT_BYTES:
                    if not ready:
                        if begun == len(all_steps) or begun - ended >= at_once:
                            break
                        ready.append((begun, None))  # None begins
                        begun += 1
                    number, heard = ready.popleft()
                    try:
                        questions = all_steps[number].send(heard)
                    except StopIteration as end:
                        results.append((number, end.value))
                        ended += 1
                        continue
                    new = self._expect(questions, number, answers, packets)
                    asked.update(new)
                    bytes_in_flight += sum(each.answer_bytes for each in new.values())
                    missing[number] = dict.fromkeys(each.which for each in new.values())
                    if not new:
                        ready.append((number, []))
                if packets:
                    self._outbox.send(b"".join(packets))
                yield from results
                while asked:
                    answer = answers.next(timeout_secs)
                    place = asked.pop(answer.fields.number)
                    bytes_in_flight -= place.answer_bytes
                    mine = missing[place.steps]
                    mine[place.which] = answer
                    if None not in mine.values():
                        ready.append((place.steps, list(missing.pop(place.steps).values())))
                    if not answers.waiting:
                        break
        finally:
            for number in asked:
                self._inbox.forget(number)

    def _expect(
        self, questions: Sequence[Question], steps_number: int, answers: Answers[Heard], packets: list[bytes]
    ) -> dict[int, _Place]:
        """Add questions to what is sent; return those whose answers are awaited, by number."""
        asked = {}
        for which, question in enumerate(questions):
            number = next(self._numbers) & 0xFFFFFFFF
            packets.append(packet(question.kind, number, question.body))
            if question.awaited:
                self._inbox.expect(number, answers)
                asked[number] = _Place(steps_number, which, question.answer_bytes)
        return asked


class _Place(NamedTuple):
    """Whose question it is, which of them, and about how many bytes its answer has."""

    steps: int
    which: int
    answer_bytes: int


class _Unheard:
    """What the subsystem prints beside its answers."""

    def deliver(self, data: bytes) -> None: ...

    def finish(self) -> None: ...
