"""Whatever bytes a file holds, readers give what is whole in it, agree with each other, and never fail."""

import json
import math
import os
import tempfile
from pathlib import Path

from hypothesis import example, given, settings
from hypothesis import strategies as st

from runicorn.errors import InvalidQueryError
from runicorn.storage import columns, layout
from runicorn.storage.files import LocalFiles, by_name
from runicorn.storage.index import RunIndex
from runicorn.storage.jsonio import decode_object
from runicorn.storage.points import PointStore
from runicorn.storage.query import parse_query
from runicorn.storage.records import RECORD_BYTES, Record, pack, scan, unpack
from runicorn.storage.tail import RecordTail, advance

RECORDS = st.builds(
    Record,
    metric=st.integers(0, 3),
    step=st.integers(-(2**63), 2**63 - 1),
    time=st.floats(0, 2e9),
    value=st.floats(width=64),
)


def packed(records):
    return b"".join(pack(*record) for record in records)


def same(ours, theirs):
    """Compare by bytes: NaN equals itself."""
    return packed(ours) == packed(theirs)


@given(st.lists(RECORDS, max_size=40))
def test_records_survive_the_round_trip(records):
    data = packed(records)
    result = scan(data)
    assert same(unpack(data, result), records)
    assert (result.skipped, result.consumed) == (0, len(data))


