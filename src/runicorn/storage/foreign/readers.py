"""The reader for each kind of log, and a reader's state as JSON. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from runicorn.storage.foreign.kinds import Kind
from runicorn.storage.foreign.line_log import LineLog
from runicorn.storage.foreign.trainer_log import TrainerLog

Reader: TypeAlias = LineLog | TrainerLog


def new_reader(kind: Kind) -> Reader:
    """Return what takes in a file of this kind from its start."""
    return TrainerLog() if kind is Kind.TRAINER else LineLog(kind)


def reader_from_json(state: Mapping[str, Any]) -> Reader:
    """Return the reader whose to_json() this was.

    Raises KeyError, TypeError or ValueError for what it never returns.
    """
    return TrainerLog.from_json(state) if state["kind"] == Kind.TRAINER.value else LineLog.from_json(state)
