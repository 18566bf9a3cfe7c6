"""The sample run that is still training; a program of its own, which also tidies up when the demo is gone.

    python -m runicorn.demo.training ROOT FOLDER   trains into ROOT until standard input closes, then removes FOLDER

Standard input is a pipe from the demo: it closes when the demo ends, also by kill -9.
"""

from __future__ import annotations

import shutil
import signal
import sys
import threading
import time
from pathlib import Path

from runicorn.demo.pictures import media
from runicorn.demo.samples import LIVE, metrics

# The remote viewer and the tunnels end by themselves when the demo is gone; their files must not reappear after us.
SETTLE_SECS = 1.0
ATTEMPTS = 5


def train(root: Path, stop: threading.Event) -> None:
    """Log a step every 0.2 s, the first thousand at once, so that there is something to see."""
    import runicorn as rn

    with rn.init(project=LIVE.project, name=LIVE.name, config=LIVE.config, tags=LIVE.tags, root=str(root)) as run:
        for step, values in enumerate(metrics(LIVE)):
            run.log(values, step=step)
            if step % 100 == 0:
                run.log(media(LIVE, step, values["train/loss"]), step=step)
            if step % 10 == 0:
                print(f"step {step:5d}  loss {values['train/loss']:.4f}  lr {values['train/lr']:.5f}")
            if step > 300 and stop.wait(LIVE.secs_per_step):
                return


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the demo's; it closes the pipe
    root, folder = Path(sys.argv[1]), Path(sys.argv[2])
    stop = threading.Event()

    def wait_for_end() -> None:
        sys.stdin.buffer.read()
        stop.set()

    threading.Thread(target=wait_for_end, daemon=True).start()
    try:
        train(root, stop)
        stop.wait()
    finally:
        for _ in range(ATTEMPTS):
            time.sleep(SETTLE_SECS)
            shutil.rmtree(folder, ignore_errors=True)
            if not folder.exists():
                break


if __name__ == "__main__":
    main()
