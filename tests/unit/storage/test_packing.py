"""The packed form of record files: the same bytes, a third of the room, and damage that spoils one chunk."""

import random
import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runicorn.storage import packing, records
from runicorn.storage.compaction import pack_run, unpack_run, unpacked
from runicorn.storage.files import LocalFiles
from runicorn.storage.packed_files import PackedFiles

RECORDS = st.builds(
    records.pack,
    st.integers(0, 2**32 - 1),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=True),
    st.floats(allow_nan=True),
)


def training(calls, seed=1):
    """Return what a script writes that logs three noisy metrics at each step."""
    chance = random.Random(seed)
    moment, parts = 1.79e9, []
    for step in range(calls):
        moment += chance.random() * 0.002
        parts += [records.pack(metric, step, moment, chance.gauss(0, 1)) for metric in range(3)]
    return b"".join(parts)


@given(st.lists(RECORDS, max_size=50).map(b"".join))
def test_unpacked_it_is_the_same_file(data):
    assert unpacked(packing.pack(data)) == data


def test_a_hundred_thousand_points_take_less_than_1500_kib():
    data = training(33_334)[: 100_000 * records.RECORD_BYTES]
    assert len(packing.pack(data)) < 1500 * 1024 / 1.5


@pytest.mark.parametrize("size", [1, 31, 33])
def test_a_torn_file_is_not_packed(size):
    with pytest.raises(ValueError, match="torn"):
        packing.pack(bytes(size))


@given(st.binary(max_size=200) | st.binary(max_size=100).map(lambda rest: packing.MAGIC + rest))
def test_garbage_is_not_read_as_a_packed_file(data):
    with pytest.raises(ValueError):
        packing.read_header(data)


def test_a_header_that_asks_for_gigabytes_at_once_is_refused():
    """A chunk is made in memory, of zeros where it is damaged; 37 bytes could ask for 137 GB of them."""
    records_in_chunk = 2**32 - 1
    head = packing.MAGIC + struct.pack("<QIIII", records_in_chunk, records_in_chunk, 1, 0, 0)
    with pytest.raises(ValueError, match="makes no sense"):
        packing.read_header(head + struct.pack("<I", zlib.crc32(head)))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(packing, "CHUNK_RECORDS", 100)
    path = tmp_path / "runs" / "r"
    path.mkdir(parents=True)
    (path / "metrics.bin").write_bytes(training(250))
    return path


def test_every_range_of_a_packed_file_reads_as_of_the_plain_one(folder):
    plain = (folder / "metrics.bin").read_bytes()
    pack_run(folder)
    assert [path.name for path in folder.iterdir()] == ["metrics.bin.packed"]
    files = PackedFiles(LocalFiles(folder.parent.parent))
    assert [(entry.name, entry.size_bytes) for entry in files.list("runs/r")] == [("metrics.bin", len(plain))]
    assert files.names("runs/r") == ["metrics.bin"]
    assert files.stat("runs/r/metrics.bin").size_bytes == len(plain)
    assert files.read("runs/r/metrics.bin") == plain
    chance = random.Random(3)
    for _ in range(200):
        start, length = chance.randrange(len(plain) + 50), chance.randrange(9000)
        assert files.read("runs/r/metrics.bin", start, length) == plain[start : start + length]


def test_a_damaged_chunk_loses_its_records_only(folder):
    plain = (folder / "metrics.bin").read_bytes()
    pack_run(folder)
    path = folder / "metrics.bin.packed"
    data = bytearray(path.read_bytes())
    chunk = packing.read_header(bytes(data)).chunks[2]
    data[chunk.start + 20] ^= 255
    path.write_bytes(data)
    found = PackedFiles(LocalFiles(folder.parent.parent)).read("runs/r/metrics.bin")
    assert found[: 200 * 32] == plain[: 200 * 32]
    assert found[300 * 32 :] == plain[300 * 32 :]
    assert records.scan(found).skipped == 100


def test_every_cut_of_a_packed_file_is_borne(folder):
    plain = (folder / "metrics.bin").read_bytes()
    pack_run(folder)
    path = folder / "metrics.bin.packed"
    data, kept = path.read_bytes(), []
    for end in range(0, len(data), 97):
        path.write_bytes(data[:end])
        found = PackedFiles(LocalFiles(folder.parent.parent)).read("runs/r/metrics.bin")
        rows = [(found[at : at + 32], plain[at : at + 32]) for at in range(0, len(found), 32)]
        count = next((number for number, (row, real) in enumerate(rows) if row != real), len(rows))
        assert not any(row.strip(b"\0") for row, _ in rows[count:]), "what is cut off is no record, none is another one"
        kept.append(count)
    assert kept == sorted(kept)
    assert len(set(kept)) > 2


def test_a_damaged_file_is_left_as_it_is(folder):
    path = folder / "metrics.bin"
    path.write_bytes(path.read_bytes()[:3200] + b"garbage!" * 4 + path.read_bytes()[3200:])
    before = path.read_bytes()
    assert pack_run(folder).skipped == ("metrics.bin",)
    assert path.read_bytes() == before
    assert [entry.name for entry in folder.iterdir()] == ["metrics.bin"]


def test_a_crash_while_packing_leaves_the_plain_file_in_charge(folder):
    plain = (folder / "metrics.bin").read_bytes()
    (folder / "metrics.bin.packed").write_bytes(packing.pack(training(10)))  # not of this file, to tell them apart
    files = PackedFiles(LocalFiles(folder.parent.parent))
    assert files.read("runs/r/metrics.bin") == plain
    assert [entry.name for entry in files.list("runs/r")] == ["metrics.bin"]
    pack_run(folder)
    assert files.read("runs/r/metrics.bin") == plain


def test_unpacking_gives_the_plain_file_back(folder):
    plain = (folder / "metrics.bin").read_bytes()
    pack_run(folder)
    unpack_run(folder)
    assert LocalFiles(folder.parent.parent).read("runs/r/metrics.bin") == plain
    assert [path.name for path in folder.iterdir()] == ["metrics.bin"]
