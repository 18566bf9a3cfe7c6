"""This machine's root and those of hosts in one list, one chart and one stream; who fails costs its own rows."""

import itertools
import threading
import time
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.drawn_sweeps import write_run
from tests.support.fake_remote import FakeRemote
from tests.support.line_frames import read_frames
from tests.support.places import make_host
from tests.support.waiting import eventually

import runicorn as rn
from runicorn.settings import Settings
from runicorn.sources.folder import FolderSource
from runicorn.storage.files import LocalFiles
from runicorn.storage.writer import prepare_root
from runicorn.viewer import all_runs
from runicorn.viewer.guests import Guests, source_id
from runicorn.viewer.source_state import DEADLINE_SECS, PATIENCE_SECS


def log_run(root, name, *values, **options):
    with rn.init(root=root, name=name, **options) as run:
        for value in values:
            run.log({"loss": value})
    return run.id


def listed(viewer, **params):
    return viewer.get("/api/runs", **params)


def names(viewer, **params):
    return {run["name"] for run in listed(viewer, **params)["runs"]}


def standing(viewer, host):
    return {each["id"]: each for each in listed(viewer)["sources"]}[host.id]


# --- one list -----------------------------------------------------------------------------------------------------


def test_runs_of_all_machines_are_one_list(place):
    viewer, host = place
    mine = log_run(viewer.root, "mine", 0.5)
    first, second = host("gpu-1"), host("gpu-2")
    theirs = [log_run(each.root, f"on {each.name}", 0.25, config={"lr": 0.1}) for each in (first, second)]
    body = listed(viewer, sort="name", order="asc")
    assert [(run["id"], run["source"], run["place"], run["name"]) for run in body["runs"]] == [
        (mine, "local", "", "mine"),
        (first.address(theirs[0]), first.id, "gpu-1", "on gpu-1"),
        (second.address(theirs[1]), second.id, "gpu-2", "on gpu-2"),
    ]
    assert [(each["id"], each["host"], each["mode"], each["state"], each["runs"]) for each in body["sources"]] == [
        ("local", "", None, "ready", 1),
        (first.id, "gpu-1", "agent", "ready", 1),
        (second.id, "gpu-2", "agent", "ready", 1),
    ]
    assert names(viewer, source="local") == {"mine"}
    assert names(viewer, source=second.id) == {"on gpu-2"}
    assert viewer.get("/api/runs", status=400, source="gpu-9")["code"] == "INVALID_REQUEST"


def test_the_machine_can_be_searched_sorted_and_grouped_by(place):
    viewer, host = place
    log_run(viewer.root, "mine", 0.5)
    for each in (host("gpu-1"), host("gpu-2")):
        for number in range(2):
            log_run(each.root, f"{each.name} {number}", 0.25)
    assert names(viewer, q="host:gpu-2") == {"gpu-2 0", "gpu-2 1"}
    assert names(viewer, q="not host:gpu-1 and not host:gpu-2") == {"mine"}
    groups = viewer.get("/api/run-groups", by="host", range="0-5")
    assert [(group["value"], group["count"]) for group in groups["groups"]][:2] == [("gpu-1", 2), ("gpu-2", 2)]
    assert len(groups["sources"]) == 3
    assert [run["place"] for run in groups["runs"]][:4] == ["gpu-1", "gpu-1", "gpu-2", "gpu-2"]
    values = viewer.get("/api/run-values", field="host", typed="gpu")["values"]
    assert {each["value"] for each in values} >= {"gpu-1", "gpu-2"}
    whole = viewer.get("/api/run-groups", by="host", whole=4)["first"]
    heads = viewer.http.post("/api/metrics", json={"runs": whole, "by": ["host"]}).json()["runs"]
    assert sorted(head["path"] for head in heads) == [["gpu-1"], ["gpu-1"], ["gpu-2"], ["gpu-2"]]
    ids = viewer.get("/api/run-ids", q="host:gpu-1")["ids"]
    assert len(ids) == 2
    assert all(":" in each for each in ids)