@given(st.lists(RECORDS, max_size=20), st.integers(0, 20 * RECORD_BYTES))
def test_a_file_cut_anywhere_gives_exactly_the_whole_records_before_the_cut(records, cut):
    data = packed(records)[:cut]
    assert same(unpack(data, scan(data)), records[: len(data) // RECORD_BYTES])


@given(st.lists(RECORDS, min_size=1, max_size=10), st.binary(max_size=100), st.lists(RECORDS, min_size=2, max_size=10))
def test_garbage_anywhere_costs_no_record_after_it(before, garbage, after):
    # Garbage that holds a mark may pass for a record; what comes later is found all the same.
    data = packed(before) + garbage.replace(b"RNS1", b"____") + packed(after)
    found = list(unpack(data, scan(data)))
    assert same(found[-len(after) + 1 :], after[1:])
    assert same(found[: len(before) - 1], before[:-1])


@given(st.binary(max_size=400))
def test_the_fast_reader_agrees_with_the_plain_one(data):
    plain = scan(data)
    rows, skipped, consumed = columns.unpack(data)
    assert (skipped, consumed, len(rows)) == (plain.skipped, plain.consumed, sum(count for _, count in plain.spans))
    assert b"".join(row.tobytes() for row in rows) == packed(unpack(data, plain))


@given(st.lists(RECORDS, max_size=12), st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=6))
def test_the_fast_reader_agrees_with_the_plain_one_on_damaged_files(records, damages):
    data = bytearray(packed(records))
    for at, byte in damages:
        if at < len(data):
            data[at] = byte
    rows, skipped, consumed = columns.unpack(bytes(data))
    plain = scan(bytes(data))
    assert (skipped, consumed) == (plain.skipped, plain.consumed)
    assert b"".join(row.tobytes() for row in rows) == packed(unpack(bytes(data), plain))


# What killed writers, lost blocks and values that look like marks leave, again and again.
LEAVINGS = st.lists(
    st.one_of(
        st.builds(lambda record: pack(*record), RECORDS),
        st.integers(1, 31).map(lambda length: pack(1, 2, 3.0, 4.0)[:length]),
        st.integers(1, 80).map(bytes),
        st.integers(1, 3).map(lambda times: b"RNS1" * times),
        st.sampled_from((27, 28, 29, 60)).map(lambda between: b"RNS1" + bytes(between) + b"RNS1" + bytes(between // 2)),
    ),
    max_size=24,
)


@settings(max_examples=500, deadline=None)
@given(LEAVINGS, st.integers(132, 300))
def test_reading_in_pieces_finds_what_reading_all_at_once_does(leavings, size):
    data = b"".join(leavings)
    at, places, skipped, is_last = 0, [], 0, False
    while not is_last:
        is_last = at + size >= len(data)
        found = scan(data[at : at + size], more=not is_last)
        places += places_of(found, at)
        skipped += found.skipped
        assert found.consumed or is_last
        at += found.consumed
    whole = scan(data)
    assert (places, skipped, at) == (places_of(whole), whole.skipped, whole.consumed)


@settings(max_examples=150, deadline=None)
@given(LEAVINGS, LEAVINGS, st.integers(0, 160))
def test_the_end_of_a_damaged_file_that_rests_is_read_in_pieces_as_it_is_at_once(leavings, behind, before):
    filled = packed([Record(0, 1, 2.0, 3.0)] * 128)
    data = filled[: 4096 - before] + b"".join(leavings) + filled[: 4096 - before] + b"".join(behind)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "metrics.bin"
        path.write_bytes(data)
        os.utime(path, (1_000_000, 1_000_000))  # zeros in it are damage, and waited for no longer
        files, tail, places = LocalFiles(Path(folder)), RecordTail("metrics.bin"), []
        listing = by_name(files.look([""])[0])
        for _ in range(len(data)):
            piece = advance(files, [(tail, listing)], 4096)[0]
            if piece is None:
                break
            places += places_of(piece.found, piece.start)
        whole = scan(data)
        assert (places, tail.skipped, tail.offset) == (places_of(whole), whole.skipped, whole.consumed)


def places_of(found, start=0):
    return [start + first + place * RECORD_BYTES for first, count in found.spans for place in range(count)]


@given(st.binary(max_size=300))
@settings(max_examples=50)
def test_a_run_whose_files_are_garbage_spoils_no_other(garbage):
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for run_id in ("good", "bad"):
            (root / "runs" / run_id).mkdir(parents=True)
        (root / "runs/good/run.json").write_text(json.dumps({"name": "good", "created_at": "2026-11-23T09:30:15Z"}))
        (root / "runs/good/status.json").write_text('{"state": "finished"}')
        for name in ("run.json", "status.json", "notes.json", "metrics.bin", "metrics.keys", "system.bin"):
            (root / "runs/bad" / name).write_bytes(garbage)
        files = LocalFiles(root)
        runs = {item.run.id: item.run for item in RunIndex(files).runs()}
        assert runs["good"].name == "good"
        # A few of these bytes are an object after all, as b'{"":true}' is, and then say nothing wrong.
        assert (runs["bad"].error is None) == (decode_object(garbage) is not None)
        PointStore(files).stats("bad")


@given(st.text(max_size=60))
def test_any_text_is_a_query_or_an_invalid_one(text):
    class Row:
        def search_text(self):
            return "x"

        def field(self, name):
            return () if name == "tags" else 0.5

    try:
        parse_query(text)(Row())
    except InvalidQueryError as error:
        assert "at character" in error.detail


@given(st.lists(st.sampled_from(["config.lr", "<", "=", "!=", '"', "not", "and", "or", "tag:", " ", "0.1", "x", "!"])))
def test_any_mixture_of_the_languages_words_is_a_query_or_an_invalid_one(words):
    test_any_text_is_a_query_or_an_invalid_one.hypothesis.inner_test("".join(words))


@given(st.lists(st.text(max_size=20), max_size=10))
def test_keys_survive_the_round_trip(names):
    assert layout.decode_keys(b"".join(map(layout.encode_key, names))) == (
        names,
        sum(len(layout.encode_key(n)) for n in names),
    )


@given(st.binary(max_size=200))
def test_any_bytes_are_keys(data):
    names, consumed = layout.decode_keys(data)
    assert len(names) == data.count(b"\n")
    assert consumed == data.rfind(b"\n") + 1


@given(
    st.lists(st.floats(width=64), min_size=1, max_size=300),
    st.integers(2, 60),
)
@example([0.0, 1.0, math.inf], 2)
@example([math.nan, 1.0, 2.0, math.inf], 3)
def test_a_thinned_line_always_holds_its_extremes(values, points):
    import numpy as np

    y = np.array(values)
    thinned = columns.thin(np.arange(len(y)), y, points)
    assert len(thinned.x) <= max(points, 2)
    top = thinned.y if thinned.high is None else thinned.high
    bottom = thinned.y if thinned.low is None else thinned.low
    known = [value for value in values if not math.isnan(value)]
    if known:
        assert np.nanmax(top) == max(known)
        assert np.nanmin(bottom) == min(known)
    else:
        assert np.isnan(top).all()
