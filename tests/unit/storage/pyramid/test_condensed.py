"""Buckets that came over a link are those of a file up to a place, or are not taken."""

import numpy as np
import pytest
from tests.support.agents import NearbyAgent
from tests.support.pyramids import Run

from runicorn.model import Axis
from runicorn.sources.host_files import HostFiles
from runicorn.storage.files import Condensing
from runicorn.storage.pyramid.condensed import rows_and_points
from runicorn.storage.pyramid.levels import BUCKET
from runicorn.storage.series import Window

ROW_BYTES = BUCKET.itemsize


@pytest.fixture
def run(tmp_path):
    made = Run(tmp_path)
    made.keys("loss", "lr")
    made.append(made.rows(np.arange(20_100) % 2, np.arange(20_100), np.linspace(0, 1, 20_100)))
    return made


@pytest.fixture
def made(run):
    wish = Condensing("runs/r/metrics.bin", 20_100 * 32, 100, 10, 8)
    ((condensed,), _) = HostFiles(NearbyAgent(run.root)).condense([wish], [])
    return condensed


def test_what_came_whole_is_taken(made):
    rows, points = rows_and_points(made)
    assert (rows["count"].sum() + points.size, rows["count"].sum(), points.size) == (20_100, 20_000, 100)


def with_field(made, name, value):
    rows = np.frombuffer(made.rows, BUCKET).copy()
    rows[name][3] = value
    return made._replace(rows=rows.tobytes())


@pytest.mark.parametrize(
    "spoil",
    [
        lambda made: made._replace(rows=made.rows[:-1]),
        lambda made: made._replace(rows=made.rows[:-ROW_BYTES]),
        lambda made: made._replace(rows=made.rows + made.rows[:ROW_BYTES]),
        lambda made: made._replace(rest=made.rest[:-1]),
        lambda made: made._replace(rest=made.rest[36:]),
        lambda made: made._replace(rest=made.rest[36 * 50 :] + made.rest[: 36 * 50]),
        lambda made: made._replace(rest=made.rest[:-8] + (-1).to_bytes(8, "little", signed=True)),
        lambda made: made._replace(offset=made.offset + 1),
        lambda made: made._replace(offset=made.offset - 32),
        lambda made: made._replace(points=0),
        lambda made: made._replace(points=200),
        lambda made: with_field(made, "count", 0),
        lambda made: with_field(made, "start", -32),
        lambda made: with_field(made, "end", made.offset + 32),
        lambda made: with_field(made, "end", 0),
    ],
)
def test_what_cannot_be_those_of_the_file_is_refused(made, spoil):
    with pytest.raises(ValueError, match=r".+"):
        rows_and_points(spoil(made))


class Lying(HostFiles):
    """A host whose agent says what it likes; its files are as they are."""

    def __init__(self, root, spoil):
        super().__init__(NearbyAgent(root))
        self.spoil = spoil

    def condense(self, wishes, ranges):
        made, read = super().condense(wishes, ranges)
        return [self.spoil(each) for each in made], read


@pytest.mark.parametrize(
    "spoil",
    [
        lambda made: None,
        lambda made: made._replace(rows=b"x" * 7),
        lambda made: made._replace(head=b"", anchor=b""),
        lambda made: made._replace(anchor=made.anchor + b"x"),
    ],
)
def test_a_file_of_which_nonsense_is_told_is_read(run, spoil):
    run.check(run.store(files=Lying(run.root, spoil)), "loss", Window(Axis.STEP, 30))


def test_another_file_in_its_place_is_noticed_and_what_is_appended_is_read(run):
    files = HostFiles(NearbyAgent(run.root))
    store = run.store(files=files)
    run.check(store, "loss", Window(Axis.STEP, 30))
    run.append(run.rows(np.arange(500) % 2, np.arange(500) + 20_100, 2.0))
    run.check(store, "loss", Window(Axis.STEP, 30))
    run.write("wb", run.rows(0, np.arange(30_000), 3.0).tobytes())
    run.check(store, "loss", Window(Axis.STEP, 30))


def test_what_was_asked_for_before_there_was_anything_is_found_once_it_is_there(tmp_path):
    run = Run(tmp_path)
    run.keys("loss", "lr")
    run.append(b"")
    store = run.store(files=HostFiles(NearbyAgent(run.root)))
    run.check(store, "loss", Window(Axis.STEP, 30))
    run.append(run.rows(np.arange(20_000) % 2, np.arange(20_000), 1.0))
    run.check(store, "loss", Window(Axis.STEP, 30))


def test_a_last_slice_of_one_record_tells_the_file_as_any_other(tmp_path):
    run = Run(tmp_path)
    run.append(run.rows(0, np.arange(2**15 + 1), 1.0))
    wish = Condensing("runs/r/metrics.bin", 32 * (2**15 + 1), 512, 64, 8)
    ((made,), _) = HostFiles(NearbyAgent(run.root)).condense([wish], [])
    content = (run.path / "metrics.bin").read_bytes()
    assert (made.head, made.anchor) == (content[:64], content[-64:])
