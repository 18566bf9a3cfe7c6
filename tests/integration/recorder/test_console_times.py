"""When output was written, kept by real scripts: killed, gone on with, forked, of several ranks, redirected."""

import os
import signal
import time

import pytest
from tests.support.recorded import only_run

from runicorn.storage.output_times import decode


def times_of(script):
    """Return pairs of time and the text that begins there, up to the next entry, and the whole output."""
    folder = script.root / "runs" / only_run(script.root).id
    log = (folder / "console.log").read_bytes()
    found = decode((folder / "console.times").read_bytes(), len(log))
    ends = [*found.offsets.tolist()[1:], len(log)]
    pieces = [log[start:end].decode() for start, end in zip(found.offsets.tolist(), ends, strict=True)]
    return list(zip(found.times.tolist(), pieces, strict=True)), log.decode()


def test_what_was_printed_before_a_kill_has_its_time(script):
    process = script.start("""
        import time
        import runicorn as rn
        run = rn.init(system_metrics=False)
        for at in range(1000):
            print(f"line {at}", flush=True)
            time.sleep(0.3)
    """)
    before = time.time()
    while "line 9" not in process.stdout.readline():
        pass
    process.kill()
    process.wait()
    pieces, log = times_of(script)
    assert "".join(text for _, text in pieces) == log
    assert all(before - 1 <= at <= time.time() for at, _ in pieces)
    assert [round(at - pieces[0][0]) for at, _ in pieces[:3]] == [0, 1, 2]


def test_a_run_that_is_gone_on_with_keeps_both_times(script):
    code = 'import runicorn as rn\nwith rn.init(id="r", resume="allow", system_metrics=False): print("WORD")'
    script.run(code.replace("WORD", "first"))
    time.sleep(1.2)
    script.run(code.replace("WORD", "second"))
    (first, text), (second, more) = times_of(script)[0]
    assert (text, more) == ("first\n", "second\n")
    assert second - first > 1


def test_a_file_per_run_is_enough_for_all_ranks_and_children(script):
    """Further writers have no console; a forked child prints into the owner's."""
    done = script.run("""
        import os, sys, time, warnings
        import runicorn as rn
        warnings.simplefilter("ignore")  # new Pythons warn of a fork beside threads, into the same output
        run = rn.init(system_metrics=False)
        print("parent", flush=True)
        time.sleep(1.1)
        if os.fork() == 0:
            print("child", flush=True)
            os._exit(0)
        os.wait()
        time.sleep(1.1)
        print("parent again", flush=True)
        joined = rn.init(id=run.id, resume="must")
    """)
    assert done.returncode == 0, done.stderr
    pieces, _ = times_of(script)
    assert [text.split("\n")[0] for _, text in pieces] == ["parent", "child", "parent again"]
    assert [at for at, _ in pieces] == sorted(at for at, _ in pieces)


def test_redirected_output_is_timed_as_any(script):
    script.run("""
        import contextlib, io, sys
        import runicorn as rn
        with rn.init(system_metrics=False):
            with contextlib.redirect_stdout(io.StringIO()):
                print("to nobody")
            print("to all")
    """)
    pieces, log = times_of(script)
    assert "to all" in log
    assert "".join(text for _, text in pieces) == log


def test_a_progress_bar_costs_an_entry_a_second_at_most(script):
    began = time.time()
    script.run("""
        import sys, time
        import runicorn as rn
        with rn.init(system_metrics=False):
            for at in range(20_000):
                sys.stderr.write(f"\\r{at}/20000")
                if at % 50 == 0:
                    print("step", at)
                    time.sleep(0.005)
    """)
    pieces, _ = times_of(script)
    assert len(pieces) <= time.time() - began + 2


@pytest.mark.skipif(os.name == "nt", reason="needs POSIX signals")
def test_a_handler_that_prints_in_the_middle_of_a_print_spoils_nothing(script):
    process = script.start("""
        import signal
        import runicorn as rn
        run = rn.init(system_metrics=False)
        signal.signal(signal.SIGUSR1, lambda *_: print("from the handler"))
        print("up", flush=True)
        while True:
            print("x" * 100)
    """)
    assert process.stdout.readline() == "up\n"
    for _ in range(30):
        process.send_signal(signal.SIGUSR1)
        for _ in range(200):
            process.stdout.readline()
    process.kill()
    process.wait()
    pieces, log = times_of(script)
    assert "from the handler" in log
    assert "".join(text for _, text in pieces) == log
    assert (script.root / "runs" / only_run(script.root).id / "console.times").stat().st_size % 16 == 0
