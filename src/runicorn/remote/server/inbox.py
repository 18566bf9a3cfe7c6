"""Questions with numbers over a channel: sent, and each answer handed to whoever asked. Knows no protocol."""

from __future__ import annotations

import abc
import queue
import threading
import time
from typing import Generic, TypeVar

from runicorn.errors import ConnectionClosedError
from runicorn.remote.server.reading import gone, no_answer
from runicorn.remote.ssh.interface import RemoteProcess

Answer = TypeVar("Answer")


class Answers(Generic[Answer]):
    """Where answers wait for who asked. who: what gives them, in words."""

    def __init__(self, who: str) -> None:
        self._who = who
        self._queue: queue.SimpleQueue[Answer | None] = queue.SimpleQueue()

    def put(self, answer: Answer | None) -> None:
        """Hand on an answer; None where no more will come, as who gives them has ended."""
        self._queue.put(answer)

    @property
    def waiting(self) -> bool:
        """Whether there is one already."""
        return not self._queue.empty()

    def next(self, timeout_secs: float) -> Answer:
        """Return the next one. Raises TimeoutError, ConnectionResetError."""
        try:
            answer = self._queue.get(timeout=timeout_secs)
        except queue.Empty:
            raise no_answer(timeout_secs) from None
        if answer is None:
            raise gone(self._who)
        return answer


class Inbox(abc.ABC, Generic[Answer]):
    """Where a channel's output goes: sorted by question. See interface.Sink: called by the connection's own thread.

    heard_at: when something came last, as time.monotonic() tells it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._received = bytearray()
        self._waiting: dict[int, Answers[Answer]] = {}
        self.heard_at = float("-inf")
        self.is_over = False

    def expect(self, number: int, answers: Answers[Answer]) -> None:
        """Have what answers a question put there."""
        with self._lock:
            self._waiting[number] = answers
            if self.is_over:
                answers.put(None)

    def forget(self, number: int) -> None:
        with self._lock:
            self._waiting.pop(number, None)

    def deliver(self, data: bytes) -> None:
        with self._lock:
            self.heard_at = time.monotonic()
            self._received += data
            self._sort()

    def finish(self) -> None:
        with self._lock:
            self._end()

    @abc.abstractmethod
    def _sort(self) -> None:
        """Take all that is whole out of `_received`, and hand it on. Called with the lock."""

    def _end(self) -> None:
        """Nobody gets an answer any more. Called with the lock."""
        self.is_over = True
        for answers in self._waiting.values():
            answers.put(None)


class Outbox:
    """Where questions are sent, by any number of threads. inbox: of the same channel. who: what answers, in words."""

    def __init__(self, channel: RemoteProcess, inbox: Inbox[Answer], who: str) -> None:
        self._channel = channel
        self._inbox = inbox
        self._who = who
        self._sending = threading.Lock()

    def send(self, data: bytes) -> None:
        """Raises ConnectionResetError."""
        with self._sending:
            if self._inbox.is_over:
                raise gone(self._who)
            try:
                self._channel.write(data)
            except ConnectionClosedError as error:
                raise gone(self._who) from error
