"""Runs out of TensorBoard's event files, for an import."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runicorn.errors import SourceUnreadableError
from runicorn.exchange.source import Sink
from runicorn.storage import layout
from runicorn.storage.files import LocalFiles
from runicorn.storage.foreign.facts import Facts
from runicorn.storage.jsonio import decode_object
from runicorn.storage.mirroring import finding
from runicorn.storage.records import RECORD
from runicorn.storage.tensorboard import checksums, framing, logdir
from runicorn.storage.tensorboard.translate import Piece, Translator, media_range

_CHUNK_BYTES = 1 << 20
_HEAD_BYTES = 64


@dataclass(frozen=True)
class EventFolder:
    """Implements Source: one folder of event files."""

    root: Path
    folder: finding.EventFolder
    tool: str = "tensorboard"

    @property
    def label(self) -> str:
        return str(self._path)

    @property
    def identity(self) -> str:
        """The first file's name and beginning, which holds a time to the microsecond: moved folders stay the same."""
        name = self.folder.files[0].name
        with (self._path / name).open("rb") as file:
            return hashlib.sha256(name.encode() + file.read(_HEAD_BYTES)).hexdigest()[:32]

    @property
    def content(self) -> str:
        return f"files {len(self.folder.files)} {sum(file.size_bytes for file in self.folder.files)}"

    @property
    def size_bytes(self) -> int:
        return sum(file.size_bytes for file in self.folder.files)

    @property
    def _path(self) -> Path:
        return self.root / self.folder.path if self.folder.path else self.root

    def read(self, sink: Sink) -> Facts:
        translator = Translator()
        names: list[str] = []
        before = 0
        for number, file in enumerate(self.folder.files):
            path = self._path / file.name
            for piece in _pieces(path, number, translator):
                batch = translator.take(piece)
                if batch.rewinds_to is not None:
                    sink.rewind(batch.rewinds_to)
                names += [name or "" for key in batch.keys for name in layout.decode_keys(key)[0]]
                for packed in batch.records:
                    _, metric, step, time, value = RECORD.unpack(packed)
                    sink.point(names[metric], step, time, value)
                for line in batch.events:
                    event = decode_object(line) or {}
                    sink.event(event)
                    _copy_media(sink, event, piece)
                sink.read_so_far(min(1.0, (before + piece.offset + len(piece.data)) / max(1, self.size_bytes)))
            before += file.size_bytes
        if translator.started_at is None and not translator.stats:
            raise SourceUnreadableError(f"The event files in {self._path} hold no events.")
        last_change = max(file.mtime for file in self.folder.files)
        project, name = logdir.project_and_name(self.folder.path, self.root.resolve().name)
        return Facts(
            name=name,
            project=project,
            created_at=last_change if translator.started_at is None else translator.started_at,
            finished_at=last_change,
            config=translator.config,
            host=logdir.host_of(self.folder.files[0].name),
            warnings=translator.warnings,
        )


def find(path: Path) -> Iterator[EventFolder]:
    """Yield the folders with event files at and below `path`."""
    for folder in finding.walk(LocalFiles(path)):
        if isinstance(folder, finding.EventFolder):
            yield EventFolder(path, folder)


def _pieces(path: Path, number: int, translator: Translator) -> Iterator[Piece]:
    offset = 0
    length = _CHUNK_BYTES
    with path.open("rb") as file:
        while True:
            file.seek(offset)
            data = file.read(length)
            found = framing.frames(data)
            if found.spans:
                intact = checksums.intact(data, found.spans)
                for _ in range(intact.count(False)):
                    translator.warn("damaged-event")
                yield Piece(data, [span for span, ok in zip(found.spans, intact, strict=True) if ok], number, offset)
                offset, length = offset + found.consumed, _CHUNK_BYTES
            elif found.needed > length == len(data):
                length = found.needed
            else:
                if found.stop is framing.Stop.DAMAGED:
                    translator.warn("damaged-event-file")
                return


def _copy_media(sink: Sink, event: dict[str, Any], piece: Piece) -> None:
    for item in event.get("items", ()):
        place = media_range(str(item.get("file", "")))
        if place is not None:
            start = place.offset - piece.offset
            sink.media(item["file"], piece.data[start : start + place.length])
