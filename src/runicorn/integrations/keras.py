"""A callback for Keras 3, whatever its backend: model.fit(..., callbacks=[RunicornCallback(project="vision")]).

Metrics are called epoch/loss, epoch/val_loss, epoch/learning_rate over the epochs and, when asked for, batch/... over
all batches so far. The run is left open, because an evaluation may follow; it ends with the process, with
runicorn.finish(), or with the next runicorn.init().
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

import keras

from runicorn.errors import UsageError
from runicorn.integrations.opening import current_or_new
from runicorn.sdk.run import Run


class RunicornCallback(keras.callbacks.Callback):
    """Records what a model reports while it is fitted.

    Parameters: as in runicorn.init. log_freq: "epoch"; "batch" for every batch as well; or a number n for every n-th.
    initial_step: how many batches were trained before, where training goes on.
    """

    def __init__(self, project: str | None = None, *, log_freq: str | int = "epoch", initial_step: int = 0,
                 **options: Any) -> None:  # fmt: skip
        super().__init__()
        if log_freq not in ("epoch", "batch") and not (isinstance(log_freq, int) and log_freq > 0):
            raise UsageError(f"log_freq={log_freq!r} is not known.", hint='Use "epoch", "batch" or a number above 0.')
        self._wanted = {"project": project, **options}
        self._every = {"epoch": 0, "batch": 1}.get(log_freq, log_freq) if isinstance(log_freq, str) else log_freq
        self._batches = initial_step
        self._run: Run | None = None

    def on_train_begin(self, logs: Any = None) -> None:
        self._run = current_or_new(**self._wanted)
        self._run.config.update(self._config())

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        self._log("epoch", logs, epoch)

    def on_train_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        self._batches += 1
        if self._every and self._batches % int(self._every) == 0:
            self._log("batch", logs, self._batches - 1)

    def _log(self, group: str, logs: Mapping[str, Any] | None, step: int) -> None:
        if self._run is None:
            return
        values = {f"{group}/{name}": value for name, value in (logs or {}).items()}
        rate = self._learning_rate()
        if rate is not None:
            values.setdefault(f"{group}/learning_rate", rate)
        self._run.log(values, step)

    def _learning_rate(self) -> float | None:
        with contextlib.suppress(Exception):  # an optimizer of one's own, or none
            return float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate))
        return None

    def _config(self) -> dict[str, Any]:
        """Return what is known of model, optimizer and fit."""
        found: dict[str, Any] = {**(self.params or {}), "model": self.model.name, "backend": keras.backend.backend()}
        with contextlib.suppress(Exception):  # models and optimizers of one's own need not tell
            found["num_parameters"] = self.model.count_params()
        with contextlib.suppress(Exception):
            found["optimizer"] = self.model.optimizer.get_config()
        found.pop("verbose", None)
        return found
