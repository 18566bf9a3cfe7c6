"""Events of TensorBoard into what a run's files hold: records, names, lines of events.jsonl, config. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from runicorn.model import number_from_json, number_to_json
from runicorn.storage import layout
from runicorn.storage.events import MAX_INLINE_CHARACTERS, MEDIA, Kind, logged
from runicorn.storage.jsonio import encode_object
from runicorn.storage.records import MARK, RECORD
from runicorn.storage.rewinding import events_before, nothing_yet, recount
from runicorn.storage.tensorboard import decode
from runicorn.storage.tensorboard.decode import Event, Histogram, Images, Passed, Plugins, Scalar, Sounds, Span, Texts
from runicorn.storage.tensorboard.hparams import HParams
from runicorn.storage.tensorboard.wire import WireError

_COUNT, _LAST, _MIN, _MAX, _STEP, _TIME = range(6)
_UNSAFE = re.compile(r"[^A-Za-z0-9.-]+", re.ASCII)
_RANGE = re.compile(r"media/[A-Za-z0-9.-]*_-?\d+_(\d+)-(\d+)-(\d+)\.[a-z0-9]{1,5}", re.ASCII)
_MAX_SLUG = 60


@dataclass(frozen=True)
class MediaRange:
    """The bytes of an event file that are a picture, a sound or a text. file_number: of the run's event files."""

    file_number: int
    offset: int
    length: int


@dataclass(frozen=True)
class Piece:
    """Whole records of one event file. data: begins at byte `offset` of it; spans: where in `data` they lie."""

    data: bytes
    spans: Sequence[Span]
    file_number: int
    offset: int


@dataclass
class Batch:
    """What is to be appended to metrics.keys, metrics.bin, events.jsonl and the console.

    rewinds_to: the step from which on everything before this batch is abandoned first; None where nothing is.
    """

    keys: list[bytes] = field(default_factory=list)
    records: list[bytes] = field(default_factory=list)
    events: list[bytes] = field(default_factory=list)
    console: list[bytes] = field(default_factory=list)
    rewinds_to: int | None = None

    def rewind(self, step: int) -> None:
        """Abandon this step and the later ones, here and before."""
        self.records = [packed for packed in self.records if RECORD.unpack(packed)[2] < step]
        self.events = [line for line in self.events if events_before(line, step)]
        self.rewinds_to = step if self.rewinds_to is None else min(self.rewinds_to, step)


