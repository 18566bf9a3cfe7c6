"""One stream of this machine and of hosts: one that hangs, breaks, goes and comes back costs no other a point."""

import itertools
import time

from tests.support.live_events import stream
from tests.support.places import Growing
from tests.support.waiting import eventually

from runicorn.storage.layout import iso, run_path
from runicorn.storage.writer import replace_json
from runicorn.viewer.source_state import DEADLINE_SECS


def sources_told(events):
    return [each["id"] for each in events.until("sources")["sources"]]


def points(events, wanted, secs=15):
    """Return the values that come of each of these runs until there are as many as wanted."""
    found = {address: [] for address in wanted}
    deadline = time.monotonic() + secs
    for event, data in events:
        assert time.monotonic() < deadline, found
        if event == "points":
            found[data["run"]] += data["metrics"]["loss"]["value"]
        if all(len(found[address]) >= count for address, count in wanted.items()):
            return found
    raise AssertionError("the stream ended")


def test_two_machines_are_followed_by_one_stream_while_one_hangs(place):
    viewer, host = place
    first, second = host("gpu-1"), host("gpu-2")
    one, two = Growing(first.root, 1), Growing(second.root, 2)
    addresses = first.address(one.id), second.address(two.id)
    viewer.get("/api/runs")
    with stream(viewer, run=list(addresses)) as events:
        events.until("runs")
        one.log({"loss": 1})
        two.log({"loss": 2})
        assert points(events, dict.fromkeys(addresses, 1)) == {addresses[0]: [1], addresses[1]: [2]}
        second.files.answers.clear()
        two.log({"loss": 3})
        time.sleep(0.5)
        for value in range(3):
            one.log({"loss": value})
            began = time.monotonic()
            assert points(events, {addresses[0]: 1})[addresses[0]] == [value]
            assert time.monotonic() - began < 2
        second.files.answers.set()
        assert points(events, {addresses[1]: 1})[addresses[1]] == [3]


def test_a_machine_that_hangs_from_the_start_holds_up_no_stream(place):
    viewer, host = place
    first, second = host("gpu-1"), host("gpu-2")
    second.files.answers.clear()
    try:
        one, two = Growing(first.root, 1), Growing(second.root, 2)
        addresses = first.address(one.id), second.address(two.id)
        began = time.monotonic()
        with stream(viewer, run=list(addresses)) as events:
            assert events.until("following")["missing"] == [addresses[1]]
            assert time.monotonic() - began < DEADLINE_SECS + 2
            one.log({"loss": 1})
            assert points(events, {addresses[0]: 1})[addresses[0]] == [1]
            second.files.answers.set()
            assert events.until("following")["missing"] == []
            two.log({"loss": 2})
            assert points(events, {addresses[1]: 1})[addresses[1]] == [2]
    finally:
        second.files.answers.set()


def test_a_machine_that_goes_and_comes_back_brings_the_points_between_and_none_twice(place):
    viewer, host = place
    there = host("gpu-1")
    run = Growing(there.root)
    address = there.address(run.id)
    with stream(viewer, run=address) as events:
        events.until("runs")
        run.log({"loss": 1})
        assert points(events, {address: 1}) == {address: [1]}
        there.leave()
        assert sources_told(events) == ["local"]
        assert events.until("following")["missing"] == [address]
        for value in (2, 3):
            run.log({"loss": value})
        there.connect()
        assert sources_told(events) == ["local", there.id]
        assert points(events, {address: 2}) == {address: [2, 3]}
        run.log({"loss": 4})
        assert points(events, {address: 1}) == {address: [4]}


def test_who_comes_as_the_last_machine_has_just_gone_is_told_that_none_is_left(place):
    viewer, host = place
    there = host("gpu-1")
    assert len(viewer.get("/api/runs")["sources"]) == 2
    there.leave()
    with stream(viewer) as events:
        assert sources_told(events) == ["local"]


