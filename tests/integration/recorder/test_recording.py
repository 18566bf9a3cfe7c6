"""What a script logs is on disk when log() returns, and nothing that is logged disturbs the script."""

import json
import math
import sys
import threading
import time
from fractions import Fraction

import numpy as np
import pytest

import runicorn as rn
from runicorn.errors import RootNotUsableError, RunExistsError, UsageError
from runicorn.storage.columns import RECORD_DTYPE
from runicorn.storage.files import LocalFiles
from runicorn.storage.index import RunIndex
from runicorn.storage.points import PointStore


@pytest.fixture
def run(tmp_path):
    opened = rn.init("vision/test", root=tmp_path)
    yield opened
    opened.finish()


def points(run, metric):
    found = PointStore(LocalFiles(run.dir.parent.parent)).read(run.id, [metric]).columns
    return found.get(metric)


def values(run, metric):
    found = points(run, metric)
    return [] if found is None else found.value.tolist()


def indexed(run):
    return RunIndex(LocalFiles(run.dir.parent.parent)).find(run.id).run


def status(run):
    return json.loads((run.dir / "status.json").read_text())


def test_points_are_on_disk_when_log_returns(run):
    run.log({"loss": 0.5, "acc": 0.25})
    rows = np.fromfile(run.dir / "metrics.bin", RECORD_DTYPE)
    assert rows["value"].tolist() == [0.5, 0.25]
    assert rows["mark"].tolist() == [0x31534E52] * 2
    assert (run.dir / "metrics.keys").read_text() == '"loss"\n"acc"\n'


def test_steps_count_up_by_themselves_from_zero(run):
    for value in range(3):
        run.log({"loss": value})
    run.log({"loss": 3}, step=100)
    run.log({"loss": 4})
    run.log({"loss": 5}, step=7)
    assert points(run, "loss").step.tolist() == [0, 1, 2, 100, 101, 7]


def test_nan_and_infinities_are_values(run):
    for value in (math.nan, math.inf, -math.inf, 1.0):
        run.log({"loss": value})
    assert np.array_equal(values(run, "loss"), [math.nan, math.inf, -math.inf, 1.0], equal_nan=True)
    run.finish()
    metric = status(run)["metrics"]["loss"]
    assert (metric["count"], metric["last"], metric["min"], metric["max"]) == (4, 1.0, "-Infinity", "Infinity")


def test_a_call_with_a_bad_value_keeps_the_good_ones(run, capsys):
    for _ in range(3):
        run.log({"loss": 1.0, "odd": object(), "none": None, "nested": {"a": 2}, 7: 3, "list": [1, 2]})
    assert values(run, "loss") == [1.0] * 3
    assert values(run, "nested/a") == [2.0] * 3
    assert values(run, "7") == [3.0] * 3
    assert values(run, "odd") == []
    assert capsys.readouterr().err.count("'odd'") == 1
    run.finish()
    assert status(run)["warnings"] == {"value:odd": 3, "value:none": 3, "value:list": 3}


def test_ten_thousand_odd_keys_are_warned_of_a_bounded_number_of_times(run, capsys):
    for number in range(10_000):
        run.log({f"odd{number}": None, "loss": 1.0})
    run.finish()
    counts = status(run)["warnings"]
    assert sum(counts.values()) == 10_000
    assert len(counts) < 300
    assert capsys.readouterr().err.count("runicorn:") == len(counts)
    assert status(run)["metrics"]["loss"]["count"] == 10_000


def test_a_step_that_is_not_committed_stays_open_for_the_next_call(run):
    run.log({"a": 1}, commit=False)
    run.log({"b": 2}, commit=False)
    run.log({"c": 3})
    run.log({"a": 4})
    assert [points(run, name).step.tolist() for name in "abc"] == [[0, 1], [0], [0]]


@pytest.mark.parametrize("data", [None, 3, "loss", [1, 2], [("a", 1)]])
def test_what_is_no_mapping_is_ignored_with_a_warning(run, data):
    run.log(data)
    run.log({"loss": 1})
    assert values(run, "loss") == [1.0]


@pytest.mark.parametrize(
    "step",
    [
        "x",
        2**70,
        -(2**70),
        math.nan,
        object(),
        math.inf,
        "nan",
        "1e400",
        b"",
        [3],
        True,
        False,
        np.True_,
        np.array([1, 2]),
    ],
)
def test_what_is_no_step_counts_on(run, step):
    run.log({"loss": 1}, step=5)
    run.log({"loss": 2}, step=step)
    assert points(run, "loss").step.tolist() == [5, 6]


