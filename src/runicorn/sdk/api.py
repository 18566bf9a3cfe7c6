"""The functions of `import runicorn as rn`, which act on the current run."""

from __future__ import annotations

import atexit
import os
import sys
import threading
from collections.abc import Callable, Iterable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any

from runicorn.errors import UsageError

if TYPE_CHECKING:
    from runicorn.sdk.mappings import NotifyingDict
    from runicorn.sdk.run import Run


def _log_without_run(data: Mapping[Any, Any], step: int | None = None) -> None:
    raise _no_run("log()")


_current: Run | None = None
# The current run's log, looked up once instead of in every call.
_log: Callable[[Mapping[Any, Any], int | None], None] = _log_without_run
_lock = threading.Lock()
_hooked = False
_uncaught: BaseException | None = None


def init(
    project: str | None = None,
    name: str | None = None,
    config: Any = None,
    *,
    tags: Iterable[str] = (),
    root: str | os.PathLike[str] | None = None,
    id: str | None = None,
    resume: bool | None = None,
) -> Run:
    """Open a run and make it the current one; a current one that is still open is finished first.

    project: a path such as "vision/resnet". name: made up when not given. config: a mapping, argparse namespace or
    dataclass. root: the storage root, else RUNICORN_ROOT, else ~/runicorn_data. id: chosen by hand, for resume.
    resume: go on with the run `id` where it exists; if the process that owns it lives, record beside it.
    Raises RootNotUsableError, RunExistsError, UsageError. After this, nothing raises into training.
    """
    from runicorn.sdk.start import open_run

    global _current, _log
    with _lock:
        if _current is not None and _current.is_open:
            _current.finish()
        _current = open_run(project, name, config, tags=tags, root=root, id=id, resume=resume)
        _log = _current.log
        _install_hooks()
        return _current


def log(data: Mapping[Any, Any], step: int | None = None) -> None:
    """Record values of metrics at a step; without one, steps count up by themselves. On disk when it returns."""
    _log(data, step)


def finish(state: str = "finished") -> None:
    """Close the current run; without one, do nothing."""
    if _current is not None:
        _current.finish(state)


def current_config() -> NotifyingDict:
    """Return the current run's config. Raises UsageError where there is none."""
    if _current is None:
        raise _no_run("config")
    return _current.config


def current_summary() -> NotifyingDict:
    """Return the current run's summary. Raises UsageError where there is none."""
    if _current is None:
        raise _no_run("summary")
    return _current.summary


def _no_run(what: str) -> UsageError:
    return UsageError(f"There is no run for {what}.", hint="Call runicorn.init() first.")


def _install_hooks() -> None:
    """Close the run when the interpreter ends, as failed if an exception ended it. SIGTERM is left alone."""
    global _hooked
    if _hooked:
        return
    _hooked = True
    atexit.register(_at_exit)
    previous = sys.excepthook

    def excepthook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        global _uncaught
        _uncaught = error
        previous(kind, error, trace)

    sys.excepthook = excepthook
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_after_fork)


def _at_exit() -> None:
    from runicorn.sdk.run import describe

    if _current is None or not _current.is_open:
        return
    if _uncaught is None:
        _current.finish()
    else:
        _current.finish("failed", reason=describe(_uncaught))


def _after_fork() -> None:
    """In a forked child, leave the run to the parent: two writers would number its metrics differently."""
    global _lock
    _lock = threading.Lock()
    if _current is not None:
        _current.leave_to_parent()
