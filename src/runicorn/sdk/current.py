"""Which run is the current one, for each thread and asyncio task.

It is the run that was opened there. Who opened none inherits: a task what its context has, a thread what the one that
started it had, all others the main thread's. Where that leaves several, the newest one is taken, and that is said once.
As long as one run is open, it is everybody's, and none of this is looked at.
"""

from __future__ import annotations

import functools
import sys
import threading
from collections.abc import Iterator
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from runicorn.sdk.run import Run


class Opened(NamedTuple):
    """A run, the thread and asyncio task that opened it, and what was current there before."""

    run: Run
    thread: threading.Thread
    task: Any
    before: Opened | None

    @property
    def is_orphaned(self) -> bool:
        """Whether the one that opened it is over."""
        return not self.thread.is_alive() or (self.task is not None and self.task.done())

    def first_open(self) -> Opened | None:
        """Return this one or, where it has ended, what was current before."""
        found: Opened | None = self
        while found is not None and not found.run.takes_points:
            found = found.before
        return found


_HERE: ContextVar[Opened | None] = ContextVar("runicorn_run", default=None)
_INHERITED = "_runicorn_opened"  # an attribute of a thread: a context of its own is empty before Python 3.14


class CurrentRuns:
    """The runs that were opened to be current, and whose they are. Whoever changes it holds a lock."""

    def __init__(self) -> None:
        self._opened: list[Opened] = []
        self._newest: Run | None = None
        self._passes_on = False
        self.are_several = False  # whether it matters who asks

    def here(self) -> Run | None:
        """Return the current run of who asks, closed or not, or None where there is none."""
        if not self.are_several:
            return self._newest
        known = self._known_here()
        if known is not None:
            return known.run
        own = _HERE.get()
        return self._guessed() if own is None else own.run

    def to_finish(self) -> list[Run]:
        """Return what an init() here closes first: what it opened itself, and what nobody has any more."""
        thread, task = threading.current_thread(), _task()
        return [
            opened.run
            for opened in self._opened
            if opened.run.is_open and (opened.is_orphaned or (opened.thread is thread and opened.task is task))
        ]

    def enter(self, run: Run) -> None:
        """Make a run the current one here."""
        thread = threading.current_thread()
        opened = Opened(run, thread, _task(), self._known_here())
        self._opened = [*(other for other in self._opened if other.run.takes_points), opened]
        self._newest = run
        _HERE.set(opened)
        self.are_several = sum(other.run.is_open for other in self._opened) > 1
        if (self.are_several or thread is not threading.main_thread()) and not self._passes_on:
            self._passes_on = True
            _pass_on_to_threads()

    def open_runs(self) -> Iterator[Run]:
        """Yield the runs whose end is still to be told, the newest one last."""
        return (opened.run for opened in list(self._opened) if not opened.run.is_closed)

    def all(self) -> Iterator[Run]:
        return (opened.run for opened in list(self._opened))

    def _known_here(self) -> Opened | None:
        """Return the open run that is current here without doubt."""
        thread, own = threading.current_thread(), _HERE.get()
        found = None if own is None else own.first_open()
        if found is None:  # such as one that asyncio.run() has left to its thread
            found = self._last(lambda other: other.thread is thread and other.is_orphaned)
        if found is None and own is None:
            inherited: Opened | None = getattr(thread, _INHERITED, None)
            found = None if inherited is None else inherited.first_open()
            main = threading.main_thread()
            if found is None and thread is not main:
                found = self._last(lambda other: other.thread is main)
        return found

    def _last(self, fits: Any) -> Opened | None:
        return next((other for other in reversed(self._opened) if other.run.takes_points and fits(other)), None)

    def _guessed(self) -> Run | None:
        found = [opened.run for opened in self._opened if opened.run.takes_points]
        if len(found) > 1:
            found[-1].warnings.add(
                "ambiguous-run",
                f"the thread {threading.current_thread().name[:100]!r} opened no run and {len(found)} are open: what "
                f"it logs goes to {found[-1].name[:100]!r}, the newest. Use log() of the run that is meant.",
            )
        return found[-1] if found else self._newest


def _task() -> Any:
    """Return the asyncio task that runs here, or None."""
    asyncio = sys.modules.get("asyncio")
    try:
        return None if asyncio is None else asyncio.current_task()
    except (RuntimeError, AttributeError):  # no loop here, or asyncio is just being imported
        return None


def _pass_on_to_threads() -> None:
    """From now on, have a thread know what was current where it was started."""
    start = threading.Thread.start

    @functools.wraps(start)
    def start_with_run(self: threading.Thread) -> None:
        opened = _HERE.get() or getattr(threading.current_thread(), _INHERITED, None)
        if opened is not None:
            setattr(self, _INHERITED, opened)
        start(self)

    threading.Thread.start = start_with_run  # type: ignore[method-assign]
