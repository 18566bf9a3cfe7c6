"""Whoever goes on with a run knows what a count of all its records would say, whatever happened to it before."""

import json
import math
import shutil
import tempfile
from pathlib import Path

from hypothesis import example, given, settings
from hypothesis import strategies as st

from runicorn.sdk import tally as counting
from runicorn.sdk.counts import counted_to_json, metrics_to_json
from runicorn.sdk.going_on import behind_status
from runicorn.sdk.recorder import Recorder
from runicorn.sdk.tally import Tally, count_on
from runicorn.sdk.warnings import Warnings
from runicorn.storage import layout
from runicorn.storage.records import RECORD_BYTES, pack, scan, unpack

NAMES = ("loss", "acc", "lr", "\u00e4/\u00f6")
VALUES = st.floats(width=64) | st.integers(-5, 5) | st.just(math.nan)
CALLS = st.lists(
    st.tuples(
        st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=3),
        st.none() | st.integers(-3, 20),
    ),
    max_size=6,
)
# What happens after some calls: the status is written or not, the process ends cleanly or is killed, and a torn record,
# garbage or a damage is found in the file by the next one. A damage lies behind what the status speaks of.
ENDS = st.tuples(
    st.booleans(),
    CALLS,
    st.sampled_from(["finish", "kill"]),
    st.binary(max_size=40).map(lambda data: data.replace(b"RNS1", b"....")),
    st.none() | st.floats(0, 1, exclude_max=True),
)


def status_of(recorder):
    counts = recorder.counts()
    status = {"metrics": metrics_to_json(counts), "counted": counted_to_json(counts, "metrics.bin")}
    return json.loads(json.dumps(status))


def all_records(folder):
    """Return what the file says, counted once more by the plainest code, and the highest step."""
    data = (folder / "metrics.bin").read_bytes()
    names = layout.decode_keys((folder / "metrics.keys").read_bytes())[0]
    found, highest = {}, None
    for record in unpack(data, scan(data)):
        highest = record.step if highest is None else max(highest, record.step)
        name = names[record.metric] if record.metric < len(names) else None
        if name is None:
            continue
        count, _, low, high, _, _, total = found.get(name, (0, 0, math.inf, -math.inf, 0, 0, 0.0))
        is_nan = math.isnan(record.value)
        low, high = (low, high) if is_nan else (min(low, record.value), max(high, record.value))
        found[name] = (count + 1, record.value, low, high, record.step, record.time, total + record.value)
    return found, highest


def known_of(recorder):
    """Return the same of a recorder."""
    counts = recorder.counts()
    found = {}
    for name, stats in counts.stats.items():
        low = math.inf if stats.min is None else stats.min
        high = -math.inf if stats.max is None else stats.max
        found[name] = (stats.count, stats.last, low, high, stats.last_step, stats.last_time, counts.sums[name])
    return found, counts.highest_step


def plain(known):
    """Compare by what the numbers are: NaN equals itself."""
    found, highest = known
    return {name: [repr(value + 0.0) for value in values] for name, values in found.items()}, highest


def damage(path, begin, share):
    """Overwrite the mark of one of the records behind `begin`."""
    data = bytearray(path.read_bytes())
    records = (len(data) - begin) // RECORD_BYTES
    if records:
        at = begin + int(share * records) * RECORD_BYTES
        data[at : at + 4] = b"xxxx"
        path.write_bytes(data)


def live(folder, status, end):
    """Be one process that goes on with the run; return the status that it leaves, as the last one is on disk."""
    writes_status, calls, how, torn, damaged_at = end
    recorder = Recorder(folder, "metrics.bin", Warnings(), beginning=behind_status(status))
    assert plain(known_of(recorder)) == plain(all_records(folder))
    assert recorder.step == max(-1, all_records(folder)[1] if all_records(folder)[1] is not None else -1)
    half = len(calls) // 2
    for data, step in calls[:half]:
        recorder.log(data, step)
    if writes_status:
        status = status_of(recorder)
    for data, step in calls[half:]:
        recorder.log(data, step)
    if how == "finish":
        status = status_of(recorder)
    assert plain(known_of(recorder)) == plain(all_records(folder))
    recorder.close()
    path = folder / "metrics.bin"
    spoken_of = ((status or {}).get("counted") or {}).get("bytes", 0)
    if damaged_at is not None:
        damage(path, spoken_of, damaged_at)
    if how == "kill":
        with path.open("ab") as file:
            file.write(torn)
    return status


