"""`runicorn compact` on real runs: packed, read as before, gone on with, and never while something records."""

import subprocess
import sys
import time

from tests.support.recorded import only_run

from runicorn.storage.points import PointStore
from runicorn.storage.tensorboard.overlay import OverlayFiles

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
    files = OverlayFiles(script.root, tmp_path / "cache")
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
        def slow(folder):
            print("packing", flush=True)
            input()
            return pack(folder)
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


def test_an_unknown_run_is_named(script):
    script.root.mkdir()
    done = compact(script, "nothing")
    assert (done.returncode, "There is no run nothing." in done.stderr) == (1, True)
