"""Many processes: the ranks of one job in one run or in eight, children that are spawned or forked, threads."""

import json
import os
import signal
import subprocess
import sys
import textwrap

import pytest
from tests.support.recorded import only_run, values

from runicorn.storage.files import LocalFiles
from runicorn.storage.index import RunIndex
from runicorn.storage.points import PointStore

posix = pytest.mark.skipif(os.name == "nt", reason="needs fork")


def launch(script, code, ranks=8):
    """Start the script once for each rank, as torchrun does; return the processes."""
    return [
        subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(code)],
            env=script.environ(RANK=str(rank), LOCAL_RANK=str(rank), WORLD_SIZE=str(ranks)),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(ranks)
    ]


def ended(processes):
    for process in processes:
        _, errors = process.communicate(timeout=60)
        assert (process.returncode, errors) == (0, "")


def test_eight_ranks_that_start_at_once_share_one_run(script):
    code = """
        import os
        import runicorn as rn
        rank = int(os.environ["RANK"])
        rn.init("ddp", id="one-job", resume="allow")
        for step in range(200):
            rn.log({f"rank{rank}/loss": rank + step, "loss": rank}, step=step)
        rn.log({"note": f"from {rank}"})
        """
    ended(launch(script, code))
    run = only_run(script.root)
    assert run.state.value == "finished"
    for rank in range(8):
        assert values(script.root, f"rank{rank}/loss") == [float(rank + step) for step in range(200)]
    assert sorted(values(script.root, "loss")) == sorted([float(rank) for rank in range(8)] * 200)
    texts = {
        json.loads(line)["items"][0]["text"]
        for path in (script.root / "runs/one-job").glob("events*.jsonl")
        for line in path.read_text().splitlines()
        if json.loads(line)["type"] == "text"
    }
    assert texts == {f"from {rank}" for rank in range(8)}


def test_eight_ranks_without_an_id_are_eight_runs_of_a_group(script):
    code = """
        import os
        import runicorn as rn
        rn.init("ddp", group="one-job", job_type=f"rank{os.environ['RANK']}")
        rn.log({"loss": int(os.environ["RANK"])})
        """
    ended(launch(script, code))
    items = RunIndex(LocalFiles(script.root)).runs()
    assert {item.run.job_type for item in items} == {f"rank{rank}" for rank in range(8)}
    assert {item.run.group for item in items} == {"one-job"}
    assert {run["job"]["rank"] for run in script.runs()} == set(range(8))
    store = PointStore(LocalFiles(script.root))
    assert sorted(store.read(item.run.id, ["loss"]).columns["loss"].value[0] for item in items) == list(range(8))


