"""Makes the files of this folder with mmengine's own writer of scalars. Not a part of the tests; README.md says how."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from mmengine.config import Config
from mmengine.visualization import LocalVisBackend

HERE = Path(__file__).parent


def main() -> None:
    with tempfile.TemporaryDirectory() as home:
        writer = LocalVisBackend(home)
        writer.add_config(Config({"lr": 0.1}))
        for step in range(10, 60, 10):
            scalars = {"lr": 0.01, "data_time": 0.002, "loss": 1 / step, "time": 0.03125, "iter": step, "memory": 512}
            writer.add_scalars(scalars, step=step)
        writer.add_scalars({"coco/bbox_mAP": 0.25, "bad": float("nan")}, step=50)
        shutil.copy(Path(home) / "scalars.json", HERE / "scalars.json")


if __name__ == "__main__":
    main()
