"""Write the sample runs that are over, each at its own time in the past. A program of its own: it bends the clock.

python -m runicorn.demo.history ROOT NUMBER   writes sample NUMBER, counted from 0
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from runicorn.demo.pictures import media
from runicorn.demo.samples import EXPERIMENTS, Experiment, metrics

if TYPE_CHECKING:
    from runicorn.sdk.run import Run


class Clock:
    """The time inside a run of the past; it moves only when told to."""

    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


class TrainingDivergedError(Exception):
    """What ends the sample that fails."""


def write(root: Path, experiment: Experiment, clock: Clock) -> None:
    """Record one run through the public SDK, as a training script would."""
    import runicorn as rn

    with rn.init(
        project=experiment.project, name=experiment.name, config=experiment.config, tags=experiment.tags, root=str(root)
    ) as run:
        print(f"training {experiment.name} for {experiment.steps} steps")
        for step, values in enumerate(metrics(experiment)):
            clock.now += experiment.secs_per_step
            run.log(values, step=step)
            if step % (experiment.steps // 6) == 0:
                run.log(media(experiment, step, values["train/loss"]), step=step)
            if step == experiment.steps // 2:
                save(run, experiment, step, ())
            if step % 100 == 0:
                print(f"step {step:5d}  loss {values['train/loss']:.4f}")
        if experiment.ended == "failed":
            run.alert(
                "Loss is NaN", f"at step {experiment.steps - 1}; the learning rate may be too high", level="error"
            )
            raise TrainingDivergedError(f"loss is NaN at step {experiment.steps - 1}")
        if experiment.ended == "killed":
            os._exit(0)  # what kill -9 leaves: no farewell
        save(run, experiment, experiment.steps, ("best",))
        print("done")


def save(run: Run, experiment: Experiment, step: int, aliases: tuple[str, ...]) -> None:
    """Keep what stands in for a checkpoint as a version of an artifact."""
    checkpoint = run.dir / "checkpoint.txt"
    checkpoint.write_text(f"weights of {experiment.name} after {step} steps\n")
    run.log_artifact(checkpoint, name=f"{experiment.name}-weights", type="model", aliases=aliases)


def main() -> None:
    root, number = Path(sys.argv[1]), int(sys.argv[2])
    experiment = EXPERIMENTS[number]
    clock = Clock(time.time() - experiment.age_hours * 3600)
    time.time = clock
    try:
        write(root, experiment, clock)
    except TrainingDivergedError:
        sys.exit(0)


if __name__ == "__main__":
    main()
