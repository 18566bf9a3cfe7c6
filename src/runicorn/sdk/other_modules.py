"""Names of W&B's module that scripts use: each works, or does nothing and says so once. See sdk/other_names.py."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from runicorn import errors
from runicorn.errors import ArtifactNotFoundError, RunNotFoundError
from runicorn.sdk import api, other_names, package
from runicorn.sdk.other_names import Settings, doing_nothing, say

_TENSORBOARD = (
    "records nothing; `runicorn viewer --root LOGDIR` shows TensorBoard's logs, and "
    "runicorn.integrations.tensorboard.SummaryWriter records what a script adds"
)
_READING = "asks no server; runicorn.open_root(path) reads runs"
_NO_SWEEP = "begins nothing: there is no scheduler here; call the function with each configuration"
_CALLS: dict[str, tuple[Any, str]] = {
    **other_names.CALLS,
    "login": (True, "is not needed: there is no server to log in to"),
    "require": (None, "is not needed"),
    "setup": (Settings(), "is not needed"),
    "teardown": (None, "is not needed"),
    "ensure_configured": (None, "is not needed"),
    "sweep": ("", _NO_SWEEP),
    "agent": (None, "starts no training: there is no scheduler here; call the function with each configuration"),
    "watch": (None, "watches nothing: it needs PyTorch"),
}
_NO_PLOTS = "keeps nothing; log the numbers as a Table, or a figure of matplotlib"
_DOES_NOTHING = "does nothing here"
_RUN_CALLS = ("log_model", "use_model", "upsert_artifact", "finish_artifact")
_UNKEPT = ("Object3D", "Molecule", "Graph", "Bokeh", "JoinedTable", "PartitionedTable", "Classes")
_ERRORS = ("Error", "CommError", "UsageError")


def of_module(name: str) -> Any:
    """Return what goes by a name of W&B's module. Raises AttributeError for all others."""
    if name == "restore":
        return _restore
    if name in _CALLS:
        return doing_nothing(f"{name}()", *_CALLS[name])
    if name in _OWN:
        return _OWN[name]
    if name == "unwatch":
        return lambda *_, **__: None
    if name in _RUN_CALLS:
        return getattr(api.need_run(f"{name}()"), name)
    if name in _UNKEPT:
        from runicorn.sdk.media.unkept import unkept

        return unkept(name)
    if name in ("plot", "plots"):
        return Names(name, _plots(), _unknown_plot)
    if name in ("plot_table", "Plotly"):
        from runicorn.sdk import plots
        from runicorn.sdk.media.figure import Figure

        return Figure if name == "Plotly" else plots.plot_table
    if name == "data_types":
        return Names(name, {}, lambda full: package.public(full.rpartition(".")[2]))
    if name == "wandb_sdk":
        from runicorn import sdk

        return sdk
    if name in _ERRORS:
        return vars(errors).get(name, errors.RunicornError)
    raise AttributeError(f"module 'runicorn' has no attribute {name!r}")


def set_in_module(name: str, value: Any) -> None:
    """Take wandb.config = {...}: its values where a run is open, and nothing before that; wandb.run stays."""
    if name == "run":
        return
    run = api.current_run()
    if run is None:
        say(f"other:{name} =", f"{name} = ... is not kept; pass it to init(config=...).")
        return
    say(f"other:{name} =", f"{name} = ... adds its values to the run's; use {name}.update().")
    getattr(run, name).update(value)


class Names:
    """A module of W&B's. known: what there is; whatever else it is asked for, `other` makes by its name."""

    def __init__(self, name: str, known: Mapping[str, Any], other: Callable[[str], Any]) -> None:
        self.__dict__.update(_name=name, _known=known, _other=other)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(f"{self._name} has no attribute {name!r}")
        found = self._known.get(name)
        return self._other(f"{self._name}.{name}") if found is None else found


class Api:
    """W&B's way to read runs. It knows none, because it asks a server for them."""

    default_entity = ""

    def __init__(self, *_: Any, **__: Any) -> None:
        say("other:Api", f"Api() {_READING}.")

    def runs(self, *_: Any, **__: Any) -> list[Any]:
        return []

    projects = sweeps = artifacts = artifact_versions = runs

    def run(self, path: str = "", *_: Any, **__: Any) -> NoReturn:
        raise RunNotFoundError(f"Api() knows no run {str(path)[:200]!r}.", hint=f"It {_READING}.")

    sweep = project = run

    def artifact(self, name: str, type: str | None = None, *_: Any, **__: Any) -> Any:
        """Return a version, as use_artifact() does. Raises UsageError, ArtifactNotFoundError."""
        run = api.current_run()
        if run is None:
            raise ArtifactNotFoundError(f"Api() knows no artifact {str(name)[:200]!r}.", hint=f"It {_READING}.")
        return run.use_artifact(str(name), type)


class _Controller:
    """What steers a sweep."""

    def __init__(self, *_: Any, **__: Any) -> None:
        say("other:controller", f"controller() {_NO_SWEEP}.")

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return lambda *_, **__: None

    def done(self) -> bool:
        return True


def _restore(name: Any = "", *_: Any, **__: Any) -> Any:
    run = api.current_run()
    return doing_nothing("restore()", *_CALLS["restore"])() if run is None else run.restore(name)


def _print(text: Any = "", *_: Any, **__: Any) -> None:
    if sys.stderr is not None:
        sys.stderr.write(f"runicorn: {text}\n")


def _generate_id(length: int = 8) -> str:
    """Return letters and digits by chance, as an id of a run."""
    import secrets

    return "".join(secrets.choice("0123456789abcdefghijklmnopqrstuvwxyz") for _ in range(length))


def _plots() -> dict[str, Any]:
    from runicorn.sdk import plots

    return plots.BY_NAME


def _unknown_plot(name: str) -> Any:
    from runicorn.sdk.media.unkept import unkept

    return unkept(name, "log the numbers as a Table")


def _names(name: str, instead: str, **known: Any) -> Names:
    return Names(name, known, lambda full: doing_nothing(f"{full}()", None, instead))


def _lightgbm(name: str) -> Callable[..., Any]:
    """Return what makes a callback, which LightGBM calls after each round, or does nothing at once."""
    return doing_nothing(f"{name}()", lambda *_, **__: None, "records nothing; call log() in a callback of your own")


_OWN: dict[str, Any] = {
    "Api": Api,
    "Settings": Settings,
    "controller": _Controller,
    "join": api.finish,
    "termlog": _print,
    "termwarn": _print,
    "termerror": _print,
    "util": _names("util", _DOES_NOTHING, generate_id=_generate_id),
    "env": _names("env", _DOES_NOTHING),
    "gym": _names("gym", "records nothing; log the frames as rn.Video"),
    "lightgbm": Names("lightgbm", {}, _lightgbm),
    "sklearn": _names("sklearn", _NO_PLOTS),
    "tensorboard": _names("tensorboard", _TENSORBOARD),
    "tensorflow": _names("tensorflow", _TENSORBOARD),
}
