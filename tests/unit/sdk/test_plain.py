"""Whatever people put into a configuration, as plain JSON."""

import argparse
import collections
import dataclasses
import datetime
import enum
import json
import math
import pathlib
import types
from collections.abc import Mapping

import numpy as np
import pytest

from runicorn.sdk.plain import MAX_VALUES, is_plain, to_json


class Hostile:
    def __str__(self):
        raise RuntimeError("no")


class Colour(enum.Enum):
    RED = "red"
    ODD = object()


class Missing(Mapping):
    """Like OmegaConf's with a mandatory value that nobody gave: its items() raises, and so does that one value."""

    def __getitem__(self, key):
        if key == "path":
            raise ValueError("Missing mandatory value: path")
        return {"lr": 0.1}[key]

    def __iter__(self):
        return iter(["lr", "path"])

    def __len__(self):
        return 2


class Sequence(collections.UserList):
    """Like OmegaConf's ListConfig: a sequence that is no list."""


@dataclasses.dataclass
class Slotted:
    __slots__ = ("depth",)
    depth: int


class Pydantic:
    def model_dump(self):
        return {"width": 5}


Point = collections.namedtuple("Point", "x y")


def test_any_configuration_becomes_plain_json():
    @dataclasses.dataclass
    class Model:
        depth: int = 3

    loop = {}
    loop["self"] = loop
    config = {
        "nan": math.nan, "inf": [-math.inf], 3: np.float32(0.5), "array": np.arange(3), "set": {1}, "model": Model(),
        "args": argparse.Namespace(lr=0.1), "object": object(), "hostile": Hostile(), "loop": loop, "big": 2**100,
    }  # fmt: skip
    plain = json.loads(json.dumps(to_json(config), allow_nan=False))
    assert plain["nan"] == "NaN"
    assert plain["inf"] == ["-Infinity"]
    assert plain["3"] == 0.5
    assert plain["array"] == [0, 1, 2]
    assert plain["model"] == {"depth": 3}
    assert plain["args"] == {"lr": 0.1}
    assert plain["hostile"] == "<Hostile>"
    assert plain["big"] == 2**100


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (Colour.RED, "red"), (Colour.ODD, "ODD"), (pathlib.PurePosixPath("/a/b"), "/a/b"),
        (datetime.date(2026, 1, 2), "2026-01-02"), (datetime.timedelta(minutes=1), 60.0),
        (Point(1, 2), {"x": 1, "y": 2}),
        (Slotted(3), {"depth": 3}), (Pydantic(), {"width": 5}), (types.SimpleNamespace(a=1), {"a": 1}),
        (Missing(), {"lr": 0.1, "path": "???"}), (Sequence([1, (2,)]), [1, [2]]), ({3, 1, 2}, [1, 2, 3]),
        (math.sin, "math.sin"), (dict, "builtins.dict"), (np.float32("nan"), "NaN"), (np.bool_(True), True),
        (range(3), [0, 1, 2]),
    ],
)  # fmt: skip
def test_values_of_other_libraries_say_what_they_hold(value, plain):
    assert to_json(value) == plain
    assert json.loads(json.dumps(to_json({"key": value}), allow_nan=False)) == {"key": plain}


def test_a_configuration_that_has_no_end_is_cut():
    wide = [0] * 40
    for _ in range(11):
        wide = [wide] * 40
    text = json.dumps(to_json({"wide": wide, "array": np.zeros(10**6)}))
    assert len(text) < 30 * MAX_VALUES
    assert "..." in text


def test_what_json_can_hold_is_told_from_what_it_cannot():
    assert is_plain({"a": [1, 2.5, None, {"b": True}]})
    assert not is_plain({"a": [object()]})
    assert is_plain({3: 1})
    assert not is_plain(Hostile())
