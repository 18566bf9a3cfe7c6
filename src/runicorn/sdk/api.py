"""The functions of `import runicorn as rn`, which act on the current run."""

from __future__ import annotations

import atexit
import os
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from runicorn import locks
from runicorn.errors import UsageError
from runicorn.sdk import package
from runicorn.sdk.current import CurrentRuns

if TYPE_CHECKING:
    from pathlib import Path

    from runicorn.model import RunState
    from runicorn.sdk.artifacts import Artifact, ArtifactVersion, StrPath
    from runicorn.sdk.definitions import MetricDefinition
    from runicorn.sdk.ending import Endings
    from runicorn.sdk.mappings import NotifyingDict
    from runicorn.sdk.run import Run


def _log_without_run(data: Mapping[Any, Any], step: int | None = None, commit: bool | None = None) -> None:
    raise _no_run("log()")


_runs = CurrentRuns()
# The current run's log, looked up once instead of in every call for as long as there is one run only.
_log: Callable[[Mapping[Any, Any], int | None, bool | None], None] = _log_without_run
_lock = locks.reentrant_lock()


_endings: Endings | None = None
_beside: list[Run] = []  # open besides the current ones


def init(
    project: str | None = None,
    name: str | None = None,
    config: Any = None,
    *,
    tags: Iterable[str] | None = (),
    notes: str | None = None,
    group: str | None = None,
    job_type: str | None = None,
    root: str | os.PathLike[str] | None = None,
    id: str | None = None,
    resume: bool | str | None = None,
    mode: str | None = None,
    config_exclude_keys: Iterable[str] | None = None,
    config_include_keys: Iterable[str] | None = None,
    console: bool = True,
    system_metrics: bool = True,
    **others: Any,
) -> Run:
    """Open a run and make it the current one; one that was opened here before and is still open is finished first.

    Here is this thread, or this asyncio task: each has a current run of its own (see sdk/current.py).

    project: a path such as "vision/resnet". name: made up when not given. config: a mapping, argparse namespace,
    dataclass, anything else with named values, or the path of a JSON or YAML file. group, job_type: what belongs
    together, and as what, such as the folds of one experiment. root: the storage root, else RUNICORN_ROOT, else
    ~/runicorn_data. id: chosen by hand, for resume.

    resume: what to do where the run `id` exists: "never" (also None, False) refuses, "allow" (also True) goes on with
    it, "must" needs it to exist. "auto", or True without an id, goes on with the newest run of the same script that
    ended early. If the process that owns a run lives, this one records beside it, as the ranks of one job do.
    mode: "disabled" keeps nothing; "online" and "offline" are the same here, for there is no server. When it is not
    given, RUNICORN_MODE says it.
    console, system_metrics: whether what is printed is kept, and whether the machine is sampled.
    Parameters of W&B and trackio that mean nothing here (entity, settings, dir, space_id ...) are named once and left
    out.

    Raises RootNotUsableError, RunExistsError, RunNotFoundError, UsageError. After this, nothing raises into training.
    """
    from runicorn.sdk.compatibility import check_others, select_keys
    from runicorn.sdk.start import Wanted, open_run

    ignored = check_others(others)
    with _lock:
        wanted = Wanted(
            project=project,
            name=name,
            config=select_keys(config, config_include_keys, config_exclude_keys),
            tags=tags,
            notes=notes,
            group=group,
            job_type=job_type,
            root=root,
            id=id,
            resume=resume,
            mode=mode,
            console=console,
            system_metrics=system_metrics,
        )
        for open_here in _runs.to_finish():
            open_here.finish()
        run = open_run(wanted)
        _enter(run)
        for kind, text in ignored.items():
            run.warnings.add(kind, text)
        return run


def init_beside(**wanted: Any) -> Run:
    """Open a run that does not become the current one; it is closed when the process ends, as the current one is.

    Parameters: fields of sdk.start.Wanted. Raises what `init` raises.
    """
    from runicorn.sdk.start import Wanted, open_run

    with _lock:
        run = open_run(Wanted(**wanted))
        _beside.append(run)
        _install_hooks()
    return run


def log(data: Mapping[Any, Any], step: int | None = None, commit: bool | None = None, sync: bool | None = None) -> None:
    """Record values of metrics at a step; without one, steps count up by themselves. On disk when it returns.

    data: names and values, nested mappings joined by slashes. A value is a number, or an array or tensor that holds
    one; Image, Audio, Video, Text, Table, Histogram, Html or Figure; text; a PIL image, a figure, a data frame; an
    array of several numbers, which is kept as a histogram. commit: False leaves the step open for the next call. sync:
    of other trackers, without a meaning here.
    Raises UsageError where there is no run, and nothing else.
    """
    _log(data, step, commit)


