"""Thousands of logs behind a link: what is asked of each goes together, and how many are to come is told."""

import shutil
from pathlib import Path

import pytest
from tests.support.event_files import event, scalar, write_events
from tests.support.far_files import CountedFiles
from tests.support.logs_of_others import LIMIT_SECS, counts, runs, until

from runicorn.storage.files import LocalFiles
from runicorn.storage.mirroring.mirror import Mirror
from runicorn.storage.mirroring.overlay import OverlayFiles

DATA = Path(__file__).parents[2] / "data"
LOGS = 200


def csv_log(folder):
    (folder / "metrics.csv").write_text("step,loss\n" + "".join(f"{step},{1 / (step + 1)}\n" for step in range(50)))
    (folder / "hparams.yaml").write_text("lr: 0.1\n")


def event_log(folder):
    write_events(
        folder / "events.out.tfevents.1700000000.gpu7", [event(scalar("loss", 0.5), step=n) for n in range(50)]
    )


def mlflow_log(folder):
    (source,) = (DATA / "mlruns").glob("*/*/meta.yaml")
    shutil.copytree(source.parent, folder, dirs_exist_ok=True)


@pytest.mark.parametrize(("make", "metric", "points"), [
    (csv_log, "loss", 50), (event_log, "loss", 50), (mlflow_log, "train/loss", 21),
])  # fmt: skip
def test_the_first_bytes_of_many_logs_come_together(tmp_path, make, metric, points):
    for number in range(LOGS):
        folder = tmp_path / "logs" / f"run{number}"
        folder.mkdir(parents=True)
        make(folder)
    files = CountedFiles(LocalFiles(tmp_path / "logs"))
    files.batch_folders = 256
    overlay = OverlayFiles(files, Mirror(files, "logs", tmp_path / "cache"), far=True)
    try:
        until(lambda: len(overlay.mirror.runs()) == LOGS, "all of them")
        assert overlay.mirror.settle(LIMIT_SECS)
        fetches = [asked for name, asked in files.taken() if name == "fetch"]
        # Each of them alone would take two, for what it is and for its settings.
        assert len(fetches) <= LOGS / 8
        assert {counts(overlay, run_id)[metric] for run_id in overlay.mirror.runs()} == {points}
    finally:
        overlay.close()


def test_how_many_logs_are_to_come_is_told_while_they_do(tmp_path):
    for number in range(LOGS):
        folder = tmp_path / "logs" / f"run{number}"
        folder.mkdir(parents=True)
        csv_log(folder)

    class Slow(CountedFiles):
        def fetch(self, ranges):
            told.append(overlay.arriving())
            return super().fetch(ranges)

    told = []
    files = Slow(LocalFiles(tmp_path / "logs"))
    overlay = OverlayFiles(files, Mirror(files, "logs", tmp_path / "cache"), far=True)
    try:
        until(lambda: len(overlay.mirror.runs()) == LOGS, "all of them")
        assert max(told) > LOGS / 2
        assert overlay.mirror.settle(LIMIT_SECS)
        assert overlay.arriving() == 0
        assert len(runs(overlay)) == LOGS
    finally:
        overlay.close()


def test_a_log_that_grew_since_its_first_bytes_were_asked_for_is_read_whole(tmp_path):
    paths = []
    for number in range(20):
        folder = tmp_path / "logs" / f"run{number}"
        folder.mkdir(parents=True)
        csv_log(folder)
        paths.append(folder / "metrics.csv")

    class Growing(CountedFiles):
        def fetch(self, ranges):
            found = super().fetch(ranges)
            if len(ranges) > 20 and not grown:  # the first bytes of all, with their settings
                grown.append(True)
                for path in paths:
                    with path.open("a") as file:
                        file.write("50,0.5\n")
            return found

    grown = []
    files = Growing(LocalFiles(tmp_path / "logs"))
    overlay = OverlayFiles(files, Mirror(files, "logs", tmp_path / "cache"), far=True)
    try:
        until(lambda: len(overlay.mirror.runs()) == 20, "all of them")
        until(lambda: {counts(overlay, run_id)["loss"] for run_id in overlay.mirror.runs()} == {51}, "what came later")
        assert grown
    finally:
        overlay.close()
