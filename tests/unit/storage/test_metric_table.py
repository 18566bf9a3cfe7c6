"""What the list of runs knows of each metric: from its status, never more than that tells."""

import math

import msgspec
import pytest

import runicorn as rn
from runicorn.model import MetricTable
from runicorn.storage.files import LocalFiles
from runicorn.storage.index import RunIndex
from runicorn.storage.reader import SmallFiles, build_run

KINDS = ("last", "min", "max", "mean", "best")


def stats_of(status, definitions=()):
    info = {"metric_definitions": list(definitions)}
    return build_run("r", SmallFiles(info, status, None, 0.0)).stats


def values(table, name):
    return {kind: table.value(kind, name) for kind in KINDS}


def test_a_recorded_run_knows_all_five(tmp_path):
    with rn.init("p", root=tmp_path, system_metrics=False, console=False) as run:
        run.define_metric("acc", goal="maximize")
        run.define_metric("val/*", goal="minimize")
        for step, value in enumerate((0.5, 0.25, 1.0)):
            run.log({"acc": value, "val/loss": value, "plain": value, "broken": math.nan}, step=step)
    index = RunIndex(LocalFiles(tmp_path))
    (item,) = index.runs()
    common = {"last": 1.0, "min": 0.25, "max": 1.0, "mean": pytest.approx(1.75 / 3)}
    assert values(item.run.stats, "acc") == {**common, "best": 1.0}
    assert values(item.run.stats, "val/loss") == {**common, "best": 0.25}
    assert values(item.run.stats, "plain") == {**common, "best": None}
    assert {kind: item.field(f"{kind}.acc") for kind in KINDS} == {**common, "best": 1.0}
    broken = values(item.run.stats, "broken")
    assert math.isnan(broken["last"])
    assert math.isnan(broken["mean"])
    assert (broken["min"], broken["max"]) == (None, None)
    assert values(item.run.stats, "nothing") == dict.fromkeys(KINDS)


def test_a_status_of_an_earlier_version_has_no_mean_and_none_is_made_up():
    table = stats_of({"metrics": {"loss": {"count": 3, "last": 0.5, "min": 0.1, "max": 2}}})
    assert values(table, "loss") == {"last": 0.5, "min": 0.1, "max": 2.0, "mean": None, "best": None}


@pytest.mark.parametrize(
    "status",
    [
        {"metrics": {"loss": 3}},
        {"metrics": [1]},
        {"metrics": {"loss": {"count": 0, "last": "x", "min": None}}, "counted": {"sums": {"loss": 3}}},
        {"metrics": {"loss": {"count": "many", "last": None}}, "counted": [1]},
    ],
)
def test_what_is_damaged_is_not_known(status):
    assert values(stats_of(status), "loss") == dict.fromkeys(KINDS)


def test_it_survives_the_cache_and_runs_share_their_names():
    table = stats_of({"metrics": {"a": {"count": 2, "last": "NaN", "min": "-Infinity", "max": 1}}})
    again = msgspec.msgpack.decode(msgspec.msgpack.encode(table), type=MetricTable)
    assert again == table
    assert again.names is table.names
    assert again.value("min", "a") == -math.inf


def test_what_a_dead_run_logged_last_is_its_last_value_and_the_rest_is_as_of_its_heartbeat():
    table = stats_of({"metrics": {"a": {"count": 2, "last": 3, "min": 1, "max": 3}, "b": {"count": 1, "last": 5}}})
    later = table.with_last({"a": 0.5, "new": 7.0})
    assert values(later, "a") == {"last": 0.5, "min": 1.0, "max": 3.0, "mean": None, "best": None}
    assert values(later, "b") == values(table, "b")
    assert later.names is table.names
    assert MetricTable(("x",), b"torn").value("last", "x") is None