def test_steps_beyond_the_greatest_stay_there(run):
    run.log({"loss": 1}, step=2**63 - 1)
    run.log({"loss": 2})
    assert points(run, "loss").step.tolist() == [2**63 - 1] * 2


def test_a_step_of_numpy_is_a_step(run):
    run.log({"loss": 1}, step=np.int64(12))
    assert points(run, "loss").step.tolist() == [12]


class Scalar:
    """As a tensor of one number is."""

    def __init__(self, value, dtype="torch.float32"):
        self.value, self.dtype = value, dtype

    def __int__(self):
        return int(self.value)

    def __eq__(self, other):
        return Scalar(self.value == other, "torch.bool")

    def __ne__(self, other):
        return Scalar(self.value != other, "torch.bool")

    def __bool__(self):
        return bool(self.value)

    __hash__ = None


@pytest.mark.parametrize(
    "step",
    [
        7,
        7.0,
        "7",
        "7.0",
        np.int64(7),
        np.float32(7),
        np.uint8(7),
        np.array(7),
        np.array([7.0]),
        Fraction(7),
        Scalar(7.0),
    ],
)
def test_whatever_stands_for_a_whole_number_is_a_step(run, step, capsys):
    run.log({"loss": 1}, step=step)
    assert points(run, "loss").step.tolist() == [7]
    assert capsys.readouterr().err == ""


def test_negative_steps_are_steps(run, capsys):
    run.log({"loss": 1}, step=-3)
    run.log({"loss": 1}, step=-3.0)
    run.log({"loss": 1})
    assert (points(run, "loss").step.tolist(), capsys.readouterr().err) == ([-3, -3, -2], "")


