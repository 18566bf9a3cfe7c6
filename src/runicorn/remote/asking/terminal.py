"""A server's own questions, put to the person at the terminal: its words set apart from ours."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Callable

from runicorn.errors import ConnectCancelledError, ConnectionClosedError, QuestionCancelledError
from runicorn.remote.asking.question import Asked, Prompt, Question, to_question
from runicorn.remote.trust.target import Secret


class TerminalAsker:
    """See question.Asker. How long a person may take is the server's to say: it hangs up."""

    def __init__(self) -> None:
        self._closed = False

    def ask(self, asked: Asked, still_there: Callable[[], bool]) -> list[Secret]:
        if self._closed:
            raise ConnectCancelledError(f"The login to {asked.hop} was given up.")
        question = to_question(asked, "", "", 0.0)
        _show(question)
        try:
            answers = [Secret(_read(question, prompt)) for prompt in question.prompts]
        except EOFError:
            raise QuestionCancelledError(f"The login to {asked.hop} was cancelled at its question.") from None
        if not still_there():
            raise ConnectionClosedError(
                f"{asked.hop} closed the connection while it waited for an answer.",
                hint="Connect again; a server waits for a login for a while only, often two minutes.",
            )
        return answers

    def close(self) -> None:
        self._closed = True


def _show(question: Question) -> None:
    """Print who asks, and what else the server says, so that it is not taken for a word of ours."""
    words = [question.name, *question.instructions.split("\n")]
    said = [line for line in words if line.strip()]
    if said:
        _say(f"{question.hop} says:")
        for line in said:
            _say(f"  | {line}")


def _read(question: Question, prompt: Prompt) -> str:
    """Return what is typed. Raises EOFError where the person types Ctrl-D instead."""
    label = f"{question.hop} asks: {prompt.text or 'your answer'} "
    if not prompt.echo:
        return getpass.getpass(label)
    _say(label, end="")
    line = sys.stdin.readline()  # not input(), which prints to standard output, where scripts read the address
    if not line:
        raise EOFError
    return line.rstrip("\r\n")


def _say(text: str, end: str = "\n") -> None:
    sys.stderr.write(f"{text}{end}")
    sys.stderr.flush()
