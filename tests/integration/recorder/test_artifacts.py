"""Artifacts as training scripts log and use them."""

import os
from pathlib import Path

import pytest
from tests.support.artifacts import blobs, events, tree, warnings_of, write

import runicorn as rn
from runicorn.errors import (
    ArtifactNotFoundError,
    ArtifactNotStoredError,
    UsageError,
)

posix = pytest.mark.skipif(os.name == "nt", reason="needs POSIX signals, links or limits")


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
