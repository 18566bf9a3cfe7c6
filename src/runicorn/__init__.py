"""Record machine-learning experiments into a folder: `import runicorn as rn`, rn.init(), rn.log({"loss": 0.1})."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from runicorn._version import __version__
from runicorn.errors import RunicornError
from runicorn.sdk.api import finish, init, log

if TYPE_CHECKING:
    from runicorn.sdk.mappings import NotifyingDict
    from runicorn.sdk.run import Run

    config: NotifyingDict
    summary: NotifyingDict

__all__ = ["Run", "RunicornError", "__version__", "config", "finish", "init", "log", "summary"]


def __getattr__(name: str) -> Any:
    """Return what belongs to the current run, or is loaded only when it is asked for."""
    from runicorn.sdk import api

    if name == "config":
        return api.current_config()
    if name == "summary":
        return api.current_summary()
    if name == "Run":
        from runicorn.sdk.run import Run

        return Run
    raise AttributeError(f"module 'runicorn' has no attribute {name!r}")
