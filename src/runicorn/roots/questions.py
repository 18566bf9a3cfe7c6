"""What servers ask while threads connect to them, answered in the thread of whoever waits for these.

A terminal, or a notebook's own way to ask, belongs to one thread; and of several servers, one asks at a time.
"""

from __future__ import annotations

import contextlib
import queue
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Protocol, TypeVar

from runicorn.errors import ConnectCancelledError, QuestionCancelledError, RunicornError
from runicorn.remote.asking.question import Asked, Question, to_question
from runicorn.remote.asking.terminal import TerminalAsker
from runicorn.remote.trust.target import Secret

# What a person is asked with: prompt in, answer out; getpass.getpass is one.
Ask = Callable[[str], str]
T = TypeVar("T")

_LOOK_SECS = 0.05


class Person(Protocol):
    """Whoever answers. See question.Asker."""

    def ask(self, asked: Asked, still_there: Callable[[], bool]) -> list[Secret]: ...


class AskedByFunction:
    """Puts a server's questions to a function that was given for it, one prompt at a time, with its words before it."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    def ask(self, asked: Asked, still_there: Callable[[], bool]) -> list[Secret]:
        question = to_question(asked, "", "", 0.0)
        try:
            return [Secret(_text(self._ask(f"{_words(question)}{prompt.text} "))) for prompt in question.prompts]
        except EOFError:
            raise QuestionCancelledError(f"The login to {asked.hop} was cancelled at its question.") from None


def person_for(ask: Ask | bool | None) -> Person | None:
    """Return who answers. ask: a function; None for the terminal, where there is one; False for nobody."""
    if callable(ask):
        return AskedByFunction(ask)
    if ask is False or not _on_terminal():
        return None
    return TerminalAsker()


class Desk:
    """Where threads leave questions. person: None where nobody answers any."""

    def __init__(self, person: Person | None) -> None:
        self._person = person
        self._asked: queue.Queue[Callable[[Person], None]] = queue.Queue()
        self._closed = threading.Event()

    @property
    def asker(self) -> _Asker | None:
        """Return what a connecting thread asks; see question.Asker."""
        return None if self._person is None else _Asker(self._asked, self._closed)

    def wait(self, works: Sequence[Future[T]], tick: Callable[[], None], hush: Callable[[], None]) -> None:
        """Wait until all of these have ended, and answer meanwhile. tick: called now and then. hush: before a question.

        Whatever ends the waiting, such as Ctrl-C, ends the questions, too.
        """
        try:
            while not all(work.done() for work in works):
                try:
                    answer = self._asked.get(timeout=_LOOK_SECS)
                except queue.Empty:
                    tick()
                    continue
                hush()
                assert self._person is not None
                answer(self._person)
        finally:
            self._closed.set()


class _Asker:
    """See question.Asker. Used in a connecting thread."""

    def __init__(self, asked: queue.Queue[Callable[[Person], None]], closed: threading.Event) -> None:
        self._asked = asked
        self._closed = closed

    def ask(self, asked: Asked, still_there: Callable[[], bool]) -> list[Secret]:
        outcome: Future[list[Secret]] = Future()

        def answer(person: Person) -> None:
            if not still_there():
                outcome.set_exception(ConnectCancelledError(f"{asked.hop} waits for no answer any more."))
                return
            try:
                outcome.set_result(person.ask(asked, still_there))
            except RunicornError as error:
                outcome.set_exception(error)
            except Exception as error:  # noqa: BLE001 - whatever a person's function raises ends this login
                cancelled = QuestionCancelledError(f"The login to {asked.hop} was not answered: {error!r}.")
                outcome.set_exception(cancelled)

        self._asked.put(answer)
        while not outcome.done():
            if self._closed.wait(_LOOK_SECS):
                raise ConnectCancelledError(f"The login to {asked.hop} was given up.")
        return outcome.result()


def _words(question: Question) -> str:
    """Return what a server says besides its prompts, and who says it."""
    said = [line for line in (question.name, *question.instructions.split("\n")) if line.strip()]
    return "".join([f"{question.hop} says: {line}\n" for line in said]) + f"{question.hop} asks: "


def _text(answer: object) -> str:
    """Raises EOFError where there is none."""
    if not isinstance(answer, str):
        raise EOFError
    return answer


def _on_terminal() -> bool:
    with contextlib.suppress(Exception):  # streams of others
        return bool(sys.stdin.isatty() and sys.stderr.isatty())
    return False
