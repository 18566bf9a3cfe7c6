"""`runicorn compact` on real runs: packed, read as before, gone on with, and never while something records."""

import json
import os
import subprocess
import sys
import time

import pytest
from tests.support.recorded import only_run

from runicorn.storage import compaction
from runicorn.storage.mirroring.overlay import open_folder
from runicorn.storage.ownership import PassingOwnership
from runicorn.storage.points import PointStore

posix = pytest.mark.skipif(os.name == "nt", reason="needs fork, or pipes with a name")

RECORD = """
    import runicorn as rn
    run = rn.init("packed", id="r", resume="allow")
    for step in range(1000):
        rn.log({"loss": step / 7, "accuracy": 1 - step / 1000})
    """


def compact(script, *arguments):
    return subprocess.run(
        [sys.executable, "-m", "runicorn", "compact", "--root", str(script.root), *arguments],
        env=script.environ(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def loss(script, tmp_path):
    files = open_folder(script.root, tmp_path / "cache")
    try:
        return PointStore(files).read("r", ["loss"]).columns["loss"].value.tolist()
    finally:
        files.close()


def test_a_packed_run_reads_as_before_and_goes_on(script, tmp_path):
    assert script.run(RECORD).returncode == 0
    folder = script.root / "runs" / "r"
    before = (folder / "metrics.bin").stat().st_size
    done = compact(script)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Packed 1 runs: 64.0 kB are now ")
    assert not (folder / "metrics.bin").exists()
    assert (folder / "metrics.bin.packed").stat().st_size < before / 2
    assert loss(script, tmp_path) == [step / 7 for step in range(1000)]
    assert only_run(script.root).state.value == "finished"
    again = script.run(RECORD)
    assert again.returncode == 0, again.stderr
    assert loss(script, tmp_path) == [step / 7 for step in range(1000)] * 2
    assert not (folder / "metrics.bin.packed").exists()


def test_a_run_that_is_being_recorded_is_left_alone(script, tmp_path):
    process = script.start(RECORD + "print('up', flush=True); input(); rn.log({'loss': -1.0})")
    process.stdout.readline()
    done = compact(script, "r")
    assert "Left alone: r is being recorded into." in done.stderr
    process.communicate("\n", timeout=20)
    assert loss(script, tmp_path)[-1] == -1.0


def test_a_script_that_goes_on_while_its_run_is_packed_loses_nothing(script, tmp_path):
    assert script.run(RECORD).returncode == 0
    packer = script.start(
        """
        import os, sys, time
        from pathlib import Path
        from runicorn.storage import compaction
        pack = compaction.pack_run
        def slow(*args, **more):
            print("packing", flush=True)
            input()
            return pack(*args, **more)
        compaction.pack_run = slow
        print(compaction.compact_run(Path(os.environ["RUNICORN_ROOT"]), "r"), flush=True)
        """
    )
    assert packer.stdout.readline() == "packing\n"
    other = script.start(RECORD.replace("range(1000)", "range(1000, 1010)") + "print('up', flush=True); input()")
    assert other.stdout.readline() == "up\n"
    packer.communicate("\n", timeout=20)
    other.communicate("\n", timeout=20)
    assert sorted(loss(script, tmp_path)) == [step / 7 for step in range(1010)]


def test_killed_while_packing_loses_nothing(script, tmp_path):
    assert script.run(RECORD).returncode == 0
    for at in range(12):
        packer = script.start(
            """
            import os
            from pathlib import Path
            from runicorn.storage import compaction
            print("up", flush=True)
            while True:
                compaction.compact_run(Path(os.environ["RUNICORN_ROOT"]), "r")
                compaction.unpack_run(Path(os.environ["RUNICORN_ROOT"]) / "runs" / "r")
            """
        )
        packer.stdout.readline()
        time.sleep(0.013 * at)
        packer.kill()
        packer.wait(timeout=20)
        assert loss(script, tmp_path) == [step / 7 for step in range(1000)]
    assert compact(script).returncode == 0
    assert loss(script, tmp_path) == [step / 7 for step in range(1000)]


WRITER = """
    import os
    import runicorn as rn
    from runicorn.sdk import run
    run.STATUS_EVERY_SECS = 0.05
    rn.init(id="r", resume="allow")
    def log():
        for step in range(100):
            rn.log({NAME: step})
    log()
    print("up", flush=True)
    input()
    log()
    """


def start_writer(script, name):
    """Start a process that logs 100 points, and 100 more when it is told to."""
    process = script.start(WRITER.replace("NAME", f"{name!r}"))
    assert process.stdout.readline() == "up\n"
    return process


def tell(process):
    process.communicate("\n", timeout=30)
    assert process.returncode == 0


def points(script, tmp_path, name):
    files = open_folder(script.root, tmp_path / "cache")
    try:
        return PointStore(files).read("r", [name]).columns[name].value.tolist()
    finally:
        files.close()


TWICE = [float(step) for step in range(100)] * 2


def test_a_rank_that_outlives_the_runs_owner_loses_nothing(script, tmp_path):
    owner = start_writer(script, "a")
    rank = start_writer(script, "b")
    tell(owner)
    assert only_run(script.root).state.value == "finished"
    done = compact(script)
    assert "Left alone: r/metrics.rank1.bin is being recorded into." in done.stderr
    assert done.stdout.startswith("Packed 1 runs: 6.4 kB")  # what the owner closed
    tell(rank)
    assert points(script, tmp_path, "b") == TWICE
    assert only_run(script.root).state.value == "finished"
    assert compact(script).stderr == ""
    # On a busy machine, the owner had begun to sample that machine, and ended before there was a sample.
    assert not [file.name for file in (script.root / "runs/r").glob("*.bin") if file.stat().st_size]
    assert (points(script, tmp_path, "a"), points(script, tmp_path, "b")) == (TWICE, TWICE)


def test_a_clock_that_was_set_lets_no_live_run_be_packed(script, tmp_path):
    """The boot time in /proc/stat, and with it every start in unix seconds, moves with the clock."""
    process = start_writer(script, "a")
    done = script.run(
        """
        import builtins, io, os
        from pathlib import Path
        real = open
        def set_ahead(path, *args, **kwargs):
            file = real(path, *args, **kwargs)
            if str(path) != "/proc/stat":
                return file
            with file:
                lines = file.read().splitlines()
            return io.BytesIO(b"".join(
                b"btime %d\\n" % (int(line.split()[1]) + 10) if line.startswith(b"btime") else line + b"\\n"
                for line in lines
            ))
        builtins.open = set_ahead
        from runicorn.storage.compaction import compact_run
        print(compact_run(Path(os.environ["RUNICORN_ROOT"]), "r"))
        """
    )
    assert done.returncode == 0, done.stderr
    assert (script.root / "runs/r/metrics.bin").exists(), done.stdout
    tell(process)
    assert points(script, tmp_path, "a") == TWICE


@posix
def test_a_forked_child_that_outlives_its_parents_run_loses_nothing(script, tmp_path):
    """A child has a claim of its own: its parent's end takes only the parent's back."""
    process = script.start(
        """
        import os
        import runicorn as rn
        run = rn.init(id="r")
        rn.log({"a": 1})
        child = os.fork()
        if child == 0:
            rn.log({"b": 1})
            print("up", flush=True)
            input()
            rn.log({"b": 2})
            rn.finish()
            os._exit(0)
        while not os.path.exists(run.dir / ".writer-metrics.rank1.bin"):
            pass
        rn.finish()
        print("finished", flush=True)
        os.waitpid(child, 0)
        """
    )
    assert {process.stdout.readline(), process.stdout.readline()} == {"up\n", "finished\n"}
    folder = script.root / "runs/r"
    assert [path.name for path in folder.glob(".writer-*")] == [".writer-metrics.rank1.bin"]
    assert "Left alone: r/metrics.rank1.bin is being recorded into." in compact(script).stderr
    tell(process)
    assert (points(script, tmp_path, "a"), points(script, tmp_path, "b")) == ([1.0], [1.0, 2.0])
    assert not list(folder.glob(".writer-*"))


def test_a_killed_writer_holds_nobody_up_for_long(script, tmp_path):
    owner, rank = start_writer(script, "a"), start_writer(script, "b")
    tell(owner)
    rank.kill()
    rank.wait(timeout=20)
    claim = script.root / "runs/r/.writer-metrics.rank1.bin"
    assert "was recorded into less than a minute ago by process" in compact(script).stderr
    os.utime(claim, (time.time() - 61,) * 2)
    assert compact(script).stderr == ""
    assert not claim.exists()
    assert points(script, tmp_path, "b") == TWICE[:100]


def test_a_writer_that_cannot_be_asked_is_given_a_day(script):
    """One on another machine, or in another container, may have been put to sleep."""
    owner, rank = start_writer(script, "a"), start_writer(script, "b")
    tell(owner)
    folder = script.root / "runs/r"
    rank.kill()
    rank.wait(timeout=20)
    claim = json.loads((folder / ".writer-metrics.rank1.bin").read_text())
    (folder / ".writer-metrics.rank1.bin").write_text(json.dumps({**claim, "host": "gpu-7"}))
    done = compact(script)
    assert f"r/metrics.rank1.bin was recorded into less than a day ago by process {rank.pid} on gpu-7" in done.stderr
    for name in (".writer-metrics.rank1.bin", "metrics.rank1.bin"):
        os.utime(folder / name, (time.time() - 90_000,) * 2)
    assert compact(script).stderr == ""
    assert (folder / "metrics.rank1.bin.packed").exists()


def test_what_grows_while_it_is_packed_is_left_alone(script, tmp_path, monkeypatch):
    """By a writer of an older version, which makes no claim."""
    assert script.run(RECORD).returncode == 0
    plain = script.root / "runs/r/metrics.bin"
    more = plain.read_bytes()[:64]
    for moment in ("unpacked", "_check_unchanged"):
        real = getattr(compaction, moment)

        def grown(*args, real=real):
            found = real(*args)
            with plain.open("ab") as file:
                file.write(more)
            return found

        with monkeypatch.context() as patched:
            patched.setattr(compaction, moment, grown)
            before = plain.stat().st_size
            assert compaction.compact_run(script.root, "r").left == ("metrics.bin has grown while it was packed",)
        assert plain.stat().st_size == before + 64
        assert not plain.with_name("metrics.bin.packed").exists()


def test_a_rank_that_joins_a_packed_run_hides_nothing_of_an_earlier_rank(script, tmp_path):
    owner, rank = start_writer(script, "a"), start_writer(script, "b")
    tell(owner)
    tell(rank)
    assert compact(script).stderr == ""
    owner, rank = start_writer(script, "a"), start_writer(script, "b")
    assert (script.root / "runs/r/metrics.rank1.bin.packed").exists()
    tell(owner)
    tell(rank)
    for _ in range(2):
        assert (points(script, tmp_path, "a"), sorted(points(script, tmp_path, "b"))) == (TWICE * 2, sorted(TWICE * 2))
        assert compact(script).stderr == ""


@pytest.mark.parametrize("name", ["run.json", "status.json"])
def test_a_run_that_cannot_be_read_is_left_alone(script, name):
    assert script.run(RECORD).returncode == 0
    path = script.root / "runs/r" / name
    path.unlink()
    path.mkdir()
    assert "r cannot be read: Is a directory" in compact(script, "r").stderr
    assert (script.root / "runs/r/metrics.bin").exists()


@posix
@pytest.mark.timeout(60)
def test_a_pipe_among_the_files_hangs_nobody(script):
    assert script.run(RECORD).returncode == 0
    folder = script.root / "runs/r"
    os.mkfifo(folder / "metrics.rank1.bin")
    os.mkfifo(folder / ".writer-metrics.bin")
    done = compact(script)
    assert "r/metrics.bin may be recorded into; its claim cannot be read: is no file." in done.stderr
    assert "r/metrics.rank1.bin cannot be read: is no file." in done.stderr
    (folder / ".writer-metrics.bin").unlink()
    assert compact(script).returncode == 0
    assert (folder / "metrics.bin.packed").exists()


def test_a_packer_that_was_taken_for_dead_removes_nothing(script):
    assert script.run(RECORD).returncode == 0
    folder = script.root / "runs/r"
    (folder / ".owner-1").touch()
    (folder / ".owner-2").touch()  # somebody went on with the run after a minute without a sign of the packer
    done = compaction.pack_run(folder, PassingOwnership(folder, 1).holds)
    assert done.left == ("metrics.bin belongs to a process that went on with the run meanwhile",)
    assert (folder / "metrics.bin").exists()


def test_a_process_whose_file_was_taken_from_it_goes_on_in_another(script, tmp_path):
    """As one that slept for more than a day, and was taken for gone by another machine."""
    process = start_writer(script, "a")
    folder = script.root / "runs/r"
    (folder / "metrics.bin").rename(folder / "metrics.bin.packed")
    (folder / ".writer-metrics.bin").unlink()
    beats, deadline = set(), time.monotonic() + 20
    while len(beats) < 4:  # its background thread has looked
        assert time.monotonic() < deadline
        beats.add((folder / "status.json").stat().st_mtime_ns)
    tell(process)
    assert (folder / "metrics.rank1.bin").stat().st_size == 3200


def test_a_process_whose_runs_folder_is_moved_goes_on_where_it_is(script):
    process = start_writer(script, "a")
    folder, moved = script.root / "runs/r", script.root / "runs/moved"
    folder.rename(moved)
    time.sleep(0.3)  # its background thread looks six times
    tell(process)
    assert (moved / "metrics.bin").stat().st_size == 6400


def test_an_unknown_run_is_named(script):
    script.root.mkdir()
    done = compact(script, "nothing")
    assert (done.returncode, "There is no run nothing." in done.stderr) == (1, True)
