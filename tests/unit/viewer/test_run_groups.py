"""Runs in groups: what belongs together, in which order, and what they come to."""

import json
import math
import statistics

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runicorn.errors import UsageError
from runicorn.model import Run, RunState
from runicorn.storage.indexed_run import IndexedRun
from runicorn.viewer.run_filter import RunFilter
from runicorn.viewer.run_groups import Grouping, Moments, find_group, grouped
from runicorn.viewer.run_list import RunListWriter


def item(number, **changes):
    fields = {"id": f"r{number:03}", "project": "p", "name": f"n{number}", "state": RunState.FINISHED, **changes}
    return IndexedRun(Run(**{"created_at": float(number), **fields}), version=number)


SWEEP = [
    item(at, config={"lr": lr, "opt": opt, "seed": seed}, summary={"loss": loss})
    for at, (lr, opt, seed, loss) in enumerate(
        [
            (0.1, "adam", 0, 0.5),
            ("1e-1", "adam", 1, 0.7),
            (0.01, "adam", 0, 0.1),
            (0.01, "sgd", 0, 0.2),
            (0.01, "sgd", 1, math.nan),
            (None, "sgd", 0, 0.9),
        ]
    )
]


def shape(by, **more):
    found = grouped(SWEEP, Grouping.parse(by=by, **more))
    return [(group.depth, group.value, len(group.runs)) for group in found.groups]


def test_numbers_and_the_texts_that_say_them_are_one_group_and_runs_without_come_last():
    assert shape(["config.lr"]) == [(0, 0.01, 3), (0, 0.1, 2), (0, None, 1)]


def test_groups_within_groups_follow_theirs():
    assert shape(["config.lr", "config.opt"]) == [
        *((0, 0.01, 3), (1, "adam", 1), (1, "sgd", 2)),
        *((0, 0.1, 2), (1, "adam", 2), (0, None, 1), (1, "sgd", 1)),
    ]


def test_runs_come_in_the_order_of_their_groups_and_sorted_within():
    found = grouped(SWEEP, Grouping.parse(by=["config.opt"], sort=["config.seed"], order=["desc"]))
    assert [each.run.id for each in found.runs] == ["r001", "r002", "r000", "r004", "r005", "r003"]


@pytest.mark.parametrize(("order", "values"), [("asc", [0.01, 0.1, None]), ("desc", [None, 0.1, 0.01])])
def test_sorting_by_a_result_puts_the_groups_into_the_order_of_its_mean(order, values):
    assert [value for _, value, _ in shape(["config.lr"], sort=["summary.loss"], order=[order])] == values


def test_sorting_by_what_is_grouped_by_turns_the_groups_round():
    assert [value for _, value, _ in shape(["config.lr"], sort=["config.lr"], order=["desc"])] == [0.1, 0.01, None]


def test_mean_and_spread_are_of_what_has_a_number():
    grouping = Grouping.parse(by=["config.lr"], stat=["summary.loss", "config.seed", "config.opt"])
    body = json.loads(RunListWriter().write_groups(SWEEP, RunFilter(), grouping, 0.0))
    stats = {group["value"]: group["stats"] for group in body["groups"]}
    assert stats[0.1] == [
        [2, pytest.approx(0.6), pytest.approx(statistics.stdev([0.5, 0.7]))],
        [2, 0.5, pytest.approx(math.sqrt(0.5))],
        None,
    ]
    assert stats[0.01][0] == [2, pytest.approx(0.15), pytest.approx(statistics.stdev([0.1, 0.2]))]
    assert stats[None][0] == [1, 0.9, None]


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=50), st.integers(0, 50))
def test_mean_and_spread_are_those_of_numpy_also_of_parts_put_together(values, cut):
    moments, rest = Moments(), Moments()
    for at, value in enumerate(values):
        (moments if at < cut else rest).add(value)
    moments.merge(rest)
    assert moments.mean == pytest.approx(np.mean(values), rel=1e-9, abs=1e-6)
    assert moments.std == pytest.approx(np.std(values, ddof=1), rel=1e-6, abs=1e-6)


def test_only_the_runs_of_the_ranges_are_sent():
    grouping = Grouping.parse(by=["config.lr"], ranges=["0-1", "4-9"])
    body = json.loads(RunListWriter().write_groups(SWEEP, RunFilter(), grouping, 0.0))
    assert [run["id"] for run in body["runs"]] == ["r004", "r000", "r005"]
    assert body["total"] == 6


def test_tags_are_one_value_whatever_their_order():
    items = [item(1, tags=("a", "b")), item(2, tags=("b", "a")), item(3), item(4, tags=("a",))]
    found = grouped(items, Grouping.parse(by=["tags"]))
    assert [(group.value, len(group.runs)) for group in found.groups] == [("a", 1), ("a, b", 2), (None, 1)]


def test_a_group_is_found_by_its_values():
    assert [each.run.id for each in find_group(SWEEP, ["config.lr", "config.opt"], ["0.10", "adam"])] == [
        "r000",
        "r001",
    ]
    assert [each.run.id for each in find_group(SWEEP, ["config.lr", "config.opt"], [None])] == ["r005"]
    assert len(find_group(SWEEP, [], [])) == 6


@pytest.mark.parametrize(
    "wrong",
    [
        {"by": []},
        {"by": ["name"]},
        {"by": ["config."]},
        {"by": ["config.a", "config.b", "config.c", "tags"]},
        {"by": ["tags"], "ranges": ["5-1"]},
        {"by": ["tags"], "ranges": ["0-1001"]},
        {"by": ["tags"], "ranges": ["-1-5"]},
        {"by": ["tags"], "stat": ["note"]},
    ],
)
def test_what_cannot_be_grouped_is_refused(wrong):
    with pytest.raises(UsageError):
        Grouping.parse(**wrong)
