"""Which process a number means."""

import os
import subprocess
import sys
from dataclasses import replace

import pytest

from runicorn import processes
from runicorn.processes import Presence


def test_this_process_runs():
    assert processes.this_process().presence is Presence.RUNS


def test_another_start_is_another_process():
    mine = processes.this_process()
    assert mine.start is not None
    assert replace(mine, start=mine.start + 1).presence is Presence.GONE


@pytest.mark.skipif(sys.platform != "linux", reason="needs the id of a boot")
def test_a_process_of_another_boot_or_container_cannot_be_told():
    assert replace(processes.this_process(), scope="elsewhere").presence is Presence.UNSURE


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there is no id of a boot")
def test_where_the_boot_cannot_be_told_no_process_can(monkeypatch):
    """As in a sandbox without /proc/sys: each container there has a process of any number."""
    monkeypatch.setattr(processes, "scope", lambda: None)
    assert processes.this_process().presence is Presence.UNSURE


def test_a_process_that_has_ended_is_gone():
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    known = processes.ProcessId(child.pid, processes.start_of(child.pid), processes.scope())
    assert known.presence is Presence.RUNS
    child.communicate(b"\n", timeout=20)
    assert known.presence is Presence.GONE


@pytest.mark.skipif(sys.platform != "linux", reason="a zombie is seen in /proc")
def test_a_zombie_is_gone():
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
    assert processes.presence(child, None) is Presence.GONE
    os.waitpid(child, 0)


@pytest.mark.parametrize("pid", [-1, 0, 2**22 + 1, 2**31, 2**63, 2**70])
def test_what_is_no_pid_is_gone(pid):
    assert processes.presence(pid, None) is Presence.GONE
    assert processes.start_of(pid) is None


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_the_start_does_not_depend_on_the_clock(monkeypatch):
    """The boot time in /proc/stat moves with the clock; the start must not be counted from it."""
    before = processes.this_process()
    opened = []
    real = open

    def spy(path, *args, **kwargs):
        opened.append(str(path))
        return real(path, *args, **kwargs)

    monkeypatch.setattr("builtins.open", spy)
    assert processes.this_process() == before
    assert "/proc/stat" not in opened


def test_a_name_of_a_process_may_hold_anything():
    assert processes.parse_proc_stat("7 (a) b ( S 1) R " + "0 " * 18 + "4711 0 0") == ("R", 4711)


@pytest.mark.parametrize("text", ["", "7 (x", "7 (x) S 1 2", "7 (x) S " + "x " * 30])
def test_what_is_no_process_state_gives_none(text):
    assert processes.parse_proc_stat(text) is None
