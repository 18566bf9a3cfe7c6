"""What is printed is kept once, through whichever stream it goes, also where the program replaces stdout."""

import pytest
from tests.support.recorded import console, only_run, status

LAYERS = {
    "a text layer": "sys.stdout = io.TextIOWrapper(sys.stdout.buffer, line_buffering=True)",
    "one without a buffer": "sys.stdout = io.TextIOWrapper(sys.stdout.buffer, 'utf-8', write_through=True)",
    "a detached one": "sys.stdout = io.TextIOWrapper(sys.stdout.detach(), line_buffering=True)",
    "a codec": "sys.stdout = codecs.getwriter('utf-8')(sys.stdout.buffer)",
    "reconfigured": "sys.stdout.reconfigure(line_buffering=True, encoding='utf-8')",
    "nothing": "pass",
    "another descriptor": "os.dup2(os.open(os.devnull, os.O_WRONLY), 1)",
    "a tee": "sys.stdout = Tee(sys.stdout)",
}


@pytest.mark.parametrize("unbuffered", [False, True])
@pytest.mark.parametrize("layer", LAYERS)
def test_whatever_replaces_stdout_what_is_printed_is_kept_once(script, layer, unbuffered):
    done = script.run(
        f"""
        import codecs, io, os, sys
        class Tee:
            def __init__(self, stream):
                self.stream = stream
            def write(self, text):
                return self.stream.write(text)
            def __getattr__(self, name):
                return getattr(self.stream, name)
        if {unbuffered}:
            sys.stdout.reconfigure(write_through=True)
        import runicorn as rn
        run = rn.init()
        old = sys.stdout
        print("before", end="; ")
        {LAYERS[layer]}
        print("one ü")
        for number in range(3):
            print(number)
            if "detach" not in {layer!r}:
                print("old", file=old, flush=number == 1)
        sys.stdout.flush()
        run.finish()
        print("after")
        sys.stdout.flush()
        """
    )
    assert (done.returncode, done.stderr) == (0, "")
    old = [] if "detach" in layer else ["old"] * 3
    assert sorted(console(script.root).split()) == sorted(["before;", "one", "ü", "0", "1", "2", *old])
    if layer != "another descriptor":
        assert sorted(done.stdout.split()) == sorted(["before;", "one", "ü", "0", "1", "2", *old, "after"])


def test_bytes_that_are_printed_are_kept(script):
    script.run("import sys; import runicorn as rn; rn.init(); sys.stdout.buffer.write('grün\\n'.encode()); print('x')")
    assert console(script.root) == "grün\nx\n"


def test_what_is_printed_into_a_file_or_a_text_stays_there(script, tmp_path):
    done = script.run(
        f"""
        import contextlib, io, time
        import runicorn as rn
        rn.init()
        for stream in (io.StringIO(), open({str(tmp_path / "file")!r}, "w")):
            with contextlib.redirect_stdout(stream), contextlib.redirect_stderr(stream):
                print("hidden")
                time.sleep(1.2)
                print("hidden")
        print("shown")
        """
    )
    assert (done.stdout, done.stderr) == ("shown\n", "")
    assert console(script.root) == "shown\n"


# What a script does until its new stdout is noticed.
UNTIL_NOTICED = """
        ends_at = time.monotonic() + 20
        while "write" not in vars(sys.stdout) and time.monotonic() < ends_at:
            time.sleep(0.02)
"""


def test_another_stream_of_the_same_descriptor_is_noticed_and_said(script):
    done = script.run(
        f"""
        import os, sys, time
        import runicorn as rn
        from runicorn.sdk import run
        run.FLUSH_EVERY_SECS = 0.05
        rn.init()
        sys.stdout = os.fdopen(os.dup(1), "w", buffering=1)
        os.dup2(sys.stdout.fileno(), 1)
        sys.stdout = os.fdopen(1, "w", buffering=1, closefd=False)
        print("early")
        {UNTIL_NOTICED.strip()}
        print("late")
        """
    )
    assert done.stdout == "early\nlate\n"
    assert done.stderr.count("sys.stdout was replaced") == 1
    lines = console(script.root).splitlines()
    assert "late" in lines
    assert "early" not in lines
    assert status(script.root)["warnings"] == {"console-late": 1}


def test_a_later_tee_over_the_stream_is_not_kept_twice(script):
    script.run(
        f"""
        import sys, time
        import runicorn as rn
        from runicorn.sdk import run
        run.FLUSH_EVERY_SECS = 0.05
        rn.init(system_metrics=False)
        class Tee:
            def __init__(self, stream):
                self.stream = stream
            def write(self, text):
                return self.stream.write(text)
            def flush(self):
                self.stream.flush()
            def fileno(self):
                return self.stream.fileno()
        sys.stdout = Tee(sys.stdout)
        {UNTIL_NOTICED.strip()}
        print("once")
        """
    )
    assert only_run(script.root).state.value == "finished"
    assert console(script.root).splitlines()[-1] == "once"
    assert console(script.root).count("once") == 1


def test_runs_one_after_the_other_and_at_once_keep_what_is_printed_once_each(script):
    done = script.run(
        """
        import io, sys, threading
        import runicorn as rn
        streams = []
        for number in range(3):
            run = rn.init(name=f"after-{number}")
            streams.append(sys.stdout)  # else it would close what is below it
            sys.stdout = io.TextIOWrapper(sys.stdout.buffer, line_buffering=True)
            print(number)
            sys.stdout.buffer.write(b"b\\n")
        rn.finish()
        together = threading.Barrier(2)
        def train(number):
            rn.init(name=f"at-once-{number}")
            together.wait()
            together.wait()
        threads = [threading.Thread(target=train, args=(number,)) for number in range(2)]
        [thread.start() for thread in threads]
        [thread.join() for thread in threads]
        print("both", flush=True)
        """
    )
    assert done.returncode == 0, done.stderr
    found = {run["name"]: (script.root / "runs" / run["id"] / "console.log").read_text() for run in script.runs()}
    assert found == {
        **{f"after-{number}": f"{number}\nb\n" for number in range(3)},
        "at-once-0": "both\n",
        "at-once-1": "both\n",
    }
