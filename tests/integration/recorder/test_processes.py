"""How runs end: by themselves, by an exception, by a signal, by a full disk, in a forked child."""

import json
import os
import signal
import time

import pytest
from tests.support.recorded import console, only_run, values

from runicorn.storage.files import LocalFiles
from runicorn.storage.index import RunIndex
from runicorn.storage.points import PointStore

posix = pytest.mark.skipif(os.name == "nt", reason="needs POSIX signals, fork or limits")


def test_a_script_that_just_ends_has_finished(script):
    done = script.run("import runicorn as rn; rn.init(); rn.log({'loss': 1}); print('bye')")
    assert (done.returncode, done.stderr) == (0, "")
    assert only_run(script.root).state.value == "finished"
    assert console(script.root) == "bye\n"


def test_an_uncaught_exception_is_a_failure_with_its_traceback(script):
    done = script.run("import runicorn as rn; rn.init(); 1 / 0")
    assert done.returncode == 1
    assert only_run(script.root).state.value == "failed"
    assert only_run(script.root).exit_reason == "ZeroDivisionError: division by zero"
    assert console(script.root) == done.stderr
    assert "Traceback" in done.stderr


def test_a_logger_that_took_the_stream_before_is_copied_too(script):
    script.run(
        """
        import logging, sys
        logging.basicConfig(stream=sys.stderr, level="INFO")
        import runicorn as rn
        rn.init()
        logging.info("epoch 1")
        """
    )
    assert console(script.root) == "INFO:root:epoch 1\n"


@posix
@pytest.mark.parametrize(("number", "state"), [("SIGTERM", "preempted"), ("SIGKILL", "killed")])
def test_a_script_that_a_signal_ends_loses_nothing(script, number, state):
    done = script.run(
        f"""
        import os, signal, sys
        import runicorn as rn
        rn.init()
        sys.stdout.write("no newline, no flush")
        for value in range(100):
            rn.log({{"loss": value}})
        os.kill(os.getpid(), signal.{number})
        """
    )
    assert done.returncode == -signal.Signals[number]
    run = only_run(script.root)
    assert (run.state.value, run.summary, run.step) == (state, {"loss": 99.0}, 99)
    assert values(script.root, "loss") == [float(value) for value in range(100)]
    assert console(script.root) == "no newline, no flush"


def test_a_live_script_is_running_and_its_heartbeat_is_young(script):
    process = script.start("import runicorn as rn; rn.init(); print('up', flush=True); input()")
    assert process.stdout.readline() == "up\n"
    run = only_run(script.root)
    assert run.state.value == "running"
    assert run.origin.pid == process.pid
    process.communicate("\n", timeout=20)
    assert only_run(script.root).state.value == "finished"


def test_status_and_facts_come_in_the_background(script):
    process = script.start(
        """
        import runicorn as rn
        from runicorn.sdk import run
        run.STATUS_EVERY_SECS = 0.05
        rn.init()
        rn.log({"loss": 2.0})
        print("up", flush=True)
        input()
        """
    )
    process.stdout.readline()
    folder = script.root / "runs" / only_run(script.root).id
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        status = json.loads((folder / "status.json").read_text())
        info = json.loads((folder / "run.json").read_text())
        if status["metrics"] and info["packages"]:
            break
        time.sleep(0.05)
    assert status["metrics"]["loss"]["last"] == 2.0
    assert "numpy" in info["packages"]
    assert "environ" not in info


