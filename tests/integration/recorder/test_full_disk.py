"""A disk that is full for a while costs what was written meanwhile, and nothing of what comes before or after.

The limit of a file's size stands for the disk: it cuts a write short at any byte, for every user.
"""

import json
import os
import textwrap

import pytest

from runicorn.storage.files import LocalFiles
from runicorn.storage.points import PointStore

pytestmark = pytest.mark.skipif(os.name == "nt", reason="needs RLIMIT_FSIZE")

LIMIT = """
import os, resource, sys
from pathlib import Path
import runicorn as rn

def room(more, path=None):
    "Let no file grow beyond the size of this one and so many bytes; None takes that back."
    size = resource.RLIM_INFINITY if more is None else path.stat().st_size + more
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
"""


def run_limited(script, code):
    done = script.run(LIMIT + textwrap.dedent(code))
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def lines(path):
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def the_run(script):
    (folder,) = (script.root / "runs").iterdir()
    return folder


@pytest.mark.parametrize("more", [1, 9, 40, 90])
def test_an_event_that_is_cut_short_spoils_none_that_come_later(script, more):
    run_limited(
        script,
        f"""
        run = rn.init(console=False)
        run.alert("before")
        room({more}, run.dir / "events.jsonl")
        run.alert("lost")
        run.log({{"note": "lost as well"}})
        room(None)
        run.alert("after")
        run.log({{"note": "a text"}})
        run.finish()
        """,
    )
    found = lines(the_run(script) / "events.jsonl")
    assert [event.get("title") or event["items"][0]["text"] for event in found] == ["before", "after", "a text"]


def test_points_of_a_call_that_is_cut_short_are_lost_together_and_not_counted(script):
    said = run_limited(
        script,
        """
        run = rn.init()
        run.log({"a": 1, "b": 2, "c": 3})
        room(2 * 32 + 16, run.dir / "metrics.bin")
        run.log({"a": 4, "b": 5, "c": 6})
        size = (run.dir / "metrics.bin").stat().st_size
        room(None)
        run.log({"a": 7, "b": 8})
        run.finish()
        print(size)
        """,
    )
    assert said == ["96"]
    folder = the_run(script)
    counted = {
        name: each["count"] for name, each in json.loads((folder / "status.json").read_bytes())["metrics"].items()
    }
    stats = PointStore(LocalFiles(script.root)).stats(folder.name)
    assert counted == {name: each.count for name, each in stats.metrics.items()} == {"a": 2, "b": 2, "c": 1}
    assert stats.skipped == 0


def test_a_name_that_is_cut_short_neither_spoils_another_nor_is_left_torn(script):
    said = run_limited(
        script,
        """
        run = rn.init(console=False, system_metrics=False)
        run.log({"a": 1})
        for _ in range(40):  # the largest file is the one of the names
            run.log({"x" * 200 + str(_): 1.0})
        names = run.dir / "metrics.keys"
        size = names.stat().st_size
        room(5, names)
        run.log({"validation": 1.0})
        print(names.stat().st_size - size)
        room(None)
        run.log({"f1": 2.0})
        run.log({"validation": 3.0})
        run.finish()
        """,
    )
    assert said == ["0"]
    folder = the_run(script)
    names = lines(folder / "metrics.keys")
    assert len(names) == len(set(names)) == 43
    points = PointStore(LocalFiles(script.root)).read(folder.name, ["f1", "validation"]).columns
    assert {name: column.value.tolist() for name, column in points.items()} == {"f1": [2.0], "validation": [3.0]}


def test_a_print_that_is_cut_short_stays_as_far_as_it_came_and_the_next_begins_a_line(script):
    run_limited(
        script,
        """
        run = rn.init(system_metrics=False)
        print("x" * 2000)
        room(8, run.dir / "console.log")
        print("epoch: \\u20ac\\u20ac")
        print("lost")
        room(None)
        print("epoch 2")
        run.finish()
        """,
    )
    folder = the_run(script)
    assert (folder / "console.log").read_text(encoding="utf-8").splitlines()[1:] == ["epoch: \u20ac", "epoch 2"]
    assert json.loads((folder / "status.json").read_bytes())["warnings"]["console-lost"] >= 1


def test_an_end_of_a_line_that_is_lost_comes_with_the_next_print(script):
    run_limited(
        script,
        """
        run = rn.init(system_metrics=False)
        print("x" * 2000)
        room(7, run.dir / "console.log")
        print("epoch 1")
        room(None)
        print("epoch 2")
        run.finish()
        """,
    )
    assert (the_run(script) / "console.log").read_text().splitlines()[1:] == ["epoch 1", "epoch 2"]


def test_the_events_of_a_forked_child_are_whole_too(script):
    run_limited(
        script,
        """
        run = rn.init(console=False)
        child = os.fork()
        if child == 0:
            run.alert("before")
            room(9, run.dir / "events.rank1.jsonl")
            run.alert("lost")
            room(None)
            run.alert("after")
            os._exit(0)
        os.waitpid(child, 0)
        """,
    )
    assert [event["title"] for event in lines(the_run(script) / "events.rank1.jsonl")] == ["before", "after"]


@pytest.mark.parametrize("torn", [b'{"type":"te', b'{"type":"text"}'])
def test_a_line_that_a_killed_process_left_torn_spoils_nothing_of_who_goes_on(script, torn):
    first = (
        'import os, runicorn as rn; run = rn.init(id="r"); run.alert("one"); run.log({"a": 1}); os.kill(os.getpid(), 9)'
    )
    script.run(first)
    folder = the_run(script)
    for name, rest in (("events.jsonl", torn), ("metrics.keys", b'"vali'), ("metrics.bin", b"RNS1\0\0")):
        with (folder / name).open("ab") as file:
            file.write(rest)
    done = script.run(
        """
        import runicorn as rn
        run = rn.init(id="r", resume="must")
        run.log({"f1": 2.0, "a": 3})
        run.alert("two")
        """
    )
    assert done.returncode == 0, done.stderr
    found = [json.loads(line) for line in (folder / "events.jsonl").read_bytes().splitlines() if line != b'{"type":"te']
    assert [event["type"] for event in found if event["type"] != "text"] == ["alert", "resume", "alert"]
    points = PointStore(LocalFiles(script.root)).read("r", ["f1", "a"]).columns
    assert {name: column.value.tolist() for name, column in points.items()} == {"f1": [2.0], "a": [1.0, 3.0]}
    assert PointStore(LocalFiles(script.root)).stats("r").skipped == 0


def test_a_run_whose_names_were_torn_can_be_gone_on_with_on_a_full_disk(script):
    script.run('import os, runicorn as rn; run = rn.init(id="r"); run.log({"a": 1}); os.kill(os.getpid(), 9)')
    with (the_run(script) / "metrics.keys").open("ab") as file:
        file.write(b'"' + b"x" * 5000)
    said = run_limited(
        script,
        f"""
        room(0, Path({str(the_run(script) / "metrics.keys")!r}))
        run = rn.init(id="r", resume="must", console=False, system_metrics=False)
        run.log({{"a": 2}})
        print(run.step)
        """,
    )
    assert said == ["1"]
