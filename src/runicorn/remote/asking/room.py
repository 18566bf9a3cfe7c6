"""Where servers' questions wait for a person: each is answered, cancelled, withdrawn or too old, and then gone."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from runicorn.errors import (
    AnswersInvalidError,
    ConnectCancelledError,
    ConnectionClosedError,
    QuestionCancelledError,
    QuestionExpiredError,
    QuestionNotFoundError,
    RunicornError,
)
from runicorn.remote.asking.question import Asked, Question, to_question
from runicorn.remote.trust.target import Secret

ANSWER_SECS = 120.0  # as long as sshd waits for a whole login (LoginGraceTime)
LOOK_SECS = 0.25


@dataclass(eq=False)
class _Waiting:
    """A question that is open. asker: whose it is. outcome: what ends the waiting."""

    question: Question
    asker: RoomAsker
    outcome: list[Secret] | RunicornError | None = None


class WaitingRoom:
    """All open questions of a viewer. Thread-safe. changed: called, from any thread, when one comes or goes."""

    def __init__(
        self,
        changed: Callable[[], None] = lambda: None,
        *,
        answer_secs: float = ANSWER_SECS,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._changed = changed
        self._answer_secs = answer_secs
        self._clock = clock
        self._turn = threading.Condition()
        self._open: dict[str, _Waiting] = {}

    def questions(self) -> list[Question]:
        """Return what waits for an answer, the oldest first."""
        with self._turn:
            return [each.question for each in self._open.values()]

    def asker(self, connection_id: str) -> RoomAsker:
        """Return whoever asks for one attempt to connect."""
        return RoomAsker(self, connection_id)

    def answer(self, question_id: str, answers: Sequence[str]) -> None:
        """Raises QuestionNotFoundError, and AnswersInvalidError, with the question left open."""
        with self._turn:
            waiting = self._find(question_id)
            wanted = len(waiting.question.prompts)
            if len(answers) != wanted:
                raise AnswersInvalidError(f"{waiting.question.hop} asks for {wanted} answers, and got {len(answers)}.")
            if not all(map(_can_be_sent, answers)):
                raise AnswersInvalidError("An answer holds half a character, which no server can be sent.")
            self._settle(waiting, [Secret(each) for each in answers])
        self._changed()

    def cancel(self, question_id: str) -> None:
        """Have the login given up that asks this. Raises QuestionNotFoundError."""
        with self._turn:
            waiting = self._find(question_id)
            hop = waiting.question.hop
            self._settle(waiting, QuestionCancelledError(f"The login to {hop} was cancelled at its question."))
        self._changed()

    def ask(self, asker: RoomAsker, asked: Asked, still_there: Callable[[], bool]) -> list[Secret]:
        """See question.Asker."""
        question_id = secrets.token_urlsafe(12)
        question = to_question(asked, question_id, asker.connection_id, self._clock() + self._answer_secs)
        waiting = _Waiting(question, asker)
        with self._turn:
            if asker.closed:
                raise _given_up(asked.hop)
            self._open[question_id] = waiting
        self._changed()
        try:
            with self._turn:
                try:
                    return self._wait(waiting, still_there)
                finally:
                    self._open.pop(question_id, None)
        finally:
            self._changed()

    def withdraw(self, asker: RoomAsker) -> None:
        """End what this one asks, and whatever it would ask."""
        with self._turn:
            asker.closed = True
            mine = [each for each in self._open.values() if each.asker is asker]
            for waiting in mine:
                self._settle(waiting, _given_up(waiting.question.hop))
        if mine:
            self._changed()

    def _wait(self, waiting: _Waiting, still_there: Callable[[], bool]) -> list[Secret]:
        deadline = time.monotonic() + self._answer_secs
        hop = waiting.question.hop
        while waiting.outcome is None:
            left = deadline - time.monotonic()
            if left <= 0:
                raise QuestionExpiredError(f"Nobody answered what {hop} asks within {self._answer_secs:.0f} s.")
            self._turn.wait(min(left, LOOK_SECS))
            if waiting.outcome is None and not still_there():
                raise ConnectionClosedError(
                    f"{hop} closed the connection while it waited for an answer.",
                    hint="Connect again; a server waits for a login for a while only, often two minutes.",
                )
        if isinstance(waiting.outcome, RunicornError):
            raise waiting.outcome
        return waiting.outcome

    def _find(self, question_id: str) -> _Waiting:
        waiting = self._open.get(question_id)
        if waiting is None:
            raise QuestionNotFoundError(f"There is no open question {question_id[:64]!r}.")
        return waiting

    def _settle(self, waiting: _Waiting, outcome: list[Secret] | RunicornError) -> None:
        waiting.outcome = outcome
        del self._open[waiting.question.id]
        self._turn.notify_all()


class RoomAsker:
    """Puts the questions of one attempt into the room; closing it takes them back. See question.Asker."""

    def __init__(self, room: WaitingRoom, connection_id: str) -> None:
        self._room = room
        self.connection_id = connection_id
        self.closed = False  # belongs to the room, under its lock

    def ask(self, asked: Asked, still_there: Callable[[], bool]) -> list[Secret]:
        return self._room.ask(self, asked, still_there)

    def close(self) -> None:
        self._room.withdraw(self)


def _can_be_sent(answer: str) -> bool:
    return not any("\ud800" <= char <= "\udfff" for char in answer)


def _given_up(hop: str) -> ConnectCancelledError:
    return ConnectCancelledError(f"The login to {hop} was given up.")