@posix
def test_a_full_disk_loses_points_but_neither_the_script_nor_the_file(script):
    done = script.run(
        """
        import resource
        import runicorn as rn
        run = rn.init()
        rn.log({"a": 1, "b": 2, "c": 3})
        # Room for 10 records and a half: the write is cut short in the middle of one.
        resource.setrlimit(resource.RLIMIT_FSIZE, (336, resource.RLIM_INFINITY))
        for value in range(20):
            rn.log({"a": value, "b": value, "c": value})
        size = (run.dir / "metrics.bin").stat().st_size
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        rn.log({"a": 100, "b": 200, "c": 300})
        run.finish()
        print(size)
        """
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("are lost") == 1
    assert int(done.stdout) % 32 == 0
    assert values(script.root, "a")[-1] == 100.0
    assert values(script.root, "c")[-1] == 300.0
    run = only_run(script.root)
    status = json.loads((script.root / "runs" / run.id / "status.json").read_text())
    assert status["warnings"]["points-lost"] > 0
    assert PointStore(LocalFiles(script.root)).stats(run.id).skipped == 0


@posix
def test_a_forked_child_records_beside_its_parent(script):
    done = script.run(
        """
        import os, sys
        import runicorn as rn
        run = rn.init()
        rn.log({"loss": 1})
        child = os.fork()
        if child == 0:
            rn.log({"loss": 2, "other": 3, "note": "text of the child"}, step=0)
            rn.config["child"] = True
            print("from the child")
            rn.finish()
            sys.exit(0)
        os.waitpid(child, 0)
        rn.log({"loss": 4})
        """
    )
    assert done.returncode == 0, done.stderr
    run = only_run(script.root)
    assert values(script.root, "loss") == [1.0, 2.0, 4.0]
    assert values(script.root, "other") == [3.0]
    assert (run.state.value, run.config) == ("finished", {})
    assert "from the child" in console(script.root)
    events = (script.root / "runs" / run.id / "events.rank1.jsonl").read_text()
    assert json.loads(events)["items"] == [{"text": "text of the child"}]


@posix
def test_a_child_of_multiprocessing_can_open_a_run_of_its_own(script):
    done = script.run(
        """
        import os, sys
        import runicorn as rn
        run = rn.init(name="parent")
        child = os.fork()
        if child == 0:
            rn.init(name="child")
            rn.log({"loss": 2})
            sys.exit(0)
        os.waitpid(child, 0)
        rn.log({"loss": 1})
        """
    )
    assert done.returncode == 0, done.stderr
    runs = {item.run.name: item.run for item in RunIndex(LocalFiles(script.root)).runs()}
    assert {name: run.state.value for name, run in runs.items()} == {"parent": "finished", "child": "finished"}
    assert values(script.root, "loss", runs["child"].id) == [2.0]
    assert values(script.root, "loss", runs["parent"].id) == [1.0]


def test_a_second_process_joins_a_live_run_with_files_of_its_own(script):
    owner = script.start(
        "import runicorn as rn; r = rn.init(id='shared'); rn.log({'a': 1}); print('up', flush=True); input()"
    )
    owner.stdout.readline()
    joined = script.run("import runicorn as rn; rn.init(id='shared', resume=True); rn.log({'a': 2, 'b': 3}, step=9)")
    assert joined.returncode == 0, joined.stderr
    assert only_run(script.root).state.value == "running"
    assert (script.root / "runs/shared/metrics.rank1.bin").stat().st_size == 64
    assert values(script.root, "a") == [1.0, 2.0]
    assert values(script.root, "b") == [3.0]
    owner.communicate("\n", timeout=20)
    assert only_run(script.root).state.value == "finished"


@posix
def test_a_joined_process_takes_the_run_over_when_its_owner_dies(script):
    owner = script.start(
        "import runicorn as rn; rn.init(id='shared'); rn.log({'a': 1}); print('up', flush=True); input()"
    )
    owner.stdout.readline()
    joined = script.start(
        """
        import runicorn as rn
        from runicorn.sdk import run
        run.STATUS_EVERY_SECS = 0.05
        rn.init(id="shared", resume=True)
        rn.log({"b": 2})
        print("up", flush=True)
        input()
        print("later")
        """
    )
    joined.stdout.readline()
    assert only_run(script.root).origin.pid == owner.pid
    owner.kill()
    owner.wait(timeout=10)
    deadline = time.monotonic() + 10
    while only_run(script.root).origin.pid != joined.pid and time.monotonic() < deadline:
        time.sleep(0.02)
    assert (only_run(script.root).origin.pid, only_run(script.root).state.value) == (joined.pid, "running")
    joined.communicate("\n", timeout=20)
    assert only_run(script.root).state.value == "finished"
    assert (values(script.root, "a"), values(script.root, "b")) == ([1.0], [2.0])
    assert "later" in console(script.root)


def test_a_joined_process_leaves_a_run_alone_that_its_owner_finished(script):
    owner = script.start("import runicorn as rn; rn.init(id='shared'); print('up', flush=True); input()")
    owner.stdout.readline()
    joined = script.start(
        """
        import runicorn as rn
        from runicorn.sdk import run
        run.STATUS_EVERY_SECS = 0.02
        rn.init(id="shared", resume=True)
        print("up", flush=True)
        input()
        """
    )
    joined.stdout.readline()
    owner.communicate("\n", timeout=20)
    time.sleep(0.2)
    assert (only_run(script.root).state.value, only_run(script.root).origin.pid) == ("finished", owner.pid)
    joined.communicate("\n", timeout=20)
    assert only_run(script.root).state.value == "finished"


def test_eight_processes_share_a_root_that_does_not_exist_yet(script):
    code = """
        import runicorn as rn
        rn.init("shared")
        for value in range(500):
            rn.log({"loss": value})
        """
    processes = [script.start(code) for _ in range(8)]
    assert [process.wait(timeout=30) for process in processes] == [0] * 8
    runs = RunIndex(LocalFiles(script.root)).runs()
    assert {item.run.state.value for item in runs} == {"finished"}
    assert [len(values(script.root, "loss", item.run.id)) for item in runs] == [500] * 8


@pytest.mark.parametrize("call", ["rn.log({'loss': 1})", "rn.config", "rn.summary"])
def test_using_a_run_before_there_is_one_says_what_to_do(script, call):
    done = script.run(f"import runicorn as rn; rn.finish(); {call}")
    assert done.returncode == 1
    assert "UsageError: There is no run for" in done.stderr


def test_importing_the_sdk_loads_nothing_heavy(script):
    done = script.run(
        """
        import sys, runicorn
        heavy = {"numpy", "fastapi", "pydantic", "paramiko", "asyncssh", "msgspec", "psutil", "asyncio", "sqlite3",
                 "uvicorn", "starlette", "tsdownsample", "subprocess"}
        print(sorted(heavy & set(sys.modules)))
        """
    )
    assert done.stdout == "[]\n"


def test_recording_needs_no_numpy_and_no_web_framework(script):
    done = script.run(
        """
        import sys
        import runicorn as rn
        with rn.init():
            rn.log({"loss": 1})
        print(sorted({"numpy", "fastapi", "pydantic", "tsdownsample", "starlette", "paramiko"} & set(sys.modules)))
        """
    )
    assert done.stdout == "[]\n"


@posix
def test_a_script_whose_run_folder_vanishes_goes_on(script):
    done = script.run(
        """
        import shutil
        import runicorn as rn
        run = rn.init()
        shutil.rmtree(run.dir)
        for value in range(10):
            rn.log({"loss": value, f"new{value}": 1})
        rn.config["x"] = 1
        print("still here")
        run.finish()
        """
    )
    assert (done.returncode, done.stdout) == (0, "still here\n")


def test_stdout_that_is_closed_does_not_stop_training(script):
    done = script.run("import sys; sys.stdout = None; import runicorn as rn; rn.init(); rn.log({'loss': 1})")
    assert done.returncode == 0, done.stderr
