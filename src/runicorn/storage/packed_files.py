"""A storage root whose packed record files read as if they were plain ones. Packed lies `metrics.bin.packed`."""

from __future__ import annotations

import threading
from collections import OrderedDict
from pathlib import Path

from runicorn.storage import packing
from runicorn.storage.files import FileStat, LocalFiles
from runicorn.storage.layout import PACKED_SUFFIX

_CHUNKS_BYTES = 16 * 2**20
_MAX_HEADERS = 10_000
_FIRST_READ = 64 * 1024


class PackedFiles(LocalFiles):
    """Local files. Where a plain file lies beside its packed form, as after a crash while packing, the plain counts."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self._headers: OrderedDict[tuple[str, int, int], packing.Contents | None] = OrderedDict()
        self._chunks: OrderedDict[tuple[str, int, int, int], bytes] = OrderedDict()
        self._chunks_bytes = 0
        self._lock = threading.Lock()

    def names(self, path: str) -> list[str]:
        return list({name.removesuffix(PACKED_SUFFIX) for name in super().names(path)})

    def list(self, path: str) -> list[FileStat]:
        entries = super().list(path)
        if not any(entry.name.endswith(PACKED_SUFFIX) for entry in entries):
            return entries
        plain = {entry.name for entry in entries}
        shown = [entry for entry in entries if not entry.name.endswith(PACKED_SUFFIX)]
        for entry in entries:
            name = entry.name.removesuffix(PACKED_SUFFIX)
            if name != entry.name and name not in plain:
                status = self.stat(f"{path}/{name}")
                shown += [status] if status is not None else []
        return shown

    def stat(self, path: str) -> FileStat | None:
        status = super().stat(path)
        if status is not None or not path.endswith(".bin"):
            return status
        packed = super().stat(path + PACKED_SUFFIX)
        if packed is None:
            return None
        contents = self._contents(path + PACKED_SUFFIX, packed)
        size = contents.size_bytes if contents is not None else 0
        return packed._replace(name=packed.name.removesuffix(PACKED_SUFFIX), size_bytes=size)

    def read(self, path: str, offset: int = 0, length: int | None = None) -> bytes:
        try:
            return super().read(path, offset, length)
        except FileNotFoundError:
            packed = super().stat(path + PACKED_SUFFIX) if path.endswith(".bin") else None
            if packed is None:
                raise
        contents = self._contents(path + PACKED_SUFFIX, packed)
        if contents is None:
            return b""
        end = contents.size_bytes if length is None else min(contents.size_bytes, offset + length)
        pieces = []
        for number in contents.covering(offset, end):
            first = number * contents.chunk_bytes
            chunk = self._chunk(path + PACKED_SUFFIX, packed, contents, number)
            pieces.append(chunk[max(0, offset - first) : end - first])
        return b"".join(pieces)

    def inside(self, folder: str, path: str) -> str | None:
        found = super().inside(folder, path)
        if found is None and path.endswith(".bin"):
            packed = super().inside(folder, path + PACKED_SUFFIX)
            found = None if packed is None else packed.removesuffix(PACKED_SUFFIX)
        return found

    def _contents(self, path: str, status: FileStat) -> packing.Contents | None:
        """Return what a packed file holds, or None where its header is damaged."""
        key = (path, status.inode, status.mtime_ns)
        with self._lock:
            if key in self._headers:
                return self._headers[key]
        contents: packing.Contents | None
        try:
            head = super().read(path, 0, _FIRST_READ)
            needed = packing.header_length(head)
            contents = packing.read_header(head if needed <= len(head) else super().read(path, 0, needed))
        except ValueError:
            contents = None
        with self._lock:
            self._headers[key] = contents
            if len(self._headers) > _MAX_HEADERS:
                self._headers.popitem(last=False)
        return contents

    def _chunk(self, path: str, status: FileStat, contents: packing.Contents, number: int) -> bytes:
        key = (path, status.inode, status.mtime_ns, number)
        with self._lock:
            if key in self._chunks:
                self._chunks.move_to_end(key)
                return self._chunks[key]
        chunk = contents.chunks[number]
        data = packing.unpack_chunk(super().read(path, chunk.start, chunk.length), chunk)
        with self._lock:
            self._chunks_bytes += len(data) - len(self._chunks.get(key, b""))
            self._chunks[key] = data
            while self._chunks_bytes > _CHUNKS_BYTES and len(self._chunks) > 1:
                self._chunks_bytes -= len(self._chunks.popitem(last=False)[1])
        return data
