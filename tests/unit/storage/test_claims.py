"""Which process writes something: claimed, kept young, taken back, and read whatever lies there."""

import json
import os
import subprocess
import sys
import textwrap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runicorn import processes
from runicorn.model import Origin
from runicorn.storage import claims, liveness, writers
from runicorn.storage.liveness import Pulse
from runicorn.storage.ownership import claim_ownership
from runicorn.storage.writer import claim_record_file
from runicorn.storage.writers import HasWriterError, check_gone

HERE = liveness.here()
ME = Origin(host=HERE.host, pid=os.getpid(), pid_scope=HERE.scope, pid_start=processes.start_of(os.getpid()))
ELSEWHERE = Origin(host="gpu-7", pid=17, pid_start=4711, pid_scope="boot/pid:[1]")


def test_a_claim_names_its_process_until_it_is_taken_back(tmp_path):
    claim = claims.create(tmp_path / "claim")
    assert claims.read(claim.path).origin == ME
    with pytest.raises(FileExistsError):
        claims.create(claim.path)
    os.utime(claim.path, (1, 1))
    assert claim.beat()
    assert claims.time_on(tmp_path) - claims.read(claim.path).beaten_at < 60
    claim.release()
    claim.release()
    assert claims.read(claim.path) is None
    assert not claim.beat()
    assert os.listdir(tmp_path) == []  # noqa: PTH208


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_neither_keeps_nor_takes_back_its_parents_claim(tmp_path):
    claim = claims.create(tmp_path / "claim")
    os.utime(claim.path, (1, 1))
    child = os.fork()
    if child == 0:
        claim.beat()
        claim.release()
        os._exit(0)
    os.waitpid(child, 0)
    assert claims.read(claim.path).beaten_at == 1


def test_a_claim_of_a_process_that_is_gone_is_taken_over_whole(tmp_path):
    (tmp_path / "claim").write_text(json.dumps({"host": "gpu-7", "pid": 17, "pid_start": 1, "pid_scope": None}))
    claims.take_over(tmp_path / "claim")
    assert claims.read(tmp_path / "claim").origin == ME
    assert os.listdir(tmp_path) == ["claim"]  # noqa: PTH208


def test_an_older_versions_claim_is_read(tmp_path):
    (tmp_path / "claim").write_text(json.dumps(["gpu-7", "boot/pid:[1]", 17, 1.5]))
    assert claims.read(tmp_path / "claim").origin == Origin(
        host="gpu-7", pid=17, pid_started_at=1.5, pid_scope="boot/pid:[1]"
    )


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.sampled_from(["host", "pid", "x"]), inner),
    max_leaves=8,
)
CLAIM = st.fixed_dictionaries(dict.fromkeys(("host", "pid", "pid_start", "pid_scope"), JSON))


@given(
    st.binary(max_size=100)
    | (JSON | CLAIM | st.lists(JSON, min_size=4, max_size=4)).map(lambda v: json.dumps(v).encode())
)
def test_whatever_lies_there_is_a_process_or_none(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "claim"
    path.write_bytes(data)
    found = claims.read(path)
    assert isinstance(found.origin, Origin)
    liveness.is_alive(found.origin, Pulse(0.0), HERE)


@pytest.mark.parametrize(
    ("origin", "secs", "why"),
    [
        (ME, 10**9, "is being recorded into"),
        (Origin(), 3600, "less than a day ago by a process that is not known"),
        (ELSEWHERE, 3600, "less than a day ago by process 17 on gpu-7"),
        (ELSEWHERE, -3600, "less than a day ago by process 17 on gpu-7"),
    ],
)
def test_what_may_have_a_writer_is_said(origin, secs, why):
    with pytest.raises(HasWriterError, match=why):
        check_gone(origin, secs)
    check_gone(ELSEWHERE, writers.SILENT_SECS + 1)


def test_a_heartbeat_that_is_young_outweighs_a_process_that_is_gone():
    """A process that was moved, as by a checkpoint that is restored, has another start."""
    gone = Origin(host=HERE.host, pid=os.getpid(), pid_scope=HERE.scope, pid_start=1)
    with pytest.raises(HasWriterError, match="less than a minute ago"):
        check_gone(gone, 59)
    check_gone(gone, 61)


def test_of_a_file_without_a_claim_the_time_of_change_tells_where_writers_made_none(tmp_path):
    (tmp_path / "metrics.rank1.bin").touch()
    now = claims.time_on(tmp_path)
    writers.check_closed(tmp_path, "metrics.rank1.bin", now)
    with pytest.raises(HasWriterError, match="less than a minute ago"):
        writers.check_closed(tmp_path, "metrics.rank1.bin", now, unclaimed=True)
    writers.check_closed(tmp_path, "metrics.rank1.bin", now + 61, unclaimed=True)


def test_a_further_writer_takes_no_name_that_is_plain_packed_or_claimed(tmp_path):
    (tmp_path / "metrics.rank1.bin").touch()
    (tmp_path / "metrics.rank2.bin.packed").touch()
    claims.create(tmp_path / ".writer-metrics.rank3.bin")
    assert claim_record_file(tmp_path) == "metrics.rank4.bin"
    assert sorted(path.name for path in tmp_path.glob(".writer-*")) == [
        ".writer-metrics.rank3.bin", ".writer-metrics.rank4.bin",
    ]  # fmt: skip


def test_a_claim_on_a_run_that_cannot_be_read_is_taken_for_that_of_a_process_that_lives(tmp_path):
    (tmp_path / ".owner-1").mkdir()
    assert claim_ownership(tmp_path, 0) is None


@pytest.mark.parametrize("ahead_secs", [-1000.0, 1000.0])
def test_a_clock_that_is_wrong_makes_no_second_owner(tmp_path, monkeypatch, ahead_secs):
    """The age of a claim is told by the clock of the file system, which made both times."""
    path = tmp_path / ".owner-1"
    path.write_text(json.dumps({"host": "gpu-7", "pid": 17, "pid_start": 1, "pid_scope": None}))
    now = path.stat().st_mtime
    monkeypatch.setattr("time.time", lambda: now + ahead_secs)
    assert claim_ownership(tmp_path, 0) is None
    os.utime(path, (now - 61, now - 61))
    assert claim_ownership(tmp_path, 0) == 2


@pytest.mark.skipif(os.name == "nt", reason="needs RLIMIT_FSIZE")
def test_a_claim_that_a_full_disk_does_not_take_leaves_nothing_behind(tmp_path):
    code = """
        import resource, sys
        from pathlib import Path
        from runicorn.storage import claims

        folder = Path(sys.argv[1])
        claims.create(folder / ".writer-a")
        resource.setrlimit(resource.RLIMIT_FSIZE, (3, resource.RLIM_INFINITY))
        for claim, name in ((claims.create, ".writer-b"), (claims.take_over, ".writer-a")):
            try:
                claim(folder / name)
            except OSError:
                print("refused")
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.stdout.split() == ["refused"] * 2, done.stderr
    assert [path.name for path in tmp_path.iterdir()] == [".writer-a"]
    assert claims.read(tmp_path / ".writer-a").origin.pid is not None
