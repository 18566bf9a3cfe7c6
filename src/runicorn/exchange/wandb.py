"""Runs out of W&B's folders: a log of protobuf messages, and media beside it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from runicorn.errors import SourceUnreadableError
from runicorn.exchange.source import Sink
from runicorn.storage.foreign.facts import Facts
from runicorn.storage.foreign.wandb_frames import FILE_HEAD_BYTES, FrameReader, is_wandb_file
from runicorn.storage.foreign.wandb_log import WandbLog

_FOLDER = re.compile(r"(offline-)?run-\d{8}_\d{6}-.+")
_PROGRESS_RECORDS = 100


@dataclass(frozen=True)
class WandbFile:
    """Implements Source: one .wandb file in its folder."""

    path: Path
    tool: str = "wandb"

    @property
    def label(self) -> str:
        return str(self.path)

    @property
    def identity(self) -> str:
        """The names of file and folder: the run's id, and when this part of it began."""
        return f"{self.path.parent.name.removeprefix('offline-')}/{self.path.name}"

    @property
    def content(self) -> str:
        return f"file {self.path.stat().st_size}"

    @property
    def size_bytes(self) -> int:
        return self.path.stat().st_size

    def read(self, sink: Sink) -> Facts:
        data = self.path.read_bytes()
        if not is_wandb_file(data):
            raise SourceUnreadableError(f"{self.path} is no file of W&B.")
        log, frames, taker = WandbLog(), FrameReader(), _Taker(sink, self.path.parent / "files")
        for number, record in enumerate(frames.take(data[FILE_HEAD_BYTES:])):
            if not number % _PROGRESS_RECORDS:
                sink.read_so_far(frames.offset / len(data))
            try:
                log.take(record, taker)
            except ValueError:
                frames.damaged += 1
        if not log.printed:
            taker.print_output()
        facts = log.facts(self.path.stem, self.path.stat().st_mtime)
        damaged = {"damaged-wandb-file": frames.damaged} if frames.damaged else {}
        return replace(facts.ended(), warnings={**facts.warnings, **damaged})


def find(path: Path) -> Iterator[WandbFile]:
    """Yield the runs at and below `path`: a .wandb file, a run's folder, or a folder with such folders."""
    if path.is_file():
        yield WandbFile(path)
        return
    folders = [path, *sorted(path.glob("*run-*")), *sorted(path.glob("wandb/*run-*"))]
    for folder in folders:
        # latest-run is a link to one of the others.
        if folder.is_dir() and (folder == path or (_FOLDER.fullmatch(folder.name) and not folder.is_symlink())):
            for file in sorted(folder.glob("*.wandb")):
                yield WandbFile(file)


@dataclass(frozen=True)
class _Taker:
    """Implements Taker. files: the folder beside the log."""

    sink: Sink
    files: Path

    def point(self, metric: str, step: int, time: float, value: float) -> None:
        self.sink.point(metric, step, time, value)

    def event(self, event: Mapping[str, Any]) -> None:
        self.sink.event(event)

    def console(self, content: bytes) -> None:
        self.sink.console(content)

    def file(self, path: str) -> str | None:
        source = self.files / path
        if not source.is_file():
            return None
        self.sink.media(path, source)
        return path

    def content(self, path: str) -> bytes:
        return (self.files / path).read_bytes()

    def print_output(self) -> None:
        """Take what the program printed from the file beside, where the log has none of it."""
        output = self.files / "output.log"
        if output.is_file():
            self.sink.console(output.read_bytes())
