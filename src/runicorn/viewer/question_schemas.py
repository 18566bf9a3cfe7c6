"""The wire names of what servers ask while somebody logs in."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from runicorn.remote.asking.question import Question
from runicorn.remote.diagnostics import utc
from runicorn.viewer.schemas import AnswerModel

Typed = Annotated[str, Field(max_length=4096)]


class QuestionBody(BaseModel):
    """Which of the open questions is meant."""

    id: Annotated[str, Field(max_length=64)]


class AnswerBody(QuestionBody):
    """One answer for each prompt, in order. Of them a password is kept in memory, for the life of the connection."""

    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)

    answers: Annotated[list[Typed], Field(max_length=64)] = Field(repr=False)


class PromptAnswer(AnswerModel):
    """echo: whether what is typed may be seen."""

    text: str
    echo: bool


class QuestionAnswer(AnswerModel):
    """What a server asks, in its own words. hop: which server. expires_at: ISO 8601, in UTC."""

    id: str
    connection_id: str
    hop: str
    name: str
    instructions: str
    prompts: list[PromptAnswer]
    expires_at: str


def question_answer(question: Question) -> QuestionAnswer:
    return QuestionAnswer(
        id=question.id,
        connection_id=question.connection_id,
        hop=question.hop,
        name=question.name,
        instructions=question.instructions,
        prompts=[PromptAnswer(text=each.text, echo=each.echo) for each in question.prompts],
        expires_at=utc(question.expires_at),
    )