def test_a_run_that_is_handed_to_a_spawned_process_is_recorded_into_from_there(script, tmp_path):
    path = tmp_path / "train.py"
    path.write_text(
        textwrap.dedent(
            """
            import multiprocessing
            import runicorn as rn

            def work(run, number):
                run.log({f"child{number}": number})
                rn.log({"through the module": number})

            if __name__ == "__main__":
                context = multiprocessing.get_context("spawn")
                run = rn.init("spawn", config={"lr": 1})
                children = [context.Process(target=work, args=(run, number)) for number in range(3)]
                for child in children:
                    child.start()
                for child in children:
                    child.join()
                    assert child.exitcode == 0
                rn.log({"parent": 1})
            """
        )
    )
    done = subprocess.run(
        [sys.executable, str(path)], env=script.environ(), capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    run = only_run(script.root)
    assert (run.state.value, run.config) == ("finished", {"lr": 1})
    assert [values(script.root, f"child{number}") for number in range(3)] == [[0.0], [1.0], [2.0]]
    assert sorted(values(script.root, "through the module")) == [0.0, 1.0, 2.0]
    assert values(script.root, "parent") == [1.0]


@posix
def test_workers_of_a_forked_pool_record_without_a_word(script):
    done = script.run(
        """
        import multiprocessing, threading
        import runicorn as rn
        rn.init("pool")
        stop = threading.Event()
        def busy():
            while not stop.is_set():
                rn.log({"busy": 1})
        # Threads that hold the locks at the moment of the fork.
        threads = [threading.Thread(target=busy) for _ in range(2)]
        for thread in threads:
            thread.start()
        def work(number):
            print("worker", number)
            for step in range(50):
                rn.log({"work": number}, step=step)
            return number
        with multiprocessing.get_context("fork").Pool(4) as pool:
            assert sorted(pool.map(work, range(20), chunksize=1)) == list(range(20))
            pool.close()
            pool.join()
        stop.set()
        for thread in threads:
            thread.join()
        """
    )
    assert done.returncode == 0, done.stderr
    assert sorted(values(script.root, "work")) == sorted([float(number) for number in range(20)] * 50)
    assert only_run(script.root).state.value == "finished"


OWNER = """
    import runicorn as rn
    rn.init(id="job", resume="allow")
    print("up", flush=True)
    input()
    """


@posix
def test_sigterm_after_a_rank_has_failed_is_no_preemption(script):
    """A launcher ends the other ranks that way; the next life of the job knows nothing of it."""
    owner = script.start(OWNER)
    owner.stdout.readline()
    (rank,) = launch(
        script, 'import runicorn as rn\nrn.init(id="job", resume="allow")\nraise ValueError("diverged")', 1
    )
    assert rank.wait(timeout=30) == 1
    rank.communicate(timeout=30)
    owner.terminate()
    assert owner.wait(timeout=30) == -signal.SIGTERM
    run = only_run(script.root)
    assert (run.state.value, run.exit_reason) == ("failed", "rank 0: ValueError: diverged")
    (path,) = (script.root / "runs/job").glob("events.rank*.jsonl")
    alert = json.loads(path.read_text())
    assert (alert["title"], alert["level"]) == ("rank 0 failed", "error")
    assert alert["text"].startswith("Traceback") and alert["text"].endswith("ValueError: diverged\n")

    event = {**alert, "time": "2026-01-01T00:00:00.000Z"}  # as if it had been long ago
    path.write_text(json.dumps(event) + "\n")
    again = script.start(OWNER)
    again.stdout.readline()
    again.terminate()
    assert again.wait(timeout=30) == -signal.SIGTERM
    assert (only_run(script.root).state.value, only_run(script.root).exit_reason) == ("preempted", "SIGTERM")


@posix
def test_a_child_that_leaves_by_os_exit_ends_no_run_of_its_parent(script):
    done = script.run(
        """
        import os
        import runicorn as rn
        run = rn.init()
        if os.fork() == 0:
            rn.log({"child": 1})
            os._exit(3)
        os.wait()
        assert run.is_open
        rn.log({"parent": 1})
        """
    )
    assert done.returncode == 0, done.stderr
    assert only_run(script.root).state.value == "finished"
    assert (values(script.root, "child"), values(script.root, "parent")) == ([1.0], [1.0])


@posix
def test_children_that_are_terminated_end_no_run_of_their_parent(script):
    """A pool's end, and loaders that are shut down, send SIGTERM to children that inherited our handler."""
    done = script.run(
        """
        import multiprocessing, threading, time
        import runicorn as rn
        run = rn.init("pool")
        context = multiprocessing.get_context("fork")
        ready = context.Semaphore(0)
        def wait():
            ready.release()
            time.sleep(60)
        children = [context.Process(target=wait) for _ in range(3)]
        for child in children:
            child.start()
        for child in children:
            ready.acquire()
        for child in children:
            child.terminate()
            child.join()
            assert child.exitcode == -15
        time.sleep(2.5)  # longer than a main thread may be deaf to SIGTERM
        rn.log({"loss": 1})
        print("done")
        """
    )
    assert (done.returncode, done.stdout) == (0, "done\n"), done.stderr
    assert (only_run(script.root).state.value, values(script.root, "loss")) == ("finished", [1.0])