@pytest.mark.parametrize("kind", [float, np.float32, np.float64, str, Fraction, Scalar])
def test_steps_that_are_cut_to_whole_ones_are_said_once(run, kind, capsys):
    for number in range(25):
        run.log({"loss": number}, step=kind(number / 10))
    run.log({"loss": 1})
    assert points(run, "loss").step.tolist() == [number // 10 for number in range(25)] + [3]
    said = capsys.readouterr().err
    assert said.count("runicorn:") == 1
    assert "is no whole number and became 0" in said
    assert "step_metric" in said
    run.finish()
    assert status(run)["warnings"] == {"step-cut": 22}


def test_many_metrics_at_once_are_one_write(run):
    run.log({f"m{number}": number for number in range(500)})
    run.log({f"m{number}": number for number in range(500)})
    assert values(run, "m499") == [499.0, 499.0]


def test_threads_log_at_once_and_nothing_is_lost(run):
    def work(name):
        for value in range(2000):
            run.log({name: value, "shared": value})

    threads = [threading.Thread(target=work, args=(f"t{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert values(run, "t3") == [float(value) for value in range(2000)]
    assert len(values(run, "shared")) == 8000
    assert sorted(points(run, "shared").step.tolist()) == list(range(8000))


def test_config_is_on_disk_at_once(run):
    run.config["lr"] = 0.1
    run.config.update({"model": {"depth": 3}}, batch=64)
    assert json.loads((run.dir / "run.json").read_text())["config"] == {"lr": 0.1, "model": {"depth": 3}, "batch": 64}
    assert run.config.lr == 0.1


def test_the_summary_overrides_a_metrics_last_value(run):
    run.log({"loss": 1.0, "acc": 0.5})
    run.summary["loss"] = 0.25
    run.finish()
    assert indexed(run).summary == {"loss": 0.25, "acc": 0.5}


def test_a_block_closes_its_run(tmp_path):
    with rn.init(root=tmp_path) as run:
        rn.log({"loss": 1})
    assert indexed(run).state.value == "finished"


def test_an_exception_that_passes_a_block_marks_the_run_as_failed(tmp_path):
    with pytest.raises(ValueError, match="no data"), rn.init(root=tmp_path) as run:
        raise ValueError("no data")
    assert (indexed(run).state.value, indexed(run).exit_reason) == ("failed", "ValueError: no data")


def test_logging_after_the_end_is_ignored_with_a_warning(run, capsys):
    run.finish()
    run.log({"loss": 1})
    run.finish("failed")
    assert values(run, "loss") == []
    assert indexed(run).state.value == "finished"
    assert "closed" in capsys.readouterr().err


def test_a_second_init_finishes_the_first(tmp_path):
    first = rn.init(root=tmp_path)
    with rn.init(root=tmp_path):
        assert indexed(first).state.value == "finished"


def test_module_functions_act_on_the_current_run(tmp_path):
    with rn.init(root=tmp_path) as run:
        rn.config["lr"] = 1
        rn.summary["best"] = 2
        rn.log({"loss": 3}, step=4)
        rn.finish()
    assert (indexed(run).config, indexed(run).summary, indexed(run).step) == ({"lr": 1}, {"best": 2, "loss": 3.0}, 4)


def test_an_unknown_end_state_is_refused(run):
    with pytest.raises(UsageError):
        run.finish("running")


@pytest.mark.parametrize("chosen", ["../x", "a/b", ".hidden", "", "x" * 200])
def test_an_id_that_is_no_folder_name_is_refused(tmp_path, chosen):
    with pytest.raises(UsageError):
        rn.init(root=tmp_path, id=chosen)


def test_an_id_that_is_taken_is_refused_unless_resumed(tmp_path):
    rn.init(root=tmp_path, id="mine").finish()
    with pytest.raises(RunExistsError):
        rn.init(root=tmp_path, id="mine")


def test_a_root_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(RootNotUsableError):
        rn.init(root=tmp_path / "file")


def test_a_resumed_run_goes_on_where_it_stopped(tmp_path):
    with rn.init(root=tmp_path, id="mine", config={"lr": 1}) as run:
        run.log({"loss": 5.0})
        run.log({"loss": 3.0})
        run.summary["best"] = 1
    with rn.init(root=tmp_path, id="mine", config={"more": 2}, resume=True) as run:
        assert indexed(run).state.value == "running"
        run.log({"loss": 4.0, "new": 1.0})
    assert points(run, "loss").step.tolist() == [0, 1, 2]
    assert indexed(run).config == {"lr": 1, "more": 2}
    assert indexed(run).summary == {"loss": 4.0, "new": 1.0, "best": 1}
    assert status(run)["metrics"]["loss"] | {"last_time": 0} == {
        "count": 3, "last": 4.0, "min": 3.0, "max": 5.0, "last_step": 2, "last_time": 0
    }  # fmt: skip
    (event,) = map(json.loads, (run.dir / "events.jsonl").read_text().splitlines())
    assert (event["type"], event["step"], event["records"]) == ("resume", 1, 2)


def test_a_resumed_run_mends_what_was_torn(tmp_path):
    with rn.init(root=tmp_path, id="mine") as run:
        run.log({"loss": 1.0})
    for name, torn in (("metrics.bin", b"RNS1torn"), ("metrics.keys", b'"half')):
        with (run.dir / name).open("ab") as file:
            file.write(torn)
    with rn.init(root=tmp_path, id="mine", resume=True) as run:
        run.log({"loss": 2.0, "acc": 3.0})
    assert values(run, "loss") == [1.0, 2.0]
    assert values(run, "acc") == [3.0]


def test_no_folder_is_left_half_made(tmp_path):
    with rn.init(root=tmp_path):
        assert [path.name for path in (tmp_path / "runs").iterdir() if path.name.startswith(".")] == []


def test_printing_is_copied_and_still_printed(tmp_path, capsys):
    with rn.init(root=tmp_path) as run:
        print("hello \x1b[32mgreen\x1b[0m ✓")
        print("to stderr", file=sys.stderr)
    print("after the end")
    assert (run.dir / "console.log").read_text() == "hello \x1b[32mgreen\x1b[0m ✓\nto stderr\n"
    shown = capsys.readouterr()
    assert shown.out == "hello \x1b[32mgreen\x1b[0m ✓\nafter the end\n"
    assert shown.err == "to stderr\n"


def test_a_clock_that_is_set_back_holds_back_no_alert(run, monkeypatch):
    now = time.time()
    run.alert("slow", wait_duration=0.01)
    monkeypatch.setattr(time, "time", lambda: now - 600)
    time.sleep(0.02)
    run.alert("slow", wait_duration=0.01)
    assert len((run.dir / "events.jsonl").read_text().splitlines()) == 2
