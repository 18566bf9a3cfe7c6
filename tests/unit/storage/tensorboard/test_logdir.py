"""Folders with event files are found wherever they lie, each once, and have ids and names that stay."""

import os

import pytest

from runicorn.storage import layout
from runicorn.storage.files import LocalFiles
from runicorn.storage.mirroring.finding import walk
from runicorn.storage.tensorboard.logdir import host_of, is_event_file, project_and_name, run_id

NAME = "events.out.tfevents.1700000000.gpu7"


def put(folder, name=NAME):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(b"x")


def found(root):
    return sorted(folder.path for folder in walk(LocalFiles(root)) if folder is not None)


def test_folders_at_every_depth_are_found(tmp_path):
    for path in ("", "a", "a/b", "c/d/e"):
        put(tmp_path / path)
    assert found(tmp_path) == ["", "a", "a/b", "c/d/e"]


def test_a_folder_that_is_called_like_an_event_file_is_a_folder(tmp_path):
    put(tmp_path / "my-tfevents" / "a")
    assert found(tmp_path) == ["my-tfevents/a"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="has no named pipes")
def test_a_pipe_holds_nobody_up(tmp_path):
    put(tmp_path / "a")
    os.mkfifo(tmp_path / "events.out.tfevents.1.h")
    assert found(tmp_path) == ["a"]


def test_files_come_in_the_order_of_their_names(tmp_path):
    for name in ("events.out.tfevents.3.h", "events.out.tfevents.1.h", "notes.txt"):
        put(tmp_path, name)
    (folder,) = walk(LocalFiles(tmp_path))
    assert [file.name for file in folder.files] == ["events.out.tfevents.1.h", "events.out.tfevents.3.h"]


def test_our_own_runs_and_hidden_folders_are_passed_over(tmp_path):
    (tmp_path / layout.ROOT_FILE).write_text("{}")
    put(tmp_path / "runs" / "20261123-093015-7f3a2c" / "tb")
    put(tmp_path / ".cache" / "x")
    own = tmp_path / "runs" / "chosen"
    put(own / "tb")
    (own / layout.RUN_FILE).write_text("{}")
    (own / layout.METRICS_FILE).touch()
    put(tmp_path / "runs" / "foreign")
    assert found(tmp_path) == ["runs/foreign"]


def test_the_one_session_of_add_hparams_belongs_to_its_run(tmp_path):
    put(tmp_path / "run1")
    put(tmp_path / "run1" / "1700000000.123")
    (folder,) = [folder for folder in walk(LocalFiles(tmp_path)) if folder is not None]
    assert folder.path == "run1"
    assert [file.name for file in folder.files] == [f"1700000000.123/{NAME}", NAME]


def test_several_sessions_of_add_hparams_are_runs_each(tmp_path):
    for path in ("run1", "run1/1700000000.1", "run1/1700000001.2"):
        put(tmp_path / path)
    assert found(tmp_path) == ["run1", "run1/1700000000.1", "run1/1700000001.2"]


@pytest.mark.skipif(os.name == "nt", reason="making links needs a privilege on Windows")
def test_links_lead_elsewhere_once_and_never_in_circles(tmp_path):
    root, elsewhere = tmp_path / "root", tmp_path / "elsewhere"
    put(root / "a")
    put(elsewhere / "b")
    (root / "loop").symlink_to(root)
    (root / "latest").symlink_to(root / "a")
    (root / "up").symlink_to(tmp_path)
    (root / "other").symlink_to(elsewhere)
    (root / "other2").symlink_to(elsewhere)
    (elsewhere / "back").symlink_to(root)
    (root / "nowhere").symlink_to(tmp_path / "missing")
    paths = found(root)
    assert len(paths) == 2
    assert paths[0] == "a"
    assert paths[1] in ("other/b", "other2/b")


def test_ids_name_folders_on_every_system_and_stay():
    for path in ("", "a", "a/b", "../x y", "ä" * 300, "CON", "x" * 500, "a\udcffb"):
        assert layout.is_run_id(run_id(path)), path
        assert run_id(path) == run_id(path)
    assert len({run_id(path) for path in ("a/b", "a-b", "x/a/b", "a.b")}) == 4


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("exp/lr0.1", ("exp", "lr0.1")),
        ("vision/resnet/seed1", ("vision/resnet", "seed1")),
        ("lr0.1", ("logs", "lr0.1")),
        ("runs/Nov25_gpu7", ("logs", "Nov25_gpu7")),
        ("", ("default", "logs")),
    ],
)
def test_project_and_name_come_from_the_path(path, expected):
    assert project_and_name(path, "logs") == expected


@pytest.mark.parametrize(
    ("name", "host"),
    [
        ("events.out.tfevents.1700000000.gpu7", "gpu7"),
        ("events.out.tfevents.1700000000.gpu7.example.org.123.0", "gpu7.example.org"),
        ("events.out.tfevents.1700000000.gpu7.123.0.v2", "gpu7"),
        ("some.tfevents", ""),
    ],
)
def test_the_host_stands_in_the_files_name(name, host):
    assert host_of(name) == host


def test_profiles_are_no_event_files():
    assert is_event_file(NAME)
    assert not is_event_file("events.out.tfevents.1.h.profile-empty")
    assert not is_event_file("model.pt")
