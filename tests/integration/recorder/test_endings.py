"""How runs end: exit codes, Ctrl-C, preemption, a program's own handlers, crashes in C code; and how they go on."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import time

import pytest
from tests.support.recorded import console, only_run, status, values

posix = pytest.mark.skipif(os.name == "nt", reason="needs POSIX signals")


@pytest.mark.parametrize(
    ("end", "code", "state", "reason"),
    [
        ("sys.exit()", 0, "finished", None), ("sys.exit(0)", 0, "finished", None),
        ("sys.exit(3)", 3, "failed", "exit code 3"), ("sys.exit('no data')", 1, "failed", "no data"),
        ("raise KeyboardInterrupt", None, "killed", "KeyboardInterrupt"),
        ("1/0", 1, "failed", "ZeroDivisionError: division by zero"),
        ("rn.finish(exit_code=2); sys.exit(2)", 2, "failed", "exit code 2"), ("rn.finish(0)", 0, "finished", None),
        ("os._exit(0)", 0, "killed", None),
    ],
)  # fmt: skip
def test_the_end_of_a_script_is_the_end_of_its_run(script, end, code, state, reason):
    done = script.run(f"import os, sys; import runicorn as rn; rn.init(); rn.log({{'loss': 1}}); {end}")
    assert code is None or done.returncode == code
    run = only_run(script.root)
    assert (run.state.value, run.exit_reason) == (state, reason)
    assert values(script.root, "loss") == [1.0]


def test_a_system_exit_that_is_caught_is_no_failure_of_the_next_run(script):
    done = script.run(
        """
        import sys
        import runicorn as rn
        rn.init(name="first")
        try:
            sys.exit(1)
        except SystemExit:
            pass
        rn.init(name="second")
        """
    )
    assert done.returncode == 0, done.stderr
    states = {run["name"]: run["state"] for run in script.runs()}
    assert states["second"] == "finished"


@posix
def test_ctrl_c_kills_a_run_and_leaves_what_it_logged(script):
    process = script.start(
        """
        import time
        import runicorn as rn
        rn.init()
        rn.log({"loss": 1})
        print("up", flush=True)
        for _ in range(300):  # not one sleep: Python starts it also where a signal came just before, and hears it after
            time.sleep(0.1)
        """,
        stderr=subprocess.PIPE,
    )
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=20)
    assert errors.rstrip().endswith("KeyboardInterrupt")
    run = only_run(script.root)
    assert (run.state.value, run.exit_reason) == ("killed", "KeyboardInterrupt")
    assert "KeyboardInterrupt" in console(script.root)


@posix
def test_a_preempted_run_says_so_and_goes_on_when_its_script_starts_again(script):
    code = """
        import os, signal
        import runicorn as rn
        run = rn.init("job", resume="auto")
        first = run.step or 0
        print(run.id, run.resumed, run.step, flush=True)
        for value in range(5):
            rn.log({"loss": value})
        if not run.resumed:
            os.kill(os.getpid(), signal.SIGTERM)
        """
    first = script.run(code)
    assert first.returncode == -signal.SIGTERM
    assert (only_run(script.root).state.value, only_run(script.root).exit_reason) == ("preempted", "SIGTERM")
    second = script.run(code)
    assert second.returncode == 0, second.stderr
    assert second.stdout.split() == [first.stdout.split()[0], "True", "4"]
    run = only_run(script.root)
    assert (run.state.value, run.step, len(values(script.root, "loss"))) == ("finished", 9, 10)
    third = script.run(code.replace("if not run.resumed", "if False"))
    assert third.stdout.split()[0] != first.stdout.split()[0]  # what finished is not gone on with


@posix
def test_a_programs_own_handler_of_sigterm_is_called_and_decides(script):
    done = script.run(
        """
        import os, signal, sys
        import runicorn as rn
        def save(number, frame):
            rn.log({"saved": 1})
            sys.exit(7)
        signal.signal(signal.SIGTERM, save)
        rn.init()
        os.kill(os.getpid(), signal.SIGTERM)
        """
    )
    assert done.returncode == 7
    assert values(script.root, "saved") == [1.0]
    assert only_run(script.root).state.value == "preempted"


@posix
def test_sigterm_ends_a_process_that_is_stuck_in_c_code(script):
    process = script.start(
        """
        import hashlib, sys, threading
        import runicorn as rn
        rn.init()
        rn.log({"loss": 1})
        lock = threading.Lock()
        lock.acquire()
        threading.Thread(target=lambda: (lock.acquire(), print("up", flush=True)), daemon=True).start()
        sys.setswitchinterval(60)  # the thread goes on when the C code lets it, and not before
        lock.release()
        hashlib.pbkdf2_hmac("sha256", b"x", b"y", 1_000_000_000)  # minutes of C code that lets other threads run
        """
    )
    process.stdout.readline()
    process.terminate()
    assert process.wait(timeout=20) == 128 + signal.SIGTERM
    assert (only_run(script.root).state.value, values(script.root, "loss")) == ("preempted", [1.0])


@posix
def test_a_crash_in_c_code_leaves_its_traceback_in_the_console(script):
    done = script.run(
        """
        import os, signal
        import runicorn as rn
        rn.init()
        print("before")
        os.kill(os.getpid(), signal.SIGSEGV)
        """
    )
    assert done.returncode == -signal.SIGSEGV
    assert console(script.root).startswith("before\n")
    assert "Segmentation fault" in console(script.root)
    assert only_run(script.root).state.value == "killed"


def test_the_traceback_of_a_thread_is_kept_while_a_bar_is_painted(script):
    done = script.run(
        """
        import threading
        import runicorn as rn
        from tqdm import tqdm
        rn.init()
        for step in tqdm(range(2000), mininterval=0):
            if step == 1000:
                thread = threading.Thread(target=lambda: 1 / 0)
                thread.start()
                thread.join()
        """
    )
    assert done.returncode == 0, done.stderr
    shown = console(script.root)
    assert "ZeroDivisionError: division by zero\n" in shown
    assert "2000/2000" in shown
    assert len(shown) < 10_000 < len(done.stderr)


def test_resume_words_mean_what_they_say(script):
    done = script.run(
        """
        import runicorn as rn
        from runicorn.errors import RunExistsError, RunNotFoundError, UsageError
        def refused(kind, **options):
            try:
                rn.init(**options)
            except kind as error:
                return True
        assert refused(RunNotFoundError, id="a", resume="must")
        assert refused(UsageError, resume="must")
        assert refused(UsageError, id="a", resume="sometimes")
        rn.init(id="a", resume="allow", config={"lr": 1}).log({"loss": 1})
        rn.finish()
        assert refused(RunExistsError, id="a") and refused(RunExistsError, id="a", resume="never")
        run = rn.init(id="a", resume="must", config={"more": 2})
        assert run.resumed and dict(run.config) == {"lr": 1, "more": 2}
        run.log({"loss": 2})
        assert run.step == 1
        """
    )
    assert done.returncode == 0, done.stderr
    assert values(script.root, "loss") == [1.0, 2.0]


def test_a_disabled_run_takes_everything_and_leaves_nothing(script):
    done = script.run(
        """
        import os
        import runicorn as rn
        run = rn.init("p", mode="disabled", config={"lr": 1})
        rn.log({"loss": 1, "text": "x"})
        rn.log({"loss": 1}, step=9)
        rn.alert("title")
        rn.define_metric("loss", summary="min")
        rn.summary["best"] = 1
        assert (rn.config.lr, run.step, run.disabled) == (1, 9, True)
        (run.dir / "model.pt").write_text("weights")
        run.tags = ["a"]
        print(run.dir)
        """
    )
    assert done.returncode == 0, done.stderr
    assert not script.root.exists()
    assert not os.path.exists(done.stdout.strip())  # noqa: PTH110


def test_parameters_of_other_trackers_are_left_out_and_typing_errors_named(script):
    done = script.run(
        """
        import runicorn as rn
        from runicorn.errors import UsageError
        run = rn.init(project="p", entity="team", settings={"a": 1}, reinit=True, save_code=None, notes="n",
                      group="g", job_type="train", config={"a": 1, "b": 2}, config_exclude_keys=["b"])
        assert dict(run.config) == {"a": 1}
        try:
            rn.init(projct="p")
        except UsageError as error:
            print(error.hint)
        """
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Did you mean 'project'?")
    assert "init() has no use for entity, settings, reinit." in done.stderr
    run = only_run(script.root)
    assert (run.note, run.group, run.job_type) == ("n", "g", "train")


def test_a_defined_metric_is_summed_up_as_it_was_said(script):
    done = script.run(
        """
        import runicorn as rn
        run = rn.init()
        run.define_metric("epoch", hidden=True)
        run.define_metric("val/*", step_metric="epoch", summary="min,mean")
        run.define_metric("val/acc", step_metric="epoch", summary="best", goal="maximize")
        run.define_metric("odd", summary="median")
        for value in (3.0, 1.0, 2.0):
            rn.log({"val/loss": value, "val/acc": value, "train": value})
        """
    )
    assert done.returncode == 0, done.stderr
    run = only_run(script.root)
    assert run.summary == {
        "val/loss": 2.0, "val/acc": 2.0, "train": 2.0, "val/loss.min": 1.0, "val/loss.mean": 2.0, "val/acc.best": 3.0,
    }  # fmt: skip
    assert status(script.root)["warnings"] == {"define-metric": 1}
    info = json.loads((script.root / "runs" / run.id / "run.json").read_text())
    assert info["metric_definitions"][1]["step_metric"] == "epoch"


def test_no_secret_of_the_environment_is_kept(script):
    secrets = {"WANDB_API_KEY": "s3cret-key", "AWS_SECRET_ACCESS_KEY": "s3cret-aws", "RANK": "s3cret-rank"}
    process = subprocess.run(
        [sys.executable, "-c", "import runicorn as rn; rn.init(); rn.log({'a': 1}); rn.finish()"],
        env=script.environ(**secrets, SLURM_JOB_ID="4711"),
        timeout=30,
        check=True,
    )
    assert process.returncode == 0
    everything = b"".join(path.read_bytes() for path in script.root.rglob("*") if path.is_file())
    assert b"s3cret" not in everything
    info = json.loads((script.root / "runs" / only_run(script.root).id / "run.json").read_text())
    assert info["job"] == {"slurm_job_id": 4711}


def test_no_secret_of_config_gets_into_a_run_and_the_script_keeps_it(script):
    done = script.run(
        """
        import argparse, os, pickle, types
        import runicorn as rn
        config = argparse.Namespace(hf_token="s3cret-1", auth={"password": "s3cret-2"}, db="pg://me:s3cret-3@host/db")
        run = rn.init(config=config, notes="password=s3cret-4", tags=["a"])
        run.config["wandb_api_key"] = "s3cret-5"
        run.config.update({"nested": {"deep": [{"client_secret": "s3cret-6"}]}})
        run.config["environ"] = {"HF_TOKEN": "s3cret-7", "PATH": "/bin"}
        run.summary["access_token"] = "s3cret-8"
        run.notes = "see https://me:s3cret-9@host/"
        class Settings:
            def __repr__(self):
                return "Settings(api_key='s3cret-10')"
        run.config["settings"] = Settings()
        artifact = rn.Artifact("a", "b", metadata={"token": "s3cret-11"})
        run.log_artifact(artifact)
        assert (run.config.hf_token, run.config["auth"]["password"]) == ("s3cret-1", "s3cret-2")
        pickle.dump(run, open(run.dir / "checkpoint", "wb"))
        """
    )
    assert done.returncode == 0, done.stderr
    everything = b"".join(path.read_bytes() for path in script.root.rglob("*") if path.is_file())
    assert b"s3cret" not in everything
    config = only_run(script.root).config
    assert (config["hf_token"], config["db"], config["environ"]["PATH"]) == ("***", "pg://me:***@host/db", "/bin")


def test_no_secret_of_a_command_line_or_an_error_gets_into_a_run(script):
    code = """
        import sys
        import runicorn as rn
        run = rn.init(console=False, name="auth=s3cret-1", group="pat=s3cret-2", tags=["wandb_key=s3cret-3", "a"])
        run.alert("see https://s3cret-4@host/", "--pat s3cret-5")
        run.log_artifact(rn.Artifact("a", "b", description="from https://me:s3cret-6@host/"))
        raise OSError("401 for https://me:s3cret-7@host/?auth=s3cret-8")
    """
    arguments = [
        "--pat=s3cret-9",
        "--auth",
        "s3cret-10",
        "--wandb_key=s3cret-11",
        "https://s3cret-12@host",
        "--author=me",
    ]
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), *arguments],
        env=script.environ(),
        capture_output=True,
        timeout=30,
        check=False,
    )
    assert b"401 for https://me:s3cret-7@host/" in done.stderr
    everything = b"".join(path.read_bytes() for path in script.root.rglob("*") if path.is_file())
    assert b"s3cret" not in everything
    run = only_run(script.root)
    assert run.exit_reason == "OSError: 401 for https://me:***@host/?auth=***"
    assert run.tags == ("wandb_key=***", "a")
    info = json.loads((script.root / "runs" / run.id / "run.json").read_text())
    assert info["argv"][1:] == ["--pat=***", "--auth", "***", "--wandb_key=***", "https://***@host", "--author=me"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_no_secret_of_an_error_of_a_rank_gets_into_a_run(script):
    script.run(
        """
        import os
        import runicorn as rn
        run = rn.init(console=False)
        child = os.fork()
        if child == 0:
            joined = rn.init(id=run.id, resume="must", console=False)
            raise OSError("401 for https://me:s3cret-1@host/?auth=s3cret-2")
        os.waitpid(child, 0)
        """
    )
    everything = b"".join(path.read_bytes() for path in script.root.rglob("*") if path.is_file())
    assert b"401 for https://me:***@host/?auth=***" in everything
    assert b"s3cret" not in everything


def test_the_machine_is_sampled_at_little_cost(script):
    process = script.start(
        """
        import time
        import runicorn as rn
        from runicorn.sdk.system import sampler
        from runicorn.sdk import run
        run.SAMPLE_EVERY_SECS = 0.05
        rn.init()
        print("up", flush=True)
        input()
        """
    )
    process.stdout.readline()
    folder = script.root / "runs" / only_run(script.root).id
    deadline = time.monotonic() + 20
    while not (folder / "system.bin").exists() or (folder / "system.bin").stat().st_size < 32 * 60:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.communicate("\n", timeout=20)
    names = {json.loads(line) for line in (folder / "system.keys").read_text().splitlines()}
    assert names >= {
        "system/cpu_percent", "system/memory_percent", "system/disk_percent", "system/process_memory_mib",
        "system/process_cpu_percent",
    }  # fmt: skip
    assert 0 < values(script.root, "system/memory_percent")[-1] < 100
    assert values(script.root, "system/process_memory_mib")[-1] > 5


def test_definitions_outlive_a_resume_and_none_leaves_a_metric_out(script):
    code = """
        import runicorn as rn
        run = rn.init(id="r", resume="allow")
        if not run.resumed:
            run.define_metric("epoch", summary="none")
            run.define_metric("loss", summary="min")
        rn.log({"loss": 5.0 - run.resumed, "epoch": 1})
        """
    for _ in range(2):
        assert script.run(code).returncode == 0
    assert only_run(script.root).summary == {"loss": 4.0, "loss.min": 4.0}
    rn_json = json.loads((script.root / "runs" / "r" / "run.json").read_text())
    assert [known["name"] for known in rn_json["metric_definitions"]] == ["epoch", "loss"]


NOBODY = """
import os, pwd
os.environ.pop("HOME", None)
def getpwuid(uid):
    raise KeyError(f"getpwuid(): uid not found: {uid}")
