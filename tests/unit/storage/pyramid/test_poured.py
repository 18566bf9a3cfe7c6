"""Long files of one metric are made into buckets as they are read, through everything that stands in front of them."""

import numpy as np
import pytest
from tests.support.pyramids import Run

from runicorn.model import Axis
from runicorn.sources.local import LocalSource
from runicorn.storage.files import Condensing, LocalFiles
from runicorn.storage.pyramid.poured import condense
from runicorn.storage.pyramid.store import PyramidStore
from runicorn.storage.records import RECORD_BYTES
from runicorn.storage.series import Window

COUNT = 300_000


@pytest.fixture
def run(tmp_path):
    made = Run(tmp_path / "root")
    made.keys("loss", "lr")
    (made.path / "run.json").write_text('{"name": "r"}')
    return made


def line(run, count, metric=0):
    return run.rows(metric, np.arange(count), np.linspace(0, 1, count))


def wish(count, points=256):
    return Condensing("runs/r/metrics.bin", count * RECORD_BYTES, points, 64, 8)


def reading(monkeypatch):
    """Return a list that will hold how many bytes of records each read brings."""
    read, lengths = LocalFiles.read, []

    def counting(files, path, offset=0, length=None):
        data = read(files, path, offset, length)
        if path.endswith(".bin"):
            lengths.append(len(data))
        return data

    monkeypatch.setattr(LocalFiles, "read", counting)
    return lengths


def test_a_long_file_is_poured_through_a_source_and_followed_from_there(run, tmp_path, monkeypatch):
    run.append(line(run, COUNT))
    lengths = reading(monkeypatch)
    source = LocalSource("local", run.root, tmp_path / "cache")
    store = PyramidStore(source.files)
    window = Window(Axis.STEP, 100)
    assert run.ask(store, ["loss"], window).metrics["loss"].count == COUNT
    assert sum(lengths) == 0
    run.append(line(run, 1000))
    assert run.ask(store, ["loss"], window).metrics["loss"].count == COUNT + 1000
    assert sum(lengths) == 1000 * RECORD_BYTES + 2 * 64  # and what tells that it is the same file


def test_of_a_file_with_several_metrics_nothing_is_made(run):
    run.append(run.rows(np.arange(COUNT) % 2, np.arange(COUNT), 0.5))
    assert condense(LocalFiles(run.root), wish(COUNT)) is None


def test_what_is_made_ends_before_another_metric_begins(run):
    run.append(line(run, COUNT))
    run.append(line(run, 10, metric=1))
    made = condense(LocalFiles(run.root), wish(COUNT + 10))
    assert made.offset == (256 + 2 * 131_072) * RECORD_BYTES
    assert made.rest == b""
    run.check(run.store(), "loss", Window(Axis.STEP, 100))
    run.check(run.store(), "lr", Window(Axis.STEP, 100))


def test_a_piece_whose_last_record_is_cut_short_by_the_next_one_is_left_to_who_knows(run):
    records = line(run, COUNT).tobytes()
    end = (256 + 131_072) * RECORD_BYTES
    run.append(records[: end - 20] + records[end:])
    assert condense(LocalFiles(run.root), wish(COUNT)).offset == 256 * RECORD_BYTES
    run.check(run.store(), "loss", Window(Axis.STEP, 100))


def test_a_file_that_is_another_one_since_it_was_looked_at_is_read_again(run):
    run.append(line(run, COUNT))
    store = run.store()
    run.check(store, "loss", Window(Axis.STEP, 100))
    (run.path / "metrics.bin").unlink()
    run.append(run.rows(0, np.arange(COUNT + 5), 7.0))
    run.check(store, "loss", Window(Axis.STEP, 100))


def test_what_cannot_be_poured_is_told_by_reading(run):
    assert condense(LocalFiles(run.root), wish(COUNT)) is None
    run.append(b"")
    assert condense(LocalFiles(run.root), wish(COUNT)) is None
