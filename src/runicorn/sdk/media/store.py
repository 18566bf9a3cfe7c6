"""Puts media into a run: the file below media/ first, the line of the events file that points to it after that."""

from __future__ import annotations

import contextlib
import hashlib
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from runicorn.sdk.event_log import EventLog
from runicorn.sdk.media.base import Content, Media
from runicorn.sdk.warnings import Warnings
from runicorn.storage import events
from runicorn.storage.events import Kind
from runicorn.storage.writer import draft_path

_CHUNK_BYTES = 1024 * 1024


class MediaStore:
    """Stores what one process logs besides numbers."""

    def __init__(self, folder: Path, log: EventLog, warnings: Warnings) -> None:
        self._folder = folder
        self._log = log
        self._warnings = warnings

    def add(self, key: str, step: int, time: float, values: Sequence[Media]) -> None:
        """Store values logged under one key in one call, those of each kind as one event.

        Raises MediaError, OSError, whatever foreign code raises.
        """
        items: dict[Kind, list[dict[str, Any]]] = {}
        for value in values:
            items.setdefault(value.kind, []).append(self._store(key, step, value))
        for kind, of_kind in items.items():
            self._log.append(events.logged(kind, key, step, time, of_kind))

    def _store(self, key: str, step: int, value: Media) -> dict[str, Any]:
        encoded = value.encode(lambda inner: self._store(key, step, inner))
        if value.assumed is not None:
            self._warnings.add(
                f"assumed:{value.kind.value}", f"the {value.kind.value} {key[:100]!r} has {value.assumed}."
            )
        item = dict(encoded.item)
        if encoded.content is not None:
            item["file"] = self._write(key, step, encoded.content)
        return item

    def _write(self, key: str, step: int, content: Content) -> str:
        """Write the file unless it is there already, whole or not at all; return its path below the run's folder."""
        digest = _digest(content.data)
        name = events.media_path(key, step, digest, content.extension)
        target = self._folder / name
        if target.exists():
            return name
        target.parent.mkdir(exist_ok=True)
        draft = draft_path(target)
        try:
            if isinstance(content.data, Path):
                shutil.copyfile(content.data, draft)
            else:
                draft.write_bytes(content.data)
            draft.replace(target)
        except BaseException:
            with contextlib.suppress(OSError):
                draft.unlink()
            raise
        return name


def _digest(data: bytes | Path) -> str:
    digest = hashlib.sha256()
    if isinstance(data, bytes):
        digest.update(data)
    else:
        with data.open("rb") as file:
            while chunk := file.read(_CHUNK_BYTES):
                digest.update(chunk)
    return digest.hexdigest()
