"""Files whose packed record files read as if they were plain ones. Packed lies `metrics.bin.packed`."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from runicorn.storage import packing
from runicorn.storage.files import Condensed, Condensing, CondensingRule, Files, FileStat, Range, Scan, found_or_raise
from runicorn.storage.layout import PACKED_SUFFIX

_CHUNKS_BYTES = 16 * 2**20
_MAX_HEADERS = 10_000
_FIRST_READ = 4 * 1024
_RECORDS_SUFFIX = ".bin"


class _Packed(NamedTuple):
    """A packed file. path: of itself. status: of itself."""

    path: str
    status: FileStat

    @property
    def key(self) -> tuple[str, int, int]:
        return self.path, self.status.inode, self.status.mtime_ns

    def plain(self, contents: packing.Contents | None) -> FileStat:
        """Return what its file would be, unpacked."""
        size = contents.size_bytes if contents is not None else 0
        return self.status._replace(name=self.status.name.removesuffix(PACKED_SUFFIX), size_bytes=size)


class PackedFiles(Files):
    """In front of other files. Where a plain file lies beside its packed form, as after a crash while packing, the
    plain one counts.
    """

    def __init__(self, files: Files) -> None:
        self.batch_bytes = files.batch_bytes
        self.batch_folders = files.batch_folders
        self.condenses, self.pours = files.condenses, files.pours
        self._files = files
        self._headers: OrderedDict[tuple[str, int, int], packing.Contents | None] = OrderedDict()
        self._chunks: OrderedDict[tuple[str, int, int, int], bytes] = OrderedDict()
        self._chunks_bytes = 0
        self._lock = threading.Lock()

    @property
    def is_metered(self) -> bool:
        return self._files.is_metered

    def names(self, path: str) -> list[str]:
        return list({name.removesuffix(PACKED_SUFFIX) for name in self._files.names(path)})

    def look(self, folders: Sequence[str]) -> list[list[FileStat] | OSError]:
        looked = self._files.look(folders)
        packed = [
            _Packed(f"{folder}/{entry.name}", entry)
            for folder, entries in zip(folders, looked, strict=True)
            if not isinstance(entries, OSError)
            for entry in entries
            if entry.name.endswith(PACKED_SUFFIX)
        ]
        if not packed:
            return looked
        contents = dict(zip((each.path for each in packed), self._contents(packed), strict=True))
        return [
            entries if isinstance(entries, OSError) else _as_plain(folder, entries, contents)
            for folder, entries in zip(folders, looked, strict=True)
        ]

    def stats(self, paths: Sequence[str]) -> list[FileStat | OSError | None]:
        # In one call with what they may be packed as, which may be a round trip.
        records = [at for at, path in enumerate(paths) if path.endswith(_RECORDS_SUFFIX)]
        packed = [paths[at] + PACKED_SUFFIX for at in records]
        told = self._files.stats([*paths, *packed])
        found, beside = told[: len(paths)], told[len(paths) :]
        for at, name, status in zip(records, packed, beside, strict=True):
            if found[at] is None and isinstance(status, FileStat):
                contents = self._contents([_Packed(name, status)])[0]
                held = _Packed(name, status)
                found[at] = contents if isinstance(contents, OSError) else held.plain(contents)
            elif found[at] is None:
                found[at] = status
        return found

    def condense(
        self, wishes: Sequence[Condensing], ranges: Sequence[Range]
    ) -> tuple[list[Condensed | None], list[bytes | OSError]]:
        made, found = self._files.condense(wishes, ranges)  # of what is packed, nothing is made
        return made, self._with_packed(ranges, found)

    def foresee(self, folders: Sequence[str], rule: CondensingRule | None = None) -> None:
        self._files.foresee(folders, rule)

    def pour(self, path: str, sizes: Iterable[int], take: Callable[[memoryview], bool]) -> None:
        self._files.pour(path, sizes, take)

    def fetch(self, ranges: Sequence[Range]) -> list[bytes | OSError]:
        return self._with_packed(ranges, self._files.fetch(ranges))

    def _with_packed(self, ranges: Sequence[Range], found: list[bytes | OSError]) -> list[bytes | OSError]:
        """Put what is packed into the places of what is not there plain."""
        missing = [
            at
            for at, each in enumerate(ranges)
            if isinstance(found[at], FileNotFoundError) and each.path.endswith(_RECORDS_SUFFIX)
        ]
        if missing:
            for at, packed in zip(missing, self._packed([ranges[at].path for at in missing]), strict=True):
                if isinstance(packed, _Packed):
                    try:
                        found[at] = self._unpacked(packed, ranges[at])
                    except OSError as error:
                        found[at] = error
                elif packed is not None:
                    found[at] = packed
        return found

    def scan(self, folders: Sequence[str], marks: Sequence[str]) -> list[Scan | OSError]:
        return self._files.scan(folders, marks)

    def real(self, path: str) -> str:
        return self._files.real(path)

    def inside(self, folder: str, path: str) -> str | None:
        found = self._files.inside(folder, path)
        if found is None and path.endswith(_RECORDS_SUFFIX):
            packed = self._files.inside(folder, path + PACKED_SUFFIX)
            found = None if packed is None else packed.removesuffix(PACKED_SUFFIX)
        return found

    def _packed(self, paths: Sequence[str]) -> list[_Packed | OSError | None]:
        """Return the packed form of each path, None where there is none."""
        names = [path + PACKED_SUFFIX for path in paths]
        return [
            _Packed(name, status) if isinstance(status, FileStat) else status
            for name, status in zip(names, self._files.stats(names), strict=True)
        ]

    def _contents(self, packed: Sequence[_Packed]) -> list[packing.Contents | OSError | None]:
        """Return what packed files hold, None where a header is damaged; in two calls at most."""
        with self._lock:
            known = {each.path: self._headers[each.key] for each in packed if each.key in self._headers}
        found: dict[str, packing.Contents | OSError | None] = dict(known)
        new = [each for each in packed if each.path not in found]
        if not new:
            return [found[each.path] for each in packed]
        heads = dict(zip(new, self._files.fetch([Range(each.path, 0, _FIRST_READ) for each in new]), strict=True))
        longer = [each for each, head in heads.items() if _needed(head) > _FIRST_READ]
        if longer:
            whole = self._files.fetch([Range(each.path, 0, _needed(heads[each])) for each in longer])
            heads.update(zip(longer, whole, strict=True))
        for each, head in heads.items():
            found[each.path] = head if isinstance(head, OSError) else _read_header(head)
        with self._lock:
            for each in new:
                contents = found[each.path]
                if not isinstance(contents, OSError):
                    self._headers[each.key] = contents
            while len(self._headers) > _MAX_HEADERS:
                self._headers.popitem(last=False)
        return [found[each.path] for each in packed]

    def _unpacked(self, packed: _Packed, wanted: Range) -> bytes:
        """Return a range of a packed file as if it was plain. Raises OSError."""
        contents = self._contents([packed])[0]
        if isinstance(contents, OSError):
            raise contents
        if contents is None:
            return b""
        offset = wanted.start
        end = contents.size_bytes if wanted.length is None else min(contents.size_bytes, offset + wanted.length)
        numbers = contents.covering(offset, end)
        chunks = self._chunks_of(packed, contents, numbers)
        pieces = []
        for number, chunk in zip(numbers, chunks, strict=True):
            first = number * contents.chunk_bytes
            pieces.append(chunk[max(0, offset - first) : end - first])
        return b"".join(pieces)

    def _chunks_of(self, packed: _Packed, contents: packing.Contents, numbers: range) -> list[bytes]:
        """Return chunks of a packed file, unpacked; those that are not known are read in one call. Raises OSError."""
        found: dict[int, bytes] = {}
        with self._lock:
            for number in numbers:
                key = (*packed.key, number)
                if key in self._chunks:
                    self._chunks.move_to_end(key)
                    found[number] = self._chunks[key]
        new = [number for number in numbers if number not in found]
        places = [contents.chunks[number] for number in new]
        data = self._files.fetch([Range(packed.path, place.start, place.length) for place in places]) if new else []
        for number, place, each in zip(new, places, data, strict=True):
            found[number] = chunk = packing.unpack_chunk(found_or_raise(each), place)
            self._keep((*packed.key, number), chunk)
        return [found[number] for number in numbers]

    def _keep(self, key: tuple[str, int, int, int], chunk: bytes) -> None:
        with self._lock:
            self._chunks_bytes += len(chunk) - len(self._chunks.get(key, b""))
            self._chunks[key] = chunk
            while self._chunks_bytes > _CHUNKS_BYTES and len(self._chunks) > 1:
                self._chunks_bytes -= len(self._chunks.popitem(last=False)[1])

    # One at a time, a list of this machine's runs asks for thousands: what is not packed costs no more than there.

    def stat(self, path: str) -> FileStat | None:
        found = self._files.stat(path)
        return super().stat(path) if found is None and path.endswith(_RECORDS_SUFFIX) else found

    def read(self, path: str, offset: int = 0, length: int | None = None) -> bytes:
        try:
            return self._files.read(path, offset, length)
        except FileNotFoundError:
            if not path.endswith(_RECORDS_SUFFIX):
                raise
        return super().read(path, offset, length)

    def list(self, path: str) -> list[FileStat]:
        entries = self._files.list(path)
        return super().list(path) if any(entry.name.endswith(PACKED_SUFFIX) for entry in entries) else entries


def _as_plain(
    folder: str, entries: Sequence[FileStat], contents: dict[str, packing.Contents | OSError | None]
) -> list[FileStat] | OSError:
    plain = {entry.name for entry in entries}
    shown = []
    for entry in entries:
        if not entry.name.endswith(PACKED_SUFFIX):
            shown.append(entry)
        elif entry.name.removesuffix(PACKED_SUFFIX) not in plain:
            held = contents[f"{folder}/{entry.name}"]
            if isinstance(held, OSError):
                return held
            shown.append(_Packed(entry.name, entry).plain(held))
    return shown


def _needed(head: bytes | OSError) -> int:
    """Return how many bytes a header takes by its beginning; 0 for what is none."""
    try:
        return 0 if isinstance(head, OSError) else packing.header_length(head)
    except ValueError:
        return 0


def _read_header(head: bytes) -> packing.Contents | None:
    try:
        return packing.read_header(head)
    except ValueError:
        return None