def test_a_host_that_hangs_is_waited_for_once(place):
    viewer, host = place
    there = host("gpu-1")
    log_run(there.root, "before", 0.5)
    eventually(lambda: standing(viewer, there)["state"] == "ready" and names(viewer) == {"before"})
    there.files.answers.clear()
    try:
        eventually(lambda: standing(viewer, there)["state"] == "late", 20)
        log_run(viewer.root, "mine", 0.5)
        began = time.monotonic()
        for _ in range(8):
            assert "mine" in names(viewer)
        assert time.monotonic() - began < 2 * DEADLINE_SECS, "nobody waits for it with each question"
        assert "before" in names(viewer)
        assert standing(viewer, there)["as_of"] is not None
    finally:
        there.files.answers.set()
    log_run(there.root, "after", 0.5)
    eventually(lambda: "after" in names(viewer) and standing(viewer, there)["state"] == "ready", 20)


def test_a_host_that_was_just_seen_is_not_waited_for_until_the_deadline(place, monkeypatch):
    monkeypatch.setattr(all_runs, "PATIENCE_SECS", PATIENCE_SECS)
    monkeypatch.setattr(all_runs, "DEADLINE_SECS", 60.0)
    viewer, host = place
    log_run(viewer.root, "mine", 0.5)
    there = host("gpu-1")
    log_run(there.root, "before", 0.5)
    eventually(lambda: names(viewer) == {"mine", "before"})
    there.files.answers.clear()
    try:
        began = time.monotonic()
        log_run(viewer.root, "more", 0.5)
        assert names(viewer) == {"mine", "before", "more"}, "what is of this machine is always as it is now"
        assert standing(viewer, there)["state"] == "ready", "that it was seen a moment ago is good enough"
        assert time.monotonic() - began < 20
        eventually(lambda: standing(viewer, there)["state"] == "late", 20)
    finally:
        there.files.answers.set()
    eventually(lambda: standing(viewer, there)["state"] == "ready", 20)


def test_a_host_that_has_never_answered_is_waited_for_once(place):
    viewer, host = place
    log_run(viewer.root, "mine", 0.5)
    there = host("gpu-1")
    there.files.answers.clear()
    log_run(there.root, "theirs", 0.5)
    try:
        began = time.monotonic()
        for _ in range(8):
            body = listed(viewer)
            assert {run["name"] for run in body["runs"]} == {"mine"}
            stands = {each["id"]: each for each in body["sources"]}[there.id]
            assert (stands["state"], stands["as_of"], stands["runs"]) == ("late", None, 0)
        assert time.monotonic() - began < 2 * DEADLINE_SECS, "the first question has waited for it"
    finally:
        there.files.answers.set()
    eventually(lambda: "theirs" in names(viewer) and standing(viewer, there)["state"] == "ready", 20)


def test_a_host_that_takes_its_time_is_shown_as_it_was_a_moment_ago(place):
    viewer, host = place
    there = host("gpu-1")
    log_run(there.root, "first", 0.5)
    eventually(lambda: names(viewer) == {"first"})
    there.files.delay_secs = 0.8
    log_run(there.root, "second", 0.5)
    eventually(lambda: names(viewer) == {"first", "second"}, 20)
    # So it is from the second slow look on.
    known = there.remote.guests.places[there.id].source
    eventually(lambda: names(viewer) and known.look_secs > there.files.delay_secs, 20)
    for _ in range(20):
        assert standing(viewer, there)["state"] == "ready"
        time.sleep(0.1)
    there.files.is_cut = True
    eventually(lambda: standing(viewer, there)["state"] == "away", 20)


def test_one_root_that_is_seen_from_two_hosts_is_shown_once(place):
    viewer, host = place
    first = host("login-1")
    second = host("login-2", first.root)
    run_id = log_run(first.root, "shared", 0.5)
    body = listed(viewer)
    assert [run["id"] for run in body["runs"]] == [first.address(run_id)]
    assert [each["same_as"] for each in body["sources"]] == [None, None, first.id]
    assert viewer.get(f"/api/runs/{second.address(run_id)}")["name"] == "shared"
    first.files.is_cut = True
    eventually(lambda: [run["id"] for run in listed(viewer)["runs"]] == [second.address(run_id)], 5)
    first.files.is_cut = False
    eventually(lambda: [run["id"] for run in listed(viewer)["runs"]] == [first.address(run_id)], 5)
    first.leave()
    assert [run["id"] for run in listed(viewer)["runs"]] == [second.address(run_id)]


