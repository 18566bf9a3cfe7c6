"""The contents of artifacts: each stored once, under its SHA-256, and there as a whole or not at all."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Collection
from pathlib import Path

from runicorn.errors import SourceChangedError
from runicorn.storage.artifacts import names, partials
from runicorn.storage.artifacts.copying import Identity, Progress, copy_file, hash_file
from runicorn.storage.artifacts.manifest import Entry

_ATTEMPTS = 3  # a file that is written to all the time is none to store


class BlobStore:
    """Writes contents below one root. Processes may do so at once: the same content ends as the same file."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._partial = root / names.ARTIFACTS / names.BLOBS / names.PARTIAL

    def path(self, sha256: str) -> Path:
        return self._root / names.blob_path(sha256)

    def put(self, source: Path, member: str, known_sizes: Collection[int], progress: Progress) -> Entry:
        """Store a file's content and return it as a member of an artifact. Raises OSError, ArtifactNotStoredError.

        known_sizes: of contents that are probably there; a file of such a size is read before anything is written.
        """
        for attempt in range(_ATTEMPTS):
            done = 0

            def count(size: int) -> None:
                nonlocal done
                done += size
                progress(size)

            try:
                return self._put(source, member, known_sizes, count)
            except SourceChangedError:
                progress(-done)
                if attempt == _ATTEMPTS - 1:
                    raise
        raise AssertionError("unreachable")

    def sweep(self) -> None:
        """Remove what broken copies left a day ago and nobody took over."""
        partials.sweep(self._partial)

    def _put(self, source: Path, member: str, known_sizes: Collection[int], progress: Progress) -> Entry:
        identity = Identity.of(source.stat())
        if identity.size_bytes in known_sizes:
            sha256 = hash_file(source, progress)
            if self._holds(sha256, identity.size_bytes):
                return Entry(member, identity.size_bytes, sha256)
            progress(-identity.size_bytes)
        partial = partials.claim(self._partial, source, identity)
        try:
            sha256 = copy_file(source, partial, progress)
            size = partial.stat().st_size
            self._keep(partial, sha256, size)
        except BaseException:  # also Ctrl-C; only what is killed outright leaves its partial
            with contextlib.suppress(OSError):
                partial.unlink()
            raise
        return Entry(member, size, sha256)

    def _keep(self, partial: Path, sha256: str, size: int) -> None:
        if self._holds(sha256, size):
            partial.unlink()
            return
        target = self.path(sha256)
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            partial.replace(target)
        except PermissionError:
            # Windows refuses while somebody reads the same content there, which another process has just stored.
            if os.name != "nt" or not self._holds(sha256, size):
                raise
            partial.unlink()

    def _holds(self, sha256: str, size: int) -> bool:
        """Tell whether the content is there. By its size: a power cut leaves a short file, and that is replaced."""
        try:
            return self.path(sha256).stat().st_size == size
        except OSError:
            return False
