"""What an exception means for a run that it ends, in a word and in a line. Pure."""

from __future__ import annotations

from runicorn.model import RunState


def end_of(error: BaseException | None) -> RunState:
    """Return how a run ended that this exception left: Ctrl-C is a person's will, no failure of the code."""
    if isinstance(error, KeyboardInterrupt):
        return RunState.KILLED
    if isinstance(error, SystemExit) and error.code in (None, 0):
        return RunState.FINISHED
    return RunState.FAILED


def describe(error: BaseException | None) -> str:
    """Return an exception as its traceback's last line would: `ValueError: no such file`."""
    if error is None:
        return "unknown"
    if isinstance(error, SystemExit):
        return f"exit code {error.code}"[:1000] if not isinstance(error.code, str) else error.code[:1000]
    try:
        text = str(error)
    except Exception:  # noqa: BLE001 - foreign __str__
        text = ""
    return f"{type(error).__name__}: {text}"[:1000] if text else type(error).__name__