def test_two_sessions_of_the_same_root_are_one_place():
    guests = Guests()
    for session in ("one", "two"):
        guests.add(session, "me@gpu:22", "/data", FolderSource("local", LocalFiles("/nonexistent")))
    assert len(guests.places) == 1
    guests.remove("one")
    assert [place.session_id for place in guests.places.values()] == ["two"]


def test_two_machines_are_never_called_the_same():
    guests = Guests()

    def add(session, host, called=""):
        guests.add(session, host, "/data", FolderSource("local", LocalFiles("/nonexistent")), called=called)
        return [place.host for place in guests.places.values()][-1]

    assert add("1", "me@10.0.0.7:22", " GPU seven ") == "GPU seven"
    assert add("2", "me@10.0.0.8:22", "gpu seven") == "10.0.0.8"
    assert add("3", "me@10.0.0.8:2222") == "10.0.0.8:2222"
    assert add("4", "you@10.0.0.8:2222") == "you@10.0.0.8:2222"
    assert add("5", "me@[fe80::1]:22") == "[fe80::1]"


@pytest.mark.parametrize("name", ["gpu-7", "10.0.0.7", "fe80::1", "größe", "a:b/c?d", "x" * 300])
def test_what_a_root_is_called_fits_into_an_address_and_stays(name):
    called = source_id(f"me@{name}:22", "/data")
    assert called == source_id(f"me@{name}:22", "/data") != source_id(f"me@{name}:22", "/other")
    assert set(called) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")
    assert len(called) < 80


FIELDS = ["created_at", "name", "state", "config.lr", "config.seed", "summary.loss", "host", "duration_secs", "step"]
QUERIES = ["", "config.lr < 0.05", "state:failed", "not tag:good", "host:gpu-1 or config.seed = 3", "resnet"]


@pytest.fixture(scope="module")
def several(tmp_path_factory, serve):
    """A viewer of three places, one of a single root that holds their runs, and the ids there by those addresses."""
    folder = tmp_path_factory.mktemp("several")
    remote, random, to_whole = FakeRemote(), Random(3), {}
    for name in ("local", "whole"):
        prepare_root(folder / name, now=time.time())
    hosts = {name: make_host(remote, name, folder / name) for name in ("gpu-1", "gpu-2")}
    for number in range(51):
        name = ["local", "gpu-1", "gpu-2"][number % 3]
        run_id, copy = f"20261120-1000{number // 5:02d}-{number:06x}", f"20261121-1000{number // 5:02d}-{number:06x}"
        info = {
            "name": f"resnet50-lr{number % 4}-s{number}",
            "created_at": f"2026-11-20T10:00:{number // 5:02d}Z",
            "config": {"lr": random.choice([0.1, 0.01, "1e-3"]), **({"seed": number % 5} if number % 2 else {})},
            "tags": ["good"] if number % 7 == 0 else [],
            "host": "" if name == "local" else name,
        }
        loss = [1.0, random.choice([0.5, 0.25, float("nan")])]
        for root, each in ((folder / name, run_id), (folder / "whole", copy)):
            write_run(root, each, {"loss": ([0, number], loss)}, info, state=["finished", "failed"][number % 2])
        to_whole[run_id if name == "local" else hosts[name].address(run_id)] = copy
    with (
        serve(Settings(root=folder / "local", home=folder, port=0), remote=lambda _: remote) as viewer,
        serve(Settings(root=folder / "whole", home=folder / "other", port=0)) as whole,
    ):
        viewer.get("/api/remote/nothing", status=404)
        yield viewer, whole, to_whole


