"""Event files of TensorBoard, made with tensorboardX's messages: the second implementation beside our reader."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tensorboardX import SummaryWriter
from tensorboardX.proto.event_pb2 import Event, SessionLog
from tensorboardX.proto.summary_pb2 import HistogramProto, Summary, SummaryMetadata
from tensorboardX.proto.tensor_pb2 import TensorProto
from tensorboardX.proto.tensor_shape_pb2 import TensorShapeProto
from tensorboardX.record_writer import RecordWriter

FLOAT, DOUBLE, STRING, BFLOAT16, HALF = 1, 2, 7, 14, 19


def event(*values: Any, step: int = 0, time: float = 1_700_000_000.25) -> Any:
    """Return an Event with these Summary.Values."""
    return Event(wall_time=time, step=step, summary=Summary(value=values))


def restart(step: int) -> Any:
    """Return the Event that purge_step writes: a program went on from this step."""
    return Event(wall_time=1_700_000_000.5, step=step, session_log=SessionLog(status=SessionLog.START))


def scalar(tag: str, value: float) -> Any:
    return Summary.Value(tag=tag, simple_value=value)


def metadata(plugin: str, content: bytes = b"") -> Any:
    return SummaryMetadata(plugin_data=SummaryMetadata.PluginData(plugin_name=plugin, content=content))


def tensor(kind: int, shape: Iterable[int] = (), **fields: Any) -> Any:
    dims = [TensorShapeProto.Dim(size=size) for size in shape]
    return TensorProto(dtype=kind, tensor_shape=TensorShapeProto(dim=dims), **fields)


def plugin_value(tag: str, plugin: str | None, body: Any) -> Any:
    """Return a tensor value; later ones of a tag come without the plugin's name."""
    return Summary.Value(tag=tag, tensor=body, metadata=metadata(plugin) if plugin else None)


def image(tag: str, png: bytes, width: int, height: int) -> Any:
    return Summary.Value(tag=tag, image=Summary.Image(width=width, height=height, encoded_image_string=png))


def histogram(tag: str, **fields: Any) -> Any:
    return Summary.Value(tag=tag, histo=HistogramProto(**fields))


def png(width: int, height: int) -> bytes:
    """Return a grey picture."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4, "big") + name + data + zlib.crc32(name + data).to_bytes(4, "big")

    rows = b"".join(b"\0" + bytes(width) for _ in range(height))
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def write_events(path: Path, events: Iterable[Any]) -> bytes:
    """Write an event file with tensorboardX's own framing, and return its bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = RecordWriter(str(path))
    for each in events:
        writer.write(each.SerializeToString())
    writer.close()
    return path.read_bytes()


def summary_writer(folder: Path) -> SummaryWriter:
    """Return a writer as a training script uses one, which writes at once."""
    return SummaryWriter(str(folder), max_queue=0, flush_secs=1)
