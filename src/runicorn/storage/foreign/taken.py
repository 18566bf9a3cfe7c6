"""What a reader gives for the bytes that it takes in. Pure."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple


class Point(NamedTuple):
    """One value. time: unix seconds, None where the log tells none. value: NaN and infinities are values too."""

    metric: str
    step: int
    time: float | None
    value: float


class Outcome(enum.Enum):
    """What became of the bytes: taken in as far as they are whole, or to be asked for again, or of another file.

    ANOTHER: the file is no continuation of what was read before; it is to be read from its start by a new reader.
    """

    TAKEN = "taken"
    WAITS = "waits"
    ANOTHER = "another"


@dataclass(frozen=True)
class Taken:
    """points: in the order of the file. consumed_bytes: how many of those that were given need not be given again."""

    points: Sequence[Point] = ()
    consumed_bytes: int = 0
    outcome: Outcome = Outcome.TAKEN


@dataclass(frozen=True)
class Row:
    """One row of a log. step: None where it tells none. time: unix seconds. elapsed: seconds since some beginning."""

    step: int | None
    values: Sequence[tuple[str, float]]
    time: float | None = None
    elapsed: float | None = None


@dataclass
class Warnings:
    """How often something was left out, by kind."""

    counts: dict[str, int] = field(default_factory=dict)

    def add(self, kind: str, count: int = 1) -> None:
        if count:
            self.counts[kind] = self.counts.get(kind, 0) + count
