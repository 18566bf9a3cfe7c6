"""Changes of many runs: what takes a change back puts everything back, and nothing else."""

import dataclasses

from hypothesis import given
from hypothesis import strategies as st

from runicorn.model import Run, RunState
from runicorn.storage.layout import parse_iso
from runicorn.viewer.bulk import Change, changes_of, undo_of
from runicorn.viewer.list_schemas import BulkChange

TAGS = st.lists(st.sampled_from("abcdef"), max_size=4, unique=True).map(tuple)
CHOICE = st.sampled_from([None, True, False])
CHANGES = st.builds(Change, TAGS, TAGS, CHOICE, CHOICE)
RUNS = st.builds(
    lambda tags, archived, deleted: Run(
        "r", "p", "n", RunState.FINISHED, 0.0, tags=tags, archived=archived, deleted_at=1.0 if deleted else None
    ),
    TAGS,
    st.booleans(),
    st.booleans(),
)


def changed(run, change):
    """Return the run as it is once the notes are written."""
    notes = change.notes(run, 5.0)
    if "tags" in notes:
        run = dataclasses.replace(run, tags=tuple(notes["tags"]))
    if "archived" in notes:
        run = dataclasses.replace(run, archived=notes["archived"])
    if "deleted_at" in notes:
        run = dataclasses.replace(run, deleted_at=notes["deleted_at"] and parse_iso(notes["deleted_at"]))
    return run


def told(run):
    return set(run.tags), run.archived, run.deleted_at is not None


@given(RUNS, CHANGES)
def test_what_takes_a_change_back_puts_the_run_as_it_was(run, change):
    assert told(changed(changed(run, change), change.back(run))) == told(run)


@given(RUNS, CHANGES)
def test_a_change_does_what_it_says_and_no_more(run, change):
    after = changed(run, change)
    assert set(after.tags) == (set(run.tags) - set(change.remove_tags)) | set(change.add_tags)
    assert after.archived == (run.archived if change.archived is None else change.archived)
    assert (after.deleted_at is not None) == (
        (run.deleted_at is not None) if change.deleted is None else change.deleted
    )


@given(st.lists(st.tuples(RUNS, CHANGES), max_size=8))
def test_the_undo_of_many_is_a_request_again(pairs):
    backs = {f"run{number}": change.back(run) for number, (run, change) in enumerate(pairs)}
    wire = [BulkChange.model_validate(each) for each in undo_of(backs)]
    nothing = Change()
    assert changes_of(wire) == {name: back for name, back in backs.items() if back != nothing}
