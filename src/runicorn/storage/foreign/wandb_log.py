"""What W&B's log of a run holds: protobuf messages, of which media are told by their paths. Pure.

The numbers of the fields are those of wandb_internal.proto.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from runicorn.model import NON_FINITE, RunState
from runicorn.storage.events import MEDIA, Kind, logged
from runicorn.storage.foreign.facts import Facts
from runicorn.storage.tensorboard import wire
from runicorn.storage.tensorboard.wire import Field, WireError

_HISTORY, _SUMMARY, _OUTPUT, _CONFIG, _OUTPUT_RAW, _RUN, _EXIT = 2, 3, 4, 5, 13, 17, 18
_FILE_KINDS = {
    "image-file": Kind.IMAGE,
    "audio-file": Kind.AUDIO,
    "video-file": Kind.VIDEO,
    "html-file": Kind.HTML,
    "plotly-file": Kind.FIGURE,
    "table-file": Kind.TABLE,
}
_MAX_DEPTH = 8


class Taker(Protocol):
    """Takes a run's contents in their order, and knows what lies beside its log."""

    def point(self, metric: str, step: int, time: float, value: float) -> None: ...

    def event(self, event: Mapping[str, Any]) -> None:
        """Take what storage.events builds."""
        ...

    def console(self, content: bytes) -> None:
        """Take the next piece of what the program printed."""
        ...

    def file(self, path: str) -> str | None:
        """Take a file beside the log; return what it is called below the run's folder, None where it is not there."""
        ...

    def content(self, path: str) -> bytes:
        """Return what is in a file beside the log. Raises OSError; ConnectionError or TimeoutError ends take()."""
        ...


