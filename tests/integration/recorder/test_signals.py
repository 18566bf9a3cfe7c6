"""SIGTERM in the middle of anything that the SDK does, and forks in such moments: nothing hangs, the end is on disk."""

import json
import os
import signal
import subprocess
import time

import pytest
from tests.support.recorded import console, only_run, values

pytestmark = [pytest.mark.skipif(os.name == "nt", reason="needs POSIX signals and fork"), pytest.mark.timeout(100)]
LIMIT_SECS = 20

CALLS = {
    "config": "run.config[f'key{at % 50}'] = at",
    "config.update": "run.config.update({'lr': at, 'deep': {'at': at}})",
    "tags": "run.tags = [str(at)]",
    "summary": "run.summary['best'] = at",
    "alert": "run.alert(f'title {at}', 'text')",
    "log": "run.log({'loss': at})",
    "log of new metrics": "run.log({f'metric{at % 2000}': at})",
    "media": "run.log({'text': f'words {at}', 'page': rn.Html(f'<b>{at}</b>')})",
    "define_metric": "run.define_metric(f'metric{at % 50}', summary='min')",
    "log_artifact": "run.log_artifact(source, 'model')",
    "print": "print('\\r' * (at % 2) + f'line {at}', file=sys.stderr)",
    "warning": "run.log({f'strange{at % 300}': object()})",
}
LOOP = """
    import os, signal, sys
    import runicorn as rn
    run = rn.init("signals", system_metrics=False)
    source = run.dir / "source.txt"
    source.write_text("x" * 100_000)
    at = 0
    def call():
        CALL
    call()
    print("up", flush=True)
    while True:
        at += 1
        source.write_text(f"{at}" * 1000)
        call()
    """


def ended(process):
    """Wait for a process that was sent SIGTERM; return how it ended."""
    try:
        return process.wait(timeout=LIMIT_SECS)
    except subprocess.TimeoutExpired:
        return "hangs"


def drafts(script):
    return sorted(path.name for path in (script.root / "runs").rglob(".*.tmp"))


@pytest.mark.parametrize("kind", CALLS)
def test_sigterm_in_a_tight_loop_ends_the_script_and_its_run(script, kind):
    code = LOOP.replace("CALL", CALLS[kind])
    processes = [script.start(code, stderr=subprocess.DEVNULL) for _ in range(4)]
    for number, process in enumerate(processes):
        assert process.stdout.readline() == "up\n"
        time.sleep(0.007 * number)  # another moment of the loop each time
        process.terminate()
    assert [ended(process) for process in processes] == [-signal.SIGTERM] * 4
    assert [run["state"] for run in script.runs()] == ["preempted"] * 4
    assert [name for name in drafts(script) if name.startswith((".run.json", ".status.json"))] == []


# Sends the signal from within the standard library, before and after the call: the handler runs right there, in the
# middle of what the SDK is doing.
INJECT = """
    import os, pathlib, signal, sys, threading, time
    import runicorn as rn
    shots = []
    def shoot(name):
        if armed and threading.current_thread() is threading.main_thread():
            shots.append(name)
            os.kill(os.getpid(), signal.SIGTERM)
    def around(owner, name):
        real = getattr(owner, name)
        def call(*args, **more):
            if MOMENT == "before":
                shoot(name)
            found = real(*args, **more)
            if MOMENT == "after":
                shoot(name)
            return found
        setattr(owner, name, call)
    armed = False
    run = rn.init("inject", system_metrics=False)
    run.config["first"] = 0
    source = run.dir / "source.txt"
    source.write_text("x" * 1000)
    around(OWNER, NAME)
    at = 1
    while not run._info["packages"]:  # the background thread has written what it finds out
        time.sleep(0.001)
    time.sleep(0.02)
    armed = True
    CALL
    raise SystemExit(7)
    """
