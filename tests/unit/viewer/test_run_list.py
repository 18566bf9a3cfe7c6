"""The list of runs: filters, pages, columns."""

import json

import pytest

from runicorn.errors import UsageError
from runicorn.model import Run, RunState
from runicorn.storage.indexed_run import IndexedRun, sorted_runs
from runicorn.viewer.run_list import RunListWriter, Wanted, column_names, decode_cursor, encode_cursor


def item(number, **changes):
    fields = {"id": f"r{number:03}", "project": "p", "name": f"n{number}", "state": RunState.FINISHED, **changes}
    return IndexedRun(Run(**{"created_at": float(number), **fields}), version=number)


def wanted(**changes):
    given = {"project": None, "state": None, "q": "", "sort": "created_at", "order": "desc", "limit": 10}
    given |= {"cursor": None, "archived": None, "deleted": False, **changes}
    return Wanted.parse(**given)


def answer(items, **changes):
    return json.loads(RunListWriter().write(items, wanted(**changes), now=1000.0))


def ids(body):
    return [run["id"] for run in body["runs"]]


def test_pages_join_to_the_whole_list():
    items, seen, cursor = [item(number) for number in range(25)], [], None
    while True:
        body = answer(items, cursor=cursor)
        seen += ids(body)
        cursor = body["next_cursor"]
        if cursor is None:
            break
    assert seen == [f"r{number:03}" for number in reversed(range(25))]


def test_a_run_that_appears_between_pages_shifts_nothing():
    items = [item(number) for number in range(20)]
    first = answer(items)
    second = answer([*items, item(50), item(51)], cursor=first["next_cursor"])
    assert ids(second) == [f"r{number:03}" for number in reversed(range(10))]


def test_a_page_goes_on_in_place_when_its_last_run_is_gone():
    items = [item(number) for number in range(20)]
    first = answer(items)
    left = [each for each in items if each.run.id != ids(first)[-1]]
    assert set(ids(answer(left, cursor=first["next_cursor"]))) <= {f"r{number:03}" for number in range(10)}


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_runs_without_a_value_come_last_either_way(order):
    items = [item(1, config={"lr": 0.1}), item(2), item(3, config={"lr": 0.01}), item(4, config={"lr": "NaN"})]
    listed = ids(answer(items, sort="config.lr", order=order))
    assert set(listed[2:]) == {"r002", "r004"}
    assert listed[:2] == (["r003", "r001"] if order == "asc" else ["r001", "r003"])


def test_values_of_mixed_kinds_can_be_sorted():
    items = [
        item(1, config={"x": "b"}),
        item(2, config={"x": 3}),
        item(3, config={"x": [1]}),
        item(4, config={"x": True}),
    ]
    assert [each.run.id for each in sorted_runs(items, "config.x", descending=False)] == [
        "r004",
        "r002",
        "r001",
        "r003",
    ]


def test_texts_that_stand_for_numbers_are_sorted_among_them():
    values = ["1e-3", 0.1, "0.01", "inf", 2, "auto", "nan", None, "False", 2**53 + 1, str(2**53)]
    items = [item(at, config={"x": value}) for at, value in enumerate(values)]
    listed = [values[int(each.run.id[1:])] for each in sorted_runs(items, "config.x", descending=False)]
    assert listed == ["False", "1e-3", "0.01", 0.1, 2, str(2**53), 2**53 + 1, "inf", "auto", "nan", None]


def test_names_are_sorted_as_texts_whatever_they_say():
    items = [item(at, name=name) for at, name in enumerate(["NaN", "10", "9", "true"])]
    assert [each.run.name for each in sorted_runs(items, "name", descending=False)] == ["10", "9", "NaN", "true"]


def test_a_project_holds_those_below_it():
    items = [item(1, project="vision"), item(2, project="vision/resnet"), item(3, project="visionary")]
    body = answer(items, project="vision")
    assert set(ids(body)) == {"r001", "r002"}
    assert [each["project"] for each in body["projects"]] == ["vision", "vision/resnet", "visionary"]


def test_several_states_may_be_asked_for():
    items = [item(1, state=RunState.RUNNING), item(2, state=RunState.FAILED), item(3)]
    assert set(ids(answer(items, state="running, failed"))) == {"r001", "r002"}


def test_the_bin_is_apart():
    items = [item(1), item(2, deleted_at=5.0), item(3, archived=True)]
    assert set(ids(answer(items))) == {"r001", "r003"}
    assert ids(answer(items, deleted=True)) == ["r002"]
    assert ids(answer(items, archived=True)) == ["r003"]
    assert ids(answer(items, archived=False)) == ["r001"]


def test_columns_are_flat_and_at_most_200():
    assert column_names([["b", "a"], ["b", "a"], ["c"]]) == ["a", "b", "c"]
    many = column_names([["common"], *([f"k{number}"] for number in range(500)), ["common"]])
    assert len(many) == 200
    assert "common" in many


@pytest.mark.parametrize("changes", [{"state": "sleeping"}, {"sort": "colour"}, {"cursor": "x"}, {"cursor": "e30"}])
def test_what_does_not_exist_is_refused(changes):
    with pytest.raises(UsageError):
        wanted(**changes)


def test_a_cursor_survives_its_text():
    assert decode_cursor(encode_cursor(17, "r001")) == (17, "r001")
