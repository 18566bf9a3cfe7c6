"""However a foreign log's bytes come in, its points are the same; whatever they are, nothing is raised."""

import csv
import io
import json

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.support.foreign_logs import LINE_LOGS, comparable, log, taken, taken_in_pieces

from runicorn.storage.foreign import lines
from runicorn.storage.foreign.config import config_of, config_paths
from runicorn.storage.foreign.kinds import Kind
from runicorn.storage.foreign.readers import new_reader, reader_from_json
from runicorn.storage.foreign.recognition import Candidate, candidates, kind_of
from runicorn.storage.foreign.taken import Outcome
from runicorn.storage.foreign.yaml_values import read_yaml

LINE_KINDS = [kind for kind in Kind if kind is not Kind.TRAINER]
SEEDS = [(kind, log(path)) for path, kind in LINE_LOGS.items()]
CONFIGS = ["lightning/lightning_logs/version_0/hparams.yaml", "ultralytics/args.yaml"]
STATE = log("transformers/out/checkpoint-8/trainer_state.json")
MORSELS = st.sampled_from(
    (b"\n", b"\r\n", b"\r", b'"', b'""', b",", b";", b"\0", b"\xff", b"\xef\xbb\xbf", b"nan", b"-inf", b"1e-3",
     b"1e999", b"{", b"}", b"[", b"#", b":", b"'", b"\t", b"NaN", b"\\ud800", b"epoch,loss\n", b"9" * 400,
     b"x" * 300, b"\n" * 20)
)  # fmt: skip
CUTS = st.lists(st.integers(0, 4000), max_size=8)


@st.composite
def mutated(draw, seed):
    """Bytes that were flipped, cut, put in and doubled, a few times."""
    data = draw(st.just(seed))
    for _ in range(draw(st.integers(1, 5))):
        at = draw(st.integers(0, len(data)))
        length = draw(st.integers(0, 40))
        change = draw(st.sampled_from(["flip", "cut", "insert", "double", "any"]))
        if change == "flip" and at < len(data):
            data = data[:at] + bytes([data[at] ^ (1 << draw(st.integers(0, 7)))]) + data[at + 1 :]
        elif change == "cut":
            data = data[:at] + data[at + length :]
        elif change == "insert":
            data = data[:at] + draw(MORSELS) + data[at:]
        elif change == "double":
            data = data[: at + length] + data[at:]
        else:
            data = data[:at] + draw(st.binary(max_size=10)) + data[at:]
    return data


SOME_LOG = st.sampled_from(SEEDS).flatmap(lambda seed: st.tuples(st.just(seed[0]), mutated(seed[1])))


@pytest.fixture
def short_lines(monkeypatch):
    """Lines of more than 600 bytes are too long."""
    for module in ("lines", "csv_rows"):
        monkeypatch.setattr(f"runicorn.storage.foreign.{module}.MAX_LINE_BYTES", 600)


def test_pieces_of_any_size_give_the_same_as_the_whole(short_lines):
    @settings(max_examples=1000, deadline=None)
    @given(SOME_LOG, CUTS)
    def check(found, cuts):
        kind, data = found
        # Rows of seconds so far are dated by the first piece, so each has the time that such a file would have.
        whole, one = taken(kind, data)
        pieces, other = taken_in_pieces(kind, data, cuts)
        if kind is Kind.ULTRALYTICS or "elapsed" in str(data):
            whole, pieces = ([point._replace(time=None) for point in points] for points in (whole, pieces))
        assert comparable(pieces) == comparable(whole)
        assert other.warnings == one.warnings
        assert other.consumed_bytes == one.consumed_bytes

    check()


def test_a_reader_always_goes_on_where_it_is_given_enough(short_lines):
    @settings(max_examples=300, deadline=None)
    @given(SOME_LOG, st.integers(1202, 1300))
    def check(found, piece):
        kind, data = found
        reader = new_reader(kind)
        while len(data) - reader.consumed_bytes >= piece:
            assert reader.take(data[reader.consumed_bytes : reader.consumed_bytes + piece], 0.0).consumed_bytes > 0

    check()


