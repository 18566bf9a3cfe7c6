"""A fork while another thread loads a module: the child has that module's lock, which nobody frees there."""

import os
import textwrap
import threading

import pytest

from runicorn import locks

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")

# A module that says that it is being loaded, and takes its time.
SLOW = """
import pathlib, time
pathlib.Path(__file__).with_suffix(".begun").touch()
time.sleep(1.5)
class NVMLError(Exception): pass
def nvmlInit(): raise NVMLError("none")
"""

# What forks once the module is being loaded, and prints how the child ended: 14 for one that hung.
FORK = """
def fork_while(name):
    begun = pathlib.Path({folder!r}, name + ".begun")
    while not begun.exists():
        time.sleep(0.005)
    child = os.fork()
    if child == 0:
        signal.alarm(8)
        importlib.import_module(name)
        os._exit(0)
    print(os.waitpid(child, 0)[1], flush=True)
"""
HEAD = """
import importlib, os, pathlib, signal, sys, threading, time
sys.path.insert(0, {folder!r})
import runicorn as rn
"""


def code(tmp_path, name, rest):
    (tmp_path / f"{name}.py").write_text(SLOW)
    return (HEAD + FORK).format(folder=str(tmp_path)) + textwrap.dedent(rest)


@pytest.mark.parametrize("name", ["pynvml", "psutil"])
def test_a_child_of_a_run_that_is_only_just_measuring_its_machine_can_do_so_too(script, tmp_path, name):
    done = script.run(code(tmp_path, name, f"run = rn.init()\nfork_while({name!r})\nrun.finish()"))
    assert done.stdout == "0\n", done.stderr


def test_a_child_can_load_what_a_thread_of_the_script_was_loading(script, tmp_path):
    rest = """
    run = rn.init()
    threading.Thread(target=importlib.import_module, args=("of_the_script",)).start()
    fork_while("of_the_script")
    run.finish()
    """
    done = script.run(code(tmp_path, "of_the_script", rest))
    assert done.stdout == "0\n", done.stderr


def test_a_module_that_is_never_loaded_to_its_end_holds_up_no_fork_for_ever(script, tmp_path):
    (tmp_path / "endless.py").write_text(SLOW.replace("time.sleep(1.5)", "time.sleep(1000)"))
    rest = """
    threading.Thread(target=importlib.import_module, args=("endless",), daemon=True).start()
    while not pathlib.Path(sys.path[0], "endless.begun").exists():
        time.sleep(0.005)
    run = rn.init()
    child = os.fork()
    if child == 0:
        os._exit(0)
    print(os.waitpid(child, 0)[1], flush=True)
    run.finish()
    os._exit(0)
    """
    done = script.run(HEAD.format(folder=str(tmp_path)) + textwrap.dedent(rest))
    assert done.stdout == "0\n", done.stderr


def test_what_this_thread_loads_holds_up_none_of_its_forks():
    """A script that is itself a module, and forks while it is loaded."""
    lock = type("Lock", (), {"owner": threading.get_ident()})()
    known = {"of_the_script": lambda: lock, "gone": lambda: None}
    before = locks.sys.modules["_frozen_importlib"]._module_locks
    assert isinstance(before, dict)
    locks.sys.modules["_frozen_importlib"]._module_locks = known
    try:
        assert not locks._others_load()
        lock.owner += 1
        assert locks._others_load()
    finally:
        locks.sys.modules["_frozen_importlib"]._module_locks = before


def test_no_thread_of_a_run_loads_anything_without_the_lock_that_forks_wait_for(script):
    done = script.run(
        """
        import sys, threading, time
        import runicorn as rn
        from runicorn import locks

        loaded = []
        class Spy:
            def find_spec(self, name, path=None, target=None):
                ours = threading.current_thread() is not threading.main_thread()
                if ours and not locks.is_mine(locks.LOADING):
                    loaded.append((name, threading.current_thread().name))

        sys.meta_path.insert(0, Spy())
        before = set(sys.modules)
        run = rn.init(config={"a": 1})
        for step in range(10):
            run.log({"loss": step})
            print("line", step)
        time.sleep(6)  # all that the run's thread does was done once
        run.finish()
        assert "psutil" in set(sys.modules) - before and "subprocess" in sys.modules
        sys.stderr.write(repr(loaded))
        """
    )
    assert (done.returncode, done.stderr) == (0, "[]")
