"""Numbers, steps and moments in the values of a JSON object. Pure."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from typing import Any

from runicorn.model import number_from_json
from runicorn.tables import columns

_MAX_STEP = 2**63
_LATEST_SECS = 1e10  # the year 2286


def numbers(row: Mapping[str, Any], but: Collection[str] = ()) -> list[tuple[str, float]]:
    """Return names with numbers, those of mappings inside by a slash: {"val": {"loss": 1}} -> ("val/loss", 1.0).

    but: names on top that are left out. Truth values, texts, lists, and mappings further inside are no numbers.
    """
    found: list[tuple[str, float]] = []
    for name, value in row.items():
        if name in but:
            continue
        inner = value.items() if isinstance(value, dict) else ()
        for path, each in [(name, value), *((f"{name}/{key}", nested) for key, nested in inner)]:
            number = number_from_json(each)
            if number is not None and path:
                found.append((path, number))
    return found


def step_of(value: object) -> int | None:
    """Return a whole number that fits a record, or None: 7 and 7.0 are, 0.5 and true are not."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    if isinstance(value, float) and (not math.isfinite(value) or value != int(value)):
        return None
    return int(value) if -_MAX_STEP <= value < _MAX_STEP else None


def moment_of(value: object) -> float | None:
    """Return unix seconds of a number or a text, or None for what is no moment that a training ran at."""
    if isinstance(value, str):
        number = columns.number(value)
        found = columns.moment(value) if number is None else number
    else:
        found = number_from_json(value)
    found = None if found is None else columns.unix_secs(found)
    return found if found is not None and found < _LATEST_SECS else None
