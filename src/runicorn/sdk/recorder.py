"""The hot path: one log() call becomes one write(2) of all its records, made before the call returns."""

from __future__ import annotations

import struct
import time
from collections.abc import Callable, Mapping
from os import write
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runicorn import locks
from runicorn.model import MetricStats
from runicorn.sdk.counts import Counts
from runicorn.sdk.metric_names import MetricNames
from runicorn.sdk.values import FractionalStepError, NotANumberError, as_step, flatten_metrics, to_number
from runicorn.sdk.warnings import Warnings
from runicorn.storage import claims, layout
from runicorn.storage.appending import AppendFile
from runicorn.storage.claims import HeldClaim
from runicorn.storage.records import MARK, RECORD_BYTES, STEP_MAX, STEP_MIN

# What only a run needs that goes on is loaded when it does: a script waits for all of init().
if TYPE_CHECKING:
    from runicorn.sdk.going_on import Beginning
    from runicorn.sdk.tally import Tally

_INFINITY = float("inf")
_SNAPSHOT_SECS = 0.05  # how long a status waits for a call that a disk holds up
_MAX_LOST_NAMES = 10_000  # more of them in a row are damage

# A metric's slot is a list, because attribute access would cost a tenth of the call. The first item is the mark and the
# metric's number as the 8 bytes that every record of it begins with; the others are those of a tally.
_HEAD, _COUNT, _LAST, _MIN, _MAX, _STEP, _TIME, _SUM = range(8)


# Takes a value that is no number: name, step, time, value. Returns whether it was one that can be kept.
OtherValue = Callable[[str, int, float, Any], bool]


class _Packers(dict[int, Callable[..., bytes]]):
    """What packs a number of records at once, made when it is first needed."""

    def __missing__(self, records: int) -> Callable[..., bytes]:
        pack = self[records] = struct.Struct("<" + "Qqdd" * records).pack
        return pack


_PACK = _Packers()


