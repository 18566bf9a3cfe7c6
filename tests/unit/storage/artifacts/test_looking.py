"""Many artifacts in few calls: each call of Files is a round trip, 100 ms or more on the way to a far server."""

import json

import pytest
from tests.support.agents import NearbyAgent
from tests.support.far_files import CountedFiles, FaultyFiles

from runicorn.sources.artifact_list import ArtifactList
from runicorn.sources.folder import FolderSource
from runicorn.sources.host_files import HostFiles
from runicorn.storage.artifacts.manifest import Entry, Manifest, make_content
from runicorn.storage.artifacts.names import version_path
from runicorn.storage.artifacts.versions import add_version, set_aliases
from runicorn.storage.files import LocalFiles
from runicorn.storage.writer import prepare_root


def add(root, name, number, **more):
    content = make_content([Entry("model.pt", number, f"{number:064x}")])
    made, _ = add_version(root, Manifest(name, 0, content, 1.7e9, content.digest, run=f"run-{number}", **more))
    return made


@pytest.fixture
def root(tmp_path):
    """A hundred artifacts of five versions, each with two aliases."""
    prepare_root(tmp_path, now=1.7e9)
    for at in range(100):
        for number in range(5):
            add(tmp_path, f"model-{at:02d}", number)
        set_aliases(tmp_path, f"model-{at:02d}", 2, ["best", "shown"])
    return tmp_path


@pytest.fixture
def files(root):
    return CountedFiles(LocalFiles(root))


def test_a_list_of_a_hundred_takes_three(files, root):
    known = ArtifactList(files)
    found = known.overview({"run-4": "calm-fox"})
    assert files.taken() == [("look", 1), ("look", 200), ("fetch", 300)]
    assert [each["name"] for each in found] == [f"model-{at:02d}" for at in range(100)]
    for each in found:
        assert (each["versions"], each["aliases"]) == (5, {"best": "v2", "shown": "v2", "latest": "v4"})
        assert (each["latest"]["version"], each["latest"]["run_name"]) == ("v4", "calm-fox")
    assert known.overview({"run-4": "calm-fox"}) == found
    assert files.taken() == [("look", 1), ("look", 200), ("fetch", 200)]  # versions are known; an alias may move
    set_aliases(root, "model-07", 3, ["best"])
    add(root, "model-08", 77)
    found = known.overview({})
    assert found[7]["aliases"] == {"best": "v3", "shown": "v2", "latest": "v4"}
    assert (found[8]["versions"], found[8]["latest"]["version"]) == (6, "v5")
    assert files.taken() == [("look", 1), ("look", 200), ("fetch", 201)]


def test_one_with_all_of_its_versions_takes_two(files):
    found = ArtifactList(files).artifact("model-42", {})
    assert files.taken() == [("look", 2), ("fetch", 7)]
    assert [each["version"] for each in found["versions"]] == ["v4", "v3", "v2", "v1", "v0"]


def test_beside_the_names_of_the_runs_a_source_asks_for_nothing_else(root):
    files = CountedFiles(LocalFiles(root))
    source = FolderSource("far", files)
    source.artifacts()
    files.taken()
    source.artifacts()
    assert sorted(call for call, _ in files.taken()) == ["fetch", "look", "look", "look"]


def test_an_agent_tells_the_same(root):
    far, near = ArtifactList(HostFiles(NearbyAgent(root))), ArtifactList(LocalFiles(root))
    assert far.overview({}) == near.overview({})
    assert far.artifact("model-03", {}) == near.artifact("model-03", {})


def test_where_the_latest_are_damaged_those_before_are_told_by_one_more(files, root):
    for name, numbers in (("model-01", [4]), ("model-02", [4, 3, 0]), ("model-03", range(5))):
        for number in numbers:
            (root / version_path(name, number)).write_text("{")
    found = {each["name"]: each for each in ArtifactList(files).overview({})}
    assert [call for call, _ in files.taken()] == ["look", "look", "fetch", "fetch"]
    assert (found["model-01"]["versions"], found["model-01"]["latest"]["version"]) == (4, "v3")
    assert (found["model-02"]["versions"], found["model-02"]["latest"]["version"]) == (2, "v2")
    assert "model-03" not in found
    assert len(found) == 99


class OldSizes(LocalFiles):
    """Tells sizes of before a file was filled, as Windows does of an open one."""

    def list(self, path):
        return [each._replace(size_bytes=0) for each in super().list(path)]


def test_a_folder_that_tells_an_old_size_costs_no_version(tmp_path):
    made = add(tmp_path, "big", 1, metadata={"long": "x" * 50_000})
    (found,) = ArtifactList(OldSizes(tmp_path)).overview({})
    assert found["latest"]["digest"] == made.digest


def test_what_is_too_large_or_no_version_is_left_out(tmp_path):
    add(tmp_path, "kept", 1)
    add(tmp_path, "big", 1)
    (tmp_path / version_path("big", 0)).write_text(json.dumps({"files": [], "more": "x" * 5_000_000}))
    (tmp_path / "artifacts" / "kept" / "v01.json").write_text("{}")
    (tmp_path / "artifacts" / "kept" / "aliases").mkdir()
    (tmp_path / "artifacts" / "kept" / "aliases" / "odd").write_bytes(b"\xff\xfe")
    (tmp_path / "artifacts" / "empty").mkdir()
    (found,) = ArtifactList(LocalFiles(tmp_path)).overview({})
    assert (found["name"], found["versions"], found["aliases"]) == ("kept", 1, {"latest": "v0"})


@pytest.mark.parametrize("after", [0, 1, 50, 201, 350])
def test_of_files_that_do_not_answer_nothing_is_concluded(root, after):
    answers = iter([None] * after)
    files = FaultyFiles(LocalFiles(root), lambda: next(answers, "error"))
    known = ArtifactList(Cut(files))
    with pytest.raises(OSError, match=r"."):
        known.overview({})
    files.healthy = True
    assert len(known.overview({})) == 100


class Cut(CountedFiles):
    """Says of each fault that the link is gone."""

    def fetch(self, ranges):
        return [ConnectionResetError("gone") if isinstance(each, OSError) else each for each in super().fetch(ranges)]
