"""Runs as values."""

import math

import pytest

from runicorn.model import Run, RunState, flatten, number_from_json, number_to_json


def run(**changes):
    return Run(**{"id": "r", "project": "p", "name": "n", "state": RunState.FINISHED, "created_at": 100.0, **changes})


def test_a_running_run_grows_older():
    assert run(state=RunState.RUNNING).duration_secs(now=130.0) == 30.0


def test_a_finished_run_lasted_until_it_finished():
    assert run(finished_at=110.0, heartbeat_at=105.0).duration_secs(now=999.0) == 10.0


def test_a_killed_run_lasted_until_its_last_heartbeat():
    assert run(state=RunState.KILLED, heartbeat_at=105.0).duration_secs(now=999.0) == 5.0


def test_a_duration_is_never_negative_even_if_clocks_disagree():
    assert run(finished_at=90.0).duration_secs(now=999.0) == 0.0


def test_nested_mappings_are_joined_by_dots():
    assert flatten({"a": {"b": {"c": 1}}, "d": [1], "e": {}}) == {"a.b.c": 1, "d": [1], "e": {}}


@pytest.mark.parametrize("value", [0.0, -1.5, math.inf, -math.inf])
def test_a_number_survives_json(value):
    assert number_from_json(number_to_json(value)) == value


def test_nan_survives_json():
    assert number_to_json(math.nan) == "NaN"
    assert math.isnan(number_from_json("NaN"))


@pytest.mark.parametrize("value", [None, True, "1", [], {}])
def test_what_is_no_number_gives_none(value):
    assert number_from_json(value) is None


def test_an_integer_beyond_floats_is_infinite():
    assert number_from_json(10**400) == math.inf
