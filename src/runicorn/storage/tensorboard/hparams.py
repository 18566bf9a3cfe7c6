"""Hyperparameters as TensorBoard's hparams plugin puts them down: messages in a summary's metadata. Pure.

The numbers of the fields are those of TensorBoard's hparams/plugin_data.proto and google/protobuf/struct.proto.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from runicorn.model import number_to_json
from runicorn.storage.tensorboard import wire
from runicorn.storage.tensorboard.wire import Field, WireError

_MAX_DEPTH = 20
_MAX_INTEGER = 2.0**53


@dataclass(frozen=True)
class HParams:
    """config: plain JSON, whole numbers as integers (the message knows doubles only). group: of runs, often empty."""

    config: Mapping[str, Any]
    group: str = ""


def decode(data: bytes) -> HParams | None:
    """Return what a session started with, or None where the message tells something else. Raises WireError."""
    for found in wire.fields(data):
        if found.number == 3:
            return _session(data, found)
    return None


def _session(data: bytes, info: Field) -> HParams:
    config: dict[str, Any] = {}
    group = ""
    for found in wire.message(data, info):
        if found.number == 1:
            name, value = "", None
            for each in wire.message(data, found):
                if each.number == 1:
                    name = wire.text(data, each)
                elif each.number == 2:
                    value = _value(data, each, _MAX_DEPTH)
            config[name] = value
        elif found.number == 4:
            group = wire.text(data, found)
    return HParams(config, group)


def _value(data: bytes, holder: Field, depth: int) -> Any:
    if depth == 0:
        raise WireError("A hyperparameter is nested too deeply.")
    value: Any = None
    for found in wire.message(data, holder):
        if found.number == 2:
            value = _number(wire.double(data, found))
        elif found.number == 3:
            value = wire.text(data, found)
        elif found.number == 4:
            value = bool(wire.signed(found))
        elif found.number == 5:
            value = _struct(data, found, depth - 1)
        elif found.number == 6:
            value = [_value(data, each, depth - 1) for each in wire.message(data, found) if each.number == 1]
    return value


def _struct(data: bytes, holder: Field, depth: int) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for found in wire.message(data, holder):
        if found.number == 1:
            parts = {each.number: each for each in wire.message(data, found)}
            if 1 in parts:
                values[wire.text(data, parts[1])] = _value(data, parts[2], depth) if 2 in parts else None
    return values


def _number(value: float) -> Any:
    if math.isfinite(value) and value == int(value) and abs(value) <= _MAX_INTEGER:
        return int(value)
    return number_to_json(value)
