"""Artifacts whose writing is broken off or done by several at once: nothing is ever half there."""

import errno
import json
import os
import random
import signal
import time
from hashlib import sha256

import pytest
from tests.support.artifacts import blobs, partial_files, write

import runicorn as rn
from runicorn.storage.artifacts import catalogue, copying, names, partials
from runicorn.storage.files import LocalFiles

posix = pytest.mark.skipif(os.name == "nt", reason="needs POSIX signals, links or limits")
MEGABYTE = 1024 * 1024


def test_a_file_that_changes_once_while_it_is_copied_is_copied_again(run, tmp_path, monkeypatch):
    source = tmp_path / "growing"
    source.write_bytes(b"x" * (3 * MEGABYTE))
    changes = iter([b"more"])

    def change(self, size):
        for more in changes:
            with source.open("ab") as file:
                file.write(more)

    monkeypatch.setattr("runicorn.progress_line.ProgressLine.__call__", change)
    logged = run.log_artifact(source)
    assert logged.get_path("growing").read_bytes() == source.read_bytes()


def test_a_file_that_never_rests_is_not_stored(run, tmp_path, monkeypatch):
    source = tmp_path / "growing"
    source.write_bytes(b"x" * (2 * MEGABYTE))

    def change(self, size):
        if size > 0:
            with source.open("ab") as file:
                file.write(b"more")

    monkeypatch.setattr("runicorn.progress_line.ProgressLine.__call__", change)
    logged = run.log_artifact(source)
    assert "was written to while it was copied" in logged.error
    root = run.dir.parents[1]
    assert (partial_files(root), blobs(root)) == ([], [])


KILLED_IN_THE_MIDDLE = """
    import os, signal
    import runicorn as rn
    from runicorn import progress_line as progress
    done = 0
    def kill(self, size):
        global done
        done += size
        if done >= 5 * 1024 * 1024:
            os.kill(os.getpid(), signal.{signal})
    progress.ProgressLine.__call__ = kill
    rn.init()
    rn.log_artifact({path!r}, name="big")
"""


@posix
@pytest.mark.parametrize("damage", [False, True], ids=["as it was", "damaged since"])
def test_a_copy_that_was_killed_goes_on_where_it_was(script, tmp_path, damage):
    big = tmp_path / "big.bin"
    big.write_bytes(os.urandom(MEGABYTE) * 12)
    assert script.run(KILLED_IN_THE_MIDDLE.format(path=str(big), signal="SIGKILL")).returncode == -signal.SIGKILL
    (partial,) = partial_files(script.root)
    assert catalogue.artifact_names(LocalFiles(script.root)) == []
    before = partial.stat()
    assert before.st_size >= 5 * MEGABYTE
    if damage:
        with partial.open("r+b") as file:
            file.seek(2 * MEGABYTE + 5)
            file.write(b"garbage")
    with rn.init(root=script.root) as run:
        logged = run.log_artifact(big, name="big")
    assert partial_files(script.root) == []
    assert logged.get_path("big.bin").read_bytes() == big.read_bytes()
    assert logged.get_path("big.bin").stat().st_ino == before.st_ino


def test_a_partial_belongs_to_its_process_for_as_long_as_that_lives(script, tmp_path):
    source, place = write(tmp_path / "source", "x"), tmp_path / "partial"
    other = script.start(
        f"""
        from pathlib import Path
        from runicorn.storage.artifacts import copying, partials
        source = Path({str(source)!r})
        mine = partials.claim(Path({str(place)!r}), source, copying.Identity.of(source.stat()))
        mine.write_text("part")
        print("up", flush=True)
        input()
        """
    )
    assert other.stdout.readline() == "up\n"
    identity = copying.Identity.of(source.stat())
    assert not partials.claim(place, source, identity).exists()
    other.kill()
    other.wait(timeout=10)
    assert partials.claim(place, source, identity).read_text() == "part"


@pytest.mark.parametrize(
    ("place", "old", "young"),
    [
        ("blobs/partial", "a", "b"),
        ("model", ".v3.json.1.2.tmp", ".v3.json.2.2.tmp"),
        ("model/aliases", ".a.tmp", ".b.tmp"),
    ],
)
def test_what_killed_processes_left_is_gone_after_a_day(run, tmp_path, place, old, young):
    folder = run.dir.parents[1] / "artifacts" / place
    folder.mkdir(parents=True)
    for name, age in ((old, partials.STALE_SECS + 60), (young, 60)):
        path = write(folder / name, "x")
        os.utime(path, (path.stat().st_atime - age, path.stat().st_mtime - age))
    run.log_artifact(write(tmp_path / "model", "x"))
    assert [path.name for path in folder.iterdir() if path.name in (old, young)] == [young]


@posix
def test_ctrl_c_leaves_nothing_half_done(script, tmp_path):
    big = tmp_path / "big.bin"
    big.write_bytes(os.urandom(MEGABYTE) * 12)
    done = script.run(KILLED_IN_THE_MIDDLE.format(path=str(big), signal="SIGINT"))
    assert "KeyboardInterrupt" in done.stderr
    assert (partial_files(script.root), blobs(script.root)) == ([], [])
    assert catalogue.artifact_names(LocalFiles(script.root)) == []


