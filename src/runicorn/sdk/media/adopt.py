"""What people pass to log() besides numbers and media: recognised by what it is, without importing any library."""

from __future__ import annotations

from typing import Any

from runicorn import locks
from runicorn.sdk.media.base import Media


def as_media(value: Any) -> list[Media] | None:
    """Return the media that a value stands for, or None where it stands for none.

    Text becomes Text, a PIL image Image, a figure Figure, a data frame Table, an array of several numbers Histogram;
    a list or tuple of these becomes several.
    """
    if isinstance(value, Media):
        return [value]
    if isinstance(value, (list, tuple)):
        parts = [_one(part) for part in value[:1000]] if value and not _is_number(value[0]) else []
        return [part for part in parts if part is not None] if parts and all(parts) else None
    found = _one(value)
    return None if found is None else [found]


def _one(value: Any) -> Media | None:
    if isinstance(value, Media):
        return value
    if isinstance(value, str):
        with locks.LOADING:
            from runicorn.sdk.media.text import Text

        return Text(value)
    home = type(value).__module__.partition(".")[0]
    if home == "PIL" and hasattr(value, "getbands"):
        with locks.LOADING:
            from runicorn.sdk.media.image import Image

        return Image(value)
    if hasattr(value, "savefig") or (home == "matplotlib" and hasattr(value, "get_figure")) or _is_plotly(value):
        with locks.LOADING:
            from runicorn.sdk.media.figure import Figure

        return Figure(value)
    if hasattr(value, "columns") and (hasattr(value, "iter_rows") or hasattr(value, "itertuples")):
        with locks.LOADING:
            from runicorn.sdk.media.table import Table

        return Table(dataframe=value)
    if _elements(value) > 1 and hasattr(value, "__array__"):
        with locks.LOADING:
            from runicorn.sdk.media.histogram import Histogram

        return Histogram(value)
    return None


def _is_plotly(value: Any) -> bool:
    return hasattr(value, "to_plotly_json") and hasattr(value, "to_json")


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float, complex))


def _elements(value: Any) -> int:
    """Return how many values an array or tensor holds, 0 for what is none."""
    try:
        count = value.numel() if hasattr(value, "numel") else getattr(value, "size", 0)
        return count if isinstance(count, int) else 0
    except Exception:  # noqa: BLE001 - foreign code, inside somebody's training loop
        return 0