@given(
    sorts=st.lists(st.sampled_from(FIELDS), min_size=1, max_size=3, unique=True),
    orders=st.lists(st.sampled_from(["asc", "desc"]), min_size=3, max_size=3),
    query=st.sampled_from(QUERIES),
    limit=st.sampled_from([1, 3, 7, 50]),
)
@settings(max_examples=60, deadline=None)
def test_pages_of_all_are_those_of_one_root_that_holds_all(several, sorts, orders, query, limit):
    viewer, whole, to_whole = several
    params = {"sort": sorts, "order": orders[: len(sorts)], "q": query}
    (expected,) = [whole.get("/api/runs", **params, limit=1000)["runs"]]
    found, cursor = [], None
    while True:
        body = viewer.get("/api/runs", **params, limit=limit, **({"cursor": cursor} if cursor else {}))
        assert body["total"] == len(expected)
        found += body["runs"]
        cursor = body["next_cursor"]
        if cursor is None:
            break
    ids = [run["id"] for run in found]
    assert len(set(ids)) == len(ids)
    assert {to_whole[each] for each in ids} == {run["id"] for run in expected}
    # Which of two runs that are alike comes first is told by their ids, which are others here.
    told = [[_of(run, each) for each in sorts] for run in found]
    assert told == [[_of(run, each) for each in sorts] for run in expected]


@pytest.mark.parametrize("band", ["std", "quartiles", "minmax"])
def test_a_group_over_several_machines_is_the_band_of_all_its_runs(several, band):
    viewer, whole, to_whole = several
    addresses = list(to_whole)

    def bands(of, ids):
        groups = [list(range(12)), list(range(0, 12, 3)), [12], [0, 1]]
        question = {"runs": ids[:13], "charts": [{"metric": "loss", "groups": groups}], "band": band}
        answer = of.http.post("/api/lines", json=question)
        frames = [frame for frame in read_frames(answer.content) if "group" in frame]
        assert len(frames) == len(groups)
        return {frame["group"]: (frame["count"], frame["columns"]) for frame in frames}

    expected = bands(whole, [to_whole[each] for each in addresses])
    found = bands(viewer, addresses)
    assert found.keys() == expected.keys()
    for group, (count, columns) in expected.items():
        assert found[group][0] == count
        for name, values in columns.items():
            np.testing.assert_allclose(found[group][1][name], values, rtol=1e-5)


def test_lines_of_one_machine_do_not_wait_for_another(place):
    viewer, host = place
    mine = log_run(viewer.root, "mine", 1, 2)
    there = host("gpu-1")
    address = there.address(log_run(there.root, "theirs", 3, 4))
    listed(viewer)
    there.files.answers.clear()
    try:
        question = {"runs": [address, mine], "charts": [{"metric": "loss"}]}
        began = time.monotonic()
        with viewer.http.stream("POST", "/api/lines", json=question, timeout=40) as answer:
            pieces = answer.iter_bytes()
            (frame,) = read_frames(next(pieces))
            assert (frame["run"], frame["count"]) == (1, 2)
            assert time.monotonic() - began < 3
            there.files.answers.set()
            rest = b"".join(pieces)
        (line, end) = read_frames(rest)
        assert (line["run"], line["count"], end["missing"], end["unreadable"]) == (0, 2, [], [])
    finally:
        there.files.answers.set()


def test_lines_of_a_machine_that_is_gone_are_told_as_that(place):
    viewer, host = place
    mine = log_run(viewer.root, "mine", 1, 2)
    there = host("gpu-1")
    address = there.address(log_run(there.root, "theirs", 3, 4))
    there.files.is_cut = True
    question = {"runs": [address, mine, "gpu-9:x"], "charts": [{"metric": "loss"}]}
    *lines, end = read_frames(viewer.http.post("/api/lines", json=question).content)
    assert [(each["run"], each["count"]) for each in lines] == [(1, 2)]
    assert end["missing"] == ["gpu-9:x"]
    assert [each["run"] for each in end["unreadable"]] == [address]
    series = viewer.get("/api/series", run=[address, mine], metric="loss")
    assert [each["run"] for each in series["series"]] == [mine]
    assert [each["run"] for each in series["unreadable"]] == [address]
    metrics = viewer.http.post("/api/metrics", json={"runs": [address, mine]}).json()
    assert [run["id"] for run in metrics["runs"]] == [mine]
    assert [each["run"] for each in metrics["unreadable"]] == [address]


