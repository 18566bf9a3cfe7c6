"""What charts of many runs are drawn from: POST /api/lines and POST /api/metrics, with a real viewer."""

import math

import numpy as np
import pytest
from tests.support.line_frames import read_frames

import runicorn as rn


@pytest.fixture
def runs(root):
    made = []
    for seed in range(3):
        with rn.init(root=root, name=f"lr0.1-s{seed}", config={"seed": seed}) as run:
            run.define_metric("val/*", step_metric="epoch", goal="maximize")
            for step in range(50):
                run.log({"loss": step + seed, "epoch": step // 10, "val/acc": step * 2.0}, step=step)
        made.append(run.id)
    return made


def lines(viewer, status=200, **question):
    answer = viewer.http.post("/api/lines", json=question)
    assert answer.status_code == status, answer.text
    if status != 200:
        return answer.json()
    assert answer.headers["content-type"] == "application/x-runicorn-lines"
    *found, end = read_frames(answer.content)
    assert end["end"] is True
    return found, end


def test_one_answer_holds_the_lines_of_all_charts(viewer, runs):
    found, end = lines(viewer, runs=runs, charts=[{"metric": "loss"}, {"metric": "epoch", "runs": [1]}])
    assert {(line["chart"], line["run"]) for line in found} == {(0, 0), (0, 1), (0, 2), (1, 1)}
    assert end["missing"] == end["unreadable"] == []
    for line in found:
        if line["chart"] == 0:
            assert line["columns"]["x"].tolist() == list(range(50))
            assert line["columns"]["y"].tolist() == [step + line["run"] for step in range(50)]
            assert (line["count"], line["last_step"], line["hidden"]) == (50, 49, 0)


@pytest.mark.parametrize("points", [1, 10, 400])
def test_a_long_line_comes_in_buckets_that_hold_all_of_it(viewer, root, points):
    values = np.sin(np.arange(20_000) / 500)
    with rn.init(root=root) as run:
        for step, value in enumerate(values.tolist()):
            run.log({"loss": value}, step=step)
    found, _ = lines(viewer, runs=[run.id], charts=[{"metric": "loss"}], points=points)
    columns = found[0]["columns"]
    assert points / 2 <= len(columns["x"]) <= 2 * points + 1
    assert columns["points"].sum() == found[0]["count"] == 20_000
    assert columns["low"].min() == pytest.approx(values.min(), abs=1e-4)
    assert columns["high"].max() == pytest.approx(values.max(), abs=1e-4)
    for begin, end, mean in zip(columns["x"], columns["x_end"], columns["y"], strict=True):
        assert mean == pytest.approx(values[int(begin) : int(end) + 1].mean(), abs=1e-4)


def test_a_window_holds_what_lies_in_it(viewer, runs):
    question = {"runs": runs, "charts": [{"metric": "loss", "runs": [0]}]}
    found, _ = lines(viewer, **question, **{"from": 10, "to": 12})
    assert found[0]["columns"]["x"].tolist() == [10, 11, 12]
    assert found[0]["last_step"] == 49
    found, _ = lines(viewer, **question, **{"from": 100, "to": 200})
    assert found[0]["count"] == 0


def test_a_metric_is_drawn_over_another_one(viewer, runs):
    found, _ = lines(viewer, runs=runs, charts=[{"metric": "val/acc", "along": "epoch"}])
    assert [line["columns"]["x"].tolist() for line in found] == [[step // 10 for step in range(50)]] * 3
    assert found[0]["columns"]["y"].tolist() == [step * 2.0 for step in range(50)]
    found, _ = lines(viewer, runs=runs, charts=[{"metric": "loss", "along": "nothing"}])
    assert [line["count"] for line in found] == [0, 0, 0]


@pytest.mark.parametrize("band", ["std", "se", "ci95", "minmax", "quartiles"])
def test_a_group_is_a_line_with_its_band(viewer, runs, band):
    found, _ = lines(viewer, runs=runs, charts=[{"metric": "loss", "groups": [[0, 1, 2], [2]]}], band=band)
    both = {line["group"]: line["columns"] for line in found}
    assert both[0]["y"].tolist() == [step + 1.0 for step in range(50)]
    assert both[1]["y"].tolist() == [step + 2.0 for step in range(50)]
    half = {"std": 1.0, "se": 1 / math.sqrt(3), "ci95": 4.302652729 / math.sqrt(3), "minmax": 1.0, "quartiles": 0.5}
    assert both[0]["high"][7] - both[0]["y"][7] == pytest.approx(half[band], abs=1e-3)
    assert both[0]["runs"].tolist() == [3] * 50


def test_steps_that_a_resumed_run_logged_again_are_shown_once_unless_they_are_asked_for(viewer, root):
    with rn.init(root=root) as run:
        for step in range(100):
            run.log({"loss": 1.0}, step=step)
    with rn.init(root=root, id=run.id, resume=True) as again:
        for step in range(60, 120):
            again.log({"loss": 2.0}, step=step)
    question = {"runs": [run.id], "charts": [{"metric": "loss"}]}
    (line,), _ = lines(viewer, **question)
    assert line["columns"]["x"].tolist() == list(range(120))
    assert line["columns"]["y"].tolist() == [1.0] * 60 + [2.0] * 60
    assert line["hidden"] == 40
    (line,), _ = lines(viewer, **question, overwritten=True)
    assert line["count"] == 160
    assert line["hidden"] == 0


def test_what_is_no_number_is_told(viewer, root):
    with rn.init(root=root) as run:
        for step, value in enumerate([1.0, math.nan, math.inf, -math.inf]):
            run.log({"loss": value}, step=step)
    (line,), _ = lines(viewer, runs=[run.id], charts=[{"metric": "loss"}])
    assert line["columns"]["odd"].tolist() == [0, 1, 2, 4]
    np.testing.assert_array_equal(line["columns"]["y"], [1.0, math.nan, math.inf, -math.inf])


def test_a_run_that_is_not_there_takes_no_other_away(viewer, runs):
    found, end = lines(viewer, runs=["gone", runs[0], "else:where"], charts=[{"metric": "loss"}])
    assert [line["run"] for line in found] == [1]
    assert set(end["missing"]) == {"gone", "else:where"}
    assert lines(viewer, 404, runs=["gone"], charts=[{"metric": "loss"}])["code"] == "RUN_NOT_FOUND"


@pytest.mark.parametrize(
    "wrong",
    [{"runs": []}, {"charts": []}, {"charts": [{"metric": "loss", "runs": [1]}]}, {"points": 0}, {"points": 1e9},
     {"charts": [{"metric": "loss", "groups": [[]]}]}, {"band": "wide"}, {"x": "epoch"}, {"from": "a"}, {"more": 1}],
)  # fmt: skip
def test_a_wrong_question_is_refused(viewer, wrong):
    question = {"runs": ["r"], "charts": [{"metric": "loss"}], **wrong}
    assert lines(viewer, 422, **question)["code"] == "INVALID_REQUEST"


def test_too_many_lines_are_refused(viewer):
    runs = [f"r{number}" for number in range(2000)]
    refused = lines(viewer, 400, runs=runs, charts=[{"metric": f"m{number}"} for number in range(11)])
    assert "22000 lines are too many" in refused["detail"]


def test_metrics_of_many_runs_are_listed_with_what_is_said_of_them(viewer, runs, root):
    with rn.init(root=root) as other:
        other.log({"loss": 1.0, "extra": 2.0})
    answer = viewer.http.post("/api/metrics", json={"runs": [*runs, other.id, "gone"]}).json()
    assert {metric["name"]: metric["runs"] for metric in answer["metrics"]} == {
        "epoch": runs, "extra": [other.id], "loss": None, "val/acc": runs,
    }  # fmt: skip
    assert answer["missing"] == ["gone"]
    assert [run["name"] for run in answer["runs"]][:3] == ["lr0.1-s0", "lr0.1-s1", "lr0.1-s2"]
    definition = answer["runs"][0]["metric_definitions"][0]
    assert (definition["name"], definition["step_metric"], definition["goal"]) == ("val/*", "epoch", "maximize")
    assert answer["runs"][3]["metric_definitions"] == []