def finish(state: str | int | None = "finished", *, exit_code: int | None = None, **others: Any) -> None:
    """Close the current run; without one, do nothing. See Run.finish."""
    current = _runs.here()
    if current is not None:
        current.finish(state, exit_code=exit_code, **others)


def alert(title: str, text: str = "", level: Any = "info", wait_duration: Any = 0.0) -> None:
    """Record that something deserves a look. See Run.alert. Raises UsageError where there is no run."""
    need_run("alert()").alert(title, text, level, wait_duration)


def define_metric(name: str, step_metric: str | None = None, **options: Any) -> MetricDefinition:
    """Say what a metric belongs to and how it is summed up. See Run.define_metric. Raises UsageError without a run."""
    return need_run("define_metric()").define_metric(name, step_metric, **options)


def current_run() -> Run | None:
    """Return the current run of this thread or task, closed or not, or None before the first init()."""
    return _runs.here()


def log_artifact(path_or_artifact: Artifact | StrPath, name: str | None = None, type: str | None = None,
                 aliases: Iterable[str] = (), **_: Any) -> ArtifactVersion:  # fmt: skip
    """Store a file, a folder or an `Artifact` for the current run, as Run.log_artifact does. Raises UsageError only."""
    return need_run("log_artifact()").log_artifact(path_or_artifact, name, type, aliases)


def use_artifact(name: str, type: str | None = None, **_: Any) -> ArtifactVersion:
    """Return a version for the current run, as Run.use_artifact does. Raises UsageError, ArtifactNotFoundError."""
    return need_run("use_artifact()").use_artifact(name, type)


def current_config() -> NotifyingDict:
    """Return the current run's config. Raises UsageError where there is none."""
    return need_run("config").config


def current_summary() -> NotifyingDict:
    """Return the current run's summary. Raises UsageError where there is none."""
    return need_run("summary").summary


class _Taker:
    """Takes runs out of pickles: sdk/handing.py."""

    def known(self, folder: Path) -> Run | None:
        """Return this process's own run of that folder, open or just closed, or None."""
        return next((run for run in (*_runs.all(), *_beside) if not run.disabled and run.dir == folder), None)

    def joined(self, folder: str) -> Run:
        """Return a run that was handed over, as a further writer and the current one, unless there is one."""
        from runicorn.sdk.resuming import join_run

        run = join_run(folder)
        _adopt(run)
        return run

    def loaded(self, folder: str, info: dict[str, Any], summary: dict[str, Any]) -> Run:
        """Return a run out of a checkpoint, which records nothing."""
        from runicorn.sdk.disabled import LoadedRun

        return LoadedRun(folder, info, summary)


package.taker = _Taker()


def _adopt(run: Run) -> None:
    """Make a run that came from another process the current one, unless there is one."""
    with _lock:
        current = _runs.here()
        if current is not None and getattr(current, "stands_in", False):
            current.finish()
        if current is None or current.is_closed:
            _enter(run)
        else:
            _beside.append(run)


def _enter(run: Run) -> None:
    global _log
    _runs.enter(run)
    _log = _log_here if _runs.are_several else run.log
    _install_hooks()


def _log_here(data: Mapping[Any, Any], step: int | None = None, commit: bool | None = None) -> None:
    need_run("log()").log(data, step, commit)


def need_run(what: str) -> Run:
    """Return the current run. what: that needs it. Raises UsageError where there is none."""
    current = _runs.here()
    if current is None:
        raise _no_run(what)
    return current


def _no_run(what: str) -> UsageError:
    return UsageError(f"There is no run for {what}.", hint="Call runicorn.init() first.")


def _install_hooks() -> None:
    """Have the run closed when the process ends, as what its end means."""
    from runicorn.sdk.ending import Endings

    global _endings
    if _endings is not None:
        _endings.begin()
        return
    _endings = Endings(_close, _note_failure)
    _endings.install()
    atexit.register(_endings.at_exit)
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_after_fork)


def _close(state: RunState, reason: str | None) -> None:
    for run in _open_runs():
        run.finish(state.value, reason=reason)


def _open_runs() -> list[Run]:
    return [*(run for run in _beside if not run.is_closed), *_runs.open_runs()]


def _note_failure(error: BaseException) -> None:
    for run in _open_runs():
        run.note_failure(error)


def _after_fork() -> None:
    """In a forked child, leave the run's files to the parent: two writers would number its metrics differently."""
    if _endings is not None:
        _endings.after_fork()
    for run in (*_beside, *_runs.all()):
        run.leave_to_parent()
