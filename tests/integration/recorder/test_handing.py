"""Runs that are copied, pickled into checkpoints, and handed to other processes."""

import copy
import pickle
import shutil
import subprocess
import sys
import textwrap

import pytest
from tests.support.recorded import only_run, values

import runicorn as rn


@pytest.fixture
def run(tmp_path):
    opened = rn.init("copied", name="first", root=tmp_path, config={"lr": 0.1, "net": {"depth": 3}})
    yield opened
    opened.finish()


@pytest.fixture
def program(script, tmp_path):
    """Run a program that has a file, as children that are spawned need it; return the finished process."""

    def run_program(code, *arguments):
        path = tmp_path / "train.py"
        path.write_text(textwrap.dedent(code))
        return subprocess.run(
            [sys.executable, str(path), *arguments],
            env=script.environ(),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run_program


SAVE = """
    import pickle, sys
    import runicorn as rn
    run = rn.init("saved", name="first", config={"lr": 0.1})
    rn.log({"x": 1})
    rn.summary["best"] = 2
    pickle.dump({"run": run, "config": rn.config, "summary": rn.summary}, open(sys.argv[1], "wb"))
"""
LOAD = """
    import pickle, sys
    import runicorn as rn
    loaded = pickle.load(open(sys.argv[1], "rb"))
    run = loaded["run"]
    assert rn.run is None
    assert (run.name, run.project, run.config.lr, run.summary["best"]) == ("first", "saved", 0.1, 2)
    assert (loaded["config"].lr, loaded["summary"].best) == (0.1, 2)
    assert not run.is_open
    run.log({"x": 2})
    run.log({"x": 3})
    run.config["lr"] = 5
    run.alert("nobody hears this")
    run.finish()
    pickle.loads(pickle.dumps(run))
"""


def files(script):
    return sorted(path.name for path in (script.root / "runs" / only_run(script.root).id).iterdir())


@pytest.mark.parametrize("root", ["there", "gone"])
def test_a_checkpoint_with_a_run_opens_it_nowhere(script, program, tmp_path, root):
    assert program(SAVE, str(tmp_path / "checkpoint")).returncode == 0
    before = files(script)
    if root == "gone":
        shutil.rmtree(script.root)
    done = program(LOAD, str(tmp_path / "checkpoint"))
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("resume='allow'") == 1
    if root == "gone":
        assert not script.root.exists()
    else:
        assert (files(script), only_run(script.root).state.value) == (before, "finished")
        assert values(script.root, "x") == [1.0]


def test_a_checkpoint_of_a_run_that_goes_on_is_loaded_without_joining_it(script, program, tmp_path):
    code = SAVE + textwrap.indent(
        textwrap.dedent(
            f"""
            import subprocess
            open(sys.argv[1] + ".py", "w").write({textwrap.dedent(LOAD)!r})
            sys.stdout.flush()
            print(subprocess.run([sys.executable, sys.argv[1] + ".py", sys.argv[1]]).returncode)
            """
        ),
        "    ",
    )
    # The pickle is complete on disk only once its file is closed.
    code = code.replace('"wb"))', '"wb")); import gc; gc.collect()')
    done = program(code, str(tmp_path / "checkpoint"))
    assert done.stdout == "0\n", done.stderr
    assert not [name for name in files(script) if "rank" in name]


def test_a_pickle_is_the_same_run_in_its_own_process_open_or_closed(run):
    stored = pickle.dumps(run)
    assert pickle.loads(stored) is run
    run.finish()
    assert pickle.loads(stored) is run
    assert sorted(path.name for path in run.dir.parent.iterdir()) == [run.id]
    assert not list(run.dir.glob("*rank*"))


def test_a_copy_of_a_run_is_the_run(run):
    assert copy.copy(run) is run
    assert copy.deepcopy({"run": run})["run"] is run


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda value: pickle.loads(pickle.dumps(value))])
def test_a_copy_of_config_or_summary_belongs_to_no_run(run, copied):
    run.summary["best"] = 1
    config, summary = copied(run.config), copied(run.summary)
    assert (config.lr, config["net"], dict(config), summary.best) == (0.1, {"depth": 3}, dict(run.config), 1)
    config["lr"] = summary["best"] = 5
    assert (run.config["lr"], run.summary["best"]) == (0.1, 1)


def test_a_deep_copy_of_config_has_values_of_its_own(run):
    copy.deepcopy(run.config)["net"]["depth"] = 4
    assert run.config["net"] == {"depth": 3}


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
@pytest.mark.skipif(sys.platform == "win32", reason="has no forkserver")
def test_a_run_is_joined_by_a_child_that_it_is_handed_to(script, program, method):
    done = program(
        f"""
        import multiprocessing
        import runicorn as rn

        def work(run):
            run.log({{"x": 1}})

        if __name__ == "__main__":
            context = multiprocessing.get_context({method!r})
            run = rn.init()
            child = context.Process(target=work, args=(run,))
            child.start()
            child.join()
            with context.Pool(1) as pool:
                pool.map(work, [run, run])
        """
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert values(script.root, "x") == [1.0] * 3


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
@pytest.mark.skipif(sys.platform == "win32", reason="has no forkserver")
def test_init_above_the_main_guard_opens_one_run_and_says_once_where_it_belongs(script, program, method):
    done = program(
        f"""
        import multiprocessing
        import runicorn as rn

        run = rn.init(config={{"lr": 1}})

        def work(number):
            rn.log({{"x": number}})
            return rn.config.lr

        def be_all_there(barrier):
            barrier.wait(60)  # a pool that is done sooner ends those that are still starting

        if __name__ == "__main__":
            context = multiprocessing.get_context({method!r})
            with context.Pool(4, be_all_there, (context.Barrier(4),)) as pool:
                print(sum(pool.map(work, range(20))))
            rn.log({{"y": 1}})
        """
    )
    assert (done.returncode, done.stdout) == (0, "20\n"), done.stderr
    assert done.stderr.count("__main__") == 1
    assert only_run(script.root).state.value == "finished"
    assert (values(script.root, "x"), values(script.root, "y")) == ([], [1.0])


def test_a_run_of_above_the_main_guard_can_be_handed_over(script, program):
    done = program(
        """
        import multiprocessing
        import runicorn as rn

        run = rn.init()

        def work(run):
            run.log({"x": 1})
            rn.log({"x": 2})

        if __name__ == "__main__":
            child = multiprocessing.get_context("spawn").Process(target=work, args=(run,))
            child.start()
            child.join()
        """
    )
    assert done.returncode == 0, done.stderr
    assert values(script.root, "x") == [1.0, 2.0]


def test_a_spawned_child_opens_a_run_of_its_own_where_it_works(script, program):
    done = program(
        """
        import multiprocessing
        import runicorn as rn

        def work():
            rn.init(name="child")
            rn.log({"x": 1})

        if __name__ == "__main__":
            child = multiprocessing.get_context("spawn").Process(target=work)
            child.start()
            child.join()
        """
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert (only_run(script.root).name, values(script.root, "x")) == ("child", [1.0])
