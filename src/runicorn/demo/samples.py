"""Sample experiments: what their metrics look like, step by step. Pure; randomness comes in as an argument."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Experiment:
    """One sample run. steps: how many were planned. secs_per_step: how fast it trained. ended: how its story ends.

    ended: finished, failed or killed. age_hours: how long ago it began. speed, floor, peak: the shape of its curves.
    """

    project: str
    name: str
    config: dict[str, Any]
    tags: tuple[str, ...] = ()
    steps: int = 2000
    secs_per_step: float = 2.0
    age_hours: float = 6.0
    ended: str = "finished"
    speed: float = 3.0
    floor: float = 0.2
    peak: float = 0.92
    noise: float = 0.05
    seed: int = field(default=0)


EXPERIMENTS = (
    Experiment(
        project="vision/resnet",
        name="baseline",
        config={"model": "resnet50", "lr": 0.1, "batch_size": 256, "optimizer": {"name": "sgd", "momentum": 0.9}},
        tags=("baseline",),
        age_hours=30.0,
        floor=0.42,
        peak=0.884,
        seed=1,
    ),
    Experiment(
        project="vision/resnet",
        name="cosine-lr",
        config={"model": "resnet50", "lr": 0.1, "batch_size": 256, "schedule": "cosine"},
        tags=("sweep",),
        age_hours=26.0,
        floor=0.31,
        peak=0.911,
        seed=2,
    ),
    Experiment(
        project="vision/resnet",
        name="low-lr",
        config={"model": "resnet50", "lr": 0.01, "batch_size": 256, "optimizer": {"name": "sgd", "momentum": 0.9}},
        tags=("sweep",),
        age_hours=21.0,
        speed=1.6,
        floor=0.47,
        peak=0.862,
        seed=3,
    ),
    Experiment(
        project="vision/resnet",
        name="lr-too-high",
        config={"model": "resnet50", "lr": 3.0, "batch_size": 256},
        tags=("sweep",),
        age_hours=20.0,
        steps=460,
        ended="failed",
        speed=-6.0,
        noise=0.3,
        seed=4,
    ),
    Experiment(
        project="vision/vit",
        name="vit-small",
        config={"model": "vit-s/16", "lr": 0.001, "batch_size": 512, "weight_decay": 0.05},
        tags=("baseline",),
        age_hours=12.0,
        secs_per_step=3.1,
        floor=0.36,
        peak=0.903,
        seed=5,
    ),
    Experiment(
        project="nlp/lm",
        name="tiny-lm",
        config={"layers": 6, "d_model": 384, "lr": 0.0003, "context": 512, "dropout": 0.1},
        age_hours=8.0,
        steps=1240,
        ended="killed",
        floor=0.8,
        peak=0.61,
        seed=6,
    ),
)

LIVE = Experiment(
    project="vision/resnet",
    name="mixup",
    config={"model": "resnet50", "lr": 0.1, "batch_size": 256, "schedule": "cosine", "mixup": 0.2},
    tags=("sweep", "live"),
    steps=20_000,
    secs_per_step=0.2,
    floor=0.27,
    peak=0.925,
    seed=7,
)


def metrics(experiment: Experiment, planned_steps: int = 2000) -> Iterator[dict[str, float]]:
    """Yield what each step logs: losses, accuracies now and then, and the learning rate."""
    chance = random.Random(experiment.seed)
    base_lr = float(experiment.config["lr"])
    for step in range(experiment.steps):
        done = min(step / planned_steps, 1.0)
        fall = math.exp(-experiment.speed * 2.2 * done)
        loss = experiment.floor + (2.3 - experiment.floor) * fall
        values = {
            "train/loss": loss * math.exp(chance.gauss(0, experiment.noise)),
            "train/lr": base_lr * 0.5 * (1 + math.cos(math.pi * done)) if "schedule" in experiment.config else base_lr,
        }
        if step % 20 == 0:
            gap = 0.06 * done
            accuracy = experiment.peak * (1 - fall) + chance.gauss(0, 0.004)
            values["val/loss"] = loss * (1 + gap) + abs(chance.gauss(0, 0.01))
            values["val/acc"] = min(max(accuracy, 0.01), 0.999)
        if experiment.speed < 0 and step > 440:
            values["train/loss"] = math.nan
        yield values
