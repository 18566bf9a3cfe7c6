"""What a server asks while somebody logs in (RFC 4256), and how its words may be shown. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from runicorn.remote.trust.target import Secret

MAX_NAME_CHARS = 200
MAX_INSTRUCTIONS_CHARS = 4000
MAX_PROMPT_CHARS = 500
_CONTROL_PICTURES = 0x2400  # U+2400 shows NUL, U+241B escape; U+2421 shows DEL
_UNPRINTABLE = "\N{REPLACEMENT CHARACTER}"


@dataclass(frozen=True)
class Prompt:
    """One thing that is to be typed. echo: whether it may be seen while it is."""

    text: str
    echo: bool


@dataclass(frozen=True)
class Asked:
    """One request of a server's, in its words as they came. hop: which server asks. name and instructions may be ""."""

    hop: str
    name: str
    instructions: str
    prompts: tuple[Prompt, ...]


@dataclass(frozen=True)
class Question:
    """A request that is put to people, its words made fit to be shown.

    connection_id: the connection that is being made. expires_at: unix seconds.
    """

    id: str
    connection_id: str
    hop: str
    name: str
    instructions: str
    prompts: tuple[Prompt, ...]
    expires_at: float


class Asker(Protocol):
    """Whoever puts a server's questions to a person."""

    def ask(self, asked: Asked, still_there: Callable[[], bool]) -> list[Secret]:
        """Return an answer for each prompt. Blocks, in a worker thread. still_there: whether the server still waits.

        Raises QuestionExpiredError, QuestionCancelledError, ConnectCancelledError or ConnectionClosedError.
        """


def to_question(asked: Asked, question_id: str, connection_id: str, expires_at: float) -> Question:
    return Question(
        id=question_id,
        connection_id=connection_id,
        hop=asked.hop,
        name=readable(asked.name, MAX_NAME_CHARS),
        instructions=readable_lines(asked.instructions, MAX_INSTRUCTIONS_CHARS),
        prompts=tuple(Prompt(readable(each.text, MAX_PROMPT_CHARS), each.echo) for each in asked.prompts),
        expires_at=expires_at,
    )


def readable(text: str, limit: int) -> str:
    """Return a server's words as one line: what cannot be seen in them is, and the end of a long one is cut off."""
    return _cut(_shown(" ".join(text[: 2 * limit].split())), limit)


def readable_lines(text: str, limit: int) -> str:
    """The same, with its lines."""
    lines = text[: 2 * limit].replace("\r\n", "\n").replace("\r", "\n").replace("\xa0", " ").expandtabs(4).split("\n")
    return _cut("\n".join(_shown(line.rstrip()) for line in lines).strip("\n"), limit)


def _shown(text: str) -> str:
    """Return the text without what could move a cursor, hide, or turn the order of what stands beside it."""
    return "".join(char if char.isprintable() else _stand_in(char) for char in text)


def _stand_in(char: str) -> str:
    if ord(char) < 0x20:
        return chr(_CONTROL_PICTURES + ord(char))
    return "\N{SYMBOL FOR DELETE}" if char == "\x7f" else _UNPRINTABLE


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "\N{HORIZONTAL ELLIPSIS}"
