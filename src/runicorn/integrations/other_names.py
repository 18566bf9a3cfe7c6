"""W&B's callbacks for frameworks: wandb.keras.WandbCallback(). Loads a framework when one is made for it."""

from __future__ import annotations

from typing import Any

from runicorn.sdk.other_modules import Names
from runicorn.sdk.other_names import say


def _callback(name: str) -> Any:
    def make(*arguments: Any, log_freq: Any = "epoch", **options: Any) -> Any:
        from runicorn.integrations.keras import RunicornCallback

        if arguments or set(options) - {"initial_global_step"} or name != "keras.WandbMetricsLogger":
            say(f"other:{name}", f"{name}() is runicorn.integrations.keras.RunicornCallback(), and nothing more.")
        return RunicornCallback(log_freq=log_freq, initial_step=int(options.get("initial_global_step", 0)))

    return make


def _checkpoint(*arguments: Any, **options: Any) -> Any:
    """Return Keras' own, which W&B's is derived from."""
    from keras.callbacks import ModelCheckpoint

    say("other:keras.WandbModelCheckpoint", "keras.WandbModelCheckpoint() keeps no versions; log_artifact() does.")
    return ModelCheckpoint(*arguments, **options)


def _boosting(name: str) -> Any:
    def make(*_: Any, **__: Any) -> Any:
        from xgboost.callback import TrainingCallback  # type: ignore[import-not-found,unused-ignore]

        say(f"other:{name}", f"{name}() records nothing; log what `evals_result` holds.")
        return TrainingCallback()

    return make


xgboost = Names("xgboost", {}, _boosting)
keras = Names(
    "keras",
    {"WandbMetricsLogger": _callback("keras.WandbMetricsLogger"), "WandbModelCheckpoint": _checkpoint},
    _callback,
)
