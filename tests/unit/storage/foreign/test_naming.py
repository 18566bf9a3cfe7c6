"""A log's run is filed under its folder, or under its file's name where a person chose that."""

import pytest

from runicorn.storage.foreign.kinds import Kind
from runicorn.storage.foreign.naming import run_path


@pytest.mark.parametrize(
    ("kind", "log", "path"),
    [
        (Kind.LIGHTNING, "exp/lightning_logs/version_0/metrics.csv", "exp/version_0"),
        (Kind.TRAINER, "bert/out/trainer_state.json", "bert/out"),
        (Kind.ULTRALYTICS, "runs/detect/train2/results.csv", "runs/detect/train2"),
        (Kind.JSON_LINES, "work/20240101_120000/vis_data/scalars.json", "work/20240101_120000"),
        (Kind.JSON_LINES, "mae/log.txt", "mae"),
        (Kind.JSON_LINES, "mae/20240101.log.json", "mae/20240101.log"),
        (Kind.KERAS, "mnist/training.csv", "mnist/training"),
        (Kind.KERAS, "training.csv", "training"),
        (Kind.STABLE_BASELINES, "progress.csv", ""),
    ],
)
def test_a_log_is_filed_by_its_path(kind, log, path):
    assert run_path(kind, log) == path
