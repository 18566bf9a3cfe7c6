"""Whether a run's process still lives."""

import io
import os
import subprocess
import sys
import time
from dataclasses import replace

import pytest

from runicorn import processes
from runicorn.model import Origin
from runicorn.processes import Presence
from runicorn.storage.liveness import Place, Pulse, here, is_alive, tells_its_end

HERE = Place("gpu-7", "boot/pid:[1]")
MINE = Origin(host="gpu-7", pid=os.getpid(), pid_start=processes.start_of(os.getpid()), pid_scope="boot/pid:[1]")
STALE = Pulse(age_secs=1000.0)
YOUNG = Pulse(age_secs=0.0)
ELSEWHERE = Origin("other-host", "me", 1, 1.0, None)


def test_a_process_that_runs_is_alive_however_old_its_heartbeat():
    assert is_alive(MINE, STALE, HERE)


def test_a_recycled_pid_is_not_taken_for_the_process():
    assert not is_alive(replace(MINE, pid_start=MINE.pid_start - 100), YOUNG, HERE)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the kernel keeps the time as it was at the start")
def test_a_clock_that_was_set_kills_nobody(monkeypatch):
    """The boot time in /proc/stat moves with the clock."""
    real = open

    def set_ahead(path, *args, **kwargs):
        if str(path) != "/proc/stat":
            return real(path, *args, **kwargs)
        return io.BytesIO(b"btime 4711\n")

    monkeypatch.setattr("builtins.open", set_ahead)
    assert is_alive(MINE, STALE, HERE)


def started_at():
    return processes.unix_time_of(processes.start_of(os.getpid()))


def test_an_older_run_is_known_by_the_time_its_process_started():
    older = replace(MINE, pid_start=None, pid_started_at=started_at())
    assert is_alive(older, STALE, HERE)
    assert not is_alive(replace(older, pid=2**22 + 1), YOUNG, HERE)


def test_an_older_run_whose_start_differs_is_judged_by_its_heartbeat():
    """Its pid may be another process's now, or the clock was set since."""
    older = replace(MINE, pid_start=None, pid_started_at=started_at() - 10)
    assert is_alive(older, YOUNG, HERE)
    assert not is_alive(older, STALE, HERE)


def test_a_process_that_is_hidden_is_judged_by_its_heartbeat(monkeypatch):
    """As a machine hides other users' processes that mounts /proc with hidepid."""
    monkeypatch.setattr(processes, "presence", lambda pid, start: Presence.UNSURE)
    assert is_alive(MINE, YOUNG, HERE)
    assert not is_alive(MINE, STALE, HERE)


def test_a_process_that_ended_is_gone():
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    origin = replace(MINE, pid=process.pid, pid_start=processes.start_of(process.pid))
    assert processes.unix_time_of(origin.pid_start) == pytest.approx(time.time(), abs=5)
    assert is_alive(origin, STALE, HERE)
    process.communicate(timeout=10)
    assert not is_alive(origin, YOUNG, HERE)


@pytest.mark.parametrize("scope", ["boot/pid:[2]", "later/pid:[1]", None])
def test_the_same_pid_in_another_container_or_boot_says_nothing(scope):
    origin = replace(MINE, pid_scope=scope)
    assert not is_alive(origin, STALE, HERE)
    assert is_alive(origin, Pulse(age_secs=5.0), HERE)


def test_elsewhere_a_heartbeat_older_than_a_minute_means_death():
    assert is_alive(ELSEWHERE, Pulse(age_secs=59.0), HERE)
    assert not is_alive(ELSEWHERE, Pulse(age_secs=61.0), HERE)
    assert not is_alive(ELSEWHERE, Pulse(age_secs=None), HERE)


@pytest.mark.parametrize(
    ("recorded_by", "limit_secs", "tells"),
    [("", 60, True), ("tensorboard", 60, False), ("keras", 60, False), ("wandb", 900, True), ("mlflow", 3600, True)],
)
def test_how_long_other_tools_may_be_silent_and_whether_they_say_that_a_run_ended(recorded_by, limit_secs, tells):
    origin = replace(ELSEWHERE, recorded_by=recorded_by)
    for changed in (True, False):
        assert is_alive(origin, Pulse(limit_secs - 1.0, limit_secs - 1.0, changed), HERE)
        assert not is_alive(origin, Pulse(limit_secs + 1.0, limit_secs + 1.0, changed), HERE)
    assert tells_its_end(origin) is tells


def test_a_heartbeat_seen_to_change_is_alive_whatever_the_clocks_say():
    assert is_alive(ELSEWHERE, Pulse(age_secs=3600.0, unchanged_secs=3.0, changed=True), HERE)


def test_a_heartbeat_from_the_future_that_stopped_means_death():
    assert not is_alive(ELSEWHERE, Pulse(age_secs=-3600.0, unchanged_secs=61.0, changed=True), HERE)


def test_this_place_is_the_same_twice():
    assert here() == here()