WRITES = ["pathlib.Path:replace", "pathlib.Path:write_bytes"]
PLACES = [
    *[(kind, where) for kind in ("config", "tags", "define_metric") for where in WRITES],
    ("alert", "os:write"), ("log of new metrics", "os:pwrite"), ("media", "pathlib.Path:write_bytes"),
    ("media", "os:write"), ("log_artifact", "os:link"), ("print", "os:write"),
]  # fmt: skip


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize(("kind", "where"), PLACES)
def test_sigterm_in_the_middle_of_a_write_leaves_the_final_state(script, kind, where, moment):
    owner, name = where.split(":")
    code = INJECT.replace("CALL", CALLS[kind]).replace("OWNER", owner).replace("NAME", repr(name))
    process = script.start(code.replace("MOMENT", repr(moment)), stderr=subprocess.DEVNULL)
    assert ended(process) == -signal.SIGTERM
    (run,) = script.runs()
    assert (run["state"], run["exit_reason"], run["config"]["first"]) == ("preempted", "SIGTERM", 0)
    assert [name for name in drafts(script) if name.startswith((".run.json", ".status.json"))] == []


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("where", ["pathlib.Path:replace", "pathlib.Path:write_bytes", "os:close"])
@pytest.mark.parametrize("end", ["rn.finish()", "rn.finish('failed', reason='x')"])
def test_sigterm_during_finish_leaves_no_run_that_looks_killed(script, where, moment, end):
    """It comes at every write of the finish, and again in the handler."""
    owner, name = where.split(":")
    code = INJECT.replace("CALL", end).replace("OWNER", owner).replace("NAME", repr(name))
    process = script.start(code.replace("MOMENT", repr(moment)), stderr=subprocess.DEVNULL)
    assert ended(process) == -signal.SIGTERM
    (run,) = script.runs()
    assert run["state"] in ("finished", "failed", "preempted")
    assert run["finished_at"] is not None
    assert not list((script.root / "runs").rglob(".writer-*"))


def test_a_handler_that_closes_the_run_and_lets_the_script_go_on_is_not_undone(script):
    """What it interrupted was older, and is not put over it."""
    done = script.run(
        """
        import json, os, pathlib, signal
        import runicorn as rn
        replace = pathlib.Path.replace
        sent = []
        def interrupted(self, target):
            if not sent and str(target).endswith(NAME):
                sent.append(1)
                os.kill(os.getpid(), signal.SIGTERM)
            return replace(self, target)
        def save(number, frame):
            run.config["saved"] = True
            run.finish("failed", reason="by hand")
        for NAME in ("run.json", "status.json"):
            sent.clear()
            signal.signal(signal.SIGTERM, save)
            run = rn.init(name=NAME, system_metrics=False)
            pathlib.Path.replace = interrupted
            run.config["lr"] = 1
            run._write_status()
            pathlib.Path.replace = replace
            assert sent
            info, status = (json.loads((run.dir / name).read_text()) for name in ("run.json", "status.json"))
            assert info["config"] == {"lr": 1, "saved": True}, info["config"]
            assert (status["state"], status["exit_reason"]) == ("failed", "by hand"), status
            assert not list(run.dir.glob(".*.tmp"))
        """
    )
    assert done.returncode == 0, done.stderr


def test_two_sigterms_are_one(script):
    for _ in range(3):
        process = script.start(LOOP.replace("CALL", CALLS["config"]), stderr=subprocess.DEVNULL)
        process.stdout.readline()
        for _ in range(20):
            process.terminate()
        assert ended(process) == -signal.SIGTERM
    assert {run["state"] for run in script.runs()} == {"preempted"}


SLOW = """
    import os, pathlib, threading
    import runicorn as rn
    from runicorn.sdk import background, ending, recorder, run as run_module
    run_module.STATUS_EVERY_SECS = 0.05
    background._JOIN_TIMEOUT_SECS = 0.5
    ending._CLOSE_SECS, ending._RESCUE_SECS = 3.0, 1.0
    for_ever = threading.Semaphore(0)
    stuck = threading.Event()
    def hang():
        stuck.set()
        for_ever.acquire()
    run = rn.init("slow", system_metrics=False)
    rn.log({"loss": 1})
    """


def test_a_thread_that_a_disk_holds_up_holds_up_no_end(script):
    process = script.start(
        SLOW
        + """
    replace = pathlib.Path.replace
    def slow(self, target):
        if str(target).endswith("status.json") and threading.current_thread() is not threading.main_thread():
            hang()
        return replace(self, target)
    pathlib.Path.replace = slow
    stuck.wait(20)
    print("up", flush=True)
    input()
    """
    )
    assert process.stdout.readline() == "up\n"
    process.terminate()
    assert ended(process) == -signal.SIGTERM
    assert only_run(script.root).state.value == "preempted"


@pytest.mark.parametrize("call", ["run.log({'loss': 2})", "run.alert('title')", "print('line')"])
def test_a_thread_whose_write_never_returns_holds_up_no_end(script, call):
    process = script.start(
        SLOW
        + f"""
    write = os.write
    def slow(fd, data):
        if threading.current_thread().name == "stuck":
            hang()
        return write(fd, data)
    os.write = recorder.write = slow
    def work():
        {call}
    threading.Thread(target=work, name="stuck", daemon=True).start()
    stuck.wait(20)
    write(1, b"up\\n")
    input()
    """
    )
    assert process.stdout.readline() == "up\n"
    process.terminate()
    assert ended(process) == -signal.SIGTERM
    run = only_run(script.root)
    assert (run.state.value, run.summary) == ("preempted", {"loss": 1.0})


