"""Write what wandb writes offline for a run that is killed and gone on with: two folders, one run.

python -m venv /tmp/wandb && /tmp/wandb/bin/pip install wandb==0.31 pillow
/tmp/wandb/bin/python tests/data/foreign/wandb/make.py
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).parent
KILLED_AT, STEPS = 60, 90


def process(home: str, first: int, end: int) -> None:
    os.environ["WANDB_DATA_DIR"] = home

    import wandb
    from PIL import Image

    settings = wandb.Settings(
        host="gpu-7",
        username="me",
        email="",
        program="train.py",
        root_dir=home,
        mode="offline",
        x_disable_meta=True,
        x_disable_stats=True,
        disable_git=True,
        disable_code=True,
        save_code=False,
        console="wrap",
    )
    run = wandb.init(
        project="vision", entity="lab", name="long run", id="seg1", notes="why", tags=["good"], group="sweep",
        resume="allow", config={"lr": 0.1, "model": {"depth": 18}, "api_key": "not for others"}, settings=settings,
    )  # fmt: skip
    for step in range(first, end):
        run.log({f"train/loss_{n}": 1 / (step + n + 1) for n in range(6)} | {"lr": 0.1}, step=step)
        print(f"step {step}")
    picture = Image.new("L", (6, 4))
    run.log({"sample": wandb.Image(picture, caption="grey")}, step=end)
    run.log({"scores": wandb.Table(columns=["name", "score"], data=[["a", 0.5], ["b", 0.25]])}, step=end)
    if end == STEPS:
        run.summary["best"] = 0.25
        run.finish()
    else:
        time.sleep(20)  # until the service has written what it has
        os._exit(9)


def main() -> None:
    home = Path(tempfile.mkdtemp())
    for first, end in ((0, KILLED_AT), (KILLED_AT, STEPS)):
        subprocess.run([sys.executable, __file__, str(home), str(first), str(end)], check=False)
    stamps = iter(("20231114_221320", "20231114_231320"))
    for folder in sorted((home / "wandb").glob("offline-run-*")):
        target = HERE / "wandb" / f"offline-run-{next(stamps)}-seg1"
        shutil.rmtree(target, ignore_errors=True)
        (target / "files").mkdir(parents=True)
        shutil.copy(folder / "run-seg1.wandb", target)
        shutil.copy(folder / "files" / "output.log", target / "files")
        shutil.copytree(folder / "files" / "media", target / "files" / "media")
    shutil.rmtree(home)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        process(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
    else:
        main()
