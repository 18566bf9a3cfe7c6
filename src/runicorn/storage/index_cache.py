"""The list of runs between two viewers: a file in the user's cache folder that may be deleted at any time."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runicorn.model import Run, RunState
from runicorn.storage.files import FileStat

# A file of another version, or of another shape of Run, is not read.
_VERSION = 5
# Fewer runs are read in a moment from their own files; nothing is left in the cache folder for them.
WORTH_SAVING = 200
# On a server of others', nothing is left for a list that is there after a fifth of a second.
WORTH_SAVING_AS_A_GUEST = 2000


@dataclass
class CachedRun:
    """A run and the state that its files were in when it was read: if they are in it still, so is the run.

    shown_as: how it stood then. settled: False where its files may have been changing.
    """

    folder: FileStat
    stats: dict[str, FileStat | None]
    base: Run
    script_summary: Mapping[str, Any] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()
    shown_as: RunState = RunState.FINISHED
    settled: bool = True


@dataclass
class SavedList:
    """runs: of a root. seen_at: when they were looked at last, in unix seconds."""

    runs: list[CachedRun]
    seen_at: float


@dataclass
class _Content:
    version: str
    root: str
    saved: SavedList


class IndexCache:
    """The cache of one storage root's list. Of several viewers the last one that writes it wins.

    root: what no other root is called, such as its path without links. worth_from: how many runs there must
    be for a file to be left.
    """

    def __init__(self, folder: Path, root: str, *, worth_from: int = WORTH_SAVING) -> None:
        self.worth_from = worth_from
        self._root = root
        name = hashlib.sha256(os.fsencode(self._root)).hexdigest()[:16]
        self.path = folder / "index" / f"{name}.msgpack"

    def load(self) -> SavedList | None:
        """Return what was saved; None where there is nothing, or nothing that can be used."""
        msgpack = _msgpack()
        if msgpack is None:
            return None
        try:
            content = msgpack.decode(self.path.read_bytes(), type=_Content)
        except (OSError, ValueError, RecursionError):  # msgspec's errors are ValueErrors
            return None
        return content.saved if (content.version, content.root) == (_version(), self._root) else None

    def save(self, saved: SavedList) -> None:
        """Replace what was saved. Raises nothing: a full disk costs the next viewer its quick start, no more."""
        msgpack = _msgpack()
        if msgpack is None:
            return
        draft = self.path.with_name(f".{self.path.name}.{os.urandom(8).hex()}.tmp")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            draft.write_bytes(msgpack.encode(_Content(_version(), self._root, saved)))
            draft.replace(self.path)
        except (OSError, ValueError, TypeError, OverflowError, RecursionError):
            with contextlib.suppress(OSError):
                draft.unlink()


def _msgpack() -> Any:
    try:
        import msgspec
    except ImportError:  # a bare Python on a server
        return None
    return msgspec.msgpack


def _version() -> str:
    return f"{_VERSION}:{','.join(Run.__dataclass_fields__)}"
