"""Which run an integration records into: the current one where it is open, else a new one, which becomes current."""

from __future__ import annotations

from typing import Any

from runicorn.sdk import api
from runicorn.sdk.run import Run


def open_current() -> Run | None:
    """Return the current run if this process still records into it, or None."""
    run = api.current_run()
    return run if run is not None and run.is_open else None


def current_or_new(**wanted: Any) -> Run:
    """Return the current run, or a new one made as `init` makes it of these parameters. Raises what `init` raises."""
    return open_current() or api.init(**wanted)


def given(**parameters: Any) -> dict[str, Any]:
    """Return the parameters that are not None."""
    return {name: value for name, value in parameters.items() if value is not None}
