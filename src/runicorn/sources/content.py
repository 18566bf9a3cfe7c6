"""What is in one file of a source, to be sent in pieces."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from runicorn.storage.files import Files

CHUNK_BYTES = 2**20


@dataclass(frozen=True)
class Content:
    """A file as it was when it was found; it may grow while it is read. name: what a download of it is called."""

    files: Files
    path: str
    name: str
    size_bytes: int

    def pieces(self, start: int, end: int) -> Iterator[bytes]:
        """Yield the bytes from `start` up to `end`, fewer if the file is cut meanwhile. Raises OSError."""
        while start < end:
            data = self.files.read(self.path, start, min(CHUNK_BYTES, end - start))
            if not data:
                return
            start += len(data)
            yield data
