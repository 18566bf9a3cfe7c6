"""Artifacts that are brought into a folder: checked, mended, never out of it, gone on with."""

import os
import stat

import pytest
from tests.support.artifacts import tree, write

import runicorn as rn
from runicorn.errors import (
    ArtifactDamagedError,
    TargetNotUsableError,
)
from runicorn.storage.artifacts import download

posix = pytest.mark.skipif(os.name == "nt", reason="needs POSIX signals, links or limits")
MEGABYTE = 1024 * 1024


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
