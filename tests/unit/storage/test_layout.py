"""Names inside a storage root."""

import pytest

from runicorn.storage import layout


def test_a_run_id_is_its_start_time_and_six_hex_digits():
    assert layout.new_run_id(1795339815.9, "7f3a2c99") == "20261122-093015-7f3a2c"


def test_a_run_id_carries_its_start_time():
    assert layout.created_at_of(layout.new_run_id(1795339815.0, "7f3a2c")) == 1795339815.0


@pytest.mark.parametrize("text", ["resnet", "20269923-093015-7f3a2c", "20261123-093015-7F3A2C"])
def test_an_id_chosen_by_hand_carries_no_time(text):
    assert layout.created_at_of(text) is None


@pytest.mark.parametrize("text", ["a", "20261122-093015-7f3a2c", "my_run.v2", "A" * 128])
def test_these_can_be_run_ids(text):
    assert layout.is_run_id(text)


@pytest.mark.parametrize(
    "text", ["", ".", "..", ".new-x", "a/b", "a\\b", "a b", "a\n", "é", "a.", "A" * 129, "-x", "C:"]
)
def test_these_cannot_be_run_ids(text):
    assert not layout.is_run_id(text)


def test_record_files_come_in_the_order_of_their_writers():
    names = ["system.bin", "metrics.rank2.bin", "run.json", "metrics.bin", "metrics.keys", "metrics.rank1.bin", "x.bin"]
    assert layout.record_files(names) == ["metrics.bin", "metrics.rank1.bin", "metrics.rank2.bin", "system.bin"]


@pytest.mark.parametrize("name", ["loss", "train/loss", 'ünï\n"c\\ode', "", "\ud800"])
def test_a_key_survives_its_line(name):
    assert layout.decode_keys(layout.encode_key(name)) == ([name], len(layout.encode_key(name)))


def test_a_key_that_is_still_being_written_waits():
    whole = layout.encode_key("loss")
    assert layout.decode_keys(whole + b'"ac') == (["loss"], len(whole))


def test_a_damaged_key_keeps_the_numbers_of_the_others():
    names, _ = layout.decode_keys(b'"a"\n\xff\xfe garbage\n17\n"d"\n')
    assert names == ["a", None, None, "d"]
    assert [layout.key_or_number(names, number) for number in (0, 1, 9)] == ["a", "unnamed/1", "unnamed/9"]


@pytest.mark.parametrize(
    ("given", "cleaned"),
    [("vision/resnet", "vision/resnet"), ("/a//b/", "a/b"), ("a\\b", "a/b"), (None, "default"), ("../..", "default")],
)
def test_a_project_is_a_clean_path(given, cleaned):
    assert layout.clean_project(given) == cleaned


@pytest.mark.parametrize("seconds", [0.0, 1795339815.123, 1795339815.9996, 1.5])
def test_a_time_survives_its_text_to_the_millisecond(seconds):
    assert layout.parse_iso(layout.iso(seconds)) == pytest.approx(seconds, abs=0.0006)


@pytest.mark.parametrize("text", [None, 17, "", "yesterday", "2026-11-23T09:30:15", "9999999-11-23T09:30:15Z", "é"])
def test_what_is_no_time_gives_none(text):
    assert layout.parse_iso(text) is None