def test_a_handler_that_never_comes_back_is_not_waited_for(script):
    """The disk does not answer the handler itself: then the process ends as one that is stuck in C code."""
    process = script.start(
        SLOW
        + """
    pathlib.Path.replace = lambda self, target: hang()
    print("up", flush=True)
    input()
    """
    )
    assert process.stdout.readline() == "up\n"
    process.terminate()
    assert ended(process) == 128 + signal.SIGTERM
    assert only_run(script.root).state.value == "killed"


def test_a_handler_that_the_program_sets_later_decides(script):
    process = script.start(
        """
        import signal, sys, time
        import runicorn as rn
        run = rn.init()
        calls = []
        signal.signal(signal.SIGTERM, lambda *_: calls.append(1))
        print("up", flush=True)
        while not calls:
            time.sleep(0.01)
        time.sleep(3.5)  # longer than a main thread may be deaf to SIGTERM
        rn.log({"saved": len(calls)})
        """
    )
    assert process.stdout.readline() == "up\n"
    process.terminate()
    assert ended(process) == 0
    assert (values(script.root, "saved"), only_run(script.root).state.value) == ([1.0], "finished")


def test_what_a_handler_prints_in_the_middle_of_a_print_is_kept(script):
    process = script.start(
        """
        import os, signal
        import runicorn as rn
        from runicorn.sdk import repaint
        run = rn.init(system_metrics=False)
        feed = repaint.RepaintFolder.feed
        def interrupted(self, text):
            if "outer" in text:
                os.kill(os.getpid(), signal.SIGUSR1)
            return feed(self, text)
        repaint.RepaintFolder.feed = interrupted
        signal.signal(signal.SIGUSR1, lambda *_: os.write(2, b"") or print("inner"))
        print("outer")
        """
    )
    assert ended(process) == 0
    assert sorted(console(script.root).split()) == ["inner", "outer"]


FORKS = 24
FORK = """
    import os, select, signal, sys, threading
    import runicorn as rn
    run = rn.init("forks", system_metrics=False)
    at = 0
    stop = False
    source = run.dir / "source.txt"
    source.write_text("x")
    def busy():
        global at
        while not stop:
            at += 1
            CALL
    threads = [threading.Thread(target=busy, daemon=True) for _ in range(2)]
    for thread in threads:
        thread.start()
    hung = 0
    for number in range(24):
        child = os.fork()
        if child == 0:
            signal.alarm(10)  # ends by it what hangs
            run.alert("of the child", str(number))
            run.config["child"] = number
            run.summary["child"] = number
            run.log({"child": number, "text": "of the child"})
            run.log({"strange": object()})
            print("child", file=sys.stderr)
            run.finish()
            os._exit(0)
        hung += os.waitpid(child, 0)[1] != 0
    stop = True
    for thread in threads:
        thread.join()
    print(hung)
    """


@pytest.mark.parametrize("kind", [kind for kind in CALLS if kind not in ("log_artifact", "define_metric")])
def test_forks_while_threads_are_busy_hang_no_child(script, kind):
    process = script.start(FORK.replace("CALL", CALLS[kind]), stderr=subprocess.DEVNULL)
    assert process.stdout.readline() == "0\n"
    assert ended(process) == 0
    assert sorted(values(script.root, "child")) == [float(number) for number in range(FORKS)]
    run = only_run(script.root)
    assert (run.state.value, "child" in run.config) == ("finished", False)
    folder = script.root / "runs" / run.id
    own = [path for path in folder.glob("events.rank*.jsonl") if "of the child" in path.read_text()]
    assert len(own) == FORKS
    if (folder / "events.jsonl").exists():
        assert "of the child" not in (folder / "events.jsonl").read_text()
        assert all(json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines())


def test_a_disabled_run_hangs_no_child(script):
    done = script.run(
        """
        import os, signal, threading
        import runicorn as rn
        run = rn.init(mode="disabled")
        threading.Thread(target=lambda: [run.config.update({"a": at}) for at in range(10**7)], daemon=True).start()
        for _ in range(40):
            child = os.fork()
            if child == 0:
                signal.alarm(10)
                run.config["child"] = 1
                run.dir.exists()
                run.warnings.add("kind", "text")
                os._exit(0)
            assert os.waitpid(child, 0)[1] == 0
        os._exit(0)
        """
    )
    assert done.returncode == 0, done.stderr[-2000:]
