"""Frames of lines as a client reads them, written after docs/reference/lines.md and not after the viewer's own code."""

import json
import struct

import numpy as np

ODD = {None: np.nan, "Infinity": np.inf, "-Infinity": -np.inf}


def read_frames(data):
    """Yield each frame's head, with its columns as arrays of floats in `columns`."""
    at = 0
    while at < len(data):
        head_bytes, body_bytes = struct.unpack_from("<II", data, at)
        head = json.loads(data[at + 8 : at + 8 + head_bytes])
        at += 8 + head_bytes
        assert at % 8 == 0
        columns = {}
        offset = at
        for column in head.get("columns", ()):
            values, size = read_column(column, data, offset)
            columns[column["name"]] = values
            offset += -(-size // 8) * 8
        at += body_bytes
        assert offset == at
        yield {**head, "columns": columns}


def read_column(column, data, offset):
    """Return a column's values, and of how many bytes they are."""
    kind, length = column["kind"], column["length"]
    base = column.get("base", 0)
    base = ODD[base] if base is None or isinstance(base, str) else base
    if kind == "const":
        return np.full(length, base, float), 0
    if kind == "ramp":
        return base + np.arange(length) * column["scale"], 0
    dtype = np.dtype({"u1": "u1", "u2": "<u2", "u4": "<u4", "f4": "<f4", "f8": "<f8"}[kind])
    raw = np.frombuffer(data, dtype, length, offset).astype(float)
    return base + raw * column.get("scale", 1), dtype.itemsize * length
