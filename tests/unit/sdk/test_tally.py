"""What is read of a record file by whoever goes on with its run: what came after the status, in small pieces."""

import json
import tracemalloc

import pytest

from runicorn.sdk import tally as counting
from runicorn.sdk.counts import counted_to_json, metrics_to_json
from runicorn.sdk.going_on import behind_status, near_end
from runicorn.sdk.recorder import Recorder
from runicorn.sdk.tally import Tally, count_on
from runicorn.sdk.warnings import Warnings
from runicorn.storage.records import RECORD_BYTES, pack


def test_what_a_status_has_counted_is_not_read_again(tmp_path):
    recorder = Recorder(tmp_path, "metrics.bin", Warnings())
    for step in range(10):
        recorder.log({"loss": step / 2})
    counts = recorder.counts()
    recorder.log({"loss": 9.0, "acc": 1.0}, 20)
    recorder.close()
    status = json.loads(
        json.dumps({"metrics": metrics_to_json(counts), "counted": counted_to_json(counts, "metrics.bin")})
    )
    data = (tmp_path / "metrics.bin").read_bytes()
    (tmp_path / "metrics.bin").write_bytes(b"x" * 9 * RECORD_BYTES + data[9 * RECORD_BYTES :])
    again = Recorder(tmp_path, "metrics.bin", Warnings(), beginning=behind_status(status))
    found = again.counts()
    assert (found.stats["loss"].count, found.stats["loss"].max, found.sums["loss"]) == (11, 9.0, 22.5 + 9)
    assert (found.stats["acc"].count, again.step, found.end) == (1, 20, len(data))
    again.close()


def test_the_statistics_of_a_closed_file_stay_known(tmp_path):
    recorder = Recorder(tmp_path, "metrics.bin", Warnings())
    recorder.log({"loss": 1.0})
    recorder.close()
    recorder.log({"loss": 2.0})
    assert (recorder.counts().end, recorder.counts().stats["loss"].count) == (RECORD_BYTES, 1)


def test_a_count_that_ctrl_c_left_behind_the_file_says_so(tmp_path):
    recorder = Recorder(tmp_path, "metrics.bin", Warnings())
    recorder.log({"loss": 1.0})
    with (tmp_path / "metrics.bin").open("ab") as file:  # written, and then the count did not come about
        file.write(pack(0, 1, 2.0, 3.0))
    assert recorder.counts().end is None
    recorder.close()
    assert recorder.counts().end is None


@pytest.mark.parametrize("arrays", [True, False])
def test_a_file_of_any_size_is_counted_with_little_memory(tmp_path, monkeypatch, arrays):
    monkeypatch.setattr(counting, "_CHUNK_BYTES", 1 << 16)
    if not arrays:
        monkeypatch.setattr(counting, "_numpy_is_there", lambda: False)
    records = 250_000 if arrays else 120_000
    (tmp_path / "metrics.bin").write_bytes(b"".join(pack(n % 3, n, 1.0, n / 2) for n in range(records)))
    found = Tally()
    count_on(Tally(end=records * RECORD_BYTES - 64), tmp_path / "metrics.bin")  # loads what it needs
    tracemalloc.start()
    count_on(found, tmp_path / "metrics.bin")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert sum(kept[counting.COUNT] for kept in found.metrics.values()) == records
    assert found.highest_step == records - 1
    assert peak < (4 << 20 if arrays else 1 << 20)


def test_of_the_machines_file_the_end_is_enough(tmp_path):
    records = b"".join(pack(n % 7, n, 1.0, 2.0) for n in range(10_000))
    (tmp_path / "system.bin").write_bytes(records + b"RNS1")
    begins = near_end(tmp_path / "system.bin", []).end
    assert (begins % RECORD_BYTES, begins > len(records) // 2) == (0, True)
    recorder = Recorder(tmp_path, "system.bin", Warnings(), beginning=near_end)
    recorder.log({"cpu": 1.0})
    recorder.close()
    assert recorder.step == 10_000
    assert (tmp_path / "system.bin").stat().st_size == len(records) + RECORD_BYTES
    # The numbers below are those of records whose names are lost.
    assert (tmp_path / "system.keys").read_bytes() == b"\n" * 7 + b'"cpu"\n'
