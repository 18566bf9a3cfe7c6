"""Sweeps whose metrics have points: a few seeds for each learning rate, long names, written by hand."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from runicorn.storage import layout
from runicorn.storage.columns import RECORD_DTYPE
from runicorn.storage.records import MARK

CREATED_AT = 1_795_000_000
Series = Mapping[str, tuple[Sequence[float], Sequence[float]]]


def write_run(root: Path, run_id: str, series: Series, info: Mapping[str, Any], *, state: str = "finished") -> None:
    """Write a run. series: by metric, steps and values; a second apart from each other."""
    folder = root / layout.run_path(run_id)
    folder.mkdir(parents=True)
    (folder / "metrics.keys").write_bytes(b"".join(map(layout.encode_key, series)))
    parts, stats = [], {}
    for number, (metric, (steps, values)) in enumerate(series.items()):
        rows = np.zeros(len(steps), RECORD_DTYPE)
        rows["mark"], rows["metric"], rows["step"], rows["value"] = MARK, number, steps, values
        rows["time"] = CREATED_AT + np.arange(len(steps))
        parts.append(rows)
        if len(steps):
            stats[metric] = {
                "count": len(steps), "last": float(values[-1]), "min": float(np.nanmin(values)),
                "max": float(np.nanmax(values)), "last_step": int(steps[-1]),
            }  # fmt: skip
    np.concatenate(parts).tofile(folder / "metrics.bin")
    created = {"created_at": layout.iso(CREATED_AT)}
    (folder / "run.json").write_text(json.dumps({**created, **info}))
    status = {"state": state, "finished_at": layout.iso(CREATED_AT + 3600), "metrics": stats}
    (folder / "status.json").write_text(json.dumps(status))


def write_sweep(root: Path, make: Callable[[float, int, int], Series], *, lrs: Sequence[float] = (0.1, 0.03, 0.003),
                seeds: int = 5, **info: Any) -> list[str]:  # fmt: skip
    """Write a run for each learning rate and seed; return their ids. make: a run's series by lr, seed and number."""
    ids = []
    for lr in lrs:
        for seed in range(seeds):
            run_id = f"20261120-1{len(ids) // 60}{len(ids) % 60:02d}00-{len(ids):06x}"
            name = f"resnet50-imagenet-lr{lr}-bs128-wd1e-4-s{seed}"
            config = {"lr": lr, "seed": seed, "model": "resnet50"}
            write_run(root, run_id, make(lr, seed, len(ids)),
                      {"name": name, "project": "vision/sweep", "config": config, **info})  # fmt: skip
            ids.append(run_id)
    return ids
