"""A storage root as people have it: a sweep of 120 runs with five seeds and long names, and one run with everything."""

from __future__ import annotations

import itertools
import math
import random
from pathlib import Path

import runicorn as rn

RATES, SIZES, DECAYS, SEEDS = (0.0003, 0.001, 0.003, 0.01, 0.03, 0.1), (64, 128), (1e-5, 1e-4), range(5)
EVERYTHING = "everything"


def record_sweep(root: Path) -> None:
    """Record 120 runs, such as resnet50-imagenet-lr0.003-bs128-wd1e-05-s0, each with 20 points of three metrics."""
    for at, (rate, size, decay, seed) in enumerate(itertools.product(RATES, SIZES, DECAYS, SEEDS)):
        project = "vision/resnet50" if size == 64 else "vision/sweeps/large-batch"
        config = {"lr": rate, "batch_size": size, "weight_decay": decay, "seed": seed, "augment": {"mixup": 0.2}}
        name = f"resnet50-imagenet-lr{rate:g}-bs{size}-wd{decay:g}-s{seed}"
        noise = random.Random(at)
        with rn.init(project, name=name, root=root, config=config, tags=["sweep"], console=False,
                     system_metrics=False) as run:  # fmt: skip
            for step in range(20):
                falling = math.exp(-step * rate**0.3 / 8)
                run.log(
                    {"train/loss": 2.3 * falling + noise.random() * 0.1, "val/acc": 1 - falling, "epoch": step // 5}
                )


def record_everything(root: Path) -> None:
    """Record one run with curves, media of all kinds, output, alerts, notes and artifacts; its id is EVERYTHING."""
    import numpy as np

    pixels = np.random.default_rng(1)
    config = {"lr": 0.1, "model": {"name": "resnet50", "layers": [3, 4, 6, 3]}}
    tags = ["baseline", "a-rather-long-name-of-a-tag"]
    with rn.init("vision/resnet50", name="resnet50-imagenet-with-everything-s0", id=EVERYTHING, root=root,
                 config=config, tags=tags, notes="Looks good.") as run:  # fmt: skip
        for step in range(100):
            run.log({"train/loss": 2 / (step + 1), "val/acc": step / 100, "lr": 0.1 * 0.9**step})
            if step % 50 == 0:
                images = [rn.Image(pixels.integers(0, 255, (48, 64, 3), dtype=np.uint8), caption=f"caption {at}")
                          for at in range(3)]  # fmt: skip
                run.log({"samples": images, "words": rn.Text("some text\non lines"),
                         "weights": rn.Histogram(pixels.normal(size=500)),
                         "table": rn.Table(["name", "value"], [["a", 1.5], ["b", 2.5]])}, step=step)  # fmt: skip
        for step in range(1500):
            print(
                f"\x1b[32mINFO\x1b[0m epoch {step // 100} step {step} loss {1 / (step + 1):.5f} lr 1e-4 images/s 1234"
            )
        print("\x1b[31mERROR\x1b[0m the last one")
        run.alert("Loss diverged", "at step 50", level="warn")
        (root / "model.pt").write_bytes(b"x" * 5000)
        run.log_artifact(root / "model.pt", name="resnet50-imagenet-best-checkpoint", type="model", aliases=["best"])
