"""Many runs over HTTP: their groups, ids and values, and changes of all of them at once."""

import itertools
import json

import pytest

import runicorn as rn

SEEDS = 3


@pytest.fixture
def runs(root):
    """Return the ids of a sweep, the newest one last."""
    made = []
    for lr in (0.1, 0.01):
        for seed in range(SEEDS):
            with rn.init("sweep", f"lr{lr}-s{seed}", {"lr": lr, "seed": seed}, root=root, system_metrics=False) as run:
                run.define_metric("loss", goal="minimize")
                for step in range(3):
                    run.log({"loss": lr * (3 - step) + seed})
            made.append(run.id)
    return made


def change(viewer, *changes, status=200):
    answer = viewer.http.patch("/api/runs", json={"changes": list(changes)})
    assert answer.status_code == status, answer.text
    return answer.json()


def tags(viewer):
    return {run["id"]: run["tags"] for run in viewer.get("/api/runs")["runs"]}


def test_groups_with_what_they_come_to_and_the_runs_that_are_in_sight(viewer, runs):
    body = viewer.get(
        "/api/run-groups", by="config.lr", stat=["min.loss", "config.seed"], range=["0-2"], column=["mean.loss"]
    )
    assert [(group["value"], group["count"]) for group in body["groups"]] == [(0.01, SEEDS), (0.1, SEEDS)]
    assert body["groups"][0]["stats"] == [[3, pytest.approx(1.01), pytest.approx(1.0)], [3, 1.0, 1.0]]
    assert [run["config"]["lr"] for run in body["runs"]] == [0.01, 0.01]
    assert body["runs"][0]["stats"] == {"mean.loss": pytest.approx(2.02)}
    assert body["total"] == 6
    assert body["first"] == []
    assert viewer.get("/api/run-groups", 400, by="note")["code"] == "INVALID_REQUEST"


def test_the_first_groups_are_told_by_their_runs_whole_ones(viewer, runs):
    def first(whole, *by):
        return set(viewer.get("/api/run-groups", by=by or "config.lr", whole=whole)["first"])

    low, high = set(runs[3:]), set(runs[:3])
    assert (first(0), first(3), first(5), first(6), first(1000)) == (set(), low, low, low | high, low | high)
    assert len(first(2)) == 2  # of a group that is too large by itself, a part
    assert first(2) < low
    assert len(first(4, "config.lr", "config.seed")) == 4
    assert viewer.get("/api/run-groups", 422, by="config.lr", whole=1001)["code"] == "INVALID_REQUEST"


def test_runs_by_their_ids_are_told_with_what_they_are_grouped_by(viewer, runs):
    def ask(*by):
        return viewer.http.post("/api/metrics", json={"runs": runs, "by": list(by)})

    heads = ask("config.lr", "config.seed", "tags").json()["runs"]
    found = {head["id"]: head["path"] for head in heads}
    assert found == {
        run: [rate, seed, None]
        for run, (rate, seed) in zip(runs, itertools.product((0.1, 0.01), range(SEEDS)), strict=True)
    }
    assert all(head["path"] == [] for head in ask().json()["runs"])
    for status, wrong in ((400, ["note"]), (400, ["config."]), (422, ["tags", "state", "host", "user"]), (422, [""])):
        answer = ask(*wrong)
        assert (answer.status_code, answer.json()["code"]) == (status, "INVALID_REQUEST"), wrong


def test_all_ids_that_match_and_those_of_a_group(viewer, runs):
    assert viewer.get("/api/run-ids")["ids"] == runs[::-1]
    assert viewer.get("/api/run-ids", q="config.seed > 0", sort="name", order="asc")["ids"] == [
        *(runs[4], runs[5], runs[1], runs[2])
    ]
    of_group = {"by": ["config.lr", "config.seed"], "path": "[0.1]", "sort": "created_at", "order": "asc"}
    assert viewer.http.get("/api/run-ids", params=of_group).json()["ids"] == runs[:3]
    for path in ("[1,2,3]", "{}", "x"):
        answer = viewer.http.get("/api/run-ids", params={**of_group, "path": path})
        assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_REQUEST")