@settings(deadline=None)
@given(
    st.lists(st.text('0"\n\r,;#x', max_size=6), min_size=1, max_size=6), st.sampled_from([",", ";", "\t"]), st.data()
)
def test_quoted_cells_that_go_over_lines_are_read_as_pythons_csv_reads_them(notes, separator, data):
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=separator)
    writer.writerows([["epoch", "note", "loss"], *([step, note, step / 8] for step, note in enumerate(notes))])
    written = text.getvalue().encode()
    rows = list(csv.reader(io.StringIO(text.getvalue(), newline=""), delimiter=separator))[1:]
    cuts = data.draw(st.lists(st.integers(0, len(written)), max_size=6))
    points, reader = taken_in_pieces(Kind.KERAS, written, cuts)
    assert [(point.step, point.value) for point in points if point.metric == "loss"] == [
        (int(row[0]), float(row[2])) for row in rows
    ]
    assert set(reader.warnings) <= {"text-cell"}


def test_a_file_that_only_grew_is_the_same_and_one_with_another_head_is_not():
    @settings(max_examples=200, deadline=None)
    @given(SOME_LOG, st.integers(0, 4000))
    def check(found, cut):
        kind, data = found
        _, reader = taken(kind, data[:cut])
        marks, at = reader.marks, reader.consumed_bytes
        seen = data[: marks.head_bytes], data[at - marks.anchor_bytes : at]
        assert reader.is_same(*seen)
        if at:
            assert not reader.is_same(seen[0], seen[1][:-1])  # cut
            assert not reader.is_same(bytes([seen[0][0] ^ 1]) + seen[0][1:], seen[1])

    check()


@settings(max_examples=1000, deadline=None)
@given(st.one_of(SOME_LOG, st.tuples(st.sampled_from(LINE_KINDS), st.binary(max_size=300))))
@example((Kind.KERAS, b'epoch,loss\n"0,0.5\n' + b"1,2\n" * 40))
@example((Kind.JSON_LINES, b'{"step":1e400,"loss":' + b"9" * 5000 + b"}\n"))
@example((Kind.JSON_LINES, b'{"step":1,"a":' + b"[" * 5000 + b"\n"))
def test_no_bytes_raise_and_none_makes_a_candidate_raise(found):
    kind, data = found
    points, reader = taken(kind, data)
    assert all(isinstance(point.step, int) and isinstance(point.value, float) and point.metric for point in points)
    assert all(point.metric.encode() for point in points)
    assert reader_from_json(json.loads(json.dumps(reader.to_json()))).to_json() == reader.to_json()
    kind_of(Candidate("x", tuple(Kind)), data)


@settings(max_examples=500, deadline=None)
@given(st.one_of(mutated(STATE), st.binary(max_size=200)))
def test_no_state_of_a_trainer_raises_and_a_cut_one_waits(data):
    reader = new_reader(Kind.TRAINER)
    assert reader.take(data, 0.0).outcome in (Outcome.TAKEN, Outcome.WAITS)
    assert reader_from_json(json.loads(json.dumps(reader.to_json()))).to_json() == reader.to_json()
    reader.take(STATE, 0.0)


@given(st.integers(0, len(STATE.rstrip()) - 1))
def test_a_torn_state_of_a_trainer_waits_and_costs_nothing(cut):
    reader = new_reader(Kind.TRAINER)
    assert reader.take(STATE[:cut], 0.0).outcome is Outcome.WAITS
    assert reader.take(STATE, 0.0).points == taken(Kind.TRAINER, STATE)[0]


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(CONFIGS).flatmap(lambda path: mutated(log(path))))
@example(b"a: !!int ''\n")
@example(b"a: !!bool maybe\n")
@example(b"a: !!timestamp x\n")
@example(b"a: !!binary x\n")
@example(b"? [1, 2]\n: 3\n? {a: 1}\n: 4\n")
@example(b"a: 0x" + b"f" * 9000)
@example(b"[" * 3000)
def test_no_configuration_raises(data):
    found = config_of(Kind.LIGHTNING, {"hparams.yaml": data, "config.json": data})
    json.dumps(found, allow_nan=False).encode()


@given(st.binary(max_size=60))
def test_no_yaml_raises(data):
    read_yaml(data)


@given(st.lists(st.text(max_size=12), max_size=6), st.text(max_size=12))
def test_no_names_raise(names, folder):
    for found in candidates(names, folder):
        config_paths(found.kinds[0], found.path, names)


@given(st.lists(st.binary(max_size=20), max_size=6))
def test_lines_are_cut_where_they_end(parts):
    data = b"\n".join(parts)
    found = lines.cut(data)
    assert list(found.lines) == [part + b"\n" for part in data.split(b"\n")[:-1]]
    assert found.begins_at(len(found.lines)) == data.rfind(b"\n") + 1
