"""Logs that other tools wrote, and what their bytes give however they come in."""

import json
from pathlib import Path

from runicorn.storage.foreign.kinds import Kind
from runicorn.storage.foreign.readers import new_reader, reader_from_json

LOGS = Path(__file__).parents[1] / "data" / "foreign"
LINE_LOGS = {
    "lightning/lightning_logs/version_0/metrics.csv": Kind.LIGHTNING,
    "lightning/metrics.before.csv": Kind.LIGHTNING,
    "keras/training.csv": Kind.KERAS,
    "keras/semicolons.csv": Kind.KERAS,
    "ultralytics/results.csv": Kind.ULTRALYTICS,
    "stable_baselines3/progress.csv": Kind.STABLE_BASELINES,
    "stable_baselines3/progress.json": Kind.JSON_LINES,
    "mmengine/scalars.json": Kind.JSON_LINES,
}
MTIME = 1_700_000_000.0


def log(path):
    return (LOGS / path).read_bytes()


def taken(kind, data, mtime=MTIME):
    """Points of bytes that are there at once, and the reader."""
    reader = new_reader(kind)
    found = reader.take(data, mtime)
    return list(found.points), reader


def taken_in_pieces(kind, data, cuts, mtime=lambda data: MTIME):
    """Points of bytes that grow to each of `cuts`, with a reader that goes through JSON each time, and the reader."""
    points = []
    reader = new_reader(kind)
    for cut in sorted({*cuts, len(data)}):
        reader = reader_from_json(json.loads(json.dumps(reader.to_json())))
        points += reader.take(data[reader.consumed_bytes : cut], mtime(data[:cut])).points
    return points, reader


def comparable(points):
    """Points that are equal where they are the same: NaN is not."""
    return [(point.metric, point.step, point.time, repr(point.value)) for point in points]
