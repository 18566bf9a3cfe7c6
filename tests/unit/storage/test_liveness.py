"""Whether a run's process still lives."""

import os
import subprocess
import sys
import time

import pytest

from runicorn.model import Origin
from runicorn.storage.liveness import Place, Pulse, here, is_alive, parse_proc_stat, process_started_at

HERE = Place("gpu-7", "boot/pid:[1]")
MINE = Origin(host="gpu-7", pid=os.getpid(), pid_started_at=process_started_at(os.getpid()), pid_scope="boot/pid:[1]")
STALE = Pulse(age_secs=1000.0)


def test_a_process_that_runs_is_alive_however_old_its_heartbeat():
    assert is_alive(MINE, STALE, HERE)


def test_a_recycled_pid_is_not_taken_for_the_process():
    other = Origin("gpu-7", "me", os.getpid(), MINE.pid_started_at - 100, "boot/pid:[1]")
    assert not is_alive(other, Pulse(age_secs=0.0), HERE)


def test_a_process_that_ended_is_gone():
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    started_at = process_started_at(process.pid)
    assert started_at == pytest.approx(time.time(), abs=5)
    process.communicate(timeout=10)
    assert process_started_at(process.pid) is None


@pytest.mark.skipif(os.name == "nt", reason="Windows has no zombies")
def test_a_zombie_is_gone():
    process = subprocess.Popen([sys.executable, "-c", "pass"])
    try:
        deadline = time.monotonic() + 10
        while process_started_at(process.pid) is not None and time.monotonic() < deadline:
            time.sleep(0.01)
        assert process_started_at(process.pid) is None
    finally:
        process.wait(timeout=10)


@pytest.mark.parametrize("scope", ["boot/pid:[2]", "later/pid:[1]", None])
def test_the_same_pid_in_another_container_or_boot_says_nothing(scope):
    origin = Origin("gpu-7", "me", os.getpid(), MINE.pid_started_at, scope)
    assert not is_alive(origin, STALE, HERE)
    assert is_alive(origin, Pulse(age_secs=5.0), HERE)


def test_elsewhere_a_heartbeat_older_than_a_minute_means_death():
    origin = Origin("other-host", "me", 1, 1.0, None)
    assert is_alive(origin, Pulse(age_secs=59.0), HERE)
    assert not is_alive(origin, Pulse(age_secs=61.0), HERE)
    assert not is_alive(origin, Pulse(age_secs=None), HERE)


def test_a_heartbeat_seen_to_change_is_alive_whatever_the_clocks_say():
    origin = Origin("other-host", "me", 1, 1.0, None)
    assert is_alive(origin, Pulse(age_secs=3600.0, unchanged_secs=3.0, changed=True), HERE)


def test_a_heartbeat_from_the_future_that_stopped_means_death():
    origin = Origin("other-host", "me", 1, 1.0, None)
    assert not is_alive(origin, Pulse(age_secs=-3600.0, unchanged_secs=61.0, changed=True), HERE)


def test_a_process_name_may_hold_anything():
    assert parse_proc_stat("7 (a) b ( S 1) R " + "0 " * 18 + "4711 0 0") == ("R", 4711)


@pytest.mark.parametrize("text", ["", "7 (x", "7 (x) S 1 2", "7 (x) S " + "x " * 30])
def test_what_is_no_process_state_gives_none(text):
    assert parse_proc_stat(text) is None


def test_this_place_is_the_same_twice():
    assert here() == here()
