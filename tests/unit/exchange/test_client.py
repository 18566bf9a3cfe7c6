"""Runs are read from Python as they are: found by query and name, their points as arrays and tables."""

import io
import json
import math
import os
import subprocess
import sys
import textwrap

import numpy as np
import pytest
from tests.support.event_files import event, image, png, scalar, write_events

import runicorn as rn
from runicorn.errors import (
    AmbiguousRunError,
    FileNotInRunError,
    InvalidQueryError,
    MetricNotFoundError,
    PackageMissingError,
    RootNotUsableError,
    RunNotFoundError,
    UsageError,
)
from runicorn.exchange import frames
from runicorn.exchange.exporting import points
from runicorn.exchange.formats import CsvWriter, JsonLinesWriter, ParquetWriter


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("RUNICORN_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("RUNICORN_ROOT", raising=False)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "root"


@pytest.fixture
def root(path):
    for number, lr in enumerate((0.1, 0.01)):
        with rn.init(f"vision/exp{number}", name=f"run{number}", root=path, config={"lr": lr}, tags=["t"]) as run:
            for step in range(5):
                run.log({"loss": lr * step, "acc": step}, step=step)
            run.log({"loss": float("nan")}, step=4)
            run.summary["best"] = number
            print("a line")
    with rn.open_root(path) as opened:
        yield opened


def names(runs):
    return {run.name for run in runs}


def test_runs_are_found_by_query_project_and_state(root):
    assert names(root.runs()) == {"run0", "run1"}
    assert names(root.runs("config.lr < 0.05")) == {"run1"}
    assert names(root.runs(query="tag:t", project="vision", state="finished,failed")) == {"run0", "run1"}
    assert names(root.runs(project="vision/exp0")) == {"run0"}
    assert root.runs(state="running") == []


def test_what_is_asked_wrongly_is_told(root):
    with pytest.raises(UsageError, match="is no state"):
        root.runs(state="sleeping")
    with pytest.raises(InvalidQueryError):
        root.runs("config.lr <")


def test_a_run_is_known_by_id_and_by_name(root):
    run = root.run("run1")
    assert root.run(run.id).id == run.id
    assert (run.project, run.state, run.config, run.tags) == ("vision/exp1", "finished", {"lr": 0.01}, ("t",))
    assert run.summary["best"] == 1
    assert run.step == 4
    assert "run1" in repr(run)
    with pytest.raises(RunNotFoundError):
        root.run("nobody")
    with pytest.raises(RunNotFoundError):
        root.run("../..")


def test_a_name_of_two_runs_needs_the_id(root, path):
    rn.init("other", name="run1", root=path).finish()
    with pytest.raises(AmbiguousRunError, match="2 runs are called 'run1'"):
        root.run("run1")


def test_a_series_is_three_arrays(root):
    loss = root.run("run0").series("loss")
    assert loss.step.tolist() == [0, 1, 2, 3, 4, 4]
    assert loss.value[:5].tolist() == [0.1 * step for step in range(5)]
    assert math.isnan(loss.value[5])
    assert (loss.step.dtype, loss.time.dtype, len(loss)) == (np.int64, np.float64, 6)
    assert loss.to_numpy()["step"].tolist() == loss.step.tolist()
    with pytest.raises(MetricNotFoundError) as caught:
        root.run("run0").series("nope")
    assert "acc, loss" in caught.value.hint


def test_arrays_belong_to_who_asked(root):
    root.run("run0").series("acc").value[:] = -1
    assert root.run("run0").series("acc").value.tolist() == [0, 1, 2, 3, 4]


def test_metrics_tell_count_and_extremes(root):
    stats = root.run("run0").metrics["loss"]
    assert (stats.count, stats.min, stats.max, stats.last_step) == (6, 0.0, 0.4, 4)


def test_console_files_and_events(root):
    run = root.run("run0")
    assert "a line" in run.console()
    assert "metrics.bin" in run.files()
    assert run.read_file("run.json").startswith(b"{")
    assert run.events() == []
    for wrong in ("missing", "../../runicorn.json", "/etc/passwd", ""):
        with pytest.raises(FileNotInRunError):
            run.read_file(wrong)


def test_points_that_are_logged_later_are_there(root, path):
    with rn.init(name="live", root=path) as run:
        run.log({"loss": 1})
        assert len(root.run("live").series("loss")) == 1
        run.log({"loss": 2})
        assert len(root.run("live").series("loss")) == 2
        assert root.run("live").state == "running"


def test_a_logdir_of_tensorboard_is_a_root(tmp_path):
    picture = png(2, 2)
    events = [*(event(scalar("loss", step), step=step) for step in range(3000)), event(image("in", picture, 2, 2))]
    write_events(tmp_path / "logs" / "exp" / "a" / "events.out.tfevents.1.h", events)
    with rn.open_root(tmp_path / "logs") as root:
        (run,) = root.runs()
        assert (run.name, run.project) == ("a", "exp")
        assert run.series("loss").step.tolist() == list(range(3000))
        (logged,) = run.events("image")
        assert run.read_file(logged["items"][0]["file"]) == picture
        assert run.events("text") == []


def test_a_root_that_is_not_there_is_not_made(tmp_path):
    with pytest.raises(RootNotUsableError):
        rn.open_root(tmp_path / "missing")
    assert not (tmp_path / "missing").exists()


def test_reading_writes_nothing_into_the_root(root, path):
    before = {file: file.stat().st_mtime_ns for file in path.rglob("*")}
    for run in root.runs():
        run.series("loss")
    assert {file: file.stat().st_mtime_ns for file in path.rglob("*")} == before


def test_the_package_does_not_load_the_client_before_it_is_asked_for():
    code = (
        "import runicorn, sys; "
        "assert not {'numpy', 'runicorn.exchange', 'runicorn.storage.columns'} & set(sys.modules); "
        "runicorn.open_root; assert 'runicorn.exchange.client' in sys.modules and 'numpy' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_a_missing_package_is_named(root, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(PackageMissingError, match="needs pandas") as caught:
        root.to_pandas()
    assert caught.value.hint == "pip install pandas"


def test_columns_have_one_type_each():
    assert frames._of_one_kind([1, None, "NaN"])[0] == 1.0
    assert frames._of_one_kind([1, "adam"]) == ["1", "adam"]
    assert frames._of_one_kind([True, None]) == [True, None]
    assert frames._of_one_kind([1, 2]) == [1, 2]


class TestPandas:
    @pytest.fixture(autouse=True)
    def pandas(self):
        return pytest.importorskip("pandas")

    def test_the_table_of_runs(self, root):
        table = root.to_pandas().set_index("name")
        assert table.loc["run1", "config.lr"] == 0.01
        assert table.loc["run0", "summary.best"] == 0
        assert str(table["created_at"].dt.tz) == "UTC"
        assert len(root.to_pandas("config.lr < 0.05")) == 1

    def test_points_long_and_wide(self, root):
        run = root.run("run0")
        long = run.to_pandas()
        assert list(long.columns) == ["metric", "step", "time", "value"]
        assert len(long) == 11
        wide = run.to_pandas(wide=True)
        assert list(wide.columns) == ["step", "acc", "loss"]
        assert wide["step"].tolist() == [0, 1, 2, 3, 4]
        assert wide["acc"].tolist() == [0, 1, 2, 3, 4]
        assert math.isnan(wide["loss"].iloc[4])
        assert list(run.to_pandas(["acc"], wide=True).columns) == ["step", "acc"]

    def test_a_metric_called_step_stands_beside_the_step(self, root, path):
        with rn.init(name="odd", root=path) as run:
            run.log({"step": 7.5})
        assert list(root.run("odd").to_pandas(wide=True).columns) == ["step", "step (metric)"]


class TestPolars:
    @pytest.fixture(autouse=True)
    def polars(self):
        return pytest.importorskip("polars")

    def test_the_table_of_runs(self, root):
        table = root.to_polars()
        assert set(table["config.lr"].to_list()) == {0.1, 0.01}
        assert str(table.schema["created_at"]) == "Datetime(time_unit='us', time_zone='UTC')"

    def test_points_long_and_wide(self, root):
        run = root.run("run0")
        assert run.to_polars().columns == ["metric", "step", "time", "value"]
        wide = run.to_polars(wide=True)
        assert wide["step"].to_list() == [0, 1, 2, 3, 4]
        assert wide["acc"].to_list() == [0, 1, 2, 3, 4]

    def test_a_metric_called_step_stands_beside_the_step(self, root, path):
        with rn.init(name="odd", root=path) as run:
            run.log({"step": 7.5})
        assert root.run("odd").to_polars(wide=True).columns == ["step", "step (metric)"]


def test_events_points_and_media_of_all_processes_of_a_run_are_there(path):
    script = """
        import os, sys
        import runicorn as rn
        run = rn.init(root=sys.argv[1], id="job", console=False, system_metrics=False)
        run.log({"loss": 1.0, "note": "first"}, step=0)
        for rank in (1, 2):
            child = os.fork()
            if child == 0:
                run.log({"loss": 10.0 * rank, f"only{rank}": 1.0, "note": f"of rank {rank}"}, step=rank)
                run.log({"page": rn.Html(f"<b>{rank}</b>")}, step=rank)
                run.alert(f"alert {rank}")
                run.finish()
                os._exit(0)
            os.waitpid(child, 0)
        run.log({"loss": 2.0, "note": "last"}, step=3)
        run.finish()
    """
    if not hasattr(os, "fork"):
        pytest.skip("needs fork")
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(script), str(path)], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    with rn.open_root(path) as opened:
        run = opened.run("job")
        assert [event["items"][0]["text"] for event in run.events("text")] == [
            "first",
            "of rank 1",
            "of rank 2",
            "last",
        ]
        assert [event["title"] for event in run.events("alert")] == ["alert 1", "alert 2"]
        pages = [run.read_file(event["items"][0]["file"]) for event in run.events("html")]
        assert [b"<b>1</b>" in pages[0], b"<b>2</b>" in pages[1]] == [True, True]
        times = [event["time"] for event in run.events()]
        assert len(times) == 8
        assert times == sorted(times)
        assert run.series("loss").value.tolist() == [1.0, 10.0, 20.0, 2.0]
        assert set(run.metrics) == {"loss", "only1", "only2"}
        assert len(run.to_pandas()) == 6
        assert run.to_pandas(wide=True)["only2"].dropna().tolist() == [1.0]
        for write, ending in ((CsvWriter, b"\n"), (JsonLinesWriter, b"\n"), (ParquetWriter, b"PAR1")):
            out = io.BytesIO()
            with write(out) as table:
                for piece in points(opened.files, "job"):
                    table.write(piece)
            assert out.getvalue().endswith(ending)
            if ending == b"\n":
                assert (out.getvalue().count(b"only1"), out.getvalue().count(b"only2")) == (1, 1)
                assert out.getvalue().count(b"loss") == 4


def test_the_events_of_each_process_stay_in_their_order_whatever_its_clock_does(path):
    folder = path / "runs" / "job"
    folder.mkdir(parents=True)
    (path / "runicorn.json").write_text('{"format": 1}')
    (folder / "run.json").write_text('{"name": "job"}')

    def write(name, *events):
        lines = [
            json.dumps({"type": "text", "title": title, **({"time": time} if time else {})}) for title, time in events
        ]
        (folder / name).write_text("".join(line + "\n" for line in lines) + '{"type": "torn')

    write("events.jsonl", ("a", "2026-01-01T00:00:05Z"), ("b", "2026-01-01T00:00:01Z"), ("c", None),
          ("d", "2026-01-01T00:00:09Z"))  # fmt: skip
    write("events.rank1.jsonl", ("x", None), ("y", "2026-01-01T00:00:06Z"), ("z", "nonsense"))
    write("events.rank10.jsonl", ("q", "2026-01-01T00:00:05Z"))
    with rn.open_root(path) as opened:
        assert "".join(event["title"] for event in opened.run("job").events()) == "xabcqyzd"
