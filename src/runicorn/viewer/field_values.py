"""The values that a field has among some runs, for whoever types a query. Touches no files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from runicorn.errors import UsageError
from runicorn.storage.indexed_run import IndexedRun
from runicorn.storage.query_compare import text_of
from runicorn.storage.query_fields import Kind, kind_of

MAX_CHARS = 200


def frequent_values(items: Iterable[IndexedRun], name: str, typed: str, limit: int) -> list[dict[str, Any]]:
    """Return values of a field that hold what was typed, those that begin with it first, then the most frequent.

    Raises UsageError where there is no such field.
    """
    kind = kind_of(name)
    if kind is None:
        raise UsageError(f"{name[:100]!r} is no field of a run.")
    counts: Counter[str] = Counter()
    for item in items:
        value = item.field(name)
        if value is None or value == "":
            continue
        counts.update(value if kind is Kind.TAGS else (text_of(value),))
    wanted = typed.lower()
    hits = [(text, count) for text, count in counts.items() if wanted in text.lower() and len(text) <= MAX_CHARS]
    hits.sort(key=lambda hit: (not hit[0].lower().startswith(wanted), -hit[1], hit[0]))
    return [{"value": text, "count": count} for text, count in hits[:limit]]
