"""What an event holds: the messages Event and Summary, and each plugin's way to put its values into them. Pure.

The numbers of the fields are those of TensorBoard's event.proto and summary.proto. A tag's plugin is told only with its
first value, so the caller keeps what is known of them from one event to the next.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from runicorn.storage.tensorboard import hparams, tensors, wire
from runicorn.storage.tensorboard.hparams import HParams
from runicorn.storage.tensorboard.wire import BYTES, Field, WireError

Span = tuple[int, int]

SCALARS, TEXTS, IMAGES, AUDIO, HISTOGRAMS, HPARAMS = "scalars", "text", "images", "audio", "histograms", "hparams"
_PLUGINS = {SCALARS, TEXTS, IMAGES, AUDIO, HISTOGRAMS, HPARAMS}
_MAX_BUCKETS = 10_000
_SESSION_START = 1  # of SessionLog, as writers put it with purge_step


@dataclass(frozen=True)
class Scalar:
    tag: str
    value: float


@dataclass(frozen=True)
class Texts:
    """spans: where each text lies in the data that was decoded, as UTF-8."""

    tag: str
    spans: tuple[Span, ...]


@dataclass(frozen=True)
class Images:
    """spans: where each encoded picture lies. width, height: in pixels, 0 where they are not told."""

    tag: str
    spans: tuple[Span, ...]
    width: int = 0
    height: int = 0


@dataclass(frozen=True)
class Sounds:
    """spans: where each encoded sound lies, WAV. sample_rate: per second, 0 where it is not told."""

    tag: str
    spans: tuple[Span, ...]
    sample_rate: float = 0.0
    duration_secs: float = 0.0


@dataclass(frozen=True)
class Histogram:
    """edges: one more than counts, finite and rising."""

    tag: str
    edges: tuple[float, ...]
    counts: tuple[float, ...]


@dataclass(frozen=True)
class Passed:
    """A value that Runicorn has no place for. plugin: whose it is."""

    tag: str
    plugin: str


Value = Scalar | Texts | Images | Sounds | Histogram | Passed | HParams


@dataclass(frozen=True)
class Event:
    """wall_time: unix seconds. values: in the order in which they were written.

    restarts: a program went on from a checkpoint: what was logged of this step and later ones before is abandoned.
    """

    wall_time: float
    step: int
    values: tuple[Value, ...] = ()
    restarts: bool = False


@dataclass
class Plugins:
    """Which plugin each tag belongs to, as far as it was told."""

    by_tag: dict[str, str] = field(default_factory=dict)


def decode(data: bytes, start: int, end: int, plugins: Plugins) -> Event:
    """Return the event from `start` to `end`; what it tells of plugins goes into `plugins`. Raises WireError."""
    wall_time = 0.0
    step = 0
    values: list[Value] = []
    restarts = False
    for found in wire.fields(data, start, end):
        number = found.number
        if number == 1:
            wall_time = wire.double(data, found)
        elif number == 2:
            step = wire.signed(found)
        elif number == 5:
            for each in wire.message(data, found):
                if each.number == 1:
                    value = _value(data, each, plugins)
                    if value is not None:
                        values.append(value)
        elif number == 7:
            restarts = any(each.number == 1 and each.value == _SESSION_START for each in wire.message(data, found))
    return Event(wall_time, step, tuple(values), restarts)


def _value(data: bytes, summary_value: Field, plugins: Plugins) -> Value | None:
    tag = ""
    metadata: Field | None = None
    body: Field | None = None
    for found in wire.message(data, summary_value):
        number = found.number
        if number == 1:
            tag = wire.text(data, found)
        elif number == 9:
            metadata = found
        elif number in (2, 4, 5, 6, 8):
            body = found
    plugin = plugins.by_tag.get(tag, "")
    if metadata is not None:
        told, content = _metadata(data, metadata)
        if told == HPARAMS:
            return hparams.decode(content)
        if told:
            plugin = plugins.by_tag[tag] = told
    if body is None:
        return None
    if body.number == 2:
        return Scalar(tag, wire.single(data, body))
    if body.number == 4:
        return _image(data, tag, body)
    if body.number == 5:
        return _old_histogram(data, tag, body)
    if body.number == 6:
        return _sound(data, tag, body)
    if plugin and plugin not in _PLUGINS:
        return Passed(tag, plugin)
    if body.kind != BYTES:
        raise WireError("A tensor was expected.")
    return _tensor(data, tag, plugin, body)


def _metadata(data: bytes, metadata: Field) -> tuple[str, bytes]:
    """Return a plugin's name and what it put down for itself."""
    name, content = "", b""
    for found in wire.message(data, metadata):
        if found.number == 1:
            for each in wire.message(data, found):
                if each.number == 1:
                    name = wire.text(data, each)
                elif each.number == 2:
                    content = wire.content(data, each)
    return name, content


