"""The list of runs: filters, pages, columns."""

import json
import math

import pytest

from runicorn.errors import UsageError
from runicorn.model import MetricTable, Run, RunState
from runicorn.storage.index import Progress
from runicorn.storage.indexed_run import IndexedRun, sorted_runs
from runicorn.storage.query_times import Moment
from runicorn.viewer.run_filter import RunFilter, RunOrder
from runicorn.viewer.run_list import RunListWriter, Standing, Wanted, column_names


def item(number, **changes):
    fields = {"id": f"r{number:03}", "project": "p", "name": f"n{number}", "state": RunState.FINISHED, **changes}
    return IndexedRun(Run(**{"created_at": float(number), **fields}), version=number)


def wanted(**changes):
    named = ("project", "state", "q", "archived", "deleted", "moment")
    chosen = RunFilter.parse(**{name: changes.pop(name) for name in named if name in changes})
    for name in ("sort", "order"):
        if isinstance(changes.get(name), str):
            changes[name] = [changes[name]]
    return Wanted.parse(chosen, **{"limit": 10, **changes})


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


@pytest.mark.parametrize(
    "changes",
    [
        {"state": "sleeping"},
        {"sort": "colour"},
        {"cursor": "x"},
        {"cursor": "e30"},
        {"columns": ["config.lr"]},
        {"sort": ["name"] * 9},
    ],
)
def test_what_does_not_exist_is_refused(changes):
    with pytest.raises(UsageError):
        wanted(**changes)


def test_runs_are_sorted_by_several_fields_in_their_own_directions():
    rows = [("b", 1), ("a", 1), ("b", 2), ("a", None), ("a", 2)]
    items = [item(at, name=name, config={"lr": lr}) for at, (name, lr) in enumerate(rows)]
    listed = ids(answer(items, sort=["name", "config.lr"], order=["asc", "desc"]))
    assert [rows[int(one[1:])] for one in listed] == [("a", 2), ("a", 1), ("a", None), ("b", 2), ("b", 1)]
    listed = ids(answer(items, sort=["config.lr", "name"], order=["asc"]))
    assert [rows[int(one[1:])] for one in listed] == [("a", 1), ("b", 1), ("a", 2), ("b", 2), ("a", None)]


@pytest.mark.parametrize("order", [["asc", "desc"], ["desc", "asc"]])
def test_pages_of_a_list_with_many_equal_values_join_to_the_whole(order):
    items = [item(number, name="same", config={"lr": number % 3}) for number in range(25)]
    seen, cursor = [], None
    while True:
        body = answer(items, sort=["config.lr", "name"], order=order, cursor=cursor, limit=4)
        seen += ids(body)
        cursor = body["next_cursor"]
        if cursor is None:
            break
    assert sorted(seen) == sorted(each.run.id for each in items)


def with_stats(number, low, goal="minimize"):
    return item(number, stats=MetricTable.of([("loss", low + 1, low, low + 2, low + 1.5, goal)]))


def test_values_of_metrics_are_sent_sorted_by_and_searched():
    items = [with_stats(1, 0.5), with_stats(2, 0.25), item(3), with_stats(4, math.nan)]
    body = answer(items, sort="min.loss", order="asc", columns=["min.loss", "best.loss", "mean.other"])
    assert ids(body)[:2] == ["r002", "r001"]
    assert body["runs"][0]["stats"] == {"min.loss": 0.25, "best.loss": 0.25, "mean.other": None}
    assert body["columns"]["metrics"] == ["loss"]
    assert ids(answer(items, q="max.loss > 2.4")) == ["r001"]
    assert answer(items)["runs"][0]["stats"] == {}


def test_dates_in_a_query_are_of_the_clock_of_who_asks():
    items = [item(1, created_at=1_793_534_400.0)]  # 2026-11-01T12:00:00Z
    for offset, day in ((0, "2026-11-01"), (13 * 3600, "2026-11-02")):
        assert ids(answer(items, q=f"created = {day}", moment=Moment(0.0, offset))) == ["r001"]


@pytest.fixture
def sorts(monkeypatch):
    """Of how many runs each list that is sorted from now on was."""
    found, sort = [], RunOrder.sorted
    monkeypatch.setattr(RunOrder, "sorted", lambda self, items: found.append(len(items)) or sort(self, items))
    return found


def test_a_list_of_which_nothing_changed_is_not_sorted_again_however_its_sources_stand(sorts):
    writer = RunListWriter()
    items = [item(number) for number in range(5)] + [item(5, state=RunState.RUNNING)]
    for moment in (1.0, 9.0):
        problem = f"no disk at {moment:g}"
        told = json.loads(writer.write(list(items), wanted(moment=Moment(moment)), moment, Standing(problem=problem)))
        assert (len(told["runs"]), told["problem"]) == (6, problem)
    assert sorts == [6]
    writer.write([*items[1:], IndexedRun(items[0].run, version=9)], wanted(), 9.0)
    assert sorts == [6, 6]


def test_what_is_sorted_by_how_long_it_runs_is_sorted_each_time(sorts):
    clock, writer = [10.0], RunListWriter()
    items = [item(0, state=RunState.RUNNING), item(1, finished_at=21.0)]
    for each in items:
        each.now = lambda: clock[0]
    found = []
    for clock[0] in (10.0, 30.0):
        found.append(ids(json.loads(writer.write(items, wanted(sort="duration_secs"), clock[0]))))
    assert found == [["r001", "r000"], ["r000", "r001"]]
    assert sorts == [2, 2]


def test_whatever_changes_is_in_the_next_list():
    writer = RunListWriter()
    items = [item(number) for number in range(5)]
    changes = [
        ({}, [*items, item(5)]),
        ({}, items[1:]),
        ({}, [*items[1:], IndexedRun(item(0, name="new").run, version=9)]),
        ({"order": "asc"}, items),
        ({"sort": "name"}, items),
        ({"limit": 3}, items),
        ({"project": "other"}, items),
        ({"deleted": True}, items),
        ({"archived": True}, items),
        ({"state": "killed"}, items),
        ({"columns": ["min.loss"]}, items),
    ]
    for options, changed in changes:
        assert json.loads(writer.write(items, wanted(), now=1.0)) == answer(items)
        assert json.loads(writer.write(changed, wanted(**options), now=1.0)) == answer(changed, **options)
    before = writer.write(items, wanted(), now=1.0)
    assert b"no disk" in writer.write(items, wanted(), 1.0, Standing(problem="no disk"))
    assert b"no disk" not in before
    assert json.loads(writer.write(items, wanted(), 1.0, Standing(Progress(1, 2))))["indexing"]


def test_what_depends_on_when_it_is_asked_for_is_made_each_time():
    writer = RunListWriter()
    running = [item(0, state=RunState.RUNNING, created_at=0.0)]
    first, second = (json.loads(writer.write(running, wanted(), now)) for now in (10.0, 20.0))
    assert first["runs"][0]["duration_secs"] < second["runs"][0]["duration_secs"]
    items = [item(number) for number in range(5)]
    found = [
        json.loads(writer.write(items, wanted(q="created > -10s", moment=Moment(now)), now)) for now in (4.0, 100.0)
    ]
    assert [len(each["runs"]) for each in found] == [5, 0]
