"""Changes of many runs by hand: what each means for one run, and what takes them back. Touches no files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from runicorn.errors import UsageError
from runicorn.model import Run
from runicorn.storage.layout import iso
from runicorn.viewer.list_schemas import MAX_CHANGED_RUNS, BulkChange

MAX_TAGS = 100


@dataclass(frozen=True)
class Change:
    """What is changed about a run; None or empty leaves it as it is."""

    add_tags: tuple[str, ...] = ()
    remove_tags: tuple[str, ...] = ()
    archived: bool | None = None
    deleted: bool | None = None

    def notes(self, run: Run, now: float) -> dict[str, Any]:
        """Return what of the run's notes becomes different, as a change of a single run has it. Raises UsageError."""
        notes: dict[str, Any] = {}
        kept = [tag for tag in run.tags if tag not in self.remove_tags]
        tags = [*kept, *(tag for tag in dict.fromkeys(self.add_tags) if tag not in kept)]
        if len(tags) > MAX_TAGS:
            raise UsageError(f"A run can have {MAX_TAGS} tags.")
        if tags != list(run.tags):
            notes["tags"] = tags
        if self.archived is not None and self.archived != run.archived:
            notes["archived"] = self.archived
        if self.deleted is not None and self.deleted != (run.deleted_at is not None):
            notes["deleted_at"] = iso(now) if self.deleted else None
        return notes

    def back(self, run: Run) -> Change:
        """Return what takes this change of the run back."""
        added = tuple(tag for tag in dict.fromkeys(self.add_tags) if tag not in run.tags)
        return Change(
            tuple(tag for tag in run.tags if tag in self.remove_tags and tag not in self.add_tags),
            added,
            None if self.archived in (None, run.archived) else run.archived,
            None if self.deleted in (None, run.deleted_at is not None) else run.deleted_at is not None,
        )


NOTHING = Change()


def changes_of(wanted: Sequence[BulkChange]) -> dict[str, Change]:
    """Return what is to be changed, by the id of the run. Raises UsageError for too many runs, and one named twice."""
    found: dict[str, Change] = {}
    for each in wanted:
        change = Change(tuple(each.add_tags), tuple(each.remove_tags), each.archived, each.deleted)
        for run_id in each.ids:
            if found.setdefault(run_id, change) != change:
                raise UsageError(f"The run {run_id[:200]!r} is to be changed in two ways at once.")
    if len(found) > MAX_CHANGED_RUNS:
        raise UsageError(f"At most {MAX_CHANGED_RUNS} runs can be changed at once.", hint="Send the rest afterwards.")
    return found


def undo_of(backs: Mapping[str, Change]) -> list[dict[str, Any]]:
    """Return the changes that take back what was done, runs of the same one together."""
    together: dict[Change, list[str]] = {}
    for run_id, back in backs.items():
        if back != NOTHING:
            together.setdefault(back, []).append(run_id)
    return [_to_wire(back, ids) for back, ids in together.items()]


def _to_wire(change: Change, ids: Iterable[str]) -> dict[str, Any]:
    return {
        "ids": list(ids),
        "add_tags": list(change.add_tags),
        "remove_tags": list(change.remove_tags),
        "archived": change.archived,
        "deleted": change.deleted,
    }
