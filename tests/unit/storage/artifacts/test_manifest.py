"""A version's file tells the version; a damaged or hostile one tells none."""

import pytest

from runicorn.errors import InvalidArtifactPathError
from runicorn.storage.artifacts.manifest import Content, Entry, Manifest, from_object, make_content, to_object

SHA = "ab" * 32
CONTENT = make_content([Entry("b/c.txt", 3, SHA), Entry("a.txt", 0, "cd" * 32)], ["empty"])
MANIFEST = Manifest("data", 3, CONTENT, 1_700_000_000.0, CONTENT.digest, "model", "text", {"acc": 0.5}, "run1", 7)


def test_a_version_survives_the_round_trip():
    assert from_object("data", 3, to_object(MANIFEST)) == MANIFEST


def test_the_digest_is_of_paths_and_contents_alone():
    again = make_content([Entry("a.txt", 0, "cd" * 32), Entry("b/c.txt", 3, SHA)], ["empty"])
    assert again.digest == CONTENT.digest
    assert make_content([Entry("a", 3, SHA)]).digest != make_content([Entry("b", 3, SHA)]).digest
    assert make_content([Entry("a", 3, SHA)]).digest != make_content([Entry("a", 3, "cd" * 32)]).digest
    assert make_content([], ["a"]).digest != Content(()).digest


@pytest.mark.parametrize(
    ("files", "folders"),
    [(["a", "a"], []), (["a", "a/b"], []), (["a"], ["a"]), (["a"], ["a/b"])],
    ids=["twice", "below a file", "file and folder", "folder below a file"],
)
def test_two_things_cannot_be_at_one_path(files, folders):
    with pytest.raises(InvalidArtifactPathError):
        make_content([Entry(path, 1, SHA) for path in files], folders)


@pytest.mark.parametrize(
    "change",
    [
        {"files": None},
        {"files": [1]},
        {"files": [{"path": "../x", "size": 1, "sha256": SHA}]},
        {"files": [{"path": "/x", "size": 1, "sha256": SHA}]},
        {"files": [{"path": "x", "size": -1, "sha256": SHA}]},
        {"files": [{"path": "x", "size": True, "sha256": SHA}]},
        {"files": [{"path": "x", "size": 1, "sha256": "../../x"}]},
        {"files": [{"path": "x", "size": 1, "sha256": SHA}] * 2},
        {"folders": ["../x"]},
        {"folders": 3},
    ],
)
def test_a_file_that_leads_out_or_is_damaged_is_no_version(change):
    assert from_object("data", 3, {**to_object(MANIFEST), **change}) is None


def test_what_has_a_wrong_type_beside_the_files_is_left_out():
    found = from_object(
        "data", 3, {**to_object(MANIFEST), "metadata": 1, "type": [], "run": 5, "step": "x", "name": "y"}
    )
    assert found
    assert (found.name, found.type, found.metadata, found.run, found.step) == ("data", "dataset", {}, None, None)
    assert from_object("data", 3, None) is None