EIGHT_AT_ONCE = """
    import os, sys
    import runicorn as rn
    if {links} is False:
        def refuse(*args):
            raise OSError(95, "no links here")
        os.link = refuse
    rn.init()
    print("ready", flush=True)
    input()
    for turn in range(5):
        with open({path!r} + str(os.getpid()), "w") as file:
            file.write({content})
        artifact = rn.Artifact("shared")
        artifact.add_file(file.name, "weights")
        logged = rn.log_artifact(artifact, aliases=["best"])
        print(logged, flush=True)
"""


def at_once(script, tmp_path, content, links):
    code = EIGHT_AT_ONCE.format(path=str(tmp_path / "source"), content=content, links=links)
    processes = [script.start(code) for _ in range(8)]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.write("\n")
        process.stdin.flush()
    return [line for process in processes for line in process.communicate(timeout=60)[0].split()]


@pytest.mark.parametrize("links", [True, False], ids=["links", "no links"])
def test_eight_processes_at_once_get_a_version_each(script, tmp_path, links):
    got = at_once(script, tmp_path, "f'{os.getpid()} {turn}'", links)
    assert sorted(got) == sorted(f"shared:v{number}" for number in range(40))
    files = LocalFiles(script.root)
    found = catalogue.artifact(files, "shared")
    assert [version.number for version in found.versions] == list(range(40))
    assert len({version.digest for version in found.versions}) == 40
    assert found.aliases["latest"] == 39
    assert f"shared:v{found.aliases['best']}" in got
    assert not list((script.root / "artifacts").rglob("*.tmp"))


def test_eight_processes_with_the_same_content_share_one_version(script, tmp_path):
    assert set(at_once(script, tmp_path, "'the same'", True)) == {"shared:v0"}
    assert len(blobs(script.root)) == 1


@posix
def test_processes_that_are_killed_at_any_moment_leave_only_whole_versions(script, tmp_path):
    code = f"""
        import os
        import runicorn as rn
        rn.init(system_metrics=False)
        print("ready", flush=True)
        turn = 0
        while True:
            turn += 1
            path = {str(tmp_path / "source")!r} + str(os.getpid())
            with open(path, "wb") as file:
                file.write(os.urandom(8) * (turn % 5) * 100_000)
            artifact = rn.Artifact("shared")
            artifact.add_file(path, "weights")
            artifact.add_file({str(tmp_path / "same")!r})
            rn.log_artifact(artifact, aliases=["best"])
        """
    write(tmp_path / "same", "the same in all of them")
    chance, files = random.Random(1), LocalFiles(script.root)
    for _ in range(20):  # three are enough where nothing else needs the machine
        if len(catalogue.version_numbers(files, "shared")) > 20:
            break
        processes = [script.start(code) for _ in range(4)]
        for process in processes:
            assert process.stdout.readline() == "ready\n"
        for process in processes:
            time.sleep(chance.uniform(0.02, 0.15))
            process.kill()
            process.wait(timeout=10)
    found = catalogue.artifact(files, "shared")
    assert len(found.versions) > 20
    assert [version.number for version in found.versions] == catalogue.version_numbers(files, "shared")
    for version in found.versions:
        for entry in version.content.files:
            assert sha256(files.read(names.blob_path(entry.sha256))).hexdigest() == entry.sha256
    with rn.init(root=script.root) as run:
        assert run.use_artifact("shared:best").stored
        assert run.log_artifact(tmp_path / "same", name="shared").version == f"v{found.versions[-1].number + 1}"


def test_a_number_whose_file_was_never_completed_is_passed_over(run, tmp_path):
    model = write(tmp_path / "model", "1")
    run.log_artifact(model)
    (run.dir.parents[1] / "artifacts/model/v1.json").write_text('{"files": [')
    assert run.use_artifact("model").version == "v0"
    assert run.log_artifact(model).version == "v0"
    assert run.log_artifact(write(model, "2")).version == "v2"


def test_an_answer_that_nfs_lost_is_no_refusal(tmp_path, monkeypatch):
    link = os.link

    def linked_but_refused(source, target):
        link(source, target)
        raise FileExistsError(errno.EEXIST, "exists")

    monkeypatch.setattr(os, "link", linked_but_refused)
    with rn.init(root=tmp_path / "root") as run:
        assert [run.log_artifact(write(tmp_path / "m", text)).version for text in "ab"] == ["v0", "v1"]


@posix
def test_a_full_disk_costs_the_artifact_and_nothing_else(script, tmp_path):
    (tmp_path / "big.bin").write_bytes(b"x" * MEGABYTE)
    done = script.run(
        f"""
        import resource
        import runicorn as rn
        run = rn.init()
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))
        for _ in range(3):
            logged = rn.log_artifact({str(tmp_path / "big.bin")!r})
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        rn.log({{"loss": 1}})
        print(logged.stored, logged.error)
        """
    )
    assert (done.returncode, done.stdout) == (0, "False File too large.\n")
    assert done.stderr.count("was not stored") == 1
    (status,) = (json.loads(path.read_text()) for path in script.root.glob("runs/*/status.json"))
    assert status["warnings"] == {"artifact:big.bin": 3}
    assert status["metrics"]["loss"]["last"] == 1
    assert (partial_files(script.root), blobs(script.root)) == ([], [])
