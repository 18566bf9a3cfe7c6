"""The wire of many runs at once: groups, ids, values of fields, changes. Names and shapes only; see schemas.py."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StrictBool

from runicorn.viewer.schemas import (
    AnswerModel,
    ColumnNames,
    ErrorAnswer,
    IndexingAnswer,
    Number,
    ProjectCount,
    RunAnswer,
    SourceAnswer,
)


class ListErrorAnswer(ErrorAnswer):
    """position: only of INVALID_QUERY: which character of the query shows it, from 0."""

    position: int | None = None


class GroupAnswer(AnswerModel):
    """A group of runs. depth: 0 to 2; groups one deeper follow theirs. value: what its runs have in common.

    stats: for each `stat` that was asked for: of how many runs, mean, and standard deviation of a sample (n - 1).
    """

    depth: int
    value: Any
    count: int
    stats: list[tuple[int, Number, Number | None] | None]


class RunGroupsAnswer(AnswerModel):
    """Groups, depth first, and of their runs, in the same order, those asked for. The rest: as of the list.

    first: the ids of the runs of the first groups, as many whole ones as `whole` has room for.
    """

    groups: list[GroupAnswer]
    runs: list[RunAnswer]
    total: int
    first: list[str]
    projects: list[ProjectCount]
    columns: ColumnNames
    indexing: IndexingAnswer | None
    problem: str | None
    sources: list[SourceAnswer]


class RunIdsAnswer(AnswerModel):
    """The ids of all runs that match, in their order."""

    ids: list[str]


class FieldValue(AnswerModel):
    """A value as a row shows it, and how many runs have it."""

    value: str
    count: int


class FieldValuesAnswer(AnswerModel):
    """The most frequent values of a field that begin with, or hold, what was asked for."""

    values: list[FieldValue]


Tags = Annotated[list[Annotated[str, Field(min_length=1, max_length=200)]], Field(max_length=100)]
RunId = Annotated[str, Field(min_length=1, max_length=500)]
MAX_CHANGED_RUNS = 1000


class BulkChange(BaseModel):
    """What is changed about some runs; what is left out stays. deleted: whether they are in the bin."""

    model_config = ConfigDict(extra="forbid")

    ids: Annotated[list[RunId], Field(min_length=1, max_length=MAX_CHANGED_RUNS)]
    add_tags: Tags = []
    remove_tags: Tags = []
    archived: StrictBool | None = None
    deleted: StrictBool | None = None


class BulkChanges(BaseModel):
    """Changes of up to 1000 runs in all, made one after the other."""

    model_config = ConfigDict(extra="forbid")

    changes: Annotated[list[BulkChange], Field(min_length=1, max_length=100)]


class RunNotChanged(AnswerModel):
    """A run that could not be changed, and why."""

    run: str
    code: str
    detail: str


class BulkAnswer(AnswerModel):
    """changed: the runs as they are now. failed: those that could not be changed. undo: what takes it all back, as
    `changes` of another request; empty where nothing was different before.
    """

    changed: list[RunAnswer]
    failed: list[RunNotChanged]
    undo: list[BulkChange]
