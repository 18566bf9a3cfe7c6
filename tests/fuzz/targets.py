"""What must hold of whatever bytes come from a disk or a client: one function for each reader, that takes any bytes.

Each raises AssertionError, or what the reader should not have raised. `SEEDS` has bytes that lead each of them inside.
This file imports no fuzzer, so that the ordinary tests go through the same functions.
"""

from __future__ import annotations

import base64
import itertools
import json
import struct
import zlib
from collections.abc import Callable
from typing import Any

import msgspec

from runicorn.errors import InvalidQueryError, UsageError
from runicorn.sources import artifact_list
from runicorn.sources.folder import Place
from runicorn.storage import claims, columns, layout, liveness, packing, reader, records
from runicorn.storage.artifacts import manifest
from runicorn.storage.foreign.config import config_of
from runicorn.storage.foreign.kinds import Kind
from runicorn.storage.foreign.line_log import LineLog
from runicorn.storage.foreign.readers import new_reader, reader_from_json
from runicorn.storage.foreign.recognition import Candidate, kind_of
from runicorn.storage.indexed_run import IndexedRun
from runicorn.storage.jsonio import MAX_DEPTH, decode_object, encode_object
from runicorn.storage.query import parse_query
from runicorn.storage.reader import SmallFiles
from runicorn.storage.tensorboard import framing, wire
from runicorn.storage.tensorboard.translate import Piece, Translator
from runicorn.viewer import run_list
from runicorn.viewer.cursors import Cursor, SourceCursor
from runicorn.viewer.page_cursor import PageCursor
from runicorn.viewer.run_filter import RunFilter, RunOrder
from runicorn.viewer.run_groups import Grouping
from runicorn.viewer.schemas import details_to_wire, encode

NOW = 1_800_000_000.0
_MAX_UNPACKED = 1 << 22
_LISTS = [
    run_list.Wanted.parse(RunFilter.parse(q=q), sort=sort, order=order, limit=10, columns=["min.loss", "best.a"])
    for q, sort, order in (
        ("", ["config.lr"], ["asc"]), ("config.lr < 0.1 and tag:a", ["summary.best", "tags"], ["desc", "asc"]),
        ("x step>1", ["step", "mean.loss"], ["asc"]), ("", ["duration_secs"], ["desc"]),
        ("state:failed or not (a or name ~ ^a+$)", ["name"], ["asc"]), ("created > -7d", ["min.loss"], ["desc"]),
    )
]  # fmt: skip
_GROUPINGS = [
    Grouping.parse(by=by, sort=["summary.best"], stat=["summary.best", "config.lr", "step"], ranges=["0-9"])
    for by in (["config.lr"], ["tags", "project"], ["config.a", "state", "group"])
]


def scanning(data: bytes) -> None:
    """The plain reader of records and the fast one agree, and every span lies in the data, one after another."""
    found = records.scan(data)
    end = 0
    for start, count in found.spans:
        assert end <= start and count > 0
        end = start + count * records.RECORD_BYTES
        assert data.startswith(records.MARK_BYTES, start)
    assert end <= found.consumed <= len(data)
    assert found.skipped * records.RECORD_BYTES <= found.consumed + records.RECORD_BYTES * (len(found.spans) + 1)
    rows, skipped, consumed = columns.unpack(data)
    assert (skipped, consumed) == (found.skipped, found.consumed)
    plain = b"".join(data[start : start + count * records.RECORD_BYTES] for start, count in found.spans)
    assert rows.tobytes() == plain
    assert len(list(records.unpack(data, found))) == len(rows)
    assert sum(len(part) for _, part in columns.split(rows)) == len(rows)


def keys(data: bytes) -> None:
    """There is one name, or none, for each whole line, and each can be sent."""
    names, consumed = layout.decode_keys(data)
    assert (len(names), consumed) == (data.count(b"\n"), data.rfind(b"\n") + 1)
    for name in layout.shown_keys(data):
        assert name is None or name.encode().decode() == name


