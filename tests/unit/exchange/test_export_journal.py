"""What of a broken export stays, by its journal."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runicorn.exchange import export_journal
from runicorn.exchange.export_journal import Plan, WantedRun, standing
from runicorn.exchange.exporting import FileState, Place

RUNS = [WantedRun(name, (FileState("metrics.bin", 64, 1), FileState("metrics.rank1.bin", 32, 1))) for name in "abc"]
PLAN = Plan("/root", "csv", False, RUNS)
JOURNAL = b"".join(
    (
        PLAN.head(),
        export_journal.run_line(RUNS[0]),
        export_journal.place_line(Place("metrics.bin", 64), 100, 2),
        export_journal.place_line(Place("metrics.rank1.bin", 32), 150, 3),
        export_journal.run_line(RUNS[1]),
        export_journal.place_line(Place("metrics.bin", 32), 200, 4),
        export_journal.failed_line(),
        export_journal.run_line(RUNS[2]),
        export_journal.place_line(Place("metrics.bin", 64), 300, 6),
    )
)


def fails(run_id, after):
    return True


def works(run_id, after):
    return False


def test_all_of_an_unchanged_draft_stays_and_its_lines_say_the_same():
    found = standing(JOURNAL, 1000, PLAN, fails)
    assert (found.at, found.points, [written.run.id for written in found.runs]) == (300, 6, ["a", "b", "c"])
    assert [written.after for written in found.runs] == [
        Place("metrics.rank1.bin", 32),
        Place("metrics.bin", 32),
        Place("metrics.bin", 64),
    ]
    assert [written.failed for written in found.runs] == [False, True, False]
    assert standing(found.lines, 1000, PLAN, fails).runs == found.runs


def test_a_run_that_can_be_read_again_is_written_anew_with_all_behind_it():
    found = standing(JOURNAL, 1000, PLAN, works)
    assert (found.at, found.points, len(found.runs)) == (150, 3, 1)


@pytest.mark.parametrize(
    ("runs", "at"),
    [
        ([RUNS[0], RUNS[1], WantedRun("c", (FileState("metrics.bin", 64, 2),))], 200),
        ([RUNS[0], WantedRun("b", None), RUNS[2]], 150),
        ([RUNS[0], RUNS[2]], 150),
        ([RUNS[1], RUNS[0]], 0),
        ([RUNS[0], RUNS[1], RUNS[2], WantedRun("d", ())], 300),
    ],
)
def test_what_stays_are_the_first_runs_that_are_as_they_were(runs, at):
    assert standing(JOURNAL, 1000, Plan("/root", "csv", False, runs), fails).at == at


@pytest.mark.parametrize(
    "plan", [Plan("/other", "csv", False, RUNS), Plan("/root", "jsonl", False, RUNS), Plan("/root", "csv", True, RUNS)]
)
def test_another_export_begins_anew(plan):
    assert standing(JOURNAL, 1000, plan, fails).runs == ()


@pytest.mark.parametrize(("size", "at"), [(299, 200), (149, 100), (99, 0), (0, 0)])
def test_what_the_draft_does_not_hold_does_not_count(size, at):
    assert standing(JOURNAL, size, PLAN, fails).at == at


@given(st.integers(0, len(JOURNAL)), st.binary(max_size=60), st.integers(0, 400))
def test_a_torn_or_damaged_end_costs_no_more_than_itself(cut, garbage, size):
    found = standing(JOURNAL[:cut] + garbage, size, PLAN, fails)
    assert 0 <= found.at <= size
    assert found.at in {0, 100, 150, 200, 300}
