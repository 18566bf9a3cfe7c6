"""How often a link is crossed: each call of Files is one round trip, 100 ms or more on the way to a far server."""

import json
import os
import shutil

import pytest
from tests.support.agents import NearbyAgent
from tests.support.far_files import CountedFiles

from runicorn.model import Axis
from runicorn.sources.folder import FolderSource
from runicorn.sources.host_files import HostFiles
from runicorn.storage import layout, records
from runicorn.storage.files import LocalFiles, by_name
from runicorn.storage.follow import RunFollower, news
from runicorn.storage.index import RunIndex
from runicorn.storage.pyramid.store import PyramidStore
from runicorn.storage.series import Window


def add(root, number, *, state="finished", points=5):
    folder = root / "runs" / f"20240101-{number:06d}-aaaaaa"
    folder.mkdir(parents=True)
    (folder / "run.json").write_text(json.dumps({"name": f"run-{number}", "created_at": "2024-01-01T00:00:00Z"}))
    (folder / "status.json").write_text(json.dumps({"state": state, "heartbeat_at": "2024-01-01T00:00:00Z"}))
    (folder / "metrics.keys").write_bytes(layout.encode_key("loss"))
    (folder / "metrics.bin").write_bytes(b"".join(records.pack(0, step, 1.0, 0.5) for step in range(points)))
    return folder.name


@pytest.fixture
def files(tmp_path):
    (tmp_path / "runs").mkdir()
    return CountedFiles(LocalFiles(tmp_path))


def later():
    return 4e9  # all that is on the disk is old


def no_time_passes():
    return 0.0  # where reading takes long, less is asked for at once


@pytest.mark.parametrize("state", ["finished", "killed", "running"])
def test_a_first_list_of_a_thousand_runs_takes_at_most_twelve(files, tmp_path, state):
    for number in range(1000):
        add(tmp_path, number, state=state)
    index = RunIndex(files, now=later, monotonic=no_time_passes)
    assert len(index.runs()) == 1000
    assert index.progress() is None
    assert len(files.taken()) <= 12
    assert all(item.run.summary == ({} if state == "finished" else {"loss": 0.5}) for item in index.runs())


def test_an_unchanged_list_takes_one(files, tmp_path):
    for number in range(1000):
        add(tmp_path, number, state="killed")
    index = RunIndex(files, now=later, monotonic=no_time_passes)
    index.runs()
    files.taken()
    index.runs()
    assert files.taken() == [("look", 1)]


class Metered(CountedFiles):
    """As over SFTP: nothing tells of changes."""

    is_metered = True


@pytest.fixture
def metered(tmp_path):
    """Return a list of 400 runs, one of them alive, that has settled; its files, and what moves its clock on."""
    (tmp_path / "runs").mkdir()
    for number in range(400):
        add(tmp_path, number, state="running" if number == 7 else "finished")
    status = tmp_path / "runs" / "20240101-000007-aaaaaa" / "status.json"
    status.write_text(json.dumps({"state": "running", "heartbeat_at": "2096-10-02T07:06:39Z", "step": 1}))
    files, moment = Metered(LocalFiles(tmp_path)), [0.0]
    index = RunIndex(files, now=later, monotonic=lambda: moment[0])

    def go_on(secs):
        moment[0] += secs
        runs = {item.run.id: item.run for item in index.runs()}
        return runs, files.taken()

    for _ in range(12):
        go_on(0.5)
    return index, go_on


def test_where_nothing_tells_of_changes_many_runs_are_seldom_listed(metered):
    _, go_on = metered
    listed = asked = 0
    for _ in range(40):
        calls = go_on(0.5)[1]
        listed += sum(call in ("look", "names") for call, _ in calls)
        asked += sum(amount for call, amount in calls if call == "stats")
    assert 4 <= listed <= 6  # in twenty seconds, each four
    assert asked <= 40 * 8 + 20 * 400 * 4 / 20  # of one that lives, and of each other once in a while


def test_between_two_lists_runs_that_come_go_or_live_are_seen_at_once(metered, tmp_path):
    index, go_on = metered
    ended, edited = "20240101-000007-aaaaaa", "20240101-000020-aaaaaa"
    before = go_on(0.5)[0]
    while "look" not in dict(go_on(0.5)[1]):
        pass  # right behind a list, so that the next look is none
    new = add(tmp_path, 5000)
    shutil.rmtree(tmp_path / "runs" / "20240101-000030-aaaaaa")
    (tmp_path / "runs" / ended / "status.json").unlink()
    (tmp_path / "runs" / ended / "status.json").write_text('{"state": "finished"}')
    runs, calls = go_on(0.5)
    assert "look" not in dict(calls)
    assert set(runs) == set(before) - {"20240101-000030-aaaaaa"} | {new}
    assert runs[ended].state.value == "finished"
    # A note on one that ended long ago is no reason to list all of them; it is found with the next list.
    (tmp_path / "runs" / edited / "notes.json").write_text('{"name": "renamed"}')
    name = ""
    for _ in range(9):
        name = go_on(0.5)[0][edited].name
    assert name == "renamed"
    (tmp_path / "runs" / edited / "notes.json").unlink()
    assert {item.run.id: item.run for item in index.runs(fresh=True)}[edited].name == "run-20"


