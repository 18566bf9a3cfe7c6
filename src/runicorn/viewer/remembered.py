"""Which roots of hosts were shown, so that a viewer that begins later can show what was known of them.

Only where they are and when they were seen; their runs are in the cache of lists. The file may be deleted at any time.
"""

from __future__ import annotations

import contextlib
import json
import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import filelock

from runicorn.files import replace_file
from runicorn.regular_files import read_regular

logger = logging.getLogger(__name__)

_VERSION = 1
_MAX_BYTES = 1024 * 1024
_MAX_CHARACTERS = 8192
# Those that were seen last are kept.
_MOST = 64
_LOCK_SECS = 2.0


@dataclass(frozen=True)
class Remembered:
    """host: how it is reached, as user@name:port. root: as an absolute path over there. called: what a person calls
    the host. root_id: see reader.root_id(). as_of: when its runs were seen last, in unix seconds.
    """

    host: str
    root: str
    called: str
    root_id: str | None
    as_of: float


class RememberedRoots:
    """The file, shared by all viewers of one user. Blocking. What cannot be read or written is not remembered, and
    nothing else comes of it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def load(self) -> list[Remembered]:
        """Return what is remembered, the one that was seen last at the end."""
        try:
            content = json.loads(read_regular(self._path, _MAX_BYTES))
        except (OSError, ValueError, RecursionError):
            return []
        if not isinstance(content, dict) or content.get("version") != _VERSION:
            return []
        roots = content.get("roots")
        found = (_parsed(each) for each in (roots if isinstance(roots, list) else []))
        return [each for each in found if each is not None][-_MOST:]

    def keep(self, root: Remembered) -> None:
        self._change(lambda roots: [*_without(roots, root.host, root.root), root])

    def forget(self, host: str, root: str) -> None:
        if self._path.exists():
            self._change(lambda roots: _without(roots, host, root))

    def _change(self, change: Callable[[list[Remembered]], list[Remembered]]) -> None:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with filelock.FileLock(self._path.with_suffix(".lock"), timeout=_LOCK_SECS):
                before = self.load()
                after = change(before)[-_MOST:]
                if after != before:
                    content = {"version": _VERSION, "roots": [asdict(each) for each in after]}
                    replace_file(self._path, json.dumps(content, indent=2).encode())
        except (OSError, filelock.Timeout, ValueError) as error:
            logger.warning("what was shown of hosts is not remembered in %s: %s", self._path, error)


def _without(roots: list[Remembered], host: str, root: str) -> list[Remembered]:
    return [each for each in roots if (each.host, each.root) != (host, root)]


def _parsed(content: Any) -> Remembered | None:
    with contextlib.suppress(TypeError, ValueError):
        root = Remembered(**content)
        texts = (root.host, root.root, root.called, root.root_id or "")
        fits = all(isinstance(text, str) and len(text) <= _MAX_CHARACTERS for text in texts)
        if fits and root.host and root.root and isinstance(root.as_of, (int, float)) and 0 <= root.as_of < 2**40:
            return root
    return None
