"""What artifacts and their files may be called: everything people write becomes a name, and none leads out."""

import pytest

from runicorn.errors import InvalidArtifactPathError, UsageError
from runicorn.storage.artifacts import names
from runicorn.storage.artifacts.names import Reference


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("model", "model"),
        ("model.pt", "model.pt"),
        ("my model/final", "my-model-final"),
        ("模型 1", "模型-1"),
        ("../../etc", "etc"),
        ("", "artifact"),
        ("...", "artifact"),
        ("a:b", "a-b"),
        ("blobs", "blobs_"),
        ("Blobs", "Blobs_"),
        ("CON", "CON_"),
        ("nul.txt", "nul_.txt"),
        ("\ud800", "artifact"),
        ("cafe\u0301", "caf\u00e9"),
    ],
)
def test_any_text_becomes_a_name_that_every_system_takes(given, kept):
    assert names.clean_name(given) == kept
    assert names.is_name(kept)


def test_long_names_that_begin_alike_stay_apart():
    first, second = names.clean_name("模" * 300 + "a"), names.clean_name("模" * 300 + "b")
    assert first != second
    assert len(first.encode()) <= 120


@pytest.mark.parametrize(("alias", "kept"), [("best", "best"), ("latest", None), ("Latest", None), ("v3", None)])
def test_an_alias_that_a_version_has_anyway_is_none(alias, kept):
    assert names.clean_alias(alias) == kept


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("data", Reference("data", "latest")),
        ("data:latest", Reference("data", "latest")),
        ("data:v12", Reference("data", 12)),
        ("data:best", Reference("data", "best")),
        ("my data:v0", Reference("my-data", 0)),
        ("data:v01", Reference("data", "v01")),
    ],
)
def test_a_reference_names_a_version_by_number_or_alias(text, meant):
    assert names.parse_reference(text) == meant


@pytest.mark.parametrize("text", ["", ":", ":v1", "data:"])
def test_a_reference_without_a_name_or_version_is_refused(text):
    with pytest.raises(UsageError):
        names.parse_reference(text)


@pytest.mark.parametrize(("given", "kept"), [("a/b", "a/b"), ("./a", "a"), ("a\\b", "a/b"), ("ü 1.bin", "ü 1.bin")])
def test_a_member_path_has_slashes_and_is_relative(given, kept):
    assert names.member_path(given) == kept


@pytest.mark.parametrize(
    "text",
    ["../x", "a/../../x", "..", "/etc/passwd", "\\\\server\\share", "C:\\x", "c:x", "", ".", "a//b", "a\0b", "a/..\\x"],
)
def test_a_member_path_that_leaves_or_names_nothing_is_refused(text):
    with pytest.raises(InvalidArtifactPathError):
        names.member_path(text)


@pytest.mark.parametrize(
    ("name", "kept"), [("a\\b", "a%5Cb"), ("C:x", "C%3Ax"), ("a\udcffb", "a%FFb"), ("10:00", "10:00")]
)
def test_a_name_from_a_disk_is_kept_as_far_as_other_systems_understand_it(name, kept):
    assert names.member_part(name) == kept
    assert names.is_member_path(kept)


@pytest.mark.parametrize(
    ("part", "on_windows"),
    [("10:00", "10%3A00"), ("con.txt", "%63on.txt"), ("dot.", "dot%2E"), ("a<b>", "a%3Cb%3E"), ("plain", "plain")],
)
def test_what_windows_forbids_is_escaped_there_and_only_there(part, on_windows):
    assert names.local_part(part, windows=True) == on_windows
    assert names.local_part(part, windows=False) == part
