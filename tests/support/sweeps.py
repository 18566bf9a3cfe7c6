"""A sweep as people have them: 24 settings, five seeds each, long names, two metrics and a few notes."""

from __future__ import annotations

import itertools
import json
import math
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

SEEDS = 5
RATES = (0.1, 0.03, 0.01, 0.003)
SIZES = (64, 128, 256)
DECAYS = ("1e-4", "5e-4")  # as YAML has them: texts
BEGAN_AT = "2026-11-{day:02d}T{hour:02d}:{minute:02d}:00Z"


def settings() -> Iterator[dict[str, Any]]:
    for rate, size, decay in itertools.product(RATES, SIZES, DECAYS):
        for seed in range(SEEDS):
            yield {
                "lr": rate,
                "batch_size": size,
                "wd": decay,
                "seed": seed,
                "opt": {"name": "adam" if rate < 0.05 else "sgd"},
            }


def write_sweep(
    root: Path, amount: int | None = None, project: str = "vision/resnet", first_day: int = 1, serial: int = 0
) -> list[str]:
    """Write the runs' small files as a recorder leaves them, oldest first; return their ids.

    serial: what the numbers in their ids begin with.
    """
    rng = random.Random(7)
    ids = []
    for number, config in enumerate(itertools.islice(settings(), amount)):
        day, rest = divmod(number * 17, 24 * 60)
        began = BEGAN_AT.format(day=day + first_day, hour=rest // 60, minute=rest % 60)
        run_id = f"{began[:10].replace('-', '')}-{began[11:19].replace(':', '')}-{number + serial:06x}"
        name = f"resnet50-imagenet-lr{config['lr']}-bs{config['batch_size']}-wd{config['wd']}-s{config['seed']}"
        loss = 0.2 + abs(math.log10(config["lr"]) + 1.8) * 0.3 + rng.random() * 0.05
        accuracy = 1 - loss / 4
        write_run(
            root,
            run_id,
            {
                "project": project,
                "name": name,
                "created_at": began,
                "config": config,
                "tags": ["baseline"] if number % 40 == 0 else ["sweep-3"] if number % 3 == 0 else [],
                "group": f"lr{config['lr']}",
                "job_type": "train",
                "metric_definitions": [{"name": "val/acc", "goal": "maximize"}, {"name": "*loss", "goal": "minimize"}],
            },
            {"train/loss": [loss * 3, loss * 1.01, loss], "val/acc": [0.1, accuracy, accuracy - 0.01]},
            failed=number % 29 == 28,
        )
        ids.append(run_id)
    return ids


def write_run(root: Path, run_id: str, info: dict[str, Any], values: dict[str, list[float]], *, failed: bool = False,
              sums: bool = True) -> None:  # fmt: skip
    """sums: False as of a recorder that kept none."""
    folder = root / "runs" / run_id
    folder.mkdir(parents=True)
    metrics = {
        name: {
            "count": len(found),
            "last": found[-1],
            "min": min(found),
            "max": max(found),
            "last_step": len(found) - 1,
        }
        for name, found in values.items()
    }
    status = {
        "state": "failed" if failed else "finished",
        "finished_at": info["created_at"][:14] + "59:30Z",
        "heartbeat_at": info["created_at"][:14] + "59:30Z",
        "metrics": metrics,
        "step": 2,
    }
    if sums:
        counted = {name: sum(found) for name, found in values.items()}
        status["counted"] = {"file": "metrics.bin", "bytes": 0, "sums": counted}
    (folder / "run.json").write_text(json.dumps({"format": 1, "id": run_id, **info}))
    (folder / "status.json").write_text(json.dumps(status))


def write_many(root: Path, amount: int) -> Path:
    """Write as many runs as are asked for, of sweeps that follow each other; return the root."""
    for number in range(0, amount, 120):
        write_sweep(
            root, min(120, amount - number), project=f"vision/sweep-{number // 120}", first_day=1, serial=number
        )
    return root