class Recorder:
    """Writes points to one record file and keeps each metric's statistics. Safe to use from several threads.

    After a failed write the points of that call are lost, counted and warned of; the file stays whole.
    other: takes the values of a call that are no numbers. beginning: from where to count a file of before, None
    for all of it.
    """

    def __init__(self, folder: Path, record_file: str, warnings: Warnings, other: OtherValue | None = None,
                 beginning: Beginning | None = None) -> None:  # fmt: skip
        self._warnings = warnings
        self._other = other
        self._lock = locks.reentrant_lock()  # the lock itself: what wraps one would cost a tenth of the call
        self._move_to: Callable[[], tuple[Path, str]] | None = None
        self._claim: HeldClaim | None = None
        self._slots: dict[Any, list[Any]] = {}
        self._open = False
        self.step = -1
        self._highest_step = STEP_MIN - 1
        self._closed_at: int | None = None
        self._open_files(folder, record_file, beginning)

    def log(
        self, data: Mapping[Any, Any], step: int | None = None, commit: bool | None = None, sync: bool | None = None
    ) -> None:
        """Record the values at `step`, or at one more than the last; on disk when it returns.

        commit: False keeps a step that counts up by itself open for the next call. sync: of other trackers. Raises
        nothing that training could trip over.
        """
        if commit is False:
            self._log_uncommitted(data, step)
            return
        now = time.time()
        with self._lock:
            if step is None:
                step = self.step + 1
            elif step.__class__ is not int:
                step = self._step(step)
            slots = self._slots
            slot: Any
            used = []
            parts: list[Any] = []
            try:
                for name, value in data.items():
                    if value.__class__ is not float:
                        value = to_number(value)  # noqa: PLW2901
                    slot = slots[name]
                    used.append((slot, value))
                    parts += slot[0], step, now, value
                size = len(used)
                packed = _PACK[size](*parts)
            except Exception:  # noqa: BLE001 - a new metric, or anything that people pass; the slow path sorts it out
                used, packed, step = self._prepare(data, step, now)
                size = len(used)
            try:
                written = write(self._fd, packed) if size else 0
                if written != size * 32:
                    self._records.complete(packed, written)
            except OSError as error:
                self._failed(error, size)
                return
            self.step = step
            if step > self._highest_step and size:
                self._highest_step = step
            for slot, value in used:
                slot[1] += 1
                slot[2] = value
                if value < slot[3]:  # noqa: PLR1730 - min() costs 3 times as much
                    slot[3] = value
                if value > slot[4]:  # noqa: PLR1730
                    slot[4] = value
                slot[5] = step
                slot[6] = now
                slot[7] += value

    def counts(self) -> Counts:
        """Return what was counted so far. A thread that waits for a slow disk in log() holds up nobody's end."""
        interrupts = locks.is_mine(self._lock)
        with locks.held(self._lock, _SNAPSHOT_SECS) as ours:
            slots = {str(name): list(slot) for name, slot in list(self._slots.items()) if slot[_COUNT]}
            highest = self._highest_step
            end = self._counted_to() if ours and not interrupts else None
        return Counts(
            {name: _stats(slot) for name, slot in slots.items()},
            {name: slot[_SUM] for name, slot in slots.items()},
            end,
            len(self._names.known),
            highest if highest >= STEP_MIN else None,
        )

    def _counted_to(self) -> int | None:
        """Return the size of the file where it holds just what was counted; None where Ctrl-C came between the two."""
        if not self._open:
            return self._closed_at
        counted = self._uncounted_bytes + RECORD_BYTES * sum(slot[_COUNT] for slot in self._slots.values())
        try:
            return counted if self._move_to is None and counted == self._records.size_bytes else None
        except OSError:
            return None

    @property
    def record_count(self) -> int:
        return self._records.size_bytes // RECORD_BYTES

    def close(self) -> None:
        """Close the files; a later log() does nothing but warn."""
        self._leave_files()

    def _leave_files(self, move_to: Callable[[], tuple[Path, str]] | None = None) -> None:
        """Close the files, once nobody is about to write to them; `move_to`: what the next log() asks for others."""
        interrupts = locks.is_mine(self._lock)
        with locks.held(self._lock) as ours:
            self._closed_at = self._counted_to() if ours and not interrupts else None
            self._fd = -1
            self._move_to = move_to if self._open else None
            if self._move_to is None:
                self._open = False
            else:
                self._slots = {}  # so that the next log() goes through _prepare
            # Else who writes may have looked the descriptor up, and it must not become another file's until then.
            if ours and not interrupts:
                self._records.close()
                self._names.close()
                if self._claim is not None:
                    self._claim.release()
            self._claim = None

    def move_on_next_log(self, to: Callable[[], tuple[Path, str]]) -> None:
        """Leave the files, in a forked child to the parent; `to` says, at the next log, where others are."""
        self._leave_files(to)

    def move_now(self) -> None:
        """Take other files now, where the next log() would."""
        with self._lock:
            if self._move_to is not None:
                self._move()

    def keeps_file(self) -> bool:
        """Let this process's claim on its file be young; tell whether the file is its own still. Raises OSError.

        Somebody may have taken a process that slept for a day for one that is gone, and packed its file. A folder that
        was moved or removed is no such case: what is written goes where the file is now.
        """
        claim = self._claim
        if claim is None or claim.beat():
            return True
        packed = self._path.with_name(self._path.name + layout.PACKED_SUFFIX)
        if packed.exists() and not self._path.exists():
            return False
        self._claim = claims.take_over(claim.path)
        return True

    def _open_files(self, folder: Path, record_file: str, beginning: Beginning | None = None) -> None:
        self._path = folder / record_file
        self._claim = self._claimed(folder, record_file)
        self._records = AppendFile(self._path)
        self._names = MetricNames(folder / layout.keys_file(record_file))
        self._fd = self._records.fd
        self._open = True
        self._resume(beginning)

    def _claimed(self, folder: Path, record_file: str) -> HeldClaim | None:
        """Say that this process writes the file, before it does: nobody packs what has a writer."""
        try:
            return claims.take_over(folder / layout.claim_file(record_file))
        except OSError as error:
            self._warnings.add("claim", f"{record_file} could not be claimed: {error.strerror or error}.")
            return None

    def _log_uncommitted(self, data: Mapping[Any, Any], step: int | None) -> None:
        with self._lock:
            before = self.step
            self.log(data, step)
            if step is None:
                self.step = before

    def _prepare(self, data: Any, step: int, now: float) -> tuple[list[tuple[list[Any], float]], bytes, int]:
        """Do what log() does, for anything that may come: new metrics, nested mappings, values that are no numbers."""
        used: list[tuple[list[Any], float]] = []
        parts: list[Any] = []
        if self._move_to is not None:
            self._move()
        if not self._open:
            self._warnings.add("closed", "log() was called on a run that is closed in this process; ignored.")
            return [], b"", step
        step = self._step(step)
        try:
            for name, value in flatten_metrics(data):
                prepared = self._prepare_one(name, value, step, now)
                if prepared is not None:
                    used.append(prepared)
                    parts += prepared[0][_HEAD], step, now, prepared[1]
        except Exception as error:  # noqa: BLE001 - what is no mapping at all, or a mapping that fails
            self._warnings.add("not-a-mapping", f"log() wants a mapping of names to numbers: {error}.")
        return used, _PACK[len(used)](*parts), step

    def _prepare_one(self, name: str, value: Any, step: int, now: float) -> tuple[list[Any], float] | None:
        try:
            number = to_number(value)
        except NotANumberError as error:
            if self._other is None or not self._other(name, step, now, value):
                self._warnings.add(f"value:{name[:100]}", f"the value of {name[:100]!r} was not recorded: {error}.")
            return None
        slot = self._slots.get(name)
        if slot is None:
            slot = self._new_slot(name)
        return None if slot is None else (slot, number)

    def _move(self) -> None:
        """Open files of this forked child's own; where that fails, its points are lost and warned of."""
        assert self._move_to is not None
        move_to, self._move_to = self._move_to, None
        step = self.step
        try:
            self._open_files(*move_to())
        except OSError as error:
            self._open = False
            self._warnings.add("points-lost", f"this process cannot record into the run: {error.strerror or error}.")
        self.step = max(step, self.step)

    def _new_slot(self, name: str) -> list[Any] | None:
        """Give a metric its number; its name is in the keys file before the first record that uses it."""
        try:
            slot = _slot(self._names.add(name))
        except OSError as error:
            self._failed(error, 1)
            return None
        return self._slots.setdefault(name, slot)

    def _step(self, step: Any) -> int:
        try:
            number = as_step(step)
        except FractionalStepError as error:
            number = error.whole
            self._warnings.add(
                "step-cut",
                f"step={str(step)[:100]!r} is no whole number and became {number}; all such are cut. Pass whole ones, "
                'or log it as a metric and call define_metric("*", step_metric="its name").',
            )
        except Exception:  # noqa: BLE001 - anything may be passed as a step
            number = STEP_MAX + 1
        if not STEP_MIN <= number <= STEP_MAX:
            self._warnings.add("step", f"{str(step)[:100]!r} is no step; counted on instead.")
            return min(self.step + 1, STEP_MAX)
        return number

    def _failed(self, error: OSError, points: int) -> None:
        if not self._open:
            self._warnings.add("closed", "log() was called on a run that is closed in this process; ignored.")
            return
        for _ in range(points):
            self._warnings.add("points-lost", f"points could not be written and are lost: {error.strerror or error}.")

    def _resume(self, beginning: Beginning | None) -> None:
        """Go on with the numbers and statistics of a file that was written before; a torn end of it is cut off."""
        names, tally = self._names.known, self._counted_before(beginning)
        metrics = {} if tally is None else tally.metrics
        self._names.reserve(1 + max((n for n in metrics if n < len(names) + _MAX_LOST_NAMES), default=-1))
        slots = {number: _slot(number, metrics.get(number)) for number in range(len(names))}
        self._slots = {name: slots[number] for number, name in enumerate(names) if name is not None}
        self._uncounted_bytes = 0
        if tally is not None:
            self._uncounted_bytes = tally.end - RECORD_BYTES * sum(slot[_COUNT] for slot in self._slots.values())
            if tally.highest_step is not None:
                self._highest_step = tally.highest_step
                self.step = max(self.step, tally.highest_step)

    def _counted_before(self, beginning: Beginning | None) -> Tally | None:
        """Return what the file's records come to, None where there are none. Raises OSError."""
        if not self._records.size_bytes:
            return None
        with locks.LOADING:
            from runicorn.sdk.tally import Tally, count_on

        tally = Tally() if beginning is None else beginning(self._path, self._names.known)
        count_on(tally, self._path)
        self._records.cut(tally.end)
        return tally


def _slot(number: int, counted: list[Any] | None = None) -> list[Any]:
    """Return the slot of a metric; counted: as tally.py keeps it, None for nothing yet."""
    return [MARK | number << 32, *(counted or (0, 0.0, _INFINITY, -_INFINITY, 0, 0.0, 0.0))]


def _stats(slot: list[Any]) -> MetricStats:
    """Return a slot's statistics; as long as only NaN came, there is no least and no greatest value."""
    seen = slot[_MIN] <= slot[_MAX]
    return MetricStats(
        slot[_COUNT], slot[_LAST], slot[_MIN] if seen else None, slot[_MAX] if seen else None, slot[_STEP], slot[_TIME]
    )