def _of(run, field):
    if field == "host":
        return run["place"] or run["host"]
    head, dot, rest = field.partition(".")
    return run[head].get(rest) if dot else run[head]


def test_no_row_is_lost_or_doubled_while_runs_come_and_end(place):
    viewer, host = place
    hosts = [host("gpu-1"), host("gpu-2")]
    before = {each.address(log_run(each.root, f"{each.name} {n}", n)) for each in hosts for n in range(12)}
    ends = threading.Event()

    def go_on():
        for number in itertools.count():
            if ends.is_set():
                return
            log_run(hosts[number % 2].root, f"new {number}", number)

    writing = threading.Thread(target=go_on)
    writing.start()
    try:
        for limit in (1, 4, 5):
            ids, cursor = [], None
            while True:
                onward = {"cursor": cursor} if cursor else {}
                body = listed(viewer, sort="created_at", order="asc", limit=limit, **onward)
                ids += [run["id"] for run in body["runs"]]
                cursor = body["next_cursor"]
                if cursor is None or len(ids) > 40:
                    break
            assert len(set(ids)) == len(ids)
            assert before <= set(ids)
    finally:
        ends.set()
        writing.join()


# --- a host that fails --------------------------------------------------------------------------------------------


def test_a_host_that_answers_nothing_costs_its_own_rows_their_freshness(place):
    viewer, host = place
    log_run(viewer.root, "mine", 0.5)
    good, bad = host("gpu-1"), host("gpu-2")
    for each in (good, bad):
        log_run(each.root, f"on {each.name}", 0.25)
    assert names(viewer) == {"mine", "on gpu-1", "on gpu-2"}
    bad.files.answers.clear()
    try:
        log_run(good.root, "new on gpu-1", 1)
        log_run(bad.root, "new on gpu-2", 1)
        for _ in range(3):
            began = time.monotonic()
            assert names(viewer) == {"mine", "on gpu-1", "on gpu-2", "new on gpu-1"}
            assert time.monotonic() - began < DEADLINE_SECS + 2
        told = eventually(lambda: (found := standing(viewer, bad))["state"] != "ready" and found, DEADLINE_SECS + 5)
        assert (told["state"], told["runs"], told["error"]) == ("late", 1, None)
        assert told["as_of"] is not None
        assert standing(viewer, good)["state"] == "ready"
    finally:
        bad.files.answers.set()
    eventually(lambda: "new on gpu-2" in names(viewer), 10)
    assert standing(viewer, bad)["state"] == "ready"


def test_a_host_that_is_down_keeps_its_rows_with_their_age(place):
    viewer, host = place
    away = host("gpu-1")
    log_run(away.root, "there", 0.25)
    assert names(viewer) == {"there"}
    away.files.is_cut = True
    away.say("reconnecting", {"code": "CONNECTION_CLOSED", "message": "The link is gone."})
    told = eventually(lambda: (found := standing(viewer, away))["state"] == "away" and found, 5)
    assert told["as_of"] is not None
    assert told["error"]
    assert names(viewer) == {"there"}
    away.files.is_cut = False
    away.say("running")
    eventually(lambda: standing(viewer, away)["state"] == "ready", 5)


# --- charts, details, notes ---------------------------------------------------------------------------------------


def test_runs_of_several_machines_are_read_by_their_addresses(place):
    viewer, host = place
    mine = log_run(viewer.root, "mine", 1, 2)
    there = host("gpu-1")
    address = there.address(log_run(there.root, "theirs", 3, 4, 5))
    details = viewer.get(f"/api/runs/{address}")
    assert (details["id"], details["source"], details["place"]) == (address, there.id, "gpu-1")
    series = viewer.get("/api/series", run=[mine, address], metric="loss")["series"]
    assert [(each["run"], each["y"]) for each in series] == [(mine, [1, 2]), (address, [3, 4, 5])]
    metrics = viewer.http.post("/api/metrics", json={"runs": [mine, address]}).json()
    assert {run["id"] for run in metrics["runs"]} == {mine, address}
    answer = viewer.http.patch("/api/runs", json={"changes": [{"ids": [address], "add_tags": ["good"]}]})
    assert answer.json()["failed"][0]["run"] == address  # nothing can be written through such a source
