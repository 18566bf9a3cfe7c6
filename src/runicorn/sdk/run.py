"""One run while it is being recorded."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple

from runicorn import locks
from runicorn.errors import UsageError
from runicorn.masking import without_secret_text
from runicorn.model import RunState
from runicorn.sdk import facts
from runicorn.sdk.background import SAMPLE_EVERY_SECS, STATUS_EVERY_SECS, Background, Task
from runicorn.sdk.console import FLUSH_EVERY_SECS, ConsoleCapture
from runicorn.sdk.counts import Counts, counted_to_json, metrics_to_json
from runicorn.sdk.ends import describe, end_of
from runicorn.sdk.event_log import EventLog
from runicorn.sdk.folder import RunFolder
from runicorn.sdk.mappings import NotifyingDict
from runicorn.sdk.names import clean_tags
from runicorn.sdk.other_names import OtherNames
from runicorn.sdk.recorder import Recorder
from runicorn.sdk.small_files import SmallFile
from runicorn.sdk.warnings import Warnings
from runicorn.storage import events, layout
from runicorn.storage.writer import claim_record_file

# What only some runs need is loaded when they do: a script waits for all of init().
if TYPE_CHECKING:
    from runicorn.sdk.artifacts import Artifact, ArtifactVersion, StrPath
    from runicorn.sdk.definitions import MetricDefinition
    from runicorn.sdk.going_on import Beginning
    from runicorn.sdk.ownership import OwnerWatch
    from runicorn.sdk.system.sampler import SystemSampler

_END_STATES = (RunState.FINISHED, RunState.FAILED, RunState.KILLED, RunState.PREEMPTED)


class Captures(NamedTuple):
    """What is kept besides what the script logs."""

    console: bool = True
    system_metrics: bool = True


class Run(OtherNames):
    """A run that is open for recording; `init` makes it. Used with `with`, it closes itself.

    id: the name of its folder. dir: that folder. config, summary: mappings; changes are on disk at once (config) or
    within five seconds (summary). Nothing here raises into training, except for a state that finish() does not know.
    """

    _expected_end: tuple[RunState, str] | None = None
    _failure: BaseException | None = None
    _closed = False

    def __init__(self, folder: Path, info: dict[str, Any], *, record_file: str = layout.METRICS_FILE,
                 owner: bool = True, status: Mapping[str, Any] | None = None,
                 captures: Captures | None = None) -> None:  # fmt: skip
        self.id = folder.name
        self.dir = RunFolder(folder)
        self.warnings = Warnings()
        self.config = NotifyingDict("config", self._write_info, self.warnings)
        self.summary = NotifyingDict("summary", lambda: None, self.warnings)
        self._info = info
        self._owner = owner
        self._record_file = record_file
        self._captures = captures or Captures()
        self._state = RunState.RUNNING
        self._reason: str | None = None
        self._end_as: dict[str, tuple[RunState, str | None]] = {}
        self._pid = os.getpid()
        self._opened_at = time.time()
        self._definitions: dict[str, MetricDefinition] = {}
        stored = (status or {}).get("summary")
        known_summary: Mapping[str, Any] = stored if isinstance(stored, dict) else {}
        if info.get("metric_definitions"):
            from runicorn.sdk.definitions import from_json, set_by_script

            self._definitions = from_json(info["metric_definitions"])
            known_summary = set_by_script(self._definitions, known_summary)
        self.summary.preset(known_summary)
        self._alerted_at: dict[str, float] = {}
        self._inherited: Mapping[str, Any] = {}
        self.config.preset(info.get("config") or {})
        self._events = EventLog(folder / layout.events_file(record_file))
        self._info_file = SmallFile(folder / layout.RUN_FILE, self._info_now, self.warnings)
        self._status_file = SmallFile(folder / layout.STATUS_FILE, self.status, self.warnings)
        beginning = _behind_status(status) if owner and status else None
        self._recorder = Recorder(folder, record_file, self.warnings, self._log_other, beginning)
        self.log = self._recorder.log  # an instance attribute: a call less on the hot path
        self._owner_watch = None if owner else _watch_owner(folder)
        self._console: ConsoleCapture | None = None
        self._system: SystemSampler | None = None
        if owner:
            self._start_capture()
        tasks = [
            Task(FLUSH_EVERY_SECS, self._flush_console),
            Task(STATUS_EVERY_SECS, self._beat),
            # A run that takes no second is none to load psutil for.
            Task(SAMPLE_EVERY_SECS, self._sample, first_secs=1.0),
        ]
        self._background = Background(self._add_slow_facts, tasks)

    @property
    def name(self) -> str:
        return str(self._info.get("name", self.id))

    @name.setter
    def name(self, name: str) -> None:
        self._info["name"] = without_secret_text(str(name)[:500])
        self._write_info()

    @property
    def project(self) -> str:
        return str(self._info.get("project", layout.DEFAULT_PROJECT))

    @property
    def group(self) -> str:
        return str(self._info.get("group") or "")

    @property
    def job_type(self) -> str:
        return str(self._info.get("job_type") or "")

    @property
    def notes(self) -> str:
        return str(self._info.get("notes") or "")

    @notes.setter
    def notes(self, notes: str) -> None:
        self._info["notes"] = without_secret_text(str(notes)[:100_000])
        self._write_info()

    @property
    def tags(self) -> tuple[str, ...]:
        return tuple(self._info.get("tags", ()))

    @tags.setter
    def tags(self, tags: Iterable[str]) -> None:
        self._info["tags"] = clean_tags(tags)
        self._write_info()

    @property
    def is_open(self) -> bool:
        """Whether this process still records into it."""
        return self._state is RunState.RUNNING and self._pid == os.getpid()

    @property
    def takes_points(self) -> bool:
        """Whether it has not ended; a forked child records beside what its parent has open."""
        return self._state is RunState.RUNNING

    @property
    def is_closed(self) -> bool:
        """Whether nothing is left to be done for its end in this process; False in the middle of finish()."""
        return self._closed or self._pid != os.getpid()

    @property
    def disabled(self) -> bool:
        """Whether it keeps nothing, as with mode="disabled"."""
        return False

    @property
    def resumed(self) -> bool:
        """Whether it goes on with a run that was there before."""
        return bool(self._info.get("resumed"))

    @property
    def step(self) -> int | None:
        """The last step, or None before the first log()."""
        return self._recorder.step if self._recorder.step >= 0 else None

    @property
    def record_count(self) -> int:
        """How many records this process's file holds, those of before a resume included."""
        return self._recorder.record_count

    def define_metric(self, name: str, step_metric: str | None = None, *, summary: str | None = None,
                      goal: str | None = None, hidden: bool | None = None, **_: Any) -> MetricDefinition:  # fmt: skip
        """Say what a metric, or all whose names fit a pattern such as "val/*", belong to and how they are summed up.

        step_metric: the metric that they are drawn over. summary: min, max, mean or best, or several by commas; each
        stands in the summary as "loss.min". The last value is there in any case, unless it is none. goal: minimize or
        maximize, which makes `best` one of them. What is not understood is left out with a warning.
        """
        with locks.LOADING:
            from runicorn.sdk.definitions import GOALS, SUMMARIES, MetricDefinition

        wanted = [how.strip() for how in str(summary or "").split(",") if how.strip()]
        unknown = [how for how in wanted if how not in SUMMARIES] + ([goal] if goal not in (None, *GOALS) else [])
        if unknown:
            self.warnings.add(
                "define-metric", f"define_metric({str(name)[:100]!r}) does not know {str(unknown[0])[:100]!r}."
            )
        definition = MetricDefinition(
            str(name),
            None if step_metric is None else str(step_metric),
            tuple(how for how in wanted if how in SUMMARIES),
            goal if goal in GOALS else None,
            bool(hidden),
        )
        self._definitions[definition.name] = definition
        self._info["metric_definitions"] = [known.to_json() for known in self._definitions.values()]
        self._write_info()
        return definition

    def alert(self, title: str, text: str = "", level: events.AlertLevel | str = events.AlertLevel.INFO,
              wait_duration: float = 0.0) -> None:  # fmt: skip
        """Record that something deserves a look; shown with the run. level: info, warn or error.

        wait_duration: seconds (or a timedelta) in which another alert of the same title is left out.
        """
        try:
            wait = float(getattr(wait_duration, "total_seconds", lambda: wait_duration)())
            now, moment = time.time(), time.monotonic()  # a clock that is set back must not make it wait for longer
            if moment - self._alerted_at.get(str(title), float("-inf")) < wait:
                return
            self._alerted_at[str(title)] = moment
            known = events.AlertLevel(str(getattr(level, "value", level)).lower())  # other trackers' levels, too
            shown, said = without_secret_text(str(title)[:1000]), without_secret_text(str(text)[:10_000])
            self.append_event(events.alert(shown, said, known, self.step, now))
        except Exception as error:  # noqa: BLE001 - disk full, a level of its own: training goes on
            self.warnings.add("alert", f"an alert was not recorded: {error}.")

    def finish(self, state: str | int | None = "finished", *, reason: str | None = None,
               exit_code: int | None = None, **_: Any) -> None:  # fmt: skip
        """Close the run as `finished`, `failed`, `killed` or `preempted`; a second call does nothing.

        An exit code instead of a state is finished for 0 and failed for all else. Raises UsageError.
        """
        code = exit_code if exit_code is not None else state if isinstance(state, int) else None
        if code is not None:
            state, reason = ("failed", reason or f"exit code {code}") if code else ("finished", reason)
        end = RunState.parse("finished" if state is None else state)
        if end not in _END_STATES:
            raise UsageError(
                f"A run cannot finish as {state!r}.", hint="Use finished, failed, killed, preempted or an exit code."
            )
        if self._pid != os.getpid():  # a forked child: only what it has taken for itself is to be closed
            self._recorder.move_on_next_log(self._join)
        if self.is_closed:
            return
        if self.is_open:
            if self._expected_end is not None and (end is RunState.FINISHED or (reason or "").startswith("exit code")):
                end, reason = self._expected_end
            self._end(end, reason)
        # Also after a finish() that a signal interrupted, in the handler: what that has not come to is done here.
        self._close()

    def _end(self, end: RunState, reason: str | None) -> None:
        self._background.stop()
        if self._owner and end is RunState.PREEMPTED:
            end, reason = self._unless_beside_failed(end, reason)
        # The first one counts, in one step: a signal handler may have come as far meanwhile.
        end, reason = self._end_as.setdefault("end", (end, reason))
        self._state, self._reason = end, None if reason is None else without_secret_text(reason)
        if not self._owner and end is RunState.FAILED:
            self._tell_failure()

    def _close(self) -> None:
        """Bring all files up to date and let go of them. Each step may be taken twice."""
        if self._system is not None:
            self._system.close()
        self._write_info()
        self._write_status()
        if self._console is not None:
            self._console.stop()
        self._events.close()
        self._recorder.close()
        self._closed = True

    def note_failure(self, error: BaseException) -> None:
        """Keep the exception that may be about to end this process, for its traceback."""
        self._failure = error

    def expect_end(self, error: BaseException | None) -> None:
        """Let it end as what this exception means, unless finish() says more than that; None takes that back."""
        self._expected_end = None if error is None else (end_of(error), describe(error))

    def status(self) -> dict[str, Any]:
        """Return what status.json should hold now."""
        now = layout.iso(time.time())
        counts = self._recorder.counts()
        summed = self._summed(counts)
        return {
            "state": self._state.value,
            "heartbeat_at": now,
            "finished_at": None if self._state is RunState.RUNNING else now,
            "exit_reason": self._reason,
            "step": self.step,
            "summary": {**summed, **self.summary.plain()},
            "metrics": {**self._inherited, **metrics_to_json(counts)},
            "counted": None if self._inherited else counted_to_json(counts, self._record_file),
            "warnings": self.warnings.counts(),
        }

    def log_artifact(self, path_or_artifact: Artifact | StrPath, name: str | None = None, type: str | None = None,
                     aliases: Iterable[str] = (), **_: Any) -> ArtifactVersion:  # fmt: skip
        """Store a file, a folder or an `Artifact` as the next version of an artifact; without a name, under its own.

        Content equal to the latest version's makes no new version. Raises nothing: see `.stored` of what is returned.
        """
        with locks.LOADING:
            from runicorn.sdk.artifacts import log_artifact

        return log_artifact(self, path_or_artifact, name, type, aliases)

    def use_artifact(self, name: str, type: str | None = None, **_: Any) -> ArtifactVersion:
        """Return a version by `name:v3`, `name:alias` or `name`, and note that this run uses it.

        Raises UsageError, ArtifactNotFoundError.
        """
        with locks.LOADING:
            from runicorn.sdk.artifacts import use_artifact

        return use_artifact(self, name, type)

    def write_console(self, text: str) -> None:
        """Put a text into console.log that no stream printed; nothing where the console is not kept."""
        if self._console is not None:
            self._console.add(text)

    def append_event(self, event: dict[str, Any]) -> None:
        """Append one line to this process's events. Raises OSError, ValueError."""
        if self._pid != os.getpid():  # a forked child, which has its own from its first log() or event on
            self._recorder.move_now()
        self._events.append(event)

    def _summed(self, counts: Counts) -> dict[str, Any]:
        if not self._definitions:
            return {}
        from runicorn.sdk.definitions import defined

        return defined(self._definitions, counts.stats, counts.sums)

    def leave_to_parent(self) -> None:
        """In a forked child, leave the run's files to the parent; what the child logs goes into files of its own."""
        self._events.go_on_in(self._events.path)
        self._recorder.move_on_next_log(self._join)
        if self._console is not None:
            self._console.after_fork()

    def __enter__(self) -> Run:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.finish()
        else:
            if error is not None:
                self.note_failure(error)
            self.finish(end_of(error).value, reason=describe(error))

    def __reduce__(self) -> Any:
        """A run that is handed to a child process joins there, as a further writer of the same run."""
        from runicorn.sdk.handing import pickled

        return pickled(self, self._info_now())

    def __copy__(self) -> Run:
        return self

    def __deepcopy__(self, _: Any) -> Run:
        return self

    def __repr__(self) -> str:
        return f"<Run {self.id} {self.project}/{self.name} {self._state.value}>"

    def _tell_failure(self) -> None:
        """Say in the events why this further writer failed: console.log and status.json are the owner's."""
        try:
            from runicorn.sdk.failing import failure_event

            self._events.append(failure_event(self._reason, self._failure, self.step, time.time()))
        except Exception as error:  # noqa: BLE001 - disk full, folder gone: the process ends as it would have
            self.warnings.add("failure", f"the failure of this process was not recorded: {error}.")

    def _unless_beside_failed(self, end: RunState, reason: str | None) -> tuple[RunState, str | None]:
        """Return how the run really ended where SIGTERM came because another rank had failed."""
        try:
            from runicorn.sdk.failing import failure_beside

            failed = failure_beside(self.dir, self._opened_at - 1)  # times in events have milliseconds only
        except Exception:  # noqa: BLE001 - a folder that is gone: then it is what it looks like
            failed = None
        return (end, reason) if failed is None else (RunState.FAILED, failed)

    def _start_capture(self) -> None:
        if self._captures.console:
            self._console = ConsoleCapture(self.dir / layout.CONSOLE_FILE, self.warnings)

    def _log_other(self, name: str, step: int, now: float, value: Any) -> bool:
        """Keep a value that is no number; return whether it is one of the kinds that can be kept."""
        with locks.LOADING:
            from runicorn.sdk.media.adopt import as_media
            from runicorn.sdk.media.store import MediaStore

        try:
            found = as_media(value)
            if found is None:
                return False
            MediaStore(self.dir, self._events, self.warnings).add(name, step, now, found)
        except Exception as error:  # noqa: BLE001 - foreign code, disk full: the rest of the call is kept
            self.warnings.add(f"value:{name[:100]}", f"the value of {name[:100]!r} was not recorded: {error}.")
        return True

    def _join(self) -> tuple[Path, str]:
        """Take files of this process's own in the same run. Raises OSError."""
        self._record_file = claim_record_file(self.dir)
        self._events.go_on_in(self.dir / layout.events_file(self._record_file))
        return self.dir, self._record_file

    def _add_slow_facts(self) -> None:
        if not self._owner:
            return
        try:
            found = facts.slow_facts(self._info.get("cwd", ""))
        except Exception as error:  # noqa: BLE001 - a background task; nothing depends on these facts
            self.warnings.add("facts", f"packages and git state could not be found out: {error}.")
            return
        self._info.update(found)
        self._write_info()

    def _flush_console(self) -> None:
        if self._console is not None:
            self._console.flush()

    def _sample(self) -> None:
        if self._system is None and self._owner and self._captures.system_metrics:
            with locks.LOADING:
                from runicorn.sdk.system.sampler import SystemSampler

            self._system = SystemSampler(self.dir, self.warnings)
        if self._system is not None:
            self._system.sample()

    def _beat(self) -> None:
        try:
            if self._owner_watch is not None and not self._owner and not self._owner_watch.lives():
                self._take_over(self._owner_watch)
        except Exception as error:  # noqa: BLE001 - a background task; recording goes on beside the owner's
            self.warnings.add("owner", f"the run's owner could not be looked at: {error}.")
        self._write_status()
        try:
            if not self._recorder.keeps_file():
                self._recorder.move_on_next_log(self._join)
        except OSError as error:  # the folder is gone, or its disk is
            self.warnings.add("claim", f"{self._record_file} could not be claimed: {error.strerror or error}.")

    def _take_over(self, watch: OwnerWatch) -> None:
        """Become the owner of a joined run whose own process died, as when a job is started again elsewhere."""
        if watch.has_finished():
            return
        from runicorn.storage.ownership import claim_ownership

        inherited = watch.metrics()  # before the claim, which is for good
        times = claim_ownership(self.dir, watch.times_owned_anew())
        if times is None:  # another rank was faster
            return
        self._inherited = inherited
        self._info.update(facts.quick_facts(), resumed=times)
        self._start_capture()
        self._owner = True
        self._write_info()

    def _write_info(self) -> None:
        """Replace run.json. Only its own process does, so that a joined or forked one cannot undo a change."""
        if not self._owner or self._pid != os.getpid():
            return
        self._info_file.write()

    def _info_now(self) -> dict[str, Any]:
        return {**self._info, "config": self.config.plain()}

    def _write_status(self) -> None:
        if self._owner:
            self._status_file.write()


def _behind_status(status: Mapping[str, Any]) -> Beginning:
    from runicorn.sdk.going_on import behind_status

    return behind_status(status)


def _watch_owner(folder: Path) -> OwnerWatch:
    from runicorn.sdk.ownership import OwnerWatch

    return OwnerWatch(folder)