def test_a_machine_whose_link_breaks_ends_no_stream(place):
    viewer, host = place
    first, second = host("gpu-1"), host("gpu-2")
    one, two = Growing(first.root, 1), Growing(second.root, 2)
    addresses = first.address(one.id), second.address(two.id)
    with stream(viewer, run=list(addresses)) as events:
        events.until("runs")
        for value in range(3):
            second.files.is_cut = True
            two.log({"loss": value})
            time.sleep(0.5)
            one.log({"loss": value})
            assert points(events, {addresses[0]: 1})[addresses[0]] == [value]
            second.files.is_cut = False
            assert points(events, {addresses[1]: 1})[addresses[1]] == [value]


def stands(events, host, state):
    """Wait until the stream tells that a host stands so."""
    events.until("sources", lambda told: {"id": host.id, "state": state} in told["sources"])


def test_the_stream_tells_when_a_session_loses_its_host(place):
    viewer, host = place
    there = host("gpu-1")
    with stream(viewer) as events:
        stands(events, there, "ready")
        there.say("reconnecting")
        stands(events, there, "away")


def test_the_stream_tells_when_a_host_falls_silent_and_when_it_answers_again(place):
    viewer, host = place
    there = host("gpu-1")
    with stream(viewer) as events:
        stands(events, there, "ready")
        there.files.answers.clear()
        stands(events, there, "late")
        there.files.answers.set()
        stands(events, there, "ready")
        there.files.is_cut = True
        stands(events, there, "away")


def test_a_client_that_comes_back_with_its_place_misses_nothing_of_any_machine(place):
    viewer, host = place
    hosts = [host("gpu-1"), host("gpu-2")]
    runs = {each.address((run := Growing(each.root, number)).id): run for number, each in enumerate(hosts)}
    found = {address: [] for address in runs}
    last, value = None, itertools.count()
    for _ in range(6):
        with stream(viewer, last, run=list(runs)) as events:
            if last is None:
                events.until("runs")
            for run in runs.values():
                for _ in range(3):
                    run.log({"loss": next(value)})
            for event, data in events:
                if event == "points":
                    found[data["run"]] += data["metrics"]["loss"]["value"]
                    break  # in the middle of it
            last = events.id
    with stream(viewer, last, run=list(runs)) as events:
        for event, data in events:
            if event == "points":
                found[data["run"]] += data["metrics"]["loss"]["value"]
            if sum(map(len, found.values())) >= 36:
                break
    assert sorted(itertools.chain(*found.values())) == list(range(36))
    assert all(values == sorted(values) for values in found.values())


def test_where_every_look_is_dear_only_what_lives_is_looked_at_all_the_time(place):
    viewer, host = place
    there = host("gpu-1")
    there.files.is_metered = True
    alive, ended = Growing(there.root, 1), Growing(there.root, 2)
    for run, state in ((alive, "running"), (ended, "finished")):
        status = {"state": state, "heartbeat_at": iso(time.time())}
        replace_json(there.root / run_path(run.id, "status.json"), status)
    folders = {run: run_path(run.id) for run in (alive, ended)}
    addresses = {run: there.address(run.id) for run in (alive, ended)}
    viewer.get("/api/runs")
    with stream(viewer, run=list(addresses.values())) as events:
        events.until("runs")
        alive.log({"loss": 1})
        assert points(events, {addresses[alive]: 1})[addresses[alive]] == [1]
        there.files.looked.clear()
        for value in range(6):
            time.sleep(0.5)
            alive.log({"loss": value})
            assert points(events, {addresses[alive]: 1})[addresses[alive]] == [value]
        assert there.files.looked.count(folders[alive]) >= 6
        assert there.files.looked.count(folders[ended]) <= 1
        # Whatever is written there all the same comes with the next look.
        ended.log({"loss": 7})
        assert points(events, {addresses[ended]: 1})[addresses[ended]] == [7]
        # One that goes on lives again, as soon as the list says so.
        replace_json(
            there.root / run_path(ended.id, "status.json"), {"state": "running", "heartbeat_at": iso(time.time())}
        )
        eventually(lambda: viewer.get(f"/api/runs/{addresses[ended]}")["state"] == "running")
        time.sleep(1)
        began = time.monotonic()
        ended.log({"loss": 8})
        assert points(events, {addresses[ended]: 1})[addresses[ended]] == [8]
        assert time.monotonic() - began < 3