def test_a_run_that_comes_in_the_same_moment_of_a_coarse_clock_is_not_missed(metered, tmp_path):
    _, go_on = metered
    new = add(tmp_path, 5000)
    os.utime(tmp_path / "runs", (1.8e9, 1.8e9))
    assert new in go_on(0.5)[0]
    other = add(tmp_path, 5001)
    os.utime(tmp_path / "runs", (1.8e9, 1.8e9))
    assert any(other in go_on(0.5)[0] for _ in range(6))


def test_one_run_that_changed_takes_three(files, tmp_path):
    names = [add(tmp_path, number) for number in range(100)]
    index = RunIndex(files, now=later, monotonic=no_time_passes)
    index.runs()
    files.taken()
    (tmp_path / "runs" / names[7] / "notes.json").write_text('{"name": "renamed"}')
    index.runs()
    assert [call for call, _ in files.taken()] == ["look", "stats", "fetch"]
    assert index.find(names[7]).run.name == "renamed"


@pytest.mark.parametrize("points", [5, 1_000_000])
def test_a_cold_chart_takes_at_most_three(tmp_path, points):
    run_id = add(tmp_path, 1, points=0)
    (tmp_path / "runs" / run_id / "metrics.bin").write_bytes(records.pack(0, 1, 1.0, 0.5) * points)
    far = CountedFiles(LocalFiles(tmp_path))
    reading = FolderSource("far", far).series([run_id], ["loss"], Window(Axis.STEP, 800))
    ((_, _, line),) = reading.lines
    assert line.count == points
    assert len(far.taken()) <= 3


def test_long_files_are_condensed_where_they_lie_in_the_call_that_asks_for_their_names(tmp_path):
    run_ids = [add(tmp_path, number, points=0) for number in range(3)]
    for run_id in run_ids:
        (tmp_path / "runs" / run_id / "metrics.bin").write_bytes(records.pack(0, 1, 1.0, 0.5) * 150_000)
    far = CountedFiles(HostFiles(NearbyAgent(tmp_path)))
    store = PyramidStore(far)
    listings = {run_id: by_name(far.list(layout.run_path(run_id))) for run_id in run_ids}
    far.taken()
    for _ in range(2):
        found = dict(store.read_each(listings, ["loss"], Window(Axis.STEP, 800)))
        assert [found[run_id].metrics["loss"].count for run_id in run_ids] == [150_000] * 3
    assert far.taken() == [("condense", 3)]


def test_a_cold_chart_of_fifty_runs_takes_no_more_than_one_of_one(tmp_path):
    run_ids = [add(tmp_path, number) for number in range(50)]
    far = CountedFiles(LocalFiles(tmp_path))
    source = FolderSource("far", far)
    assert [line.count for _, _, line in source.series(run_ids, ["loss"], Window(Axis.STEP, 800)).lines] == [5] * 50
    assert len(far.taken()) <= 3
    assert len(list(source.series(run_ids, ["loss"], Window(Axis.STEP, 800)).lines)) == 50
    assert [call for call, _ in far.taken()] == ["look"]


def test_a_poll_of_fifty_live_runs_takes_one_and_one_more_for_what_is_new(files, tmp_path):
    run_ids = [add(tmp_path, number, state="running") for number in range(50)]
    followers = [RunFollower(run_id) for run_id in run_ids]
    assert list(news(files, followers)) == []
    files.taken()
    assert list(news(files, followers)) == []
    assert files.taken() == [("look", 50)]
    for run_id in run_ids:
        with (tmp_path / "runs" / run_id / "metrics.bin").open("ab") as file:
            file.write(records.pack(0, 5, 1.0, 0.5))
    assert len(list(news(files, followers))) == 50
    assert [call for call, _ in files.taken()] == ["look", "fetch"]


def test_a_missing_file_of_names_costs_no_call_a_point(files, tmp_path):
    run_id = add(tmp_path, 1, state="running")
    (tmp_path / "runs" / run_id / "metrics.keys").unlink()
    moment = [0.0]
    follower = RunFollower(run_id, {}, monotonic=lambda: moment[0])
    for _ in range(2):
        found = list(news(files, [follower]))
        moment[0] += 60
    assert [list(each.metrics) for _, each in found] == [["unnamed/0"]]
    assert len(files.taken()) <= 4
