"""Artifacts as training scripts log and use them: at once, broken off, on a full disk; nothing is ever half there."""

import errno
import json
import os
import random
import signal
import stat
import time
from hashlib import sha256
from pathlib import Path

import pytest

import runicorn as rn
from runicorn.errors import (
    ArtifactDamagedError,
    ArtifactNotFoundError,
    ArtifactNotStoredError,
    TargetNotUsableError,
    UsageError,
)
from runicorn.storage.artifacts import catalogue, copying, download, names, partials
from runicorn.storage.files import LocalFiles

posix = pytest.mark.skipif(os.name == "nt", reason="needs POSIX signals, links or limits")
MEGABYTE = 1024 * 1024


@pytest.fixture
def run(tmp_path):
    with rn.init(root=tmp_path / "root") as opened:
        yield opened


@pytest.fixture
def folder(tmp_path):
    place = tmp_path / "data"
    (place / "weights").mkdir(parents=True)
    (place / "empty").mkdir()
    (place / "weights" / "模型.bin").write_bytes(bytes(range(256)) * 10)
    (place / "nothing").touch()
    return place


def write(path, content):
    path.write_text(content)
    return path


def events(run):
    return [json.loads(line) for line in (run.dir / "events.jsonl").read_text().splitlines()]


def partial_files(root):
    return list((root / "artifacts/blobs/partial").glob("*"))


def blobs(root):
    return [path for path in (root / "artifacts/blobs").glob("??/*") if path.is_file()]


def warnings_of(run):
    run.finish()
    return json.loads((run.dir / "status.json").read_text())["warnings"]


