"""Which roots of hosts were shown is remembered between viewers, whatever becomes of the file."""

import json
import os
import threading

import pytest

from runicorn.errors import PlaceConnectedError, PlaceNotFoundError
from runicorn.sources.folder import FolderSource
from runicorn.storage.files import LocalFiles
from runicorn.viewer.guests import Guests
from runicorn.viewer.remembered import Remembered, RememberedRoots


def root(number, **change):
    fields = {"host": f"me@gpu-{number}:22", "root": "/data", "called": "", "root_id": None, "as_of": 1000.0 + number}
    return Remembered(**{**fields, **change})


@pytest.fixture
def path(tmp_path):
    return tmp_path / "cache" / "hosts.json"


def test_what_is_kept_is_there_again_and_the_newest_is_last(path):
    roots = RememberedRoots(path)
    assert roots.load() == []
    for each in (root(1), root(2), root(1, called="mine", as_of=3000.0)):
        roots.keep(each)
    assert RememberedRoots(path).load() == [root(2), root(1, called="mine", as_of=3000.0)]
    roots.forget("me@gpu-2:22", "/other")
    roots.forget("me@gpu-2:22", "/data")
    assert [each.host for each in roots.load()] == ["me@gpu-1:22"]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"\xff",
        b"[" * 100_000,
        b'{"version": 2, "roots": []}',
        b'{"version": 1, "roots": 3}',
        json.dumps({"version": 1, "roots": [3, None, {}, {"host": "x"}, {**vars(root(1)), "as_of": "soon"}]}).encode(),
        json.dumps({"version": 1, "roots": [{**vars(root(1)), "host": ["x"]}, {**vars(root(1)), "more": 1}]}).encode(),
        b'{"version": 1, "roots": [{"host":"h","root":"/","called":"","root_id":null,"as_of":NaN}]}',
        b" " * 2**21,
    ],
)
def test_a_damaged_file_is_no_file(path, content):
    path.parent.mkdir()
    path.write_bytes(content)
    roots = RememberedRoots(path)
    assert roots.load() == []
    roots.keep(root(1))
    assert roots.load() == [root(1)]


def test_a_pipe_in_its_place_holds_nobody_up(path):
    path.parent.mkdir()
    os.mkfifo(path)
    assert RememberedRoots(path).load() == []


def test_a_folder_that_cannot_be_written_costs_nothing_else(tmp_path):
    (tmp_path / "file").write_text("")
    roots = RememberedRoots(tmp_path / "file" / "hosts.json")
    roots.keep(root(1))
    roots.forget("me@gpu-1:22", "/data")
    assert roots.load() == []


def test_of_very_many_the_newest_are_kept_and_viewers_lose_nothing_of_one_another(path):
    def keep(first):
        for number in range(first, first + 40):
            RememberedRoots(path).keep(root(number))

    threads = [threading.Thread(target=keep, args=(first,)) for first in (0, 100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    kept = [each.host for each in RememberedRoots(path).load()]
    assert len(kept) == len(set(kept)) == 64
    assert {"me@gpu-39:22", "me@gpu-139:22"} <= set(kept)


# --- among the sources --------------------------------------------------------------------------------------------


def source(where="/data"):
    return FolderSource("local", LocalFiles("/nonexistent"), root=where)


def absent(each):
    return source(each.root)


def standing(guests):
    return [(place.reached_by, place.session_id, place.as_of) for place in guests.places.values()]


def test_it_stays_when_its_session_goes_and_until_a_person_lets_go_of_it(path):
    roots = RememberedRoots(path)
    guests = Guests(roots, absent)
    guests.add("s", "me@gpu-1:22", "/data", source(), called="One")
    (place,) = guests.places.values()
    place.look(identify=True)
    assert [(each.host, each.called) for each in roots.load()] == [("me@gpu-1:22", "One")]
    guests.remove("s")
    assert standing(guests) == [("me@gpu-1:22", None, place.as_of)]
    assert next(iter(guests.places.values())).host == "One"

    again = Guests(roots, absent)
    again.start()
    assert standing(again) == [("me@gpu-1:22", None, place.as_of)]
    again.add("t", "me@gpu-1:22", "/data", source(), called="One")
    assert [(each.session_id, each.host) for each in again.places.values()] == [("t", "One")]
    again.let_go("t")
    assert roots.load() == []
    again.remove("t")
    assert standing(again) == []


def test_what_was_never_seen_is_not_remembered(path):
    guests = Guests(RememberedRoots(path), absent)
    guests.add("s", "me@gpu-1:22", "/data", source())
    guests.remove("s")
    assert standing(guests) == []
    assert not path.exists()


def test_only_what_is_not_connected_can_be_forgotten(path):
    roots = RememberedRoots(path)
    roots.keep(root(1))
    guests = Guests(roots, absent)
    guests.start()
    (source_id,) = guests.places
    guests.add("s", "me@gpu-1:22", "/data", source())
    with pytest.raises(PlaceConnectedError, match="for as long as it is connected"):
        guests.forget(source_id)
    guests.remove("s")
    guests.forget(source_id)
    assert (guests.places, roots.load()) == ({}, [])
    for unknown in (source_id, "local", "x" * 10_000):
        with pytest.raises(PlaceNotFoundError):
            guests.forget(unknown)


def test_a_session_that_ends_after_its_rows_were_let_go_of_brings_nothing_back(path):
    guests = Guests(RememberedRoots(path), absent)
    guests.add("s", "me@gpu-1:22", "/data", source())
    (place,) = guests.places.values()
    guests.let_go("s")
    place.look()
    guests.remove("s")
    assert (standing(guests), RememberedRoots(path).load()) == ([], [])
    guests.let_go("s")
    guests.add("s", "me@gpu-1:22", "/data", source())
    assert len(guests.places) == 1