@settings(max_examples=300, deadline=None)
@given(st.lists(ENDS, min_size=1, max_size=5))
def test_what_is_known_of_a_run_is_what_its_records_say(ends):
    folder = Path(tempfile.mkdtemp())
    try:
        status = None
        for end in ends:
            status = live(folder, status, end)
        live(folder, status, (False, [], "kill", b"", None))
    finally:
        shutil.rmtree(folder)


@settings(max_examples=100, deadline=None)
@given(CALLS.filter(bool), st.sampled_from(["lost", "zeros", "other", "longer", "names"]), st.integers(1, 3))
def test_a_status_that_does_not_fit_the_file_is_not_believed(calls, how, records):
    """As after a power cut, which takes what was written last, or of a file that was brought back from a backup."""
    folder = Path(tempfile.mkdtemp())
    try:
        recorder = Recorder(folder, "metrics.bin", Warnings())
        recorder.log({"loss": 1.0})
        for data, step in calls:
            recorder.log(data, step)
        recorder.close()
        status = status_of(recorder)
        path = folder / "metrics.bin"
        data = path.read_bytes()
        cut = data[: max(0, len(data) - records * RECORD_BYTES)]
        path.write_bytes({
            "lost": cut,
            "zeros": cut + bytes(len(data) - len(cut)),
            "other": data[:-RECORD_BYTES] + pack(0, 77, 5.0, 6.0),
            "longer": data + pack(0, 78, 5.0, 6.0),
            "names": data,
        }[how])  # fmt: skip
        if how == "names":
            (folder / "metrics.keys").write_bytes(b"")
        again = Recorder(folder, "metrics.bin", Warnings(), beginning=behind_status(status))
        assert plain(known_of(again)) == plain(all_records(folder))
        # A number that records have is given to no other metric.
        again.log({"new": 1.0}, 5)
        assert all_records(folder)[0]["new"][0] == 1
        again.close()
    finally:
        shutil.rmtree(folder)


TORN = pack(1, 2, 1.0, 2.0)
PIECES = st.lists(
    st.builds(pack, st.integers(0, 3), st.integers(-9, 9), st.floats(0, 9), st.floats(width=64))
    | st.binary(max_size=70),
    max_size=60,
)


@settings(max_examples=300, deadline=None)
@given(PIECES, st.integers(4, 9), st.booleans())
# A mark that stands in no record lies at the end of a piece, where the next record would have told that.
@example([bytes(3), TORN[:24], bytes(60), TORN[:10], TORN[:19], TORN[:25], bytes(32), TORN[:25], TORN], 4, False)
def test_a_count_in_pieces_is_that_of_the_whole_file(pieces, records, arrays):
    data = b"".join(pieces)
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "metrics.bin"
        path.write_bytes(data)
        before = counting._CHUNK_BYTES, counting._WORTH_ARRAYS_BYTES, counting._FEW_RECORDS
        whole, found = Tally(), Tally()
        count_on(whole, path)
        try:
            counting._CHUNK_BYTES = records * RECORD_BYTES + 5
            counting._WORTH_ARRAYS_BYTES = 0 if arrays else 1 << 60
            counting._FEW_RECORDS = 2
            count_on(found, path)
        finally:
            counting._CHUNK_BYTES, counting._WORTH_ARRAYS_BYTES, counting._FEW_RECORDS = before
        assert found.end == whole.end == scan(data).consumed
        assert plain((found.metrics, found.highest_step)) == plain((whole.metrics, whole.highest_step))
        assert sum(kept[0] for kept in found.metrics.values()) == sum(count for _, count in scan(data).spans)


def test_anything_in_the_place_of_a_status_is_borne(tmp_path):
    recorder = Recorder(tmp_path, "metrics.bin", Warnings())
    recorder.log({"loss": 2.0}, 4)
    recorder.close()
    good = status_of(recorder)
    for path in (("counted", "bytes"), ("counted", "names"), ("counted", "highest_step"), ("counted", "sums"),
                 ("metrics", "loss"), ("metrics",), ("counted",), ("counted", "file")):  # fmt: skip
        for bad in (None, "x", -1, 2.5, [], {}, 2**70, True, {"loss": None}, {"loss": {}}):
            status = json.loads(json.dumps(good))
            inner = status
            for key in path[:-1]:
                inner = inner[key]
            inner[path[-1]] = bad
            again = Recorder(tmp_path, "metrics.bin", Warnings(), beginning=behind_status(status))
            assert known_of(again)[0]["loss"][:2] == (1, 2.0)
            assert again.step == 4
            again.close()
    for nothing in (None, {}):
        again = Recorder(tmp_path, "metrics.bin", Warnings(), beginning=behind_status(nothing))
        assert known_of(again) == known_of(Recorder(tmp_path, "metrics.bin", Warnings()))
        again.close()