def objects(data: bytes) -> None:
    """What is read as an object can be handled, written and read again."""
    found = decode_object(data)
    if found is None:
        return
    assert _depth(found) <= MAX_DEPTH
    try:
        written = encode_object(found)
    except ValueError:  # infinities, of numbers such as 1e999
        return
    assert decode_object(written) is not None


def runs(data: bytes) -> None:
    """Three files of anything are a run that can be listed, found and sent."""
    _check_run(*(decode_object(part) for part in (*data.split(b"\0"), b"", b"", b"")[:3]))


def made_runs(data: bytes) -> None:
    """The same of objects that are made of the bytes, with the names that a run's files have."""
    making = _Making(data)
    _check_run(*(decode_object(json.dumps(making.object()).encode()) for _ in range(3)))


def _check_run(info: Any, status: Any, notes: Any) -> None:
    run = reader.build_run("run", SmallFiles(info, status, notes, NOW))
    details = reader.build_details(run, info or {}, status or {}, {}, 0)
    _assert_answer(details_to_wire(details, [], NOW))
    other = reader.build_run("other", SmallFiles(notes, info, status, NOW))
    items = [IndexedRun(run, version=1), IndexedRun(other, version=2)]
    for wanted in _LISTS:
        assert isinstance(msgspec.json.decode(run_list.RunListWriter().write(items, wanted, NOW)), dict)
    for grouping in _GROUPINGS:
        answer = run_list.RunListWriter().write_groups(items, RunFilter(), grouping, NOW)
        assert isinstance(msgspec.json.decode(answer), dict)


def artifacts(data: bytes) -> None:
    """Any object is no version, or one that can be sent and whose paths stay inside."""
    _check_version(decode_object(data))


def made_artifacts(data: bytes) -> None:
    """The same of objects that are made of the bytes."""
    _check_version(decode_object(json.dumps(_Making(data).object()).encode()))


def _check_version(value: Any) -> None:
    found = manifest.from_object("name", 0, value)
    if found is None:
        return
    for path in (*(entry.path for entry in found.content.files), *found.content.folders):
        assert not path.startswith("/") and not {"", ".", ".."} & set(path.split("/"))
    _assert_answer(artifact_list.files_to_wire(found, 0, 1000, {}))


def writers_claims(data: bytes) -> None:
    """Any claim names a process, or none, of which it can be told whether it lives."""
    origin = claims.parse(data)
    place = liveness.Place(origin.host, origin.pid_scope)
    assert liveness.is_alive(origin, liveness.Pulse(0.0), place) in (True, False)


