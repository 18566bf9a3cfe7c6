"""A callback for Hugging Face Trainers: Trainer(..., callbacks=[RunicornCallback(project="nlp")]).

Metrics are called train/loss, eval/accuracy, test/..., over the Trainer's global step; the config is that of the
training arguments and the model. Only the process that is the world's first records. The run is left open, because an
evaluation may follow; it ends with the process, with runicorn.finish(), or with the next runicorn.init().
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from transformers import TrainerCallback

from runicorn.integrations.opening import current_or_new
from runicorn.sdk.artifacts import Artifact
from runicorn.sdk.run import Run

# What a Trainer reports once, at the end: single values and no curves.
_SUMMARY = ("train_runtime", "train_samples_per_second", "train_steps_per_second", "train_loss", "total_flos")


class RunicornCallback(TrainerCallback):
    """Records what a Trainer logs.

    Parameters: as in runicorn.init; without a name, the Trainer's run_name. log_model: keep checkpoints as versions of
    an artifact - "checkpoint" each as it is saved, "end" the last one.
    """

    def __init__(self, project: str | None = None, *, log_model: str | bool = False, **options: Any) -> None:
        self._wanted = {"project": project, **options}
        self._log_model = "end" if log_model is True else log_model
        self._run: Run | None = None
        self._training = False

    def setup(self, args: Any, state: Any, model: Any = None) -> Run:
        """Open the run, or take the current one, and put arguments and the model's config into its config."""
        wanted = dict(self._wanted)
        name = state.trial_name or (args.run_name if args.run_name != args.output_dir else None)
        wanted["name"] = wanted.get("name") or name
        run = self._run = current_or_new(**wanted)
        run.config.update(config_of(args, model))
        return run

    def on_train_begin(self, args: Any, state: Any, control: Any, model: Any = None, **_: Any) -> None:
        if not state.is_world_process_zero:
            return
        if state.is_hyper_param_search and self._run is not None and self._training:
            self._run.finish()  # each trial is a run of its own
        self._training = True
        self.setup(args, state, model)

    def on_log(self, args: Any, state: Any, control: Any, model: Any = None, logs: Any = None, **_: Any) -> None:
        if not state.is_world_process_zero or not logs:
            return
        run = self._opened(args, state, model)
        run.summary.update({f"train/{name.removeprefix('train_')}": logs[name] for name in _SUMMARY if name in logs})
        metrics = {name: value for name, value in logs.items() if name not in _SUMMARY}
        if metrics:
            run.log(rename(metrics), state.global_step)

    def on_predict(self, args: Any, state: Any, control: Any, metrics: Any = None, **_: Any) -> None:
        if state.is_world_process_zero and metrics:
            self._opened(args, state, None).log(rename(metrics), state.global_step)

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if self._log_model == "checkpoint" and state.is_world_process_zero and self._run is not None:
            self._log_checkpoint(args, state, [f"step-{state.global_step}"])

    def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if self._log_model == "end" and state.is_world_process_zero and self._run is not None:
            self._log_checkpoint(args, state, ["final"])

    def _opened(self, args: Any, state: Any, model: Any) -> Run:
        return self._run if self._run is not None and self._run.is_open else self.setup(args, state, model)

    def _log_checkpoint(self, args: Any, state: Any, aliases: list[str]) -> None:
        assert self._run is not None
        folder = Path(args.output_dir) / f"checkpoint-{state.global_step}"
        if not folder.is_dir():
            self._run.warnings.add("checkpoint", f"there is no {folder}, so no checkpoint was kept.")
            return
        best = state.best_model_checkpoint
        if best and os.path.abspath(best) == os.path.abspath(folder):  # noqa: PTH100 - neither need exist
            aliases = [*aliases, "best"]
        metadata = {"global_step": state.global_step, "epoch": state.epoch, "best_metric": state.best_metric}
        artifact = Artifact(f"model-{self._run.id}", "model", metadata=metadata)
        artifact.add_dir(folder)
        self._run.log_artifact(artifact, aliases=aliases)


def config_of(args: Any, model: Any) -> dict[str, Any]:
    """Return the model's config with the training arguments over it, and how many parameters there are."""
    found: dict[str, Any] = {}
    config = getattr(model, "config", None)
    if config is not None:
        found.update(config if isinstance(config, Mapping) else config.to_dict())
    found.update(args.to_dict())  # which leaves tokens out
    if hasattr(model, "num_parameters"):
        found["num_parameters"] = model.num_parameters()
    peft = getattr(model, "peft_config", None)
    if peft:
        found["peft_config"] = {name: getattr(each, "to_dict", dict)() for name, each in peft.items()}
    return found


def rename(logs: Mapping[str, Any]) -> dict[str, Any]:
    """Return the metrics as eval/..., test/... and train/..."""
    named = {}
    for name, value in logs.items():
        group, _, rest = name.partition("_")
        named[f"{group}/{rest}" if group in ("eval", "test") and rest else f"train/{name}"] = value
    return named