pwd.getpwuid = getpwuid
for name in ("LOGNAME", "USER", "LNAME", "USERNAME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME"):
    os.environ.pop(name, None)
"""


@pytest.mark.skipif(os.name == "nt", reason="needs POSIX users")
class TestAUserWithoutAnEntryAndAHome:
    def test_records_where_the_root_is_given(self, script):
        done = script.run(NOBODY + "import runicorn as rn; rn.init(); rn.log({'a': 1})")
        assert (done.returncode, done.stderr) == (0, "")
        assert values(script.root, "a") == [1.0]

    @pytest.mark.parametrize("root", ["", "~/runs", "~nobody-of-that-name/runs"])
    def test_is_told_to_say_where_runs_lie(self, script, root):
        done = script.run(NOBODY + f"os.environ['RUNICORN_ROOT'] = {root!r}; import runicorn as rn; rn.init()")
        assert "RootNotUsableError: There is no home folder for the ~ of" in done.stderr
        assert "set RUNICORN_ROOT" in done.stderr

    @pytest.mark.parametrize("command", ["viewer", "compact", "open gpu", "doctor gpu", "artifacts list"])
    def test_is_told_what_the_commands_need(self, script, command):
        code = NOBODY + f"import sys; sys.argv = ['runicorn', *{command.split()!r}]; from runicorn.cli.main import main"
        done = script.run(code + "; main()")
        assert done.returncode != 0
        assert "Traceback" not in done.stderr
        assert "has no home folder" in done.stderr.replace("\n", " ")

    def test_can_use_the_commands_where_all_folders_are_given(self, script, tmp_path):
        script.run("import runicorn as rn; rn.init()")
        code = NOBODY + f"os.environ['RUNICORN_HOME'] = {str(tmp_path / 'home')!r}; import sys; "
        done = script.run(code + "sys.argv = ['runicorn', 'compact']; from runicorn.cli.main import main; main()")
        assert done.returncode == 0, done.stderr