def packed(data: bytes) -> None:
    """A header is refused, or its chunks lie in order and unpack into what it says; and packing loses nothing."""
    whole = data[: len(data) // records.RECORD_BYTES * records.RECORD_BYTES]
    assert _unpacked(packing.pack(whole)) == whole
    try:
        length = packing.header_length(data)
        body = data[: length - 4]
        contents = packing.read_header(body + zlib.crc32(body).to_bytes(4, "little"))
    except ValueError:
        return
    assert sum(chunk.records for chunk in contents.chunks) * records.RECORD_BYTES == contents.size_bytes
    assert all(a.start + a.length == b.start for a, b in itertools.pairwise(contents.chunks))
    assert len(contents.covering(0, contents.size_bytes)) == len(contents.chunks)
    for chunk in contents.chunks[:4]:
        assert chunk.records * records.RECORD_BYTES <= packing.MAX_CHUNK_BYTES
        if chunk.records * records.RECORD_BYTES <= _MAX_UNPACKED:
            found = packing.unpack_chunk(data[chunk.start : chunk.start + chunk.length], chunk)
            assert len(found) == chunk.records * records.RECORD_BYTES


def event_files(data: bytes) -> None:
    """Frames lie in order, and what they hold is taken or counted, whatever it is."""
    found = framing.frames(data)
    end = 0
    for start, stop in found.spans:
        assert end + framing.HEAD_BYTES == start <= stop
        end = stop + framing.TAIL_BYTES
    assert found.consumed == end <= len(data)
    framed = b"".join(map(framing.framed, data.split(b"\xff\xfe")))
    spans = framing.frames(framed).spans
    assert len(spans) == data.count(b"\xff\xfe") + 1
    translator = Translator()
    batch = translator.take(Piece(framed, spans, 0, 0))
    for key in batch.keys:
        assert layout.decode_keys(key)[0][0] is not None
    assert all(len(record) % records.RECORD_BYTES == 0 for record in batch.records)
    for event in batch.events:
        assert decode_object(event) is not None
    again = Translator.from_json(json.loads(json.dumps(translator.to_json(), allow_nan=False)))
    assert list(again.stats) == list(translator.stats)
    encode_object({"metrics": translator.status_metrics()})


def messages(data: bytes) -> None:
    """Fields follow each other to the end, or it is no message."""
    at = 0
    try:
        for field in wire.fields(data):
            assert at < field.end <= len(data) and field.start <= field.end
            at = field.end
    except wire.WireError:
        return
    assert at == len(data)


class _Row:
    """What a query is tried on."""

    def search_text(self) -> str:
        return "calm-fox vision"

    def field(self, name: str) -> Any:
        return {"tags": ("a", "b"), "state": "running", "config.lr": 0.5, "config.list": [1], "step": 3}.get(name)


def queries(data: bytes) -> None:
    """A text is a query, or is told to be none."""
    text = data.decode("utf-8", "replace")
    try:
        assert parse_query(text)(_Row()) in (True, False)
    except InvalidQueryError as error:
        error.detail.encode()


def cursors(data: bytes) -> None:
    """A cursor is refused, or can be used and given out again."""
    _check_cursor(data.decode("utf-8", "replace"))


def made_cursors(data: bytes) -> None:
    """The same of cursors around a list that is made of the bytes."""
    _check_cursor(base64.urlsafe_b64encode(json.dumps(_Making(data).list()).encode()).decode().rstrip("="))


def _check_cursor(text: str) -> None:
    try:
        cursor = PageCursor.decode(text)
    except UsageError:
        pass
    else:
        assert cursor.start([], RunOrder()) >= 0
        assert PageCursor.decode(cursor.encode()) == cursor
    try:
        place = Cursor.decode(text)
    except UsageError:
        return
    again = Cursor.decode(place.encode())
    assert (again.sources, again.instance) == (place.sources, place.instance)
    assert abs(place.at - NOW) < float("inf")


def foreign_logs(data: bytes) -> None:
    """In two pieces a log gives what it gives at once, and its state goes through JSON."""
    cut = data[0] * len(data) // 256 if data else 0
    for kind in Kind:
        whole, reader = new_reader(kind), new_reader(kind)
        points = list(whole.take(data, NOW).points)
        kind_of(Candidate("log", (kind,)), data)
        config_of(kind, {"hparams.yaml": data[:2000], "config.json": data})
        if isinstance(reader, LineLog):
            found = list(reader.take(data[:cut], NOW).points)
            reader = reader_from_json(json.loads(json.dumps(reader.to_json())))
            assert isinstance(reader, LineLog)
            found += reader.take(data[reader.consumed_bytes :], NOW).points
            assert [(each.metric, each.step, repr(each.value)) for each in found] == [
                (each.metric, each.step, repr(each.value)) for each in points
            ]
            assert reader.warnings == whole.warnings


TARGETS: dict[str, Callable[[bytes], None]] = {
    check.__name__: check
    for check in (
        scanning, keys, objects, runs, made_runs, artifacts, made_artifacts, writers_claims, packed, event_files,
        messages, queries, cursors, made_cursors, foreign_logs,
    )
}  # fmt: skip


class _Making:
    """Makes plain values of bytes, the same of the same ones; where they end, everything is None."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def object(self, depth: int = 0) -> dict[str, Any]:
        return {self._word(): self._value(depth + 1) for _ in range(self._byte() % 24)}

    def list(self, depth: int = 0) -> list[Any]:
        return [self._value(depth + 1) for _ in range(self._byte() % 8)]

    def _byte(self) -> int:
        self._at += 1
        return self._data[self._at - 1] if self._at <= len(self._data) else 0

    def _take(self, length: int) -> bytes:
        self._at += length
        return self._data[self._at - length : self._at]

    def _word(self) -> str:
        number = self._byte()
        return WORDS[number] if number < len(WORDS) else self._take(number % 8).decode("utf-8", "surrogateescape")

    def _value(self, depth: int) -> Any:
        kind = self._byte() % 12
        if kind < 6:
            plain = (None, True, False, 0, -1, "")
            return plain[kind]
        if kind == 6:
            return int.from_bytes(self._take(self._byte() % 40), "little", signed=True)
        if kind == 7:
            return struct.unpack("<d", self._take(8).ljust(8, b"\0"))[0]
        if kind in (8, 9):
            return self._word()
        if depth > 6:
            return []
        return self.object(depth) if kind == 10 else self.list(depth)


def _unpacked(data: bytes) -> bytes:
    contents = packing.read_header(data)
    return b"".join(
        packing.unpack_chunk(data[chunk.start : chunk.start + chunk.length], chunk) for chunk in contents.chunks
    )


def _assert_answer(value: Any) -> None:
    """The answer is JSON in UTF-8, for the page and for anything else that reads strictly."""
    sent = encode(value)
    sent.decode()
    assert isinstance(msgspec.json.decode(sent), dict)


def _depth(value: Any) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + max(map(_depth, inner), default=0)


def _field(number: int, content: bytes | int) -> bytes:
    """Return a field of a message with less than 128 bytes."""
    if isinstance(content, int):
        return bytes([number << 3, content])
    return bytes([number << 3 | 2, len(content)]) + content


_RECORDS = b"".join(records.pack(at % 2, at, NOW + at, at / 3) for at in range(6))
_SCALAR = _field(1, b"loss") + b"\x15" + struct.pack("<f", 0.25)
_EVENTS = [
    b"\x09" + struct.pack("<d", NOW) + _field(2, step) + _field(5, _field(1, value))
    for step, value in enumerate(
        (
            _SCALAR,
            _field(1, b"image") + _field(4, _field(1, 8) + _field(2, 8) + _field(4, b"\x89PNG\r\n\x1a\n")),
            _field(1, b"sound") + _field(6, b"\x0d" + struct.pack("<f", 8000) + _field(3, 9) + _field(4, b"RIFF")),
            _field(1, b"weights")
            + _field(5, _field(6, struct.pack("<3d", 0, 1, 2)) + _field(7, struct.pack("<3d", 1, 2, 3))),
            _field(1, b"text")
            + _field(9, _field(1, _field(1, b"text")))
            + _field(8, _field(1, 7) + _field(8, b"words")),
            _field(1, b"histogram")
            + _field(9, _field(1, _field(1, b"histograms")))
            + _field(8, _field(1, 2) + _field(2, _field(2, _field(1, 1)) * 2) + _field(6, struct.pack("<3d", 0, 1, 2))),
        )
    )
]
_INFO = {
    "name": "calm-fox", "project": "vision/resnet", "tags": ["a"], "created_at": "2026-11-23T09:30:15.123Z",
    "config": {"lr": 0.1, "deep": {"list": [1, "NaN", None]}}, "argv": ["train.py"], "pid": 3, "pid_started_at": 1.5,
    "pid_start": 15, "git": {"commit": "abc", "dirty": True}, "packages": {"torch": "2"}, "gpus": ["A100"],
    "metric_definitions": [{"name": "val/*", "summary": ["min"], "hidden": True}],
}  # fmt: skip
_STATUS = {
    "state": "failed", "heartbeat_at": "2026-11-23T09:30:15Z", "finished_at": None, "step": 3, "exit_reason": "x",
    "summary": {"best": 1}, "metrics": {"loss": {"count": 1, "last": 0.5, "min": "NaN", "max": None, "last_step": 0}},
    "warnings": {"console": 2},
}  # fmt: skip
_MANIFEST = {
    "type": "model", "description": "d", "metadata": {"a": 1}, "created_at": "2026-11-23T09:30:15Z", "run": "r",
    "step": 1, "files": [{"path": "weights/model.pt", "size": 3, "sha256": "0" * 64}], "folders": ["empty"],
}  # fmt: skip


def _names(value: Any) -> set[str]:
    if isinstance(value, dict):
        return {*value, *(name for each in value.values() for name in _names(each))}
    if isinstance(value, list):
        return {name for each in value for name in _names(each)}
    return {value} if isinstance(value, str) else set()


WORDS = sorted(_names([_INFO, _STATUS, _MANIFEST]) | {"NaN", "Infinity", "running", "finished", "user", "host", "note",
               "deleted_at", "archived", "notes", "group", "metrics.bin", "0001-01-01T00:00:00+23:59", "\ud800",
               "9999-12-31T23:59:59-23:59", "..", "a/../b", "C:", "/"})  # fmt: skip
_MADE = [bytes(range(first, 256)) * 3 for first in (0, 3, 9, 11)]

SEEDS: dict[str, list[bytes]] = {
    "scanning": [b"", _RECORDS, _RECORDS[:40] + _RECORDS, b"\0" * 32 + _RECORDS[:-7]],
    "keys": [b"", b'"loss"\n"acc"\n"\\ud800"\nnot json\n"torn'],
    "foreign_logs": [
        b'epoch,loss,note\n0,0.5,"a, b"\n1,nan,\r\n2,1e-3,"c\nd"\n',
        b"time/total_timesteps;time/time_elapsed;a\n100;1;0,5\n200;2;\n",
        b'{"step": 1, "loss": NaN, "val": {"acc": 0.5}, "time": 1700000000}\n{"log_history": [{"step": 1}]}\n',
        b"lr: 1e-3\noptimizer: !!python/name:torch.optim.SGD ''\nsizes: !!python/tuple [4, &a 2]\nb: *a\n",
    ],
    "objects": [
        b"{}",
        json.dumps(_INFO).encode(),
        b'{"a": NaN, "b": "\\ud800", "c": 1e999}',
        b'{"a":' * 99 + b"1" + b"}" * 99,
    ],
    "runs": [b"\0".join(json.dumps(each).encode() for each in (_INFO, _STATUS, {"name": "n", "archived": True}))],
    "made_runs": _MADE,
    "made_artifacts": _MADE,
    "made_cursors": [*_MADE, b"\xfcA\x03\xa3\xa9\x1c\xff\xff\xff\xff\xff\xff\xd6"],  # its time is NaN
    "artifacts": [json.dumps(_MANIFEST).encode()],
    "writers_claims": [
        b'{"host": "gpu-7", "pid": 17, "pid_start": 4711, "pid_scope": "boot/pid:[1]"}',
        b'["gpu-7", "boot/pid:[1]", 17, 1.5]',
    ],
    "packed": [_RECORDS, packing.pack(_RECORDS), packing.pack(b"")],
    "event_files": [b"\xff\xfe".join(_EVENTS), framing.framed(_EVENTS[0]) * 2],
    "messages": [*_EVENTS, b"\x08\x96\x01\x19" + bytes(8)],
    "queries": [b'config.lr < 0.01 and not tag:baseline or "two words"', b"state:running step>=3 (x) config.list=[1]"],
    "cursors": [
        PageCursor(3, "run").encode().encode(),
        PageCursor(3, "run", ((0, 1.5, ""), None, (1, 0.0, "resnet"))).encode().encode(),
        Cursor(NOW, {"local": SourceCursor(7, {"run": Place({"metrics.bin": 64}, {"metrics.bin": 5})})})
        .encode()
        .encode(),
    ],
}