@dataclass
class Translator:
    """What is known of a run so far.

    stats: by metric, in the order of their numbers. warnings: how often something had no place, by kind.
    started_at: the time of the first event. step: the last one. restarts: by event file, the least step that a program
    went on from, which what comes late of earlier files must not go beyond.
    """

    plugins: Plugins = field(default_factory=Plugins)
    stats: dict[str, list[Any]] = field(default_factory=dict)
    config: dict[str, Any] = field(default_factory=dict)
    warnings: dict[str, int] = field(default_factory=dict)
    started_at: float | None = None
    step: int | None = None
    restarts: dict[int, int] = field(default_factory=dict)
    _heads: dict[str, tuple[int, list[Any]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._heads = {name: (number, slot) for number, (name, slot) in enumerate(self.stats.items())}

    def take(self, piece: Piece) -> Batch:
        """Return what these records add to the run's files. A record that is damaged inside is counted, and no more."""
        batch = Batch()
        limit = min((step for number, step in self.restarts.items() if number > piece.file_number), default=None)
        for start, end in piece.spans:
            try:
                event = decode.decode(piece.data, start, end, self.plugins)
            except WireError:
                self.warn("damaged-event")
                continue
            if self.started_at is None and math.isfinite(event.wall_time):
                self.started_at = event.wall_time
            if event.restarts:
                batch.rewind(event.step)
                known = self.restarts.get(piece.file_number, event.step)
                self.restarts[piece.file_number] = min(known, event.step)
                if self.step is not None and self.step >= event.step:
                    self.step = event.step - 1 if event.step > 0 else None
            if limit is not None and event.step >= limit:
                continue
            for value in event.values:
                if isinstance(value, Scalar):
                    self.add(batch, value.tag, event.step, event.wall_time, value.value)
                else:
                    self._other(batch, event, value, piece)
        return batch

    def warn(self, kind: str) -> None:
        self.warnings[kind] = self.warnings.get(kind, 0) + 1

    def recount(self, records: bytes) -> None:
        """Take the statistics anew from all of the run's records."""
        found, _ = recount(records)
        for number, slot in self._heads.values():
            slot[:] = found.get(number, nothing_yet())

    def status_metrics(self) -> dict[str, dict[str, Any]]:
        """Return the statistics as status.json holds them."""
        return {
            name: {
                "count": slot[_COUNT],
                "last": number_to_json(slot[_LAST]),
                "min": number_to_json(slot[_MIN]) if slot[_MIN] <= slot[_MAX] else None,
                "max": number_to_json(slot[_MAX]) if slot[_MIN] <= slot[_MAX] else None,
                "last_step": slot[_STEP],
                "last_time": number_to_json(slot[_TIME]),
            }
            for name, slot in self.stats.items()
            if slot[_COUNT]
        }

    def to_json(self) -> dict[str, Any]:
        """Return the whole state; from_json() gives it back."""
        return {
            "plugins": self.plugins.by_tag,
            "stats": {
                name: [n if isinstance(n, int) else number_to_json(n) for n in slot]
                for name, slot in self.stats.items()
            },
            "config": self.config,
            "warnings": self.warnings,
            "started_at": self.started_at,
            "step": self.step,
            "restarts": {str(number): step for number, step in self.restarts.items()},
        }

    @classmethod
    def from_json(cls, state: Mapping[str, Any]) -> Translator:
        """Raises KeyError, TypeError or ValueError for what to_json() never returns."""
        stats = {}
        for name, (count, last, low, high, step, time) in state["stats"].items():
            stats[name] = [int(count), *map(_number, (last, low, high)), int(step), _number(time)]
        return cls(
            Plugins(dict(state["plugins"])),
            stats,
            dict(state["config"]),
            dict(state["warnings"]),
            state["started_at"],
            state["step"],
            {int(number): int(step) for number, step in state["restarts"].items()},
        )

    def add(self, batch: Batch, metric: str, step: int, time: float, value: float) -> None:
        """Add one point to what is to be appended. time: unix seconds."""
        known = self._heads.get(metric)
        if known is None:
            slot = self.stats[metric] = nothing_yet()
            known = self._heads[metric] = (len(self._heads), slot)
            batch.keys.append(layout.encode_key(metric))
        number, slot = known
        batch.records.append(RECORD.pack(MARK, number, step, time, value))
        slot[_COUNT] += 1
        slot[_LAST] = value
        if value < slot[_MIN]:  # noqa: PLR1730 - min() costs 3 times as much
            slot[_MIN] = value
        if value > slot[_MAX]:  # noqa: PLR1730
            slot[_MAX] = value
        slot[_STEP] = self.step = step
        slot[_TIME] = time

    def _other(self, batch: Batch, event: Event, value: decode.Value, piece: Piece) -> None:
        if isinstance(value, HParams):
            self.config.update(value.config)
        elif isinstance(value, Passed):
            self.warn(f"tensorboard-{value.plugin}"[:100])
        elif isinstance(value, Histogram):
            item = {"edges": list(value.edges), "counts": [int(n) if n == int(n) else n for n in value.counts]}
            self._log(batch, Kind.HISTOGRAM, value.tag, event, [item])
        elif isinstance(value, Texts):
            self._log(
                batch, Kind.TEXT, value.tag, event, [_text(value.tag, event, span, piece) for span in value.spans]
            )
        elif isinstance(value, Images):
            size = {"width": value.width, "height": value.height} if value.width and value.height else {}
            items = [{"file": _file(value.tag, event, span, piece), **size} for span in value.spans]
            self._log(batch, Kind.IMAGE, value.tag, event, items)
        elif isinstance(value, Sounds):
            facts = (
                {"sample_rate": value.sample_rate, "duration_secs": value.duration_secs} if value.sample_rate else {}
            )
            items = [{"file": _file(value.tag, event, span, piece), **facts} for span in value.spans]
            self._log(batch, Kind.AUDIO, value.tag, event, items)

    def _log(self, batch: Batch, kind: Kind, tag: str, event: Event, items: list[dict[str, Any]]) -> None:
        if items:
            time = event.wall_time if math.isfinite(event.wall_time) else 0.0
            batch.events.append(encode_object(logged(kind, tag, event.step, time, items)) + b"\n")
            self.step = event.step


def media_range(path: str) -> MediaRange | None:
    """Return what a path below the run's folder stands for, or None where it is no such path."""
    match = _RANGE.fullmatch(path)
    if match is None or any(len(digits) > 15 for digits in match.groups()):
        return None
    return MediaRange(*map(int, match.groups()))


def _text(tag: str, event: Event, span: Span, piece: Piece) -> dict[str, Any]:
    """Return a text's item. One that is too long to stand in a line stays where it is."""
    start, end = span
    if end - start <= MAX_INLINE_CHARACTERS:
        return {"text": piece.data[start:end].decode("utf-8", "replace")}
    return {"file": _file(tag, event, span, piece, "txt")}


def _file(tag: str, event: Event, span: Span, piece: Piece, extension: str | None = None) -> str:
    """Return a path that says which bytes of which event file are meant; nothing is copied."""
    start, end = span
    slug = _UNSAFE.sub("-", tag).strip("-.")[:_MAX_SLUG]
    suffix = extension or _extension(piece.data[start : min(end, start + 16)])
    return f"{MEDIA}/{slug}_{event.step}_{piece.file_number}-{piece.offset + start}-{end - start}.{suffix}"


def _extension(head: bytes) -> str:
    for magic, extension in ((b"\x89PNG", "png"), (b"\xff\xd8\xff", "jpg"), (b"GIF8", "gif"), (b"BM", "bmp")):
        if head.startswith(magic):
            return extension
    if head.startswith(b"RIFF"):
        return {b"WEBP": "webp", b"WAVE": "wav"}.get(head[8:12], "bin")
    return "bin"


def _number(value: object) -> float:
    number = number_from_json(value)
    if number is None:
        raise ValueError(value)
    return number
