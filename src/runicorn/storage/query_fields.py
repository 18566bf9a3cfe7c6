"""The fields that queries, sorting and grouping know of a run, by their names. Pure."""

from __future__ import annotations

import enum

CONFIG, SUMMARY = "config.", "summary."
# Of a metric, up to now, by the metric's name: `min.val/loss`.
METRIC_KINDS = ("last", "min", "max", "mean", "best")
METRIC_PREFIXES = tuple(f"{kind}." for kind in METRIC_KINDS)
OWN_PREFIXES = (CONFIG, SUMMARY, *METRIC_PREFIXES)


class Kind(enum.Enum):
    """How values of a field are compared."""

    OWN = enum.auto()  # what a script gave it, of whatever type
    PLAIN = enum.auto()
    DURATION = enum.auto()  # seconds
    DATE = enum.auto()  # unix seconds
    TAGS = enum.auto()


PLAIN_FIELDS = {
    **dict.fromkeys(
        ("id", "name", "project", "state", "host", "user", "step", "duration_secs", "note", "group", "job_type"),
        Kind.PLAIN,
    ),
    "archived": Kind.PLAIN,
    "duration": Kind.DURATION,
    "created": Kind.DATE,
    "finished": Kind.DATE,
    "tags": Kind.TAGS,
}


def kind_of(name: str) -> Kind | None:
    """Return how a field is compared, or None where there is no such field."""
    if is_own(name):
        return Kind.OWN
    return PLAIN_FIELDS.get(name)


def is_own(name: str) -> bool:
    """Tell whether a field holds what a script gave it, of whatever type; the plain ones have a type each."""
    return name.startswith(OWN_PREFIXES) and name not in OWN_PREFIXES


def number_of(value: object) -> int | float | None:
    """Return the number that a value is, or that a text stands for, integers with all their digits; else None."""
    if isinstance(value, bool):
        return None
    if isinstance(value, (int, float)):
        return value
    if not isinstance(value, str) or "_" in value:
        return None
    for kind in (int, float):
        try:
            return kind(value)
        except ValueError:
            continue
    return None
