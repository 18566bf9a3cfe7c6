"""A logger for Lightning: Trainer(logger=RunicornLogger(project="vision")).

For `lightning` and `pytorch_lightning`, whichever the script uses. Only rank zero records. The run is left open after a
fit, because a test may follow; it ends with the process, with runicorn.finish(), or with the next runicorn.init().
"""

from __future__ import annotations

import importlib
import multiprocessing
import os
import sys
from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from runicorn.errors import UsageError
from runicorn.integrations.opening import current_or_new, given
from runicorn.sdk.artifacts import Artifact
from runicorn.sdk.run import Run
from runicorn.sdk.start import fresh_id

_MODULES = ("lightning.pytorch.loggers.logger", "pytorch_lightning.loggers.logger")


def _base_modules() -> list[ModuleType]:
    """Return the modules whose Logger ours has to be: those that are loaded, else the first that there is."""
    loaded = [sys.modules[name] for name in _MODULES if name in sys.modules]
    if loaded:
        return loaded
    for name in _MODULES:
        try:
            return [importlib.import_module(name)]
        except ModuleNotFoundError:
            continue
    raise UsageError("Neither lightning nor pytorch_lightning is installed.", hint="Run: pip install lightning.")


_BASES = _base_modules()
_rank_zero_only: Any = importlib.import_module("lightning_utilities.core.rank_zero").rank_zero_only
_rank_zero_experiment: Any = _BASES[0].rank_zero_experiment


class RunicornLogger(*(module.Logger for module in _BASES)):  # type: ignore[misc]
    """Records what a Trainer logs.

    name, project, root, tags and further parameters: as in runicorn.init. version: the run's id; one that exists goes
    on. save_dir: where Lightning puts its own files; checkpoints lie in save_dir/PROJECT/RUN/checkpoints. log_model:
    keep checkpoints as versions of an artifact - True at the end of a fit, "all" as they are saved. prefix: put before
    each metric, with a dash. experiment: a run to record into.
    """

    LOGGER_JOIN_CHAR = "-"

    def __init__(self, name: str | None = None, save_dir: str | os.PathLike[str] = "lightning_logs",
                 version: str | None = None, project: str | None = None, *, log_model: bool | str = False,
                 prefix: str = "", experiment: Run | None = None, **options: Any) -> None:  # fmt: skip
        super().__init__()
        options.setdefault("resume", "allow" if version else None)
        self._wanted = given(name=name, id=version, project=project, **options)
        self._save_dir = os.fspath(save_dir)
        self._log_model = log_model
        self._prefix = prefix
        self._run = experiment
        self._checkpoints: dict[int, Any] = {}
        self._logged: dict[str, float] = {}

    @property
    @_rank_zero_experiment
    def experiment(self) -> Run:
        """The run; opened when it is first asked for."""
        if self._run is None or not self._run.is_open:
            self._run = current_or_new(**self._wanted)
            self._wanted |= {"id": self._run.id, "resume": "allow"}
        return self._run

    @property
    def name(self) -> str:
        """The project; it is a part of where checkpoints lie."""
        return str(self._run.project if self._run is not None else self._wanted.get("project") or "runicorn")

    @property
    def version(self) -> str | None:
        """The run's id; it is a part of where checkpoints lie."""
        run = self.experiment
        return run.id if isinstance(run, Run) else self._wanted.get("id")

    @property
    def save_dir(self) -> str:
        """Where Lightning puts its own files, and what trainer.log_dir is: no part of the storage root."""
        return self._save_dir

    @_rank_zero_only
    def log_hyperparams(self, params: Mapping[str, Any] | Namespace | None = None, *_: Any, **__: Any) -> None:
        """Put them into the run's config."""
        self.experiment.config.update(vars(params) if isinstance(params, Namespace) else dict(params or {}))

    @_rank_zero_only
    def log_metrics(self, metrics: Mapping[str, Any], step: int | None = None) -> None:
        """Record them at the Trainer's global step."""
        if self._prefix:
            metrics = {f"{self._prefix}{self.LOGGER_JOIN_CHAR}{key}": value for key, value in metrics.items()}
        self.experiment.log(metrics, step)

    @_rank_zero_only
    def after_save_checkpoint(self, checkpoint_callback: Any) -> None:
        """Keep a checkpoint as soon as it is saved, or remember to do so at the end."""
        if self._log_model == "all" or (self._log_model and getattr(checkpoint_callback, "save_top_k", 1) == -1):
            self._log_checkpoints(checkpoint_callback)
        elif self._log_model:
            self._checkpoints[id(checkpoint_callback)] = checkpoint_callback

    @_rank_zero_only
    def finalize(self, status: str) -> None:
        """After a fit, keep the checkpoints; a failed one lets the run end as failed, unless another one succeeds."""
        if self._run is None:
            return
        self._run.expect_end(None if status in ("success", "finished") else sys.exc_info()[1] or _Failed(status))
        if status in ("success", "finished"):
            for callback in self._checkpoints.values():
                self._log_checkpoints(callback)
        # A process that multiprocessing started ends without atexit.
        if multiprocessing.parent_process() is not None:
            self._run.finish()

    def _log_checkpoints(self, callback: Any) -> None:
        """Log the files that are new or were written anew, the best with the alias `best`."""
        best = getattr(callback, "best_model_path", "")
        scores = {**getattr(callback, "best_k_models", {})}
        last = getattr(callback, "last_model_path", "")
        paths = sorted({*scores, best, last} - {""}, key=_changed_at)
        for path in paths:
            if not os.path.exists(path) or self._logged.get(path) == _changed_at(path):  # noqa: PTH110 - text, as given
                continue
            self._logged[path] = _changed_at(path)
            score = scores.get(path, getattr(callback, "best_model_score", None) if path == best else None)
            artifact = Artifact(f"model-{self.experiment.id}", "model", metadata={
                "original_filename": Path(path).name,
                "score": None if score is None else float(score),
                "monitor": getattr(callback, "monitor", None),
                "mode": getattr(callback, "mode", None),
            })  # fmt: skip
            add = artifact.add_dir if Path(path).is_dir() else artifact.add_file
            add(path, Path(path).name if Path(path).is_dir() else "model.ckpt")
            self.experiment.log_artifact(artifact, aliases=["best"] if path == best else [])

    def __getstate__(self) -> dict[str, Any]:
        """For processes that are spawned: they, and this one later, record into the same run."""
        if self._run is None and "id" not in self._wanted:
            self._wanted |= {"id": fresh_id(), "resume": "allow"}
        return {**self.__dict__, "_checkpoints": {}}


class _Failed(Exception):
    """A fit that ended without success; its text is the status that Lightning gave."""


def _changed_at(path: str) -> float:
    try:
        return os.path.getmtime(path)  # noqa: PTH204 - text, as Lightning gives it
    except OSError:
        return 0.0
