"""What a pyramid answers: buckets of metrics, and what is known of each metric as a whole. Touches no files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from runicorn.model import MetricStats

if TYPE_CHECKING:
    from runicorn.storage.pyramid.levels import Rows


@dataclass(frozen=True)
class Buckets:
    """A metric in a window: points that follow each other, some at a time. None is empty, none is left out.

    rows: an array of levels.BUCKET, which says what its fields are. last_step, last_time: of the metric's very last
    point, the window aside.
    """

    rows: Rows
    last_step: int
    last_time: float

    @property
    def count(self) -> int:
        """How many points the window holds."""
        return int(self.rows["count"].sum(dtype="i8"))

    @property
    def are_points(self) -> bool:
        """Whether each bucket is one point."""
        return bool((self.rows["count"] == 1).all())

    def column(self, name: str) -> list[Any]:
        """Return one field of all buckets as JSON can hold it: NaN and infinities as strings."""
        from runicorn.storage.columns import plain

        return plain(self.rows[name])


@dataclass(frozen=True)
class RunBuckets:
    """Metrics of one run at one moment. metrics: by name; those that the run lacks are not in it.

    offsets: how far each record file was read, in bytes, and heads: what tells it from another one, so that a follower
    can go on from there.
    """

    metrics: Mapping[str, Buckets]
    offsets: Mapping[str, int]
    heads: Mapping[str, int]


@dataclass(frozen=True)
class Summary:
    """A metric as a whole. mean: of its finite values, None where there are none; not_finite: how many others."""

    stats: MetricStats
    mean: float | None
    not_finite: int


@dataclass(frozen=True)
class RunSummary:
    """All metrics of one run by name, and how many records' worth of bytes were unreadable."""

    metrics: Mapping[str, Summary]
    skipped: int
