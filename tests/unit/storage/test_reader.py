"""Ranges of text files, and damaged small files."""

import pytest

from runicorn.errors import RunNotFoundError
from runicorn.model import RunState
from runicorn.storage.files import LocalFiles
from runicorn.storage.jsonio import decode_object
from runicorn.storage.reader import FIELDS_OF_LIST, SmallFiles, build_run, check_run_id, read_lines, read_text

TEXT = "naïve — 日本 🦄 end"


@pytest.fixture
def files(tmp_path):
    (tmp_path / "log").write_bytes(TEXT.encode())
    return LocalFiles(tmp_path)


@pytest.mark.parametrize("limit", [4, 5, 7, 1000])
def test_pieces_join_to_the_whole_text_and_cut_no_character(files, limit):
    pieces, at = [], 0
    while True:
        piece = read_text(files, "log", at, limit)
        if piece.end == piece.size_bytes == at:
            break
        assert "\ufffd" not in piece.text
        pieces.append(piece.text)
        at = piece.end
    assert "".join(pieces) == TEXT


@pytest.mark.parametrize("start", range(len(TEXT.encode()) + 2))
def test_a_piece_from_any_byte_begins_with_a_whole_character(files, start):
    piece = read_text(files, "log", start, 1000)
    assert TEXT.endswith(piece.text)
    assert "\ufffd" not in piece.text


def test_a_negative_start_counts_from_the_end(files):
    assert read_text(files, "log", -3, 100).text == "end"
    assert read_text(files, "log", -10_000, 10_000).text == TEXT


def test_a_character_that_is_still_being_written_waits(files, tmp_path):
    (tmp_path / "log").write_bytes("ok 🦄".encode()[:-2])
    piece = read_text(files, "log", 0, 100)
    assert (piece.text, piece.end, piece.size_bytes) == ("ok ", 3, 5)


def test_bytes_that_are_no_text_are_replaced(files, tmp_path):
    (tmp_path / "log").write_bytes(b"a\xff\xfeb\x80\x80\x80\x80c")
    piece = read_text(files, "log", 0, 100)
    assert (piece.text[0], piece.text[-1], piece.end) == ("a", "c", 9)


def test_a_file_that_is_not_there_is_empty(files):
    assert read_text(files, "missing", 0, 100).size_bytes == 0


def test_only_whole_lines_that_are_objects_are_read(files, tmp_path):
    (tmp_path / "events").write_bytes(b'{"a": 1}\nnot json\n[1]\n{"b": NaN}\n{"c"')
    events, start, end, size = read_lines(files, "events", 0, 1000)
    assert events == [{"a": 1}, {"b": "NaN"}]
    assert (start, end, size) == (0, 33, 37)


def test_a_line_longer_than_the_limit_is_read_whole(files, tmp_path):
    (tmp_path / "events").write_bytes(b'{"a": "' + b"x" * 100_000 + b'"}\n{"b": 1}\n')
    events, _, end, _ = read_lines(files, "events", 0, 16)
    assert len(events) >= 1
    assert end >= 100_000


@pytest.mark.parametrize(
    "broken",
    [None, {}, {"id": 7, "project": [], "name": {}, "config": "x", "tags": {"a": 1}, "created_at": 5, "pid": "x"}],
)
def test_a_run_with_a_broken_run_json_is_shown_as_far_as_known(broken):
    run = build_run("20261122-093015-7f3a2c", SmallFiles(broken, {"state": "finished"}, None, 5.0))
    assert (run.state, run.project, run.config, run.tags) == (RunState.FINISHED, "default", {}, ())
    assert run.created_at == 1795339815.0
    assert (run.error is not None) == (broken is None)


def test_a_run_without_a_status_counts_as_killed():
    assert build_run("r", SmallFiles({"name": "x"}, None, None, 5.0)).state is RunState.KILLED


def test_notes_overlay_what_the_script_wrote():
    notes = {"name": "renamed", "tags": ["mine"], "note": "hm", "archived": True}
    run = build_run("r", SmallFiles({"name": "x", "tags": ["a"]}, {"state": "finished"}, notes, 5.0))
    assert (run.name, run.tags, run.note, run.archived) == ("renamed", ("mine",), "hm", True)


def test_all_tags_can_be_taken_away_by_notes():
    assert build_run("r", SmallFiles({"tags": ["a"]}, {}, {"tags": []}, 5.0)).tags == ()


def test_an_id_that_leaves_the_folder_is_no_run():
    with pytest.raises(RunNotFoundError):
        check_run_id("../../etc")


def test_a_file_of_events_without_line_ends_is_read_once(tmp_path):
    class Counting(LocalFiles):
        bytes_read = 0

        def read(self, path, offset=0, length=None):
            data = super().read(path, offset, length)
            self.bytes_read += len(data)
            return data

    size = 40 * 1024 * 1024
    (tmp_path / "events").write_bytes(b"x" * size + b'\n{"kind": "text"}\n')
    files = Counting(tmp_path)
    at, found = 0, []
    while at < size:
        events, _, end, _ = read_lines(files, "events", at, 65536)
        assert end > at
        at, found = end, found + events
    assert found == [{"kind": "text"}]
    assert files.bytes_read < 1.1 * size


def test_a_long_line_that_is_still_being_written_is_waited_for(tmp_path):
    long = b'{"text": "' + b"x" * 3_000_000
    (tmp_path / "events").write_bytes(long)
    files = LocalFiles(tmp_path)
    assert read_lines(files, "events", 0, 1000) == ([], 0, 0, len(long))
    (tmp_path / "events").write_bytes(long + b'"}\n')
    events, _, end, _ = read_lines(files, "events", 0, 1000)
    assert (len(events), end) == (1, len(long) + 3)


def test_the_list_decodes_all_that_a_run_is_built_of():
    asked = set()

    class Noting(dict):
        def get(self, name, default=None):
            asked.add(name)
            return super().get(name, default)

    build_run("20260101-000000-aaaaaa", SmallFiles(Noting(name="x"), {}, {}, 0.0))
    assert asked == set(FIELDS_OF_LIST)


@pytest.mark.parametrize("text", [b'{"name": "x", "packages": {"a": "1"}, "tags": ["y"]}', b'{"name": NaN}', b"{}"])
def test_some_fields_of_an_object_are_what_they_are_among_all(text):
    whole, some = decode_object(text), decode_object(text, ("name", "tags"))
    assert {name: some.get(name) for name in ("name", "tags")} == {name: whole.get(name) for name in ("name", "tags")}


@pytest.mark.parametrize("text", [b"[]", b"null", b'{"name": ', b'{"name": 1}}', b"", b"\xff", b'{"other": {"x": [}}'])
def test_what_is_no_object_is_none_whatever_fields_are_wanted(text):
    assert decode_object(text, ("name",)) is None
