"""The kinds of logs that are read here. Pure."""

from __future__ import annotations

import enum


class Kind(enum.Enum):
    """Which tool's form a log has; the value is what a reader's state calls it."""

    LIGHTNING = "lightning"
    TRAINER = "trainer"
    KERAS = "keras"
    ULTRALYTICS = "ultralytics"
    STABLE_BASELINES = "stable-baselines"
    JSON_LINES = "json-lines"
    WANDB = "wandb"
    MLFLOW = "mlflow"
    MLFLOW_DATABASE = "mlflow-database"


# What stable-baselines3 counts steps and seconds by.
TIMESTEPS = "time/total_timesteps"
TIME_ELAPSED = "time/time_elapsed"
