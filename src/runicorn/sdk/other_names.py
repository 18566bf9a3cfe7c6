"""Names that scripts of W&B use and that mean nothing here: each is there, does nothing, and says so once."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from runicorn.sdk.warnings import Warnings

# What each does here, and what to use instead.
_OF_RUN: dict[str, tuple[Any, str]] = {
    "save": ([], "keeps no files; log_artifact() does"),
    "log_code": (None, "keeps no code; the run holds its git commit"),
    "restore": (None, "brings nothing back; use_artifact() does"),
    "watch": (None, "is no method here; runicorn.watch(model) is there"),
    "unwatch": (None, "is no method here; runicorn.unwatch(model) is there"),
    "mark_preempting": (None, "is not needed: SIGTERM marks a run as preempted"),
    "link_artifact": (None, "has no registry to link to; give the artifact an alias"),
    "log_model": (None, "is log_artifact(path, name, type='model') here"),
    "upsert_artifact": (None, "is log_artifact() here"),
    "get_url": ("", "has no address to give; `runicorn viewer` shows the run"),
}
_OF_MODULE: dict[str, tuple[Any, str]] = {
    "login": (True, "is not needed: there is no server to log in to"),
    "save": _OF_RUN["save"],
    "log_code": _OF_RUN["log_code"],
    "restore": _OF_RUN["restore"],
    "mark_preempting": _OF_RUN["mark_preempting"],
    "require": (None, "is not needed"),
    "setup": (None, "is not needed"),
    "teardown": (None, "is not needed"),
}
_WARNINGS = Warnings()


class Settings:
    """Takes whatever it is given, for init(settings=...), which leaves it out."""

    def __init__(self, *_: Any, **values: Any) -> None:
        self.__dict__.update(values)


class OtherNames:
    """What a run has for scripts of other trackers. `dir` and `warnings` are the run's."""

    dir: Path
    warnings: Warnings

    @property
    def url(self) -> str:
        """The run's folder, as an address: a run has no page before somebody starts a viewer."""
        self.warnings.add("other:url", "run.url is the run's folder; `runicorn viewer` shows it.")
        return self.dir.absolute().as_uri()

    def __getattr__(self, name: str) -> Any:
        if name in _OF_RUN:
            return _doing_nothing(f"run.{name}()", *_OF_RUN[name], self.warnings)
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")


def of_module(name: str) -> Any:
    """Return what goes by a name of W&B's module. Raises AttributeError for all others."""
    if name in _OF_MODULE:
        return _doing_nothing(f"{name}()", *_OF_MODULE[name], _WARNINGS)
    if name in ("termlog", "termwarn", "termerror"):
        return _print
    if name == "Settings":
        return Settings
    raise AttributeError(f"module 'runicorn' has no attribute {name!r}")


def _doing_nothing(call: str, result: Any, instead: str, warnings: Warnings) -> Callable[..., Any]:
    def do_nothing(*_: Any, **__: Any) -> Any:
        warnings.add(f"other:{call}", f"{call} {instead}.")
        return list(result) if isinstance(result, list) else result

    return do_nothing


def _print(text: str = "", *_: Any, **__: Any) -> None:
    if sys.stderr is not None:
        sys.stderr.write(f"runicorn: {text}\n")
