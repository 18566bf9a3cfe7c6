"""A run that is being written as a whole, seen by nobody before it is complete."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from runicorn.errors import RootNotUsableError
from runicorn.exchange import leftovers
from runicorn.masking import without_secret_text, without_secret_values
from runicorn.model import RunState, number_to_json
from runicorn.storage import layout
from runicorn.storage.foreign.facts import Facts
from runicorn.storage.jsonio import encode_object, well_formed
from runicorn.storage.records import MARK, RECORD
from runicorn.storage.rewinding import events_before, nothing_yet, records_before, recount
from runicorn.storage.writer import replace_json

_BUFFER_BYTES = 1 << 20
_PROGRESS_POINTS = 10_000
_COUNT, _LAST, _MIN, _MAX, _STEP, _TIME = range(6)


class RunDraft:
    """Implements Sink. finish() makes a run of it; left without, nothing of it remains.

    points, events: how many were taken so far. went_back: some were abandoned again. progress: called with the points
    so far and the share of the source that was read, now and then.
    """

    def __init__(self, root: Path, progress: Callable[[int, float], None] | None = None) -> None:
        self._root = root
        self._progress = progress
        self._share = 0.0
        self._folder = root / layout.RUNS / leftovers.draft_name()
        self._slots: dict[str, tuple[int, list[Any]]] = {}
        self._last_step: int | None = None
        self.points = 0
        self.events = 0
        self.went_back = False

    def __enter__(self) -> RunDraft:
        try:
            self._folder.mkdir(parents=True)
        except OSError as error:
            raise self._unusable(error) from error
        try:
            self._records = (self._folder / layout.METRICS_FILE).open("wb", buffering=_BUFFER_BYTES)
            self._keys = (self._folder / layout.keys_file(layout.METRICS_FILE)).open("wb")
        except BaseException as error:
            shutil.rmtree(self._folder, ignore_errors=True)
            if not isinstance(error, OSError):
                raise
            raise self._unusable(error) from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._records.close()
            self._keys.close()
        except OSError:  # a full disk refuses what is in their buffers
            if error is None:
                raise
        finally:
            shutil.rmtree(self._folder, ignore_errors=True)

    def point(self, metric: str, step: int, time: float, value: float) -> None:
        known = self._slots.get(metric)
        if known is None:
            known = self._slots[metric] = (len(self._slots), nothing_yet())
            self._keys.write(layout.encode_key(metric))
        number, slot = known
        self._records.write(RECORD.pack(MARK, number, step, time, value))
        slot[_COUNT] += 1
        slot[_LAST] = value
        if value < slot[_MIN]:  # noqa: PLR1730 - min() costs 3 times as much
            slot[_MIN] = value
        if value > slot[_MAX]:  # noqa: PLR1730
            slot[_MAX] = value
        slot[_STEP] = self._last_step = step
        slot[_TIME] = time
        self.points += 1
        if not self.points % _PROGRESS_POINTS and self._progress is not None:
            self._progress(self.points, self._share)

    def read_so_far(self, share: float) -> None:
        self._share = share
        if self._progress is not None:
            self._progress(self.points, share)

    def counts(self) -> dict[str, int]:
        """Return how many points each metric has."""
        return {well_formed(name): slot[_COUNT] for name, (_, slot) in self._slots.items() if slot[_COUNT]}

    def rewind(self, step: int) -> None:
        self.went_back = True
        self._records.close()
        path = self._folder / layout.METRICS_FILE
        left = records_before(path.read_bytes(), step)
        found, self._last_step = recount(left)
        for number, slot in self._slots.values():
            slot[:] = found.get(number, nothing_yet())
        self.points = sum(slot[_COUNT] for _, slot in self._slots.values())
        path.write_bytes(left)
        self._records = path.open("ab", buffering=_BUFFER_BYTES)
        events = self._folder / layout.EVENTS_FILE
        if events.exists():
            kept = events_before(events.read_bytes(), step)
            events.write_bytes(kept)
            self.events = kept.count(b"\n")

    def event(self, event: Mapping[str, Any]) -> None:
        with (self._folder / layout.EVENTS_FILE).open("ab") as file:
            file.write(encode_object(dict(event)) + b"\n")
        self.events += 1

    def media(self, path: str, content: bytes | Path) -> None:
        target = self._folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            target.write_bytes(content)
        else:
            shutil.copyfile(content, target)

    def console(self, content: bytes) -> None:
        with (self._folder / layout.CONSOLE_FILE).open("ab") as file:
            file.write(content)

    def finish(self, facts: Facts, imported_from: Mapping[str, Any], *, instead_of: str | None = None) -> str:
        """Make it a run, and return its id. Raises OSError.

        instead_of: the run that it takes the place of; its id and what people wrote to it stay.
        """
        self._records.close()
        self._keys.close()
        run_id = instead_of or self._free_id(facts.created_at)
        replace_json(self._folder / layout.RUN_FILE, _info(run_id, facts, imported_from))
        replace_json(self._folder / layout.STATUS_FILE, self._status(facts))
        if facts.note:
            replace_json(self._folder / layout.NOTES_FILE, {"note": without_secret_text(facts.note)})
        target = self._root / layout.RUNS / run_id
        if instead_of is not None:
            if (target / layout.NOTES_FILE).is_file():
                shutil.copyfile(target / layout.NOTES_FILE, self._folder / layout.NOTES_FILE)
            self._replace(target)
        else:
            self._folder.rename(target)
        return run_id

    def _unusable(self, error: OSError) -> RootNotUsableError:
        return RootNotUsableError(f"The storage root {self._root} cannot be written: {error.strerror or error}.")

    def _replace(self, target: Path) -> None:
        old = leftovers.place_of_old(self._folder)
        try:
            target.rename(old)
            self._folder.rename(target)
        except BaseException:
            if not target.exists():
                old.rename(target)
            else:
                leftovers.remove_old(old)
            raise
        leftovers.remove_old(old)

    def _free_id(self, created_at: float) -> str:
        moment = layout.parse_iso(layout.iso(created_at)) or 0.0
        while True:
            run_id = layout.new_run_id(moment, secrets.token_hex(3))
            if layout.is_run_id(run_id) and not (self._root / layout.RUNS / run_id).exists():
                return run_id

    def _status(self, facts: Facts) -> dict[str, Any]:
        ended_at = facts.created_at if facts.finished_at is None else facts.finished_at
        # Whatever is imported has ended as far as this copy goes.
        state = RunState.FINISHED if facts.state is RunState.RUNNING else facts.state
        return {
            "state": state.value,
            "heartbeat_at": layout.iso(ended_at),
            "finished_at": layout.iso(ended_at),
            "exit_reason": None if facts.exit_reason is None else without_secret_text(facts.exit_reason),
            "step": self._last_step,
            "summary": without_secret_values(dict(facts.summary)),
            "metrics": {well_formed(name): _stats(slot) for name, (_, slot) in self._slots.items() if slot[_COUNT]},
            "warnings": dict(facts.warnings),
        }


def _info(run_id: str, facts: Facts, imported_from: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": run_id,
        "project": layout.clean_project(facts.project),
        "name": without_secret_text(facts.name[:500]) or run_id,
        "config": without_secret_values(dict(facts.config)),
        "tags": [without_secret_text(tag) for tag in facts.tags],
        "created_at": layout.iso(facts.created_at),
        "host": facts.host,
        "user": facts.user,
        "imported_from": dict(imported_from),
    }


def _stats(slot: list[Any]) -> dict[str, Any]:
    seen = slot[_MIN] <= slot[_MAX]
    return {
        "count": slot[_COUNT],
        "last": number_to_json(slot[_LAST]),
        "min": number_to_json(slot[_MIN]) if seen else None,
        "max": number_to_json(slot[_MAX]) if seen else None,
        "last_step": slot[_STEP],
        "last_time": number_to_json(slot[_TIME]),
    }