def _tensor(data: bytes, tag: str, plugin: str, body: Field) -> Value | None:
    tensor = tensors.decode(data, body.start, body.end)
    if plugin == TEXTS or (not plugin and tensor.strings):
        return Texts(tag.removesuffix("/text_summary"), tensor.strings)
    if plugin == IMAGES:  # width and height as texts, then the pictures
        width, height = (_integer(data[a:b]) for a, b in (*tensor.strings[:2], (0, 0), (0, 0))[:2])
        return Images(tag, tensor.strings[2:], width, height)
    if plugin == AUDIO:  # rows of a sound and its label
        step = 2 if len(tensor.shape) == 2 and tensor.shape[1] == 2 else 1
        return Sounds(tag, tensor.strings[::step])
    if plugin == HISTOGRAMS:  # rows of left edge, right edge, count
        rows = tensor.numbers
        return _histogram(tag, rows[0::3], rows[1::3], rows[2::3])
    if len(tensor.numbers) == 1:
        return Scalar(tag, float(tensor.numbers[0]))
    return Passed(tag, plugin or "tensor")


def _image(data: bytes, tag: str, body: Field) -> Images:
    width = height = 0
    spans: tuple[Span, ...] = ()
    for found in wire.message(data, body):
        if found.number == 1:
            height = wire.signed(found)
        elif found.number == 2:
            width = wire.signed(found)
        elif found.number == 4:
            spans = ((found.start, found.end),)
    return Images(tag, spans, width, height)


def _sound(data: bytes, tag: str, body: Field) -> Sounds:
    rate, length = 0.0, 0
    spans: tuple[Span, ...] = ()
    for found in wire.message(data, body):
        if found.number == 1:
            rate = wire.single(data, found)
        elif found.number == 3:
            length = wire.signed(found)
        elif found.number == 4:
            spans = ((found.start, found.end),)
    usable = math.isfinite(rate) and rate > 0
    return Sounds(tag, spans, rate if usable else 0.0, length / rate if usable else 0.0)


def _old_histogram(data: bytes, tag: str, body: Field) -> Value | None:
    """Decode a HistogramProto: right edges that reach as far as a double does, and the values' true range."""
    low = high = 0.0
    limits: list[float] = []
    counts: list[float] = []
    for found in wire.message(data, body):
        if found.number == 1:
            low = wire.double(data, found)
        elif found.number == 2:
            high = wire.double(data, found)
        elif found.number == 6:
            limits += wire.doubles(data, found)
        elif found.number == 7:
            counts += wire.doubles(data, found)
    lefts = [low, *limits[:-1]]
    return _histogram(tag, _clipped(lefts, low, high), _clipped(limits, low, high), counts)


def _clipped(edges: Iterable[float], low: float, high: float) -> list[float]:
    return [min(max(edge, low), high) for edge in edges]


def _histogram(tag: str, lefts: Sequence[float], rights: Sequence[float], counts: Sequence[float]) -> Value | None:
    """Return the histogram without the empty buckets at its ends, and with neighbouring empty ones as one: writers
    lay 1,500 buckets over all that a float can be, and leave most of them empty. None where nothing can be drawn.
    """
    buckets: list[tuple[float, float, float]] = []
    for left, right, count in zip(lefts, rights, counts, strict=False):
        if count or (buckets and buckets[-1][2]):
            buckets.append((left, right, count))
        elif buckets:
            buckets[-1] = (buckets[-1][0], right, count)
    if buckets and not buckets[-1][2]:
        buckets.pop()
    if not buckets or len(buckets) > _MAX_BUCKETS:
        return None
    edges = [buckets[0][0], *(right for _, right, _ in buckets)]
    counted = [count for _, _, count in buckets]
    if not all(map(math.isfinite, [*edges, *counted])) or any(b < a for a, b in pairwise(edges)):
        return None
    return Histogram(tag, tuple(edges), tuple(counted))


def _integer(digits: bytes) -> int:
    try:
        return int(digits[:9])
    except ValueError:
        return 0
