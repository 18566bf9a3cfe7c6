"""A place in a live stream: how far each source, and each run in it, was told of. As text, for a client to keep."""

from __future__ import annotations

import base64
import binascii
import json
import math
import os
import zlib
from dataclasses import dataclass, field
from typing import Any

from runicorn.errors import UsageError
from runicorn.sources.folder import Place
from runicorn.storage import layout

# Versions of the run index mean something to the process that counted them only.
INSTANCE = os.urandom(6).hex()
# A cursor names every file of every run: packed, that of a hundred runs takes 3 kB instead of 16.
_PACKED = "z"
_MAX_UNPACKED_BYTES = 16 * 2**20
_LOCAL = "local"


@dataclass
class SourceCursor:
    """A place in one source. version: of its list of runs; None where only the time tells.

    runs: how far each run was sent; nothing of one that was not there.
    """

    version: int | None = None
    runs: dict[str, Place] = field(default_factory=dict)


@dataclass
class Cursor:
    """A place in a stream. at: the time, in unix seconds. sources: by id."""

    at: float
    sources: dict[str, SourceCursor] = field(default_factory=dict)
    instance: str = INSTANCE

    def source(self, source_id: str) -> SourceCursor:
        """Return the place in a source, to be read or changed."""
        return self.sources.setdefault(source_id, SourceCursor())

    def encode(self) -> str:
        sources = {
            source_id: [
                each.version,
                {run_id: place.offsets for run_id, place in each.runs.items()},
                {run_id: place.heads for run_id, place in each.runs.items() if place.heads},
            ]
            for source_id, each in self.sources.items()
        }
        content = json.dumps([self.instance, round(self.at, 3), sources], separators=(",", ":")).encode()
        return _PACKED + base64.urlsafe_b64encode(zlib.compress(content, 1)).decode().rstrip("=")

    @classmethod
    def decode(cls, text: str) -> Cursor:
        """Raises UsageError for anything that encode() did not make."""
        try:
            return _decoded(json.loads(_unpack(text)))
        except (ValueError, TypeError, AttributeError, RecursionError, OverflowError, zlib.error) as error:
            raise UsageError(
                "The cursor is not one that this viewer has given out.", hint="Load the page again."
            ) from error


def _decoded(content: Any) -> Cursor:
    if len(content) == 4:  # of earlier versions, which knew one source
        instance, version, at, runs = content
        sources = {_LOCAL: [version, runs, {}]}
    else:
        instance, at, sources = content
    cursor = Cursor(float(at), {}, instance)
    if not isinstance(instance, str):
        raise ValueError(instance)
    if not math.isfinite(cursor.at):  # no change is newer than NaN, and all of them would be missed
        raise ValueError(at)
    for source_id, (version, runs, heads) in sources.items():
        if not (version is None or isinstance(version, int)):
            raise ValueError(version)
        known = cursor.source(source_id)
        known.version = version
        for run_id, offsets in runs.items():
            if not layout.is_run_id(run_id):
                raise ValueError(run_id)
            known.runs[run_id] = Place(
                {str(name): int(offset) for name, offset in offsets.items() if offset >= 0},
                {str(name): int(crc) for name, crc in heads.get(run_id, {}).items()},
            )
    return cursor


def _unpack(text: str) -> bytes:
    """Return the JSON in a cursor; those of earlier versions are not packed. Raises ValueError or zlib.error."""
    packed = text.startswith(_PACKED)
    text = text.removeprefix(_PACKED)
    try:
        data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error as error:
        raise ValueError(text[:100]) from error
    return zlib.decompressobj().decompress(data, _MAX_UNPACKED_BYTES) if packed else data
