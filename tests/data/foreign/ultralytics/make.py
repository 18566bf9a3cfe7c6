"""Makes the files of this folder with ultralytics' own trainer. Not a part of the tests; README.md says how."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

HERE = Path(__file__).parent


def pictures(folder: Path, count: int) -> None:
    """Grey pictures with one bright square each, and where it is."""
    rng = np.random.default_rng(7)
    for kind in ("images", "labels"):
        (folder / kind).mkdir(parents=True)
    for number in range(count):
        pixels = rng.integers(0, 80, (64, 64, 3), dtype=np.uint8)
        left, top = rng.integers(0, 32, 2)
        pixels[top : top + 32, left : left + 32] = 255
        Image.fromarray(pixels).save(folder / f"images/{number}.png")
        place = f"0 {(left + 16) / 64} {(top + 16) / 64} 0.5 0.5\n"
        (folder / f"labels/{number}.txt").write_text(place, "utf-8")


def main() -> None:
    with tempfile.TemporaryDirectory() as home:
        os.chdir(home)
        os.environ["YOLO_CONFIG_DIR"] = home
        from ultralytics import YOLO

        pictures(Path("data"), 8)
        Path("data.yaml").write_text(f"path: {home}/data\ntrain: images\nval: images\nnames: [square]\n", "utf-8")
        YOLO("yolov8n.yaml").train(
            data="data.yaml", epochs=3, imgsz=64, batch=4, amp=False, plots=False, workers=0, device="cpu",
            project="runs", name="train",
        )  # fmt: skip
        folder = next(Path(home).rglob("results.csv")).parent
        shutil.copy(folder / "results.csv", HERE / "results.csv")
        args = (folder / "args.yaml").read_text("utf-8").replace(f"{home}/", "")
        (HERE / "args.yaml").write_text(args, "utf-8")


if __name__ == "__main__":
    main()
