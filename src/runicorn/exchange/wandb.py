"""Runs out of W&B's offline folders: a log of protobuf messages, and media beside it.

The numbers of the fields are those of wandb_internal.proto.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runicorn.errors import SourceUnreadableError
from runicorn.exchange.leveldb_log import Damage, is_wandb_file, records
from runicorn.exchange.source import Facts, Sink
from runicorn.model import NON_FINITE, RunState
from runicorn.storage.events import MEDIA, Kind, logged
from runicorn.storage.tensorboard import wire
from runicorn.storage.tensorboard.wire import Field, WireError

_HISTORY, _SUMMARY, _OUTPUT, _CONFIG, _OUTPUT_RAW, _RUN, _EXIT = 2, 3, 4, 5, 13, 17, 18
_FOLDER = re.compile(r"(offline-)?run-\d{8}_\d{6}-.+")
_FILE_KINDS = {
    "image-file": Kind.IMAGE,
    "audio-file": Kind.AUDIO,
    "video-file": Kind.VIDEO,
    "html-file": Kind.HTML,
    "plotly-file": Kind.FIGURE,
    "table-file": Kind.TABLE,
}
_MAX_DEPTH = 8
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
        reading = _Reading(sink, self.path.parent / "files")
        damage = Damage()
        for number, record in enumerate(records(data, damage)):
            if not number % _PROGRESS_RECORDS:
                sink.read_so_far(damage.read_bytes / len(data))
            try:
                reading.take(record)
            except (WireError, ValueError, RecursionError):
                damage.pieces += 1
        reading.end()
        return reading.facts(self.path, damage)


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


@dataclass
class _Reading:
    """What was read of a run so far."""

    sink: Sink
    files: Path
    run: dict[int, Any] = field(default_factory=dict)
    tags: list[str] = field(default_factory=list)
    config: dict[str, Any] = field(default_factory=dict)
    summary: dict[str, Any] = field(default_factory=dict)
    metrics: set[str] = field(default_factory=set)
    left_out: dict[str, int] = field(default_factory=dict)
    started_at: float | None = None
    ended_at: float | None = None
    exit_code: int | None = None
    printed: bool = False

    def take(self, record: bytes) -> None:
        for each in wire.fields(record):
            if each.number == _HISTORY:
                self._history(record, each)
            elif each.number == _RUN:
                self._run(record, each)
            elif each.number == _CONFIG:
                self._update(record, each, self.config)
            elif each.number == _SUMMARY:
                self._update(record, each, self.summary)
            elif each.number in (_OUTPUT, _OUTPUT_RAW):
                self._output(record, each)
            elif each.number == _EXIT:
                self.exit_code = next((wire.signed(f) for f in wire.message(record, each) if f.number == 1), 0)

    def end(self) -> None:
        """Take what the program printed from the file beside, where the log has none of it."""
        if not self.printed and (self.files / "output.log").is_file():
            self.sink.console((self.files / "output.log").read_bytes())

    def facts(self, path: Path, damage: Damage) -> Facts:
        changed_at = path.stat().st_mtime
        started_at = self.started_at if self.started_at is not None else changed_at
        config = {name: _plain(value) for name, value in self.config.items() if name != "_wandb"}
        summary = {
            name: _plain(value)
            for name, value in self.summary.items()
            if not name.startswith("_") and name not in self.metrics and not _is_special(value)
        }
        warnings = {f"wandb-{kind}": count for kind, count in self.left_out.items()}
        if damage.pieces:
            warnings["damaged-wandb-file"] = damage.pieces
        failed = bool(self.exit_code)
        unfinished = RunState.KILLED if self.exit_code is None else RunState.FINISHED
        return Facts(
            name=str(self.run.get(8) or self.run.get(1) or path.stem),
            project="/".join(str(part) for part in (self.run.get(3) or "wandb", self.run.get(6)) if part),
            created_at=started_at,
            finished_at=self.ended_at or changed_at,
            state=RunState.FAILED if failed else unfinished,
            exit_reason=f"exit code {self.exit_code}" if failed else None,
            config=config,
            summary=summary,
            tags=tuple(self.tags),
            note=str(self.run.get(9) or ""),
            host=str(self.run.get(13) or ""),
            warnings=warnings,
        )

    def _run(self, record: bytes, holder: Field) -> None:
        for each in wire.message(record, holder):
            if each.number in (1, 3, 6, 8, 9, 13):
                self.run[each.number] = wire.text(record, each)
            elif each.number == 10:
                self.tags.append(wire.text(record, each))
            elif each.number == 4:
                self._update(record, each, self.config)
            elif each.number == 17 and self.started_at is None:
                self.started_at = _timestamp(record, each)

    def _update(self, record: bytes, holder: Field, target: dict[str, Any]) -> None:
        for each in wire.message(record, holder):
            if each.number == 1:
                path, value = _item(record, each)
                _put(target, path, value)
            elif each.number == 2:
                path, _ = _item(record, each)
                if len(path) == 1:
                    target.pop(path[0], None)

    def _history(self, record: bytes, holder: Field) -> None:
        values: dict[str, Any] = {}
        step = 0
        for each in wire.message(record, holder):
            if each.number == 1:
                # A picture, too, comes as one item for each of its fields.
                _put(values, *_item(record, each))
            elif each.number == 2:
                step = next((wire.signed(f) for f in wire.message(record, each) if f.number == 1), 0)
        step = _step(values.pop("_step", step), step)
        time = values.pop("_timestamp", None)
        seconds = float(time) if isinstance(time, (int, float)) else (self.ended_at or self.started_at or 0.0)
        self.ended_at = max(self.ended_at or seconds, seconds)
        for name, value in values.items():
            if name not in ("_runtime", "_wandb"):
                self._value(name, value, step, seconds, _MAX_DEPTH)

    def _value(self, name: str, value: Any, step: int, time: float, depth: int) -> None:
        if isinstance(value, bool):
            value = int(value)
        if isinstance(value, str) and value in NON_FINITE:
            value = NON_FINITE[value]
        if isinstance(value, (int, float)):
            self.metrics.add(name.split("/", maxsplit=1)[0])
            self.metrics.add(name)
            self.sink.point(name, step, time, _float(value))
        elif isinstance(value, str):
            self.sink.event(logged(Kind.TEXT, name, step, time, [{"text": value}]))
        elif isinstance(value, dict) and "_type" in value:
            try:
                self._special(name, value, step, time)
            except (KeyError, TypeError, ValueError, AttributeError):  # a shape of another version
                self._leave_out(str(value["_type"]))
        elif isinstance(value, dict) and depth:
            for key, inner in value.items():
                self._value(f"{name}/{key}", inner, step, time, depth - 1)
        elif value is not None:
            self._leave_out("list")

    def _special(self, name: str, value: Mapping[str, Any], step: int, time: float) -> None:
        kind = str(value["_type"])
        if kind == "histogram" and "packedBins" in value:
            packed = value["packedBins"]
            counts = value["values"]
            edges = [packed["min"] + packed["size"] * n for n in range(len(counts) + 1)]
            self.sink.event(logged(Kind.HISTOGRAM, name, step, time, [{"edges": edges, "counts": counts}]))
        elif kind == "histogram" and len(value.get("bins", ())) == len(value.get("values", ())) + 1:
            item = {"edges": value["bins"], "counts": value["values"]}
            self.sink.event(logged(Kind.HISTOGRAM, name, step, time, [item]))
        elif kind == "images/separated":
            paths = value.get("filenames") or [
                f"media/images/{name}_{step}_{n}.{value.get('format', 'png')}" for n in range(value.get("count", 0))
            ]
            captions = value.get("captions") or []
            items = [
                self._file(path, value, captions[n] if n < len(captions) else None) for n, path in enumerate(paths)
            ]
            self._log_files(Kind.IMAGE, name, step, time, items)
        elif kind in _FILE_KINDS:
            file = self._file(str(value.get("path", "")), value, value.get("caption"))
            if file is not None and kind == "plotly-file":
                file["format"] = "plotly"
            if file is not None and kind == "table-file":  # its form is that of our own tables
                table = json.loads((self.files / file["file"]).read_bytes())
                file.update(columns=[str(name) for name in table["columns"]], rows=len(table["data"]))
            self._log_files(_FILE_KINDS[kind], name, step, time, [file])
        else:
            self._file(str(value.get("path", "")), value, None)
            self._leave_out(kind)

    def _file(self, path: str, value: Mapping[str, Any], caption: Any) -> dict[str, Any] | None:
        """Take a file that lies beside the log, and return its item; None where it is not there."""
        source = self.files / path
        if not path.startswith(MEDIA + "/") or ".." in path.split("/") or not source.is_file():
            return None
        self.sink.media(path, source)
        item: dict[str, Any] = {"file": path}
        for key in ("width", "height"):
            if isinstance(value.get(key), int):
                item[key] = value[key]
        if isinstance(caption, str):
            item["caption"] = caption
        return item

    def _log_files(self, kind: Kind, name: str, step: int, time: float, items: list[dict[str, Any] | None]) -> None:
        present = [item for item in items if item is not None]
        if len(present) < len(items):
            self._leave_out("missing-file")
        if present:
            self.sink.event(logged(kind, name, step, time, present))

    def _leave_out(self, kind: str) -> None:
        self.left_out[kind[:80]] = self.left_out.get(kind[:80], 0) + 1

    def _output(self, record: bytes, holder: Field) -> None:
        for each in wire.message(record, holder):
            if each.number == 3:
                self.printed = True
                self.sink.console(wire.content(record, each))


def _item(record: bytes, holder: Field) -> tuple[tuple[str, ...], Any]:
    """Return the path and the value of an item, whose value stands there as JSON."""
    key = ""
    nested: list[str] = []
    value: Any = None
    for each in wire.message(record, holder):
        if each.number == 1:
            key = wire.text(record, each)
        elif each.number == 2:
            nested.append(wire.text(record, each))
        elif each.number == 16:
            value = json.loads(wire.text(record, each), parse_int=_integer)
    return (tuple(nested) if nested else (key,)), value


def _integer(digits: str) -> int | float:
    return -0.0 if digits == "-0" else int(digits)


def _put(target: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    for name in path[:-1]:
        inner = target.setdefault(name, {})
        if not isinstance(inner, dict):
            inner = target[name] = {}
        target = inner
    target[path[-1]] = value


def _timestamp(record: bytes, holder: Field) -> float:
    parts = {each.number: wire.signed(each) for each in wire.message(record, holder)}
    return parts.get(1, 0) + parts.get(2, 0) / 1e9


def _step(value: Any, otherwise: int) -> int:
    return value if isinstance(value, int) and -(2**63) <= value < 2**63 else otherwise


def _float(value: float) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def _is_special(value: Any) -> bool:
    return isinstance(value, dict) and "_type" in value


def _plain(value: Any) -> Any:
    """Return JSON as a run's files hold it: NaN and infinities, which W&B may write bare, as strings."""
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, dict):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    return value
