"""How a run stands where its files can be read, and where they cannot."""

import json
import os

import pytest

from runicorn.errors import RootNotUsableError
from runicorn.regular_files import read_regular
from runicorn.sdk.facts import quick_facts
from runicorn.sdk.ownership import OwnerWatch
from runicorn.sdk.resuming import go_on, last_unfinished
from runicorn.sdk.run import Captures
from runicorn.storage import layout
from runicorn.storage.files import LocalFiles
from runicorn.storage.index import RunIndex
from runicorn.storage.standing import look

NOW = 1_790_000_000.0


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "runs" / "r"
    path.mkdir(parents=True)
    (path / "run.json").write_text(json.dumps({"id": "r", **quick_facts()}))
    (path / "status.json").write_text(json.dumps({"state": "running", "heartbeat_at": layout.iso(NOW)}))
    return path


def fail(monkeypatch, name):
    """Let a file be unreadable, as on a file server that does not answer."""
    real = LocalFiles.read

    def read(self, path, *args):
        if path.endswith(name):
            raise OSError(5, "Input/output error")
        return real(self, path, *args)

    monkeypatch.setattr(LocalFiles, "read", read)


@pytest.mark.parametrize("name", ["run.json", "status.json"])
def test_what_cannot_be_read_for_a_moment_is_no_run_without_an_owner(folder, monkeypatch, name):
    fail(monkeypatch, name)
    with pytest.raises(OSError):
        look(LocalFiles(folder.parent.parent), "r", NOW)
    watch = OwnerWatch(folder)
    assert watch.lives()
    with pytest.raises(OSError):
        (watch.times_owned_anew if name == "run.json" else watch.has_finished)()
    with pytest.raises(RootNotUsableError, match=r"The run r in .* cannot be read: Input/output error"):
        go_on(folder.parent.parent, "r", {}, Captures())
    assert not list(folder.glob(".owner-*"))


@pytest.mark.parametrize("damage", [b"", b"{", b"[]"])
def test_a_damaged_status_is_no_death_while_the_process_runs(folder, damage):
    (folder / "status.json").write_bytes(damage)
    assert OwnerWatch(folder).lives()


def test_a_damaged_status_that_nobody_renews_is_a_death_elsewhere(folder):
    (folder / "run.json").write_text(json.dumps({"id": "r", "host": "elsewhere", "pid": 1}))
    (folder / "status.json").write_bytes(b"{")
    assert OwnerWatch(folder).lives()
    os.utime(folder / "status.json", (NOW, NOW))
    assert not OwnerWatch(folder, now=lambda: NOW + 61).lives()


def test_a_list_shows_a_run_again_that_could_not_be_read_for_a_moment(folder, monkeypatch):
    moment = [NOW + 10_000]
    index = RunIndex(LocalFiles(folder.parent.parent), now=lambda: moment[0], monotonic=lambda: moment[0])
    with monkeypatch.context() as broken:
        fail(broken, "status.json")
        assert index.runs()[0].run.error is not None
    moment[0] += 60
    assert (index.runs()[0].run.error, index.runs()[0].run.state.value) == (None, "running")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes")
@pytest.mark.timeout(20)
def test_a_pipe_in_place_of_a_file_hangs_nobody(folder):
    for name in ("run.json", "metrics.bin", "notes.json"):
        (folder / name).unlink(missing_ok=True)
        os.mkfifo(folder / name)
    files = LocalFiles(folder.parent.parent)
    with pytest.raises(OSError, match="is no file"):
        files.read("runs/r/metrics.bin")
    assert RunIndex(files).runs()[0].run.id == "r"
    assert OwnerWatch(folder).lives()
    with pytest.raises(OSError, match="is no file"):
        read_regular(folder / "notes.json")
    with pytest.raises(IsADirectoryError):
        read_regular(folder)


def test_a_run_that_cannot_be_read_is_not_gone_on_with(folder, monkeypatch):
    """resume="auto" would make a second owner of a run that lives."""
    info = {"id": "r", "project": "p", **quick_facts(), "pid_start": 1}
    (folder / "run.json").write_text(json.dumps(info))
    files = LocalFiles(folder.parent.parent)
    assert last_unfinished(files, info) == "r"
    fail(monkeypatch, "status.json")
    assert last_unfinished(files, info) is None
