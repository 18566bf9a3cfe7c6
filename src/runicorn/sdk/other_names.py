"""Names that scripts of W&B use on a run: each works, or does nothing and says so once. See sdk/other_modules.py."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, cast

from runicorn.sdk import package
from runicorn.sdk.warnings import Warnings

NO_PAGE = "has no address to give; `runicorn viewer` shows the run"
# What each call gives here, and what to use instead.
CALLS: dict[str, tuple[Any, str]] = {
    "save": ([], "keeps no files; log_artifact() does"),
    "log_code": (None, "keeps no code; the run holds its git commit"),
    "restore": (None, "brings back nothing but what lies in the run's folder; use_artifact() does"),
    "mark_preempting": (None, "is not needed: SIGTERM marks a run as preempted"),
    "link_artifact": (None, "has no registry to link to; give the artifact an alias"),
    "link_model": (None, "has no registry to link to; give the artifact an alias"),
    "logged_artifacts": ([], "lists nothing; the run's overview does"),
    "used_artifacts": ([], "lists nothing; the run's overview does"),
}
_OF_VERSION: dict[str, tuple[Any, str]] = {
    "save": (None, "changes nothing: a version stays as it was logged; log_artifact(..., aliases=[...]) names it"),
    "delete": (None, "deletes nothing"),
    "get": (None, "reads no media; download() brings the files"),
    "logged_by": (None, "gives no run; `.run` is its id"),
    "used_by": ([], "lists nothing"),
    "link": (None, "has no registry to link to"),
}
_PAGES: dict[str, tuple[Any, str]] = {
    "get_url": ("", NO_PAGE),
    "get_project_url": ("", NO_PAGE),
    "get_sweep_url": ("", NO_PAGE),
    "display": (False, NO_PAGE),
    "to_html": ("", NO_PAGE),
}
# What has a true answer where there is no server. Needs no word.
_VALUES: dict[str, Any] = {
    "entity": "", "sweep_id": None, "sweep_url": "", "project_url": "", "offline": True, "starting_step": 0,
}  # fmt: skip
_WARNINGS = Warnings()


class Settings:
    """Takes whatever it is given, for init(settings=...), which leaves it out; what it was not given is None."""

    def __init__(self, *_: Any, **values: Any) -> None:
        self.__dict__.update(values)

    def __getattr__(self, name: str) -> None:
        if name.startswith("__"):
            raise AttributeError(name)


class OtherNames:
    """What a run has for scripts of other trackers. `dir` and `warnings` are the run's."""

    dir: Path
    warnings: Warnings

    @property
    def url(self) -> str:
        """The run's folder, as an address: a run has no page before somebody starts a viewer."""
        self.warnings.add("other:url", "run.url is the run's folder; `runicorn viewer` shows it.")
        return Path(self.dir).absolute().as_uri()

    @property
    def path(self) -> str:
        """Project and id."""
        return f"{cast(Any, self).project}/{cast(Any, self).id}"

    @property
    def settings(self) -> Settings:
        return Settings()

    def project_name(self) -> str:
        return str(cast(Any, self).project)

    def save(self, *args: Any, **options: Any) -> Any:
        """Without a file, W&B's word for "write the new name down", which is done already; else see CALLS."""
        return doing_nothing("run.save()", *CALLS["save"], self.warnings)(*args) if args or options else True

    def restore(self, name: Any = "", *_: Any, **__: Any) -> IO[str] | None:
        """Return a file of the run's folder, open; None where there is no such file, which is said once."""
        try:
            return (Path(self.dir) / str(name)).open(encoding="utf-8", errors="surrogateescape")
        except (OSError, ValueError):
            doing_nothing("run.restore()", *CALLS["restore"], self.warnings)()
            return None

    def watch(self, *models: Any, **options: Any) -> None:
        """Record histograms of a model of PyTorch's, as runicorn.watch does. Raises nothing."""
        try:
            package.public("watch")(*models, **{"run": self, **options})
        except Exception as error:  # noqa: BLE001 - no model of PyTorch's, no PyTorch: training goes on
            self.warnings.add("watch", f"run.watch() watches nothing: {error}")

    def unwatch(self, models: Any = None) -> None:
        """Take the hooks of `watch` away. Raises nothing."""
        try:
            package.public("unwatch")(models)
        except Exception as error:  # noqa: BLE001 - see watch
            self.warnings.add("watch", f"run.unwatch() did nothing: {error}")

    def log_model(self, path: Any, name: str | None = None, aliases: Any = (), **_: Any) -> Any:
        """Store a file or folder as an artifact of the type model."""
        return cast(Any, self).log_artifact(path, name, "model", aliases)

    def use_model(self, name: str) -> Path:
        """Return where the files of an artifact are now, the file itself where it is one. Raises RunicornError."""
        version = cast(Any, self).use_artifact(name)
        folder: Path = version.download()
        return folder / version.files[0].path if len(version.files) == 1 else folder

    def upsert_artifact(self, artifact: Any, name: str | None = None, type: str | None = None, aliases: Any = (),
                        **_: Any) -> Any:  # fmt: skip
        return cast(Any, self).log_artifact(artifact, name, type, aliases)

    finish_artifact = upsert_artifact

    def join(self, exit_code: int | None = None) -> None:
        cast(Any, self).finish(exit_code=exit_code)

    @property
    def start_time(self) -> float:
        """Unix seconds."""
        return float(getattr(self, "_opened_at", 0.0))

    def __getattr__(self, name: str) -> Any:
        if name in _VALUES:
            return _VALUES[name]
        known = CALLS.get(name) or _PAGES.get(name)
        if known is not None:
            kind = "page" if name in _PAGES else name
            return doing_nothing(f"run.{name}()", *known, self.warnings, kind=kind)
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")


class OtherVersionNames:
    """What a version of an artifact has for scripts of other trackers."""

    ttl = None

    @property
    def id(self) -> str:
        return str(self)

    qualified_name = source_name = source_qualified_name = id

    def checkout(self, root: Any = None) -> Path:
        """Bring all files into a folder. Raises what `download` raises."""
        return cast(Path, cast(Any, self).download(root))

    def __getattr__(self, name: str) -> Any:
        if name in _OF_VERSION:
            return doing_nothing(f"ArtifactVersion.{name}()", *_OF_VERSION[name])
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")


def doing_nothing(
    call: str, result: Any, instead: str, warnings: Warnings = _WARNINGS, kind: str | None = None
) -> Callable[..., Any]:
    """Return what can be called with anything, gives `result` and says once what to use instead."""

    def do_nothing(*_: Any, **__: Any) -> Any:
        warnings.add(f"other:{kind or call}", f"{call} {instead}.")
        return list(result) if isinstance(result, list) else result

    return do_nothing


def say(kind: str, text: str) -> None:
    """Say something once that belongs to no run."""
    _WARNINGS.add(kind, text)
