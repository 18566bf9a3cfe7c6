"""How a process ends, told to its run: exceptions, exit codes, Ctrl-C, SIGTERM.

A scheduler that takes a job away (Slurm and Kubernetes preempt with SIGTERM) leaves seconds. Where the program has no
handler of its own, ours closes the run as `preempted` and lets the signal do what it would have done. A main thread
that is stuck in C code runs no handler: then a thread that heard of the signal through its wake-up descriptor does the
same two seconds later, so that SIGTERM still ends what it ended before; and so it does where the handler was reached
and does not come back, as from a disk that does not answer. Where the program has a handler, ours only takes a note and
calls it; one that it sets later is left alone.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any

from runicorn.locks import Flag
from runicorn.model import RunState
from runicorn.sdk.cells import in_notebook
from runicorn.sdk.ends import describe, end_of

_STUCK_SECS = 2.0
# A handler closes the run in this time, waits for the background thread and for locks included, or it never does.
_CLOSE_SECS = 10.0
_RESCUE_SECS = 5.0
_WAKE_EVERY_SECS = 0.1
Close = Callable[[RunState, str | None], None]


class Endings:
    """Hears how the process ends; `close` closes the current run as what that means. Installed once for a process.

    note_failure: told the exception that may be about to end the process.
    """

    def __init__(self, close: Close, note_failure: Callable[[BaseException], None]) -> None:
        self._close = close
        self._note_failure = note_failure
        self._state = RunState.FINISHED
        self._reason: str | None = None
        self._terminated = False
        self._before: Any = None
        self._handled = Flag()
        self._over = Flag()  # never set: a handler that comes to its end ends the process
        self._wakes_listener = False
        self._watches_sigterm = False

    def install(self) -> None:
        """Watch exceptions, sys.exit and, from the main thread, SIGTERM."""
        self._watch_exceptions()
        self._watch_exit()
        self._watch_sigterm_once()

    def at_exit(self) -> None:
        """Close the run; for atexit, which runs after everything that is watched here."""
        if self._terminated:
            self._close(RunState.PREEMPTED, "SIGTERM")
        else:
            self._close(self._state, self._reason)

    def begin(self) -> None:
        """Forget what was heard before: a new run begins, as in a notebook that goes on after an error."""
        self._state, self._reason = RunState.FINISHED, None
        self._watch_sigterm_once()  # the first run may have been a thread's

    def after_fork(self) -> None:
        """In a forked child, keep its signals from the parent's listener: the pipe is the same one."""
        if self._wakes_listener:
            self._wakes_listener = False
            with contextlib.suppress(ValueError):
                signal.set_wakeup_fd(-1)

    def _watch_exceptions(self) -> None:
        previous = sys.excepthook

        def excepthook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
            self._note(error)
            previous(kind, error, trace)

        sys.excepthook = excepthook

    def _watch_exit(self) -> None:
        leave = sys.exit

        def exit_with(status: Any = None, /) -> Any:
            # Only a note: the SystemExit may still be caught, as a notebook does with that of any cell.
            if not in_notebook():
                self._note(SystemExit(status))
            leave(status)

        sys.exit = exit_with

    def _note(self, error: BaseException) -> None:
        self._state = end_of(error)
        self._reason = None if self._state is RunState.FINISHED else describe(error)
        if self._state is RunState.FAILED:
            self._note_failure(error)

    def _watch_sigterm_once(self) -> None:
        if not self._watches_sigterm and threading.current_thread() is threading.main_thread():
            self._watches_sigterm = True
            self._watch_sigterm()

    def _watch_sigterm(self) -> None:
        with contextlib.suppress(ValueError, OSError, AttributeError):
            self._before = signal.getsignal(signal.SIGTERM)
            if self._before is None:  # set by C code, which cannot be called from here
                return
            signal.signal(signal.SIGTERM, self._on_sigterm)
            if self._before is signal.SIG_DFL and os.name == "posix":
                self._watch_stuck_main_thread()

    def _on_sigterm(self, number: int, frame: FrameType | None) -> None:
        again = self._handled.is_set()
        self._handled.set()
        self._terminated = True
        if again and self._before is signal.SIG_DFL:  # it was sent once more to wake this thread
            return
        if callable(self._before):
            self._before(number, frame)
        elif self._before is signal.SIG_DFL:
            self._close(RunState.PREEMPTED, "SIGTERM")
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            os.kill(os.getpid(), signal.SIGTERM)

    def _reaches_handler(self) -> bool:
        """Wait until the main thread has come to the handler; return whether it did before it counts as stuck.

        A signal that comes just before the thread begins to wait in a system call, as in input(), does not interrupt
        that; one that is sent to it again does.
        """
        for _ in range(round(_STUCK_SECS / _WAKE_EVERY_SECS)):
            if self._handled.wait(_WAKE_EVERY_SECS):
                return True
            main = threading.main_thread().ident
            if sys.platform != "win32" and main is not None and not self._handled.is_set():
                signal.pthread_kill(main, signal.SIGTERM)
        return self._handled.is_set()

    def _end_without_handler(self) -> None:
        """Do what the handler could not, as far as that comes within its limit, and end the process."""
        closing = threading.Thread(target=self._close, args=(RunState.PREEMPTED, "SIGTERM"), daemon=True)
        with contextlib.suppress(RuntimeError):  # no more threads
            closing.start()
            closing.join(_RESCUE_SECS)
        os._exit(128 + signal.SIGTERM)

    def _watch_stuck_main_thread(self) -> None:
        """Hear of signals in a thread, too, unless the program or asyncio has the wake-up descriptor already."""
        if sys.platform == "win32":
            return
        reader, writer = os.pipe()
        os.set_blocking(writer, False)
        before = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        if before != -1:
            signal.set_wakeup_fd(before)
            os.close(reader)
            os.close(writer)
            return
        self._wakes_listener = True
        pid = os.getpid()

        def listen() -> None:
            while numbers := os.read(reader, 64):
                # A handler that the program has set since decides itself what SIGTERM means.
                if signal.SIGTERM in numbers and signal.getsignal(signal.SIGTERM) == self._on_sigterm:
                    if self._reaches_handler():
                        self._over.wait(_CLOSE_SECS)
                    if os.getpid() == pid:
                        self._end_without_handler()

        # Ends with the process; it owns the pipe until then.
        threading.Thread(target=listen, name="runicorn-sigterm", daemon=True).start()
