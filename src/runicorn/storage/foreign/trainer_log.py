"""The log of a Hugging Face Trainer: trainer_state.json, which is written anew as a whole each time. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from runicorn.storage.foreign.kinds import Kind
from runicorn.storage.foreign.taken import Outcome, Point, Taken, Warnings
from runicorn.storage.foreign.values import moment_of, numbers, step_of
from runicorn.storage.jsonio import decode_object

# 200,000 entries of 300 bytes. A larger one is not read, because all of it is in memory at once.
MAX_STATE_BYTES = 1 << 26
HISTORY = "log_history"
_STEP = "step"
_GROUPS = ("eval", "test")


class TrainerLog:
    """How many entries of a log were read, and a digest of them. A file that does not begin with them is another."""

    kind = Kind.TRAINER

    def __init__(self) -> None:
        self._entries = 0
        self._digest = ""
        self._step: int | None = None
        self._warnings = Warnings()

    @property
    def warnings(self) -> Mapping[str, int]:
        """How often something was left out, by kind."""
        return self._warnings.counts

    def take(self, data: bytes, mtime: float) -> Taken:
        """Return the points of the entries that are new. data: the whole file. mtime: told for nothing here.

        Outcome.WAITS: it is torn, or not a state yet; it is to be read again when it changed. Outcome.ANOTHER: what was
        read before is not the beginning of it, as where training went on from an earlier checkpoint.
        """
        if len(data) > MAX_STATE_BYTES:
            self._warnings.counts["too-large"] = 1
            return Taken(outcome=Outcome.WAITS)
        found = decode_object(data)
        history = None if found is None else found.get(HISTORY)
        if not isinstance(history, list):
            return Taken(outcome=Outcome.WAITS)
        if _digest("", history[: self._entries]) != self._digest:
            return Taken(outcome=Outcome.ANOTHER)
        new = history[self._entries :]
        points = [point for entry in new for point in self._points(entry)]
        self._entries, self._digest = len(history), _digest(self._digest, new)
        return Taken(points, len(data))

    def to_json(self) -> dict[str, Any]:
        """Return the whole state as plain JSON; from_json() gives it back."""
        return {
            "kind": self.kind.value,
            "entries": self._entries,
            "digest": self._digest,
            "step": self._step,
            "warnings": dict(self._warnings.counts),
        }

    @classmethod
    def from_json(cls, state: Mapping[str, Any]) -> TrainerLog:
        """Raises KeyError, TypeError or ValueError for what to_json() never returns."""
        if state["kind"] != cls.kind.value:
            raise ValueError(state["kind"])
        log = cls()
        log._entries, log._digest = int(state["entries"]), str(state["digest"])
        log._step = None if state["step"] is None else int(state["step"])
        log._warnings = Warnings({str(kind): int(count) for kind, count in state["warnings"].items()})
        return log

    def _points(self, entry: object) -> list[Point]:
        if not isinstance(entry, dict):
            self._warnings.add("damaged-entry")
            return []
        step = step_of(entry.get(_STEP))
        if step is not None:
            self._step = step
        time = moment_of(entry.get("timestamp"))
        return [Point(_named(name), self._step or 0, time, value) for name, value in numbers(entry, (_STEP,))]


def newest_state(states: Mapping[str, float]) -> str | None:
    """Return which of a folder's trainer_state.json files is the log. states: paths below it, with their mtimes.

    It is the one that was written last: training may have gone on from a checkpoint after its end, and from an earlier
    one. Of several of the same time, as after a copy, it is the one of the output folder, then the latest checkpoint.
    """
    return max(states, key=lambda path: (states[path], _rank(path)), default=None)


def checkpoint_number(folder: str) -> int | None:
    """Return 500 for checkpoint-500, None for a folder that is no checkpoint."""
    name, _, number = folder.rpartition("-")
    return (
        int(number) if name == "checkpoint" and number.isascii() and number.isdecimal() and len(number) < 16 else None
    )


def _rank(path: str) -> float:
    number = checkpoint_number(path.split("/", maxsplit=1)[0])
    return float("inf") if number is None else number


def _digest(before: str, entries: Iterable[Any]) -> str:
    """Return a digest of entries; before: that of the ones in front of them."""
    for entry in entries:
        text = json.dumps([before, entry], sort_keys=True)
        before = hashlib.sha256(text.encode()).hexdigest()[:32]
    return before


def _named(name: str) -> str:
    """Return a metric as runs that were recorded by our own callback call it: eval/loss, test/loss, train/loss."""
    group, _, rest = name.partition("_")
    return f"{group}/{rest}" if group in _GROUPS and rest else f"train/{name}"