@dataclass
class WandbLog:
    """What was read of a run so far. A log of several segments is read one after the other, each with its taker."""

    run: dict[int, str] = field(default_factory=dict)
    tags: list[str] = field(default_factory=list)
    config: dict[str, Any] = field(default_factory=dict)
    summary: dict[str, Any] = field(default_factory=dict)
    metrics: set[str] = field(default_factory=set)
    left_out: dict[str, int] = field(default_factory=dict)
    started_at: float | None = None
    ended_at: float | None = None
    exit_code: int | None = None
    printed: bool = False

    def begin_segment(self) -> None:
        """Say that what comes next is of a process that went on with the run."""
        self.exit_code, self.printed = None, False

    def to_json(self) -> dict[str, Any]:
        """Return the whole state as plain JSON; from_json() gives it back."""
        return {
            "run": {str(number): text for number, text in self.run.items()},
            "tags": self.tags,
            "config": _plain(self.config),
            "summary": _plain(self.summary),
            "metrics": sorted(self.metrics),
            "left_out": self.left_out,
            "times": [self.started_at, self.ended_at],
            "exit_code": self.exit_code,
            "printed": self.printed,
        }

    @classmethod
    def from_json(cls, state: Mapping[str, Any]) -> WandbLog:
        """Raises KeyError, TypeError or ValueError for what to_json() never returns."""
        started_at, ended_at = (None if moment is None else float(moment) for moment in state["times"])
        return cls(
            {int(number): str(text) for number, text in state["run"].items()},
            [str(tag) for tag in state["tags"]],
            dict(state["config"]),
            dict(state["summary"]),
            set(state["metrics"]),
            {str(kind): int(count) for kind, count in state["left_out"].items()},
            started_at,
            ended_at,
            None if state["exit_code"] is None else int(state["exit_code"]),
            bool(state["printed"]),
        )

    def take(self, record: bytes, taker: Taker) -> None:
        """Take in one record. Raises ValueError for one that is damaged inside, OSError as Taker.content() does."""
        try:
            self._take(record, taker)
        except (WireError, RecursionError) as error:
            raise ValueError(str(error)) from error

    def _take(self, record: bytes, taker: Taker) -> None:
        for each in wire.fields(record):
            if each.number == _HISTORY:
                self._history(record, each, taker)
            elif each.number == _RUN:
                self._run(record, each)
            elif each.number == _CONFIG:
                self._update(record, each, self.config)
            elif each.number == _SUMMARY:
                self._update(record, each, self.summary)
            elif each.number in (_OUTPUT, _OUTPUT_RAW):
                self._output(record, each, taker)
            elif each.number == _EXIT:
                self.exit_code = next((wire.signed(f) for f in wire.message(record, each) if f.number == 1), 0)

    def facts(self, name: str, changed_at: float) -> Facts:
        """Return what is told of the run. name: where it has none. changed_at: of its file, in unix seconds."""
        config = {name: _plain(value) for name, value in self.config.items() if name != "_wandb"}
        summary = {
            name: _plain(value)
            for name, value in self.summary.items()
            if not name.startswith("_") and name not in self.metrics and not _is_special(value)
        }
        failed = bool(self.exit_code)
        return Facts(
            name=self.run.get(8) or self.run.get(1) or name,
            project="/".join(part for part in (self.run.get(3) or "wandb", self.run.get(6)) if part),
            created_at=changed_at if self.started_at is None else self.started_at,
            finished_at=self.ended_at or changed_at,
            state=RunState.RUNNING if self.exit_code is None else RunState.FAILED if failed else RunState.FINISHED,
            exit_reason=f"exit code {self.exit_code}" if failed else None,
            config=config,
            summary=summary,
            tags=tuple(self.tags),
            note=self.run.get(9) or "",
            host=self.run.get(13) or "",
            warnings={f"wandb-{kind}": count for kind, count in self.left_out.items()},
        )

    def _run(self, record: bytes, holder: Field) -> None:
        tags: list[str] = []
        for each in wire.message(record, holder):
            if each.number in (1, 3, 6, 8, 9, 13):
                self.run[each.number] = wire.text(record, each)
            elif each.number == 10:
                tags.append(wire.text(record, each))
            elif each.number == 4:
                self._update(record, each, self.config)
            elif each.number == 17 and self.started_at is None:
                self.started_at = _timestamp(record, each)
        self.tags = tags or self.tags

    def _update(self, record: bytes, holder: Field, target: dict[str, Any]) -> None:
        for each in wire.message(record, holder):
            if each.number == 1:
                path, value = _item(record, each)
                _put(target, path, value)
            elif each.number == 2:
                path, _ = _item(record, each)
                if len(path) == 1:
                    target.pop(path[0], None)

    def _history(self, record: bytes, holder: Field, taker: Taker) -> None:
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
                self._value(name, value, _At(step, seconds, taker), _MAX_DEPTH)

    def _value(self, name: str, value: Any, at: _At, depth: int) -> None:
        if isinstance(value, bool):
            value = int(value)
        if isinstance(value, str) and value in NON_FINITE:
            value = NON_FINITE[value]
        if isinstance(value, (int, float)):
            self.metrics.add(name.split("/", maxsplit=1)[0])
            self.metrics.add(name)
            at.taker.point(name, at.step, at.time, _float(value))
        elif isinstance(value, str):
            at.log(Kind.TEXT, name, [{"text": value}])
        elif isinstance(value, dict) and "_type" in value:
            try:
                self._special(name, value, at)
            except (KeyError, TypeError, ValueError, AttributeError):  # a shape of another version
                self._leave_out(str(value["_type"]))
        elif isinstance(value, dict) and depth:
            for key, inner in value.items():
                self._value(f"{name}/{key}", inner, at, depth - 1)
        elif value is not None:
            self._leave_out("list")

    def _special(self, name: str, value: Mapping[str, Any], at: _At) -> None:
        kind = str(value["_type"])
        if kind == "histogram" and "packedBins" in value:
            packed = value["packedBins"]
            counts = value["values"]
            edges = [packed["min"] + packed["size"] * n for n in range(len(counts) + 1)]
            at.log(Kind.HISTOGRAM, name, [{"edges": edges, "counts": counts}])
        elif kind == "histogram" and len(value.get("bins", ())) == len(value.get("values", ())) + 1:
            at.log(Kind.HISTOGRAM, name, [{"edges": value["bins"], "counts": value["values"]}])
        elif kind == "images/separated":
            paths = value.get("filenames") or [
                f"media/images/{name}_{at.step}_{n}.{value.get('format', 'png')}" for n in range(value.get("count", 0))
            ]
            captions = value.get("captions") or []
            items = [
                _file(path, value, captions[n] if n < len(captions) else None, at.taker) for n, path in enumerate(paths)
            ]
            self._log_files(Kind.IMAGE, name, items, at)
        elif kind in _FILE_KINDS:
            file = _file(str(value.get("path", "")), value, value.get("caption"), at.taker)
            if file is not None and kind == "plotly-file":
                file["format"] = "plotly"
            if file is not None and kind == "table-file":  # its form is that of our own tables
                file.update(_table(value, at.taker))
            self._log_files(_FILE_KINDS[kind], name, [file], at)
        else:
            _file(str(value.get("path", "")), value, None, at.taker)
            self._leave_out(kind)

    def _log_files(self, kind: Kind, name: str, items: list[dict[str, Any] | None], at: _At) -> None:
        present = [item for item in items if item is not None]
        if len(present) < len(items):
            self._leave_out("missing-file")
        if present:
            at.log(kind, name, present)

    def _leave_out(self, kind: str) -> None:
        self.left_out[kind[:80]] = self.left_out.get(kind[:80], 0) + 1

    def _output(self, record: bytes, holder: Field, taker: Taker) -> None:
        for each in wire.message(record, holder):
            if each.number == 3:
                self.printed = True
                taker.console(wire.content(record, each))


class _At(NamedTuple):
    """Where in the run a value was logged, and who takes it. time: unix seconds."""

    step: int
    time: float
    taker: Taker

    def log(self, kind: Kind, name: str, items: list[dict[str, Any]]) -> None:
        self.taker.event(logged(kind, name, self.step, self.time, items))


def _file(path: str, value: Mapping[str, Any], caption: Any, taker: Taker) -> dict[str, Any] | None:
    """Take a file that lies beside the log, and return its item; None where it is not there."""
    if not path.startswith(MEDIA + "/") or not {"", ".", ".."}.isdisjoint(path.split("/")):
        return None
    name = taker.file(path)
    if name is None:
        return None
    item: dict[str, Any] = {"file": name}
    for key in ("width", "height"):
        if isinstance(value.get(key), int):
            item[key] = value[key]
    if isinstance(caption, str):
        item["caption"] = caption
    return item


def _table(value: Mapping[str, Any], taker: Taker) -> dict[str, Any]:
    """Return what is said of a table: of one that cannot be read now, what stands in the log."""
    try:
        table = json.loads(taker.content(str(value["path"])))
    except (ConnectionError, TimeoutError):
        raise
    except OSError:
        return {"columns": [], "rows": int(value["nrows"])}
    return {"columns": [str(name) for name in table["columns"]], "rows": len(table["data"])}


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
