"""What IPython does around each cell of a notebook to streams and exceptions, and what a capture does about it.

IPython keeps what a cell prints for its history: it wraps the streams' `write` when the cell begins, and puts back the
one of before when it ends - so what was wrapped by an init() in that cell is gone from the next one on. And a kernel
sends the traceback of a cell that raised to the notebook, past sys.stderr. Both are told by IPython's own events, which
any number of listeners may hear without being in each other's way.
"""

from __future__ import annotations

import contextlib
import sys
import traceback
from typing import Any, Protocol


class Capture(Protocol):
    """What keeps the console of a run."""

    def hold_on(self) -> None: ...

    def add(self, text: str) -> None: ...


def watch_cells(capture: Capture) -> CellWatch | None:
    """Return what keeps a capture going from cell to cell, or None outside of IPython, which is not imported here."""
    try:
        shell = sys.modules["IPython"].get_ipython()
        return None if shell is None else CellWatch(shell, capture)
    except Exception:  # noqa: BLE001 - foreign code, of any version: a script is recorded without it
        return None


def in_notebook() -> bool:
    """Tell whether a kernel runs this code, which no exception of a cell ends, not even sys.exit()."""
    try:
        return getattr(sys.modules["IPython"].get_ipython(), "kernel", None) is not None
    except Exception:  # noqa: BLE001 - foreign code, of any version, or none
        return False


class CellWatch:
    """Listens to one shell until close()."""

    def __init__(self, shell: Any, capture: Capture) -> None:
        self._shell = shell
        self._capture = capture
        # Once the streams were wrapped between two cells, IPython itself puts that back after each.
        self._is_settled = False
        self._listeners = {
            "pre_execute": self._before_cell,
            "post_execute": self._after_cell,
            "post_run_cell": self._after_shown_cell,
        }
        for event, listener in self._listeners.items():
            shell.events.register(event, listener)

    def close(self) -> None:
        """Listen no more."""
        for event, listener in self._listeners.items():
            with contextlib.suppress(Exception):  # foreign code; whoever cleared the listeners took ours as well
                self._shell.events.unregister(event, listener)
        self._is_settled = True

    def _before_cell(self) -> None:
        if not self._is_settled:
            self._capture.hold_on()

    def _after_cell(self) -> None:
        """Wrap the streams again as soon as the cell is over, which it is not yet in this moment."""
        if self._is_settled:
            return
        import asyncio  # which scripts may do without, and a notebook has loaded

        try:
            asyncio.get_running_loop().call_soon(self._between_cells)
        except RuntimeError:  # IPython in a terminal; there the next cell's beginning has to do
            return

    def _between_cells(self) -> None:
        if not self._is_settled:
            self._capture.hold_on()
            self._is_settled = True

    def _after_shown_cell(self, result: Any) -> None:
        error = getattr(result, "error_before_exec", None) or getattr(result, "error_in_exec", None)
        # In a terminal, IPython prints it to the streams itself.
        if isinstance(error, BaseException) and in_notebook():
            self._capture.add(describe_failure(error))


def describe_failure(error: BaseException) -> str:
    """Return the traceback of an exception without IPython's own frames."""
    trace = below = error.__traceback__
    while below is not None:
        if below.tb_frame.f_locals.get("__tracebackhide__") == "__ipython_bottom__":
            trace = below.tb_next
        below = below.tb_next
    if isinstance(error, SyntaxError) and trace is error.__traceback__:  # of the cell itself, which did not run at all
        trace = None
    return "".join(traceback.format_exception(type(error), error, trace))