def test_values_of_a_field_for_whoever_types(viewer, runs):
    assert viewer.get("/api/run-values", field="config.lr")["values"] == [
        {"value": "0.01", "count": 3},
        {"value": "0.1", "count": 3},
    ]
    found = viewer.get("/api/run-values", field="name", typed="S2", limit=1)["values"]
    assert found == [{"value": "lr0.01-s2", "count": 1}]
    assert viewer.get("/api/run-values", 400, field="nothing")["code"] == "INVALID_REQUEST"


def test_many_runs_are_changed_by_one_request_and_the_answer_says_how_to_take_it_back(viewer, runs):
    change(viewer, {"ids": runs[:1], "add_tags": ["old", "kept"]})
    before = tags(viewer)
    done = change(viewer, {"ids": runs[:4], "add_tags": ["kept", "new"], "remove_tags": ["old"], "archived": True})
    assert [run["id"] for run in done["changed"]] == runs[:4]
    assert done["failed"] == []
    assert tags(viewer)[runs[0]] == ["kept", "new"]
    assert viewer.get("/api/runs", archived=True)["total"] == 4
    undone = change(viewer, *done["undo"])
    assert {run: set(found) for run, found in tags(viewer).items()} == {
        run: set(found) for run, found in before.items()
    }
    assert viewer.get("/api/runs", archived=True)["total"] == 0
    assert change(viewer, *undone["undo"])["failed"] == []
    assert tags(viewer)[runs[1]] == ["kept", "new"]


def test_many_runs_go_to_the_bin_and_come_back(viewer, runs):
    done = change(viewer, {"ids": runs, "deleted": True})
    assert viewer.get("/api/runs")["total"] == 0
    assert viewer.get("/api/runs", deleted=True)["total"] == 6
    change(viewer, *done["undo"])
    assert viewer.get("/api/run-ids")["ids"] == runs[::-1]


def test_what_changes_nothing_has_nothing_to_undo(viewer, runs):
    assert change(viewer, {"ids": runs, "archived": False, "remove_tags": ["none"]})["undo"] == []


def test_a_run_that_cannot_be_changed_is_told_and_holds_up_no_other(viewer, runs, root):
    notes = root / "runs" / runs[1] / "notes.json"
    notes.mkdir()
    done = change(
        viewer, {"ids": [runs[0], "20200101-000000-ffffff", runs[1], "elsewhere:x", runs[2]], "add_tags": ["t"]}
    )
    failed = {each["run"]: each["code"] for each in done["failed"]}
    assert failed.pop(runs[1]) in ("STORAGE_ERROR", "RUN_UNREADABLE")
    assert failed == {"20200101-000000-ffffff": "RUN_NOT_FOUND", "elsewhere:x": "RUN_NOT_FOUND"}
    assert [run["id"] for run in done["changed"]] == [runs[0], runs[2]]
    assert done["undo"] == [
        {"ids": [runs[0], runs[2]], "add_tags": [], "remove_tags": ["t"], "archived": None, "deleted": None}
    ]


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ([], 422),
        ([{"ids": []}], 422),
        ([{"ids": ["a"], "name": "x"}], 422),
        ([{"ids": ["a"], "add_tags": [""]}], 422),
        ([{"ids": ["a"] * 1001}], 422),
        ([{"ids": [f"{part}{number}" for number in range(600)]} for part in "ab"], 400),
        ([{"ids": ["a"], "archived": True}, {"ids": ["a"], "archived": False}], 400),
    ],
)
def test_changes_of_the_wrong_shape_are_refused_whole(viewer, runs, changes, status):
    answer = viewer.http.patch("/api/runs", json={"changes": changes})
    assert (answer.status_code, answer.json()["code"]) == (status, "INVALID_REQUEST")


def test_tags_have_an_end(viewer, runs):
    first = change(viewer, {"ids": runs[:1], "add_tags": [f"t{number}" for number in range(100)]})
    assert first["failed"] == []
    done = change(viewer, {"ids": runs[:2], "add_tags": ["one more"]})
    assert [each["run"] for each in done["failed"]] == runs[:1]
    assert json.loads(json.dumps(done["undo"]))[0]["ids"] == runs[1:2]
