"""Which run is the current one where several are open: that of the thread or task that opened it."""

import os
import signal

import pytest
from tests.support.recorded import values

from runicorn.storage.files import LocalFiles
from runicorn.storage.index import RunIndex


def runs(script):
    return {item.run.name: item.run for item in RunIndex(LocalFiles(script.root)).runs()}


def logged(script, metric="x"):
    """Return the values of a metric by the names of the runs that hold some."""
    found = {name: values(script.root, metric, run.id) for name, run in runs(script).items()}
    return {name: points for name, points in found.items() if points}


def test_each_thread_logs_into_the_run_that_it_opened(script):
    done = script.run(
        """
        import threading
        import runicorn as rn
        together = threading.Barrier(3)
        def train(number):
            run = rn.init(name=f"run-{number}")
            together.wait()
            rn.log({"x": number})
            run.log({"y": number})
            rn.config["number"] = number
            rn.summary["number"] = number
            together.wait()
            if number != 1:
                rn.finish()
        threads = [threading.Thread(target=train, args=(number,)) for number in range(3)]
        [thread.start() for thread in threads]
        [thread.join() for thread in threads]
        """
    )
    assert (done.returncode, done.stderr) == (0, "")
    expected = {f"run-{number}": [float(number)] for number in range(3)}
    assert (logged(script), logged(script, "y")) == (expected, expected)
    assert {name: run.config["number"] for name, run in runs(script).items()} == {f"run-{n}": n for n in range(3)}
    assert {run.summary["number"] for run in runs(script).values()} == {0, 1, 2}
    assert {run.state.value for run in runs(script).values()} == {"finished"}


def test_each_task_of_asyncio_logs_into_the_run_that_it_opened(script):
    done = script.run(
        """
        import asyncio
        import runicorn as rn
        async def log(value):
            rn.log({"x": value})
        async def train(number):
            rn.init(name=f"run-{number}")
            await asyncio.sleep(0.01)
            await asyncio.gather(log(number))
            await asyncio.to_thread(rn.log, {"x": number + 10})
        async def main():
            await asyncio.gather(*(train(number) for number in range(3)))
        asyncio.run(main())
        """
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert logged(script) == {f"run-{number}": [number, number + 10.0] for number in range(3)}


def test_a_thread_inherits_the_run_of_the_one_that_started_it_else_the_main_threads(script):
    done = script.run(
        """
        import threading
        import runicorn as rn
        def in_thread(call):
            thread = threading.Thread(target=call)
            thread.start()
            thread.join()
        def own():
            rn.init(name="own")
            in_thread(lambda: in_thread(lambda: rn.log({"x": 2})))
        early_may_log = threading.Event()
        early = threading.Thread(target=lambda: early_may_log.wait() and rn.log({"x": 3}))
        early.start()
        rn.init(name="main")
        in_thread(lambda: rn.log({"x": 1}))
        in_thread(own)
        early_may_log.set()
        early.join()
        """
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert logged(script) == {"main": [1.0, 3.0], "own": [2.0]}


def test_finish_brings_back_what_was_current_before(script):
    done = script.run(
        """
        import threading
        import runicorn as rn
        main = rn.init(name="main")
        def other():
            run = rn.init(name="other")
            rn.log({"x": 2})
            rn.finish()
            assert rn.run is main
            rn.log({"x": 3})
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
        assert rn.run is main and main.is_open
        rn.log({"x": 4})
        """
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert logged(script) == {"main": [3.0, 4.0], "other": [2.0]}


def test_what_a_thread_logs_late_goes_into_no_run_of_another(script):
    done = script.run(
        """
        import threading
        import runicorn as rn
        def late():
            rn.init(name="late")
            together.wait()
            rn.finish()
            rn.log({"x": 1})
            together.wait()
        def other():
            rn.init(name="other")
            together.wait()
            together.wait()
        together = threading.Barrier(2)
        threads = [threading.Thread(target=late), threading.Thread(target=other)]
        [thread.start() for thread in threads]
        [thread.join() for thread in threads]
        """
    )
    assert done.stderr.count("closed in this process") == 1
    assert logged(script) == {}


def test_who_has_no_run_among_several_is_told_once_where_its_points_go(script):
    done = script.run(
        """
        import threading
        import runicorn as rn
        def train(number):
            rn.init(name=f"run-{number}")
            opened[number].set()
            over.wait()
        over, opened = threading.Event(), [threading.Event(), threading.Event()]
        threads = [threading.Thread(target=train, args=(number,)) for number in range(2)]
        for thread, event in zip(threads, opened):
            thread.start()
            event.wait()
        rn.log({"x": 1})
        rn.log({"x": 2})
        over.set()
        """
    )
    assert done.stderr.count("opened no run and 2 are open") == 1
    assert logged(script) == {"run-1": [1.0, 2.0]}


def test_threads_one_after_the_other_finish_what_the_one_before_left_open(script):
    done = script.run(
        """
        import threading
        import runicorn as rn
        for number in range(3):
            thread = threading.Thread(target=lambda: (rn.init(name=f"run-{number}"), rn.log({"x": number})))
            thread.start()
            thread.join()
        print([str(run.state) for run in rn.open_root().runs()].count("running"))
        """
    )
    assert (done.stdout, done.stderr) == ("1\n", "")
    assert logged(script) == {f"run-{number}": [float(number)] for number in range(3)}


def test_a_run_that_asyncio_left_is_its_threads(script):
    done = script.run(
        """
        import asyncio
        import runicorn as rn
        async def open_run(name):
            rn.init(name=name)
        asyncio.run(open_run("first"))
        rn.log({"x": 1})
        asyncio.run(open_run("second"))
        rn.log({"x": 2})
        """
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert logged(script) == {"first": [1.0], "second": [2.0]}


@pytest.mark.skipif(os.name == "nt", reason="needs POSIX signals and fork")
def test_sigterm_ends_all_open_runs_as_preempted(script):
    done = script.run(
        """
        import os, signal, threading
        import runicorn as rn
        def train(number):
            rn.init(name=f"run-{number}")
            together.wait()
            threading.Event().wait()
        together = threading.Barrier(3)
        for number in range(2):
            threading.Thread(target=train, args=(number,), daemon=True).start()
        together.wait()
        rn.init(name="main")
        os.kill(os.getpid(), signal.SIGTERM)
        """
    )
    assert done.returncode == -signal.SIGTERM
    assert {name: run.state.value for name, run in runs(script).items()} == {
        "run-0": "preempted", "run-1": "preempted", "main": "preempted",
    }  # fmt: skip


@pytest.mark.skipif(os.name == "nt", reason="needs fork")
def test_a_child_that_a_thread_forks_records_beside_that_threads_run(script):
    done = script.run(
        """
        import os, threading
        import runicorn as rn
        rn.init(name="main")
        def other():
            rn.init(name="other")
            child = os.fork()
            if child == 0:
                rn.log({"x": 1})
                rn.finish()
                os._exit(0)
            os.waitpid(child, 0)
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
        """
    )
    assert done.returncode == 0, done.stderr
    assert logged(script) == {"other": [1.0]}
