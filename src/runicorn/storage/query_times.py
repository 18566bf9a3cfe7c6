"""Dates and durations as people write them in a query, into seconds. Pure but for local_moment()."""

from __future__ import annotations

import math
import re
import time
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_DURATION = re.compile(r"(?:\d+(?:\.\d+)?(?:ms|[smhdw]))+", re.IGNORECASE)
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|[smhdw])", re.IGNORECASE)
_DATE = re.compile(
    r"(\d{4})(?:-(\d\d?)(?:-(\d\d?)(?:[T ](\d\d?)(?::(\d\d)(?::(\d\d)(\.\d{1,9})?)?)?\s*(Z|[+-]\d\d:?\d\d)?)?)?)?",
    re.IGNORECASE,
)
_MAX_SECS = 1e12


@dataclass(frozen=True)
class Moment:
    """When a query is asked (unix seconds), and how far the clocks of who asks are ahead of UTC."""

    now: float = 0.0
    utc_offset_secs: int = 0


@dataclass(frozen=True)
class Span:
    """From one moment to another, in unix seconds, the end not in it: a day, a minute; both alike for a moment."""

    start: float
    end: float


def parse_duration(text: str) -> float | None:
    """Return the seconds of `2h30m`, `1.5d`, `500ms` or `90`, or None for anything else."""
    text = text.strip()
    if _DURATION.fullmatch(text):
        total = sum(float(amount) * _UNITS[unit.lower()] for amount, unit in _PART.findall(text))
    else:
        try:
            total = float(text)
        except ValueError:
            return None
    return total if math.isfinite(total) and abs(total) < _MAX_SECS and "_" not in text else None


def parse_date(text: str, moment: Moment, *, ago: bool = False) -> Span | None:
    """Return when `2026-11-01`, `2026-11-01T14:30`, `2026-11`, `today`, `-7d` or, with `ago`, `7d` is; else None."""
    text = text.strip().lower()
    if ago or text.startswith("-"):
        text = text.removeprefix("-")
        secs = parse_duration(text) if _DURATION.fullmatch(text) else None
        return None if secs is None else Span(moment.now - secs, moment.now - secs)
    zone = timezone(timedelta(seconds=moment.utc_offset_secs))
    if text == "now":
        return Span(moment.now, moment.now)
    if text in ("today", "yesterday"):
        day = datetime.fromtimestamp(moment.now, zone).replace(hour=0, minute=0, second=0, microsecond=0)
        start = day.timestamp() - (86400 if text == "yesterday" else 0)
        return Span(start, start + 86400)
    found = _DATE.fullmatch(text)
    return None if found is None else _span(found, zone)


def _span(found: re.Match[str], zone: timezone) -> Span | None:
    year, month, day, hour, minute, second, fraction, offset = found.groups()
    if offset is not None:
        zone = timezone.utc if offset == "z" else _zone(offset)
    try:
        start = datetime(
            int(year), int(month or 1), int(day or 1), int(hour or 0), int(minute or 0), int(second or 0), tzinfo=zone
        )
        if month is None:
            end = start.replace(year=start.year + 1)
        elif day is None:
            end = start.replace(year=start.year + start.month // 12, month=start.month % 12 + 1)
        else:
            finest = ("days", hour), ("hours", minute), ("minutes", second), ("seconds", None)
            end = start + timedelta(**{next(unit for unit, finer in finest if finer is None): 1})
    except (ValueError, OverflowError):  # there is no 31st of June
        return None
    if fraction:
        moment = start.timestamp() + float(fraction)
        return Span(moment, moment)
    return Span(start.timestamp(), end.timestamp())


def _zone(offset: str) -> timezone:
    digits = offset[1:].replace(":", "")
    minutes = min(int(digits[:2]) * 60 + int(digits[2:]), 24 * 60 - 1)
    return timezone(timedelta(minutes=-minutes if offset[0] == "-" else minutes))


def local_moment() -> Moment:
    """Return now, on the clock of this machine."""
    offset = datetime.now().astimezone().utcoffset() or timedelta()
    return Moment(time.time(), round(offset.total_seconds()))
