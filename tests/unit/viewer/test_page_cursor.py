"""A page begins behind the one before, whatever has changed in between."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runicorn.errors import UsageError
from runicorn.model import Run, RunState
from runicorn.storage.indexed_run import IndexedRun
from runicorn.viewer.page_cursor import PageCursor
from runicorn.viewer.run_filter import RunOrder

FIELDS = ["created_at", "name", "state", "config.lr", "config.seed", "tags"]


def run(number, **changes):
    fields = {"id": f"r{number:03}", "project": "p", "name": f"n{number}", "state": RunState.FINISHED, **changes}
    return IndexedRun(Run(**{"created_at": float(number // 3), **fields}), version=number)


VALUES = {
    "name": st.sampled_from(["a", "B", "b", "10", "9", "\ud800", ""]),
    "state": st.sampled_from([RunState.RUNNING, RunState.FINISHED, RunState.FAILED]),
    "config": st.fixed_dictionaries(
        {},
        optional={
            "lr": st.sampled_from([0.1, "1e-3", 2**70, math.inf, -math.inf, math.nan, "x", True, None, [1]]),
            "seed": st.integers(0, 3),
        },
    ),
    "tags": st.sampled_from([(), ("a",), ("a", "b")]),
}
RUNS = st.lists(st.fixed_dictionaries(VALUES), min_size=1, max_size=25)


@given(
    runs=RUNS,
    sorts=st.lists(st.sampled_from(FIELDS), min_size=1, max_size=3, unique=True),
    ways=st.lists(st.sampled_from(["asc", "desc"]), min_size=1, max_size=3),
    limit=st.integers(1, 6),
    data=st.data(),
)
@settings(max_examples=300, deadline=None)
def test_no_run_that_stays_as_it_was_is_left_out_or_sent_twice(runs, sorts, ways, limit, data):
    items = {f"r{number:03}": run(number, **each) for number, each in enumerate(runs)}
    order, steady, seen, cursor = RunOrder.parse(sorts, ways), set(items), [], None
    for _ in range(200):
        ordered = order.sorted(items.values())
        start = cursor.start(ordered, order) if cursor is not None else 0
        page = ordered[start : start + limit]
        seen += [each.run.id for each in page]
        if start + limit >= len(ordered):
            break
        cursor = PageCursor.decode(PageCursor.after(page[-1], start + limit, order).encode())
        # In between runs end, are renamed, come and go.
        for run_id in data.draw(st.lists(st.sampled_from(sorted(items)), max_size=3, unique=True)):
            steady.discard(run_id)
            changes = data.draw(st.none() | st.fixed_dictionaries(VALUES))
            if changes is None and len(items) > 1:
                del items[run_id]
            elif changes is not None:
                items[run_id] = run(int(run_id[1:]), **changes)
        for changes in data.draw(st.lists(st.fixed_dictionaries(VALUES), max_size=1)):
            number = 100 + len(seen)
            items[f"r{number:03}"] = run(number, **changes)
    assert sorted(each for each in seen if each in steady) == sorted(steady)


def test_a_run_that_moves_takes_the_next_page_nowhere():
    """It was the last one of its page, and ends: it stands at the other end of the list then."""
    order = RunOrder.parse(["state"], ["desc"])
    items = [run(number, state=RunState.RUNNING) for number in range(4)]
    ordered = order.sorted([*items, *(run(number) for number in range(4, 8))])
    cursor = PageCursor.after(ordered[1], 2, order)
    moved = [each if each is not ordered[1] else run(int(each.run.id[1:])) for each in ordered]
    again = order.sorted(moved)
    assert [each.run.id for each in again[cursor.start(again, order) :]][:2] == [each.run.id for each in ordered[2:4]]


def test_what_is_too_long_for_an_address_goes_by_the_run_itself():
    order = RunOrder.parse(["name"], ["asc"])
    ordered = order.sorted([run(1, name="a" * 10_000), run(2, name="b" * 10_000)])
    cursor = PageCursor.after(ordered[0], 1, order)
    assert cursor.keys is None
    assert len(cursor.encode()) < 1000
    assert cursor.start(ordered, order) == 1
    assert cursor.start(ordered[1:], order) == 1


def test_a_cursor_of_an_earlier_viewer_or_of_another_order_is_taken_as_well():
    ordered = RunOrder().sorted([run(number) for number in range(9)])
    last = ordered[3]
    other = PageCursor.after(last, 4, RunOrder.parse(["name", "state"], ["asc"]))
    assert other.start(ordered, RunOrder()) == 4
    assert PageCursor(4, last.run.id).start([run(100), *ordered], RunOrder()) == 5
    assert PageCursor(4, "gone").start(ordered, RunOrder()) == 4


@pytest.mark.parametrize(
    "text",
    [
        "x",
        "e30",
        "[]",
        "WzEsImEiXQ",
        "WzEsImEiLFszXV0",
        "WzEsImEiLFtbMSwyLDNdXV0",
        "WzEsImEiLFtbMCxOYU4sIiJdXV0",
        "W" * 5000,
        "é",
        "[" * 90,
    ],
)
def test_what_is_no_cursor_is_refused(text):
    with pytest.raises(UsageError):
        PageCursor.decode(text)