def tree(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_folder_comes_back_as_it_was(run, folder, tmp_path):
    logged = run.log_artifact(folder, type="dataset", aliases=["best"])
    assert (str(logged), logged.stored, logged.aliases) == ("data:v0", True, ("best", "latest"))
    used = rn.use_artifact("data:best")
    assert [entry.path for entry in used.files] == ["nothing", "weights/模型.bin"]
    assert used.download(tmp_path / "copy") == tmp_path / "copy"
    assert tree(tmp_path / "copy") == tree(folder)
    assert (tmp_path / "copy" / "empty").is_dir()
    assert (used.digest, used.run, used.type) == (logged.digest, run.id, "dataset")


def test_the_run_tells_what_it_logged_and_used(run, tmp_path):
    run.log({"loss": 1}, step=4)
    run.log_artifact(write(tmp_path / "model.pt", "x"))
    run.use_artifact("model.pt")
    assert [(each["type"], each["action"], each["name"], each["version"], each["step"]) for each in events(run)] == [
        ("artifact", "log", "model.pt", "v0", 4),
        ("artifact", "use", "model.pt", "v0", 4),
    ]


def test_equal_content_makes_no_new_version_and_moves_the_aliases(run, tmp_path):
    model = write(tmp_path / "model", "one")
    assert str(run.log_artifact(model, aliases=["best"])) == "model:v0"
    assert str(run.log_artifact(write(model, "two"), aliases=["best"])) == "model:v1"
    again = run.log_artifact(model, aliases="good")
    assert (str(again), again.aliases) == ("model:v1", ("best", "good", "latest"))
    assert str(run.log_artifact(write(model, "one"), aliases=["best"])) == "model:v2"
    assert len(blobs(run.dir.parents[1])) == 2
    assert rn.use_artifact("model:v0").aliases == ()


def test_an_artifact_is_put_together_from_files_folders_and_new_files(run, folder, tmp_path):
    artifact = rn.Artifact("bundle", type="model", description="both", metadata={"acc": 0.9, "when": float("nan")})
    artifact.add_file(write(tmp_path / "readme", "hello"), name="docs/readme.txt")
    artifact.add_dir(folder, name="data")
    with artifact.new_file("notes.txt") as file:
        file.write("new ü")
    logged = rn.log_artifact(artifact)
    assert [entry.path for entry in logged.files] == [
        "data/nothing",
        "data/weights/模型.bin",
        "docs/readme.txt",
        "notes.txt",
    ]
    used = run.use_artifact("bundle")
    assert (used.description, used.type, used.metadata) == ("both", "model", {"acc": 0.9, "when": "NaN"})
    assert used.get_path("notes.txt").read_text(encoding="utf-8") == "new ü"
    assert used.file("docs/readme.txt", tmp_path / "one").read_text() == "hello"
    with pytest.raises(ArtifactNotFoundError) as error:
        used.get_path("nope")
    assert "docs/readme.txt" in error.value.hint


def test_a_download_goes_below_artifacts_here_unless_told_otherwise(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    logged = run.log_artifact(write(tmp_path / "model", "x"))
    assert (logged.download(), logged.file()) == (Path("artifacts/model-v0"), Path("artifacts/model-v0/model"))
    assert Path("artifacts/model-v0/model").read_text() == "x"


@pytest.mark.parametrize("name", ["../x", "/x", "C:\\x", ""])
def test_a_name_that_leaves_the_artifact_stores_nothing_and_training_goes_on(run, tmp_path, name, capsys):
    artifact = rn.Artifact("bad")
    artifact.add_file(write(tmp_path / "a", "x"), name=name or "a//b")
    logged = run.log_artifact(artifact)
    assert (logged.stored, logged.version, logged.files, logged.aliases) == (False, None, (), ())
    assert logged.error in capsys.readouterr().err
    assert warnings_of(run)["artifact:bad"] == 1


@pytest.mark.parametrize("given", [None, 3, b"\xff", object(), {"a": 1}, "\0", "x" * 5000])
def test_whatever_is_logged_as_an_artifact_training_goes_on(run, given):
    assert run.log_artifact(given).stored is False
    assert run.log_artifact(rn.Artifact(given)).files == ()


@pytest.mark.parametrize("aliases", [3, [None], [object()], ["latest", "v7"], ["a/b"], "x" * 500])
def test_whatever_the_aliases_are_the_version_is_there(run, tmp_path, aliases):
    assert str(run.log_artifact(write(tmp_path / "model", "x"), aliases=aliases)) == "model:v0"
    assert run.use_artifact("model:v0").stored


def test_what_was_not_stored_says_why_when_it_is_downloaded(run, tmp_path):
    logged = run.log_artifact(tmp_path / "missing.pt")
    assert "No such file" in logged.error
    for use in (logged.download, logged.file, lambda: logged.get_path("x")):
        with pytest.raises(ArtifactNotStoredError, match="No such file"):
            use()


@pytest.mark.parametrize(
    ("wanted", "hint"),
    [("nope", "holds model"), ("model:v7", "v0 to v1"), ("model:worst", "best"), ("model:v00", "v0 to v1")],
)
def test_using_what_is_not_there_says_what_there_is(run, tmp_path, wanted, hint):
    run.log_artifact(write(tmp_path / "model", "1"), aliases=["best"])
    run.log_artifact(write(tmp_path / "model", "2"))
    with pytest.raises(ArtifactNotFoundError) as error:
        run.use_artifact(wanted)
    assert hint in error.value.hint


def test_using_another_type_or_no_name_is_refused(run, tmp_path):
    run.log_artifact(write(tmp_path / "model", "1"), type="model")
    with pytest.raises(ArtifactNotFoundError, match="is a model, no dataset"):
        run.use_artifact("model", type="dataset")
    with pytest.raises(UsageError):
        run.use_artifact(":v1")
    with pytest.raises(ArtifactNotFoundError, match="no artifact"):
        rn.init(root=tmp_path / "empty").use_artifact("model")


@posix
def test_links_are_what_they_lead_to_and_what_is_no_file_is_left_out(run, folder, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    write(outside / "far.txt", "far")
    (folder / "link.txt").symlink_to(outside / "far.txt")
    (folder / "linked").symlink_to(outside)
    (folder / "weights" / "round").symlink_to(folder)
    (folder / "nowhere").symlink_to(folder / "gone")
    (folder / "circle").symlink_to("circle")
    os.mkfifo(folder / "pipe")
    logged = run.log_artifact(folder)
    assert [entry.path for entry in logged.files] == ["link.txt", "linked/far.txt", "nothing", "weights/模型.bin"]
    assert warnings_of(run)["artifact-left-out"] == 4


@posix
def test_a_pipe_is_refused_and_not_waited_for(run, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    assert "is no file" in run.log_artifact(tmp_path / "pipe").error


@posix
def test_names_that_are_no_utf8_are_kept_apart(run, tmp_path):
    place = tmp_path / "data"
    place.mkdir()
    for name in (b"a\xff", b"a\xfe", b"a\\b"):
        Path(os.fsdecode(os.fsencode(place) + b"/" + name)).write_bytes(name)
    assert [entry.path for entry in run.log_artifact(place).files] == ["a%5Cb", "a%FE", "a%FF"]


def test_ten_thousand_files_are_an_artifact_too(run, tmp_path):
    place = tmp_path / "many"
    for number in range(10_001):
        if number % 100 == 0:
            (place / f"{number // 100:03}").mkdir(parents=True)
        (place / f"{number // 100:03}" / f"{number}.txt").write_text(str(number % 500))
    logged = run.log_artifact(place)
    assert len(logged.files) == 10_001
    assert len(blobs(run.dir.parents[1])) == 500
    assert run.log_artifact(place).version == "v0"


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


def test_content_that_was_changed_on_disk_is_never_handed_out(run, tmp_path):
    logged = run.log_artifact(write(tmp_path / "model", "right"))
    logged.get_path("model").write_text("wrong")
    with pytest.raises(ArtifactDamagedError, match="has other content"):
        logged.download(tmp_path / "out")
    logged.get_path("model").write_text("longer than before")
    with pytest.raises(ArtifactDamagedError, match="has another size"):
        logged.download(tmp_path / "out")
    logged.get_path("model").unlink()
    with pytest.raises(ArtifactDamagedError, match="cannot be read"):
        logged.download(tmp_path / "out")
    assert tree(tmp_path / "out") == {}
    assert run.log_artifact(tmp_path / "model").version == "v0"  # and what was lost is there again
    assert logged.file("model", tmp_path / "out").read_text() == "right"


def test_a_download_keeps_what_is_right_and_mends_what_is_not(run, folder, tmp_path):
    logged = run.log_artifact(folder)
    target = logged.download(tmp_path / "out")
    write(target / "nothing", "something")
    write(target / "other", "not ours")
    kept = (target / "weights/模型.bin").stat()
    logged.download(target)
    assert (target / "weights/模型.bin").stat().st_ino == kept.st_ino
    assert tree(target) == {**tree(folder), "other": b"not ours"}


@posix
def test_a_download_never_follows_a_link_out_of_its_folder(run, folder, tmp_path):
    logged = run.log_artifact(folder)
    outside, target = tmp_path / "outside", tmp_path / "out"
    outside.mkdir()
    target.mkdir()
    (target / "weights").symlink_to(outside)
    with pytest.raises(TargetNotUsableError, match="is a link"):
        logged.download(target)
    (target / "weights").unlink()
    (target / "nothing").unlink(missing_ok=True)
    (target / "nothing").symlink_to(write(outside / "precious", "theirs"))
    logged.download(target)
    assert tree(outside) == {"precious": b"theirs"}
    assert stat.S_ISREG((target / "nothing").lstat().st_mode)


def test_names_that_would_be_one_file_on_this_system_are_refused_before_anything_is_written(run, tmp_path, monkeypatch):
    artifact = rn.Artifact("both")
    for name in ("Model.pt", "model.pt"):
        artifact.add_file(write(tmp_path / "source", name), name)
    logged = run.log_artifact(artifact)
    monkeypatch.setattr(download, "_CASE_MATTERS", False)
    with pytest.raises(TargetNotUsableError, match="would be the same file"):
        logged.download(tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_download_for_windows_spells_what_windows_forbids(run, tmp_path, monkeypatch):
    artifact = rn.Artifact("odd")
    for name in ("10:00/con.txt", "a?b"):
        artifact.add_file(write(tmp_path / "source", name), name)
    logged = run.log_artifact(artifact)
    monkeypatch.setattr(download, "_WINDOWS", True)
    assert set(tree(logged.download(tmp_path / "out"))) == {"10%3A00/%63on.txt", "a%3Fb"}


def test_a_download_to_where_a_file_is_says_so(run, folder, tmp_path):
    with pytest.raises(TargetNotUsableError):
        run.log_artifact(folder).download(write(tmp_path / "taken", "x"))


@posix
def test_a_download_that_was_killed_goes_on(script, tmp_path):
    big = tmp_path / "big.bin"
    big.write_bytes(os.urandom(MEGABYTE) * 12)
    with rn.init(root=script.root) as run:
        logged = run.log_artifact(big)
    script.run(
        f"""
        import os, signal
        import runicorn as rn
        from runicorn import progress_line as progress
        done = 0
        def kill(self, size):
            global done
            done += size
            if done >= 5 * 1024 * 1024:
                os.kill(os.getpid(), signal.SIGKILL)
        rn.init()
        used = rn.use_artifact("big.bin")
        progress.ProgressLine.__call__ = kill
        used.download({str(tmp_path / "out")!r})
        """
    )
    (part,) = (tmp_path / "out").iterdir()
    inode = part.stat().st_ino
    logged.download(tmp_path / "out")
    assert tree(tmp_path / "out") == {"big.bin": big.read_bytes()}
    assert (tmp_path / "out" / "big.bin").stat().st_ino == inode


@posix
def test_an_unchanged_file_is_read_and_not_written_again(run, tmp_path):
    big = tmp_path / "big.bin"
    big.write_bytes(b"x" * MEGABYTE)
    run.log_artifact(big)
    (run.dir.parents[1] / "artifacts/blobs/partial").rmdir()
    run.log_artifact(big)
    assert not (run.dir.parents[1] / "artifacts/blobs/partial").exists()


def test_a_disabled_run_stores_nothing_and_finds_what_is_there(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("RUNICORN_ROOT", str(tmp_path / "root"))
    with rn.init() as run:
        run.log_artifact(write(tmp_path / "model", "x"))
    with rn.init(mode="disabled") as run:
        logged = run.log_artifact(write(tmp_path / "model", "y"))
        assert (logged.stored, logged.error) == (False, "the run is disabled.")
        assert run.use_artifact("model").version == "v0"
    assert capsys.readouterr().err == ""


def test_without_a_run_both_say_what_to_do(script):
    for call in ("log_artifact('x')", "use_artifact('x')"):
        done = script.run(f"import runicorn as rn; rn.{call}")
        assert "There is no run for" in done.stderr
