"""Whatever files are called and hold, an artifact gives them back, and whatever stands in a root, nothing leads out."""

import json
import os
import tempfile
from pathlib import Path, PurePosixPath

from hypothesis import given, settings
from hypothesis import strategies as st

from runicorn.errors import InvalidArtifactPathError
from runicorn.storage.artifacts import catalogue, names
from runicorn.storage.artifacts.blobs import BlobStore
from runicorn.storage.artifacts.download import download
from runicorn.storage.artifacts.manifest import from_object, make_content
from runicorn.storage.files import LocalFiles

ODD = st.text(st.sampled_from("ab./\\:*? \0\n%ü模\ud800\udcff~CONnul"), max_size=20) | st.text(max_size=20)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | ODD,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ODD, inner, max_size=3),
    max_leaves=10,
)


@given(ODD)
def test_a_name_is_stable_and_one_part_of_a_path(text):
    name = names.clean_name(text)
    assert names.clean_name(name) == name
    assert len(PurePosixPath(name).parts) == 1
    assert name not in ("..", names.BLOBS)
    assert not set(name) & set('/\\:*?"<>|\0')


@given(ODD)
def test_a_member_path_is_accepted_only_if_it_stays_inside(text):
    try:
        path = names.member_path(text)
    except InvalidArtifactPathError:
        return
    assert names.member_path(path) == path
    assert os.path.normpath("/root/inside/" + path).startswith("/root/inside/")
    assert not PurePosixPath(path).is_absolute()


@given(st.binary(min_size=1, max_size=20))
def test_every_name_that_a_disk_holds_can_be_a_member(name):
    text = os.fsdecode(name.replace(b"/", b"").replace(b"\0", b"") or b"x")
    if text not in (".", ".."):
        assert names.is_member_path(names.member_part(text))


@given(ODD.filter(lambda text: text and "/" not in text))
def test_a_local_name_for_windows_holds_nothing_that_windows_forbids(part):
    local = names.local_part(part, windows=True)
    assert not set(local) & set('<>:"|?*\n\0')
    assert not local.endswith((".", " "))
    assert local.split(".")[0].lower() not in ("con", "nul")


@settings(max_examples=30, deadline=None)
@given(st.dictionaries(st.sampled_from(["a", "b/c", "b/ü.bin", "d e/f", "g"]), st.binary(max_size=3000)))
def test_what_is_stored_comes_back_byte_for_byte(files):
    with tempfile.TemporaryDirectory() as place:
        root, source, target = Path(place, "root"), Path(place, "source"), Path(place, "target")
        source.mkdir()
        blobs = BlobStore(root)
        entries = []
        for number, (member, content) in enumerate(files.items()):
            (source / str(number)).write_bytes(content)
            entries.append(blobs.put(source / str(number), member, (), lambda _: None))
        download(root, make_content(entries).files, [], target, lambda _: None)
        found = {path.relative_to(target).as_posix(): path for path in target.rglob("*") if path.is_file()}
        assert {name: path.read_bytes() for name, path in found.items()} == files
        blob_files = [path for path in root.rglob("*") if path.is_file()]
        assert len(blob_files) == len(set(files.values()))


@given(st.dictionaries(st.sampled_from(["files", "folders", "metadata", "type", "step", "created_at"]), JSON))
def test_any_object_is_a_version_or_none(value):
    found = from_object("data", 0, value)
    assert found is None or found.name == "data"


@settings(max_examples=40, deadline=None)
@given(st.lists(st.binary(max_size=60) | JSON.map(lambda value: json.dumps(value).encode()), max_size=4))
def test_a_root_full_of_garbage_is_read_all_the_same(contents):
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place, "artifacts", "data")
        (folder / "aliases").mkdir(parents=True)
        for number, content in enumerate(contents):
            (folder / f"v{number}.json").write_bytes(content)
            (folder / "aliases" / f"a{number}").write_bytes(content)
        (folder / "v1.json.tmp").touch()
        (folder / "vx.json").mkdir()
        files = LocalFiles(Path(place))
        assert catalogue.artifact_names(files) == (["data"] if contents else [])
        found = catalogue.artifact(files, "data")
        assert found is None or len(found.versions) <= len(contents)
        catalogue.aliases(files, "data")
