"""The wire names of what people call servers, and of the way there that it stands for."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field

from runicorn.remote.link.resolving import Meant
from runicorn.remote.names.way import Way
from runicorn.viewer.schemas import AnswerModel


class HopAnswer(AnswerModel):
    """One server on the way; the last one is the host itself, as it is dialled."""

    host: str
    port: int
    username: str


class NamesAnswer(AnswerModel):
    """The names that the person's ssh config has, in its order; patterns are left out."""

    names: list[str]


class ResolveBody(BaseModel):
    """What a person typed: a name, `user@host:port`, `ssh://...`, or a whole `ssh` command."""

    typed: Annotated[str, Field(min_length=1, max_length=4096)]


class MeantAnswer(AnswerModel):
    """What was meant: the fields of a connect, and the way there in words and hop by hop. Nothing was sent to anybody.

    jumps: None where the person's config has the say.
    """

    connection_id: str
    host: str
    port: int
    username: str
    private_key_path: str | None
    jumps: list[str] | None
    hops: list[HopAnswer]
    proxy_command: str | None
    resolved_by: str | None


def hop_answers(way: Way) -> list[HopAnswer]:
    return [HopAnswer(host=t.host, port=t.port, username=t.username) for t in (hop.target for hop in way.hops)]


def meant_answer(meant: Meant) -> MeantAnswer:
    target, given = meant.target, meant.credentials()
    return MeantAnswer(
        connection_id=target.connection_id,
        host=target.host,
        port=target.port,
        username=target.username,
        private_key_path=given.private_key_path,
        jumps=None if given.jumps is None else list(given.jumps),
        hops=hop_answers(meant.way),
        proxy_command=meant.way.hops[0].proxy_command,
        resolved_by=meant.way.resolved_by,
    )
