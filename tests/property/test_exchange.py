"""What is exported and imported again is the same to the bit, whatever it is; garbage gives our errors."""

import contextlib
import io
import json
import math
import struct
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from runicorn.errors import SourceUnreadableError
from runicorn.exchange.draft import RunDraft
from runicorn.exchange.exporting import points
from runicorn.exchange.formats import Format, table_writer
from runicorn.exchange.importing import Tool, find_sources, import_source, open_target
from runicorn.exchange.wandb import WandbFile
from runicorn.storage import layout
from runicorn.storage.files import LocalFiles
from runicorn.storage.foreign.facts import Facts
from runicorn.storage.foreign.wandb_frames import FrameReader
from runicorn.tables import columns

NAN = struct.unpack("<d", struct.pack("<Q", 0x7FF8000000000000))[0]
NUMBERS = st.floats(allow_nan=False) | st.just(NAN)
STEPS = st.integers(-(2**63), 2**63 - 1)
NAMES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=10)
POINTS = st.lists(st.tuples(NAMES, STEPS, NUMBERS, NUMBERS), min_size=1, max_size=20)


def stored(root, rows):
    """Write a run with these points, and return its id."""
    (root / layout.RUNS).mkdir(parents=True)
    with RunDraft(root) as draft:
        for row in rows:
            draft.point(*row)
        return draft.finish(Facts("run", "project", 0.0), {})


def exported(root, run_id, chosen):
    file = io.BytesIO()
    with table_writer(chosen, file) as table:
        for piece in points(LocalFiles(root), run_id):
            table.write(piece)
    return file.getvalue()


def contents(root, run_id):
    folder = root / layout.RUNS / run_id
    return [(folder / name).read_bytes() for name in (layout.METRICS_FILE, "metrics.keys")]


@settings(deadline=None)
@given(POINTS)
def test_csv_gives_back_the_same_bytes(rows):
    with tempfile.TemporaryDirectory() as folder:
        first, second, table = Path(folder) / "a", Path(folder) / "b", Path(folder) / "table.csv"
        run_id = stored(first, rows)
        table.write_bytes(exported(first, run_id, Format.CSV))
        (source,) = find_sources(table, Tool.CSV)
        done = import_source(second, source, known=open_target(second))
        assert contents(second, done.run_id) == contents(first, run_id)


@settings(deadline=None)
@given(POINTS)
def test_json_lines_hold_every_number(rows):
    with tempfile.TemporaryDirectory() as folder:
        run_id = stored(Path(folder) / "a", rows)
        lines = exported(Path(folder) / "a", run_id, Format.JSONL).decode().split("\n")[:-1]
    back = [json.loads(line, parse_constant=lambda name: 1 / 0) for line in lines]
    read = [(each["metric"], each["step"], float(each["time"]), float(each["value"])) for each in back]
    assert [(m, s, struct.pack("<2d", t, v)) for m, s, t, v in read] == [
        (m, s, struct.pack("<2d", t, v)) for m, s, t, v in rows
    ]


@given(st.binary(max_size=300))
def test_any_bytes_are_a_log_with_some_records(data):
    assert sum(map(len, FrameReader().take(data))) <= len(data)


class Nothing:
    """A sink that takes anything."""

    def __getattr__(self, name):
        return lambda *_: None


@settings(deadline=None)
@given(st.lists(st.binary(max_size=60), max_size=4))
def test_any_records_of_a_wandb_file_are_read_or_refused(contents):
    import zlib

    data = b":W&B\xe1\xbe\x00"
    for content in contents:
        data += struct.pack("<IHB", zlib.crc32(content, zlib.crc32(b"\1")), len(content), 1) + content
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "run-x.wandb"
        path.write_bytes(data)
        with contextlib.suppress(SourceUnreadableError):
            WandbFile(path).read(Nothing())


@settings(deadline=None)
@given(st.text(max_size=200))
def test_any_text_is_a_csv_file_or_refused(text):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.csv"
        path.write_text(text, encoding="utf-8", newline="", errors="replace")
        with contextlib.suppress(SourceUnreadableError):
            for source in find_sources(path, Tool.CSV):
                source.read(Nothing())


@given(st.floats())
def test_cells_are_numbers_to_the_bit(value):
    read = columns.number(repr(value))
    assert math.isnan(read) if math.isnan(value) else struct.pack("<d", read) == struct.pack("<d", value)
