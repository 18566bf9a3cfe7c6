"""What is remembered of sessions: whole, without secrets, and never trusted blindly."""

from __future__ import annotations

import asyncio
import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runicorn.remote.server.launch import Started
from runicorn.remote.server.machine.jobs import Place
from runicorn.remote.session import records
from runicorn.remote.session.records import Owner, SessionRecords
from runicorn.remote.session.session import Mode, Session, StartRequest
from runicorn.remote.trust.target import Credentials, Secret, Target

OURS = Owner.this_process()
GONE = replace(OURS, start=(OURS.start or 0) - 1000)  # the number of a process that ended is another's by now


class FakeDoor:
    local_port = 18080

    def close(self) -> None: ...


def make_session(credentials: Credentials) -> Session:
    request = StartRequest(Target.make("gpu-7.lab", 22, "me"), credentials, "/data", "ml", None, 19090)

    async def make() -> Session:
        return Session("feed0001", request, 1795410494.5, remote=Started(19090, 4711, "0.8.0", 1795410493.25))

    session = asyncio.run(make())
    session.door = FakeDoor()  # type: ignore[assignment]
    return session


def record_of(credentials: Credentials | None = None, owner: Owner = GONE) -> dict[str, Any]:
    return records.to_record(make_session(credentials or Credentials(private_key_path="~/.ssh/id")), owner)


def test_a_record_brings_back_what_is_needed_and_no_secret() -> None:
    secrets = Credentials(Secret("canary"), Secret("canary"), "~/.ssh/id", Secret("canary"))
    record = record_of(secrets)
    assert "canary" not in json.dumps(record)

    async def again() -> Session:
        return records.from_record(json.loads(json.dumps(record)))

    session = asyncio.run(again())
    assert session.remote == Started(19090, 4711, "0.8.0", 1795410493.25)
    assert (session.session_id, session.request.root, session.request.environment) == ("feed0001", "/data", "ml")
    assert (session.request.local_port, session.request.remote_port) == (18080, 19090)
    assert session.request.credentials == Credentials(private_key_path="~/.ssh/id")
    assert session.found_again
    assert session.lacks_secret


def test_only_the_sessions_of_the_dead_are_taken_and_only_once(tmp_path: Path) -> None:
    path = tmp_path / "sessions.json"
    path.write_text(json.dumps([record_of(), {**record_of(owner=OURS), "session_id": "feed0002"}]))
    taken = SessionRecords(path).take_over()
    assert [record["session_id"] for record in taken] == ["feed0001"]
    assert SessionRecords(path).take_over() == []


def test_keeping_and_forgetting_leave_the_others_alone(tmp_path: Path) -> None:
    path = tmp_path / "home" / "sessions.json"
    kept = SessionRecords(path)
    kept.keep(make_session(Credentials()))
    kept.keep(make_session(Credentials()))
    assert [record["owner"]["pid"] for record in json.loads(path.read_text())] == [psutil.Process().pid]
    kept.forget("feed0002")
    assert len(json.loads(path.read_text())) == 1
    kept.forget("feed0001")
    assert json.loads(path.read_text()) == []


@pytest.mark.parametrize("content", ["", "{", "null", "[1, null, {}]", '"x"', "[[]]", "\ufeff[]"])
def test_a_broken_file_costs_the_taking_back_and_nothing_else(tmp_path: Path, content: str) -> None:
    path = tmp_path / "sessions.json"
    path.write_text(content, encoding="utf-8")
    assert SessionRecords(path).take_over() == []


def test_a_folder_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file where the folder should be")
    kept = SessionRecords(tmp_path / "home" / "sessions.json")
    kept.keep(make_session(Credentials()))
    assert kept.take_over() == []


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(field=st.sampled_from(sorted(record_of())), value=JSON)
def test_a_record_with_any_field_changed_is_refused_or_can_be_used(field: str, value: Any) -> None:
    record = {**record_of(), field: value}
    if not records.is_record(record):
        return

    async def again() -> Session:
        return records.from_record(record)

    assert asyncio.run(again()).found_again


NEWER = {"jumps", "asked_mode", "mode", "inside"}


@given(field=st.sampled_from(sorted(set(record_of()) - NEWER)))
def test_a_record_without_a_field_is_refused(field: str) -> None:
    record = record_of()
    del record[field]
    assert not records.is_record(record)


def test_a_record_from_before_there_were_jumps_leaves_the_way_to_the_config() -> None:
    record = record_of()
    del record["jumps"]
    assert records.is_record(record)

    async def again() -> Session:
        return records.from_record(record)

    assert asyncio.run(again()).request.credentials.jumps is None


@pytest.mark.parametrize(
    "damage",
    [
        {"local_port": 70000},
        {"local_port": -1},
        {"local_port": 0},
        {"local_port": True},
        {"local_port": 8080.5},
        {"asked_remote_port": 70000},
        {"remote": {"port": 19090, "pid": -1, "version": "0.8.0", "started_at": 1.0}},
        {"remote": {"port": 70000, "pid": 4711, "version": "0.8.0", "started_at": 1.0}},
        {"remote": {"port": 19090, "pid": 10**30, "version": "0.8.0", "started_at": 1.0}},
        {"remote": {"port": 19090, "pid": 4711, "version": None, "started_at": float("nan")}},
        {"remote": None},
        {"owner": {"host": OURS.host, "pid": -1, "start": 1, "scope": OURS.scope}},
        {"owner": {"host": OURS.host, "pid": 0, "start": 1, "scope": OURS.scope}},
        {"owner": {"pid": 4711, "started_at": 1795410493.25}},  # as an earlier version wrote it
        {"owner": []},
        {"started_at": float("nan")},
        {"started_at": float("inf")},
        {"started_at": -1.0},
        {"remote_root": "/data\x00/runs"},
        {"remote_root": "/\ud800"},
        {"environment": "a\nb"},
        {"session_id": "../../x"},
        {"session_id": ""},
        {"host": "-oProxyCommand=x"},
        {"port": 0},
        {"username": ""},
    ],
)
def test_a_damaged_record_is_passed_over_and_left_alone(damage: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "sessions.json"
    damaged = {**record_of(), "session_id": "feed0009", **damage}
    path.write_text(json.dumps([damaged, record_of()]))
    assert not records.is_record(json.loads(json.dumps(damaged)))
    kept = SessionRecords(path)
    assert [record["session_id"] for record in kept.take_over()] == ["feed0001"]
    kept.forget("feed0001")
    assert len(json.loads(path.read_text())) == 1  # another version may know what it means


def test_what_is_no_list_at_all_is_put_aside_for_who_wants_to_know(tmp_path: Path) -> None:
    path = tmp_path / "sessions.json"
    path.write_text('[{"session_id": "feed00')
    kept = SessionRecords(path)
    assert kept.take_over() == []
    kept.keep(make_session(Credentials()))
    assert path.with_suffix(".damaged").read_text() == '[{"session_id": "feed00'
    assert len(json.loads(path.read_text())) == 1


@pytest.mark.parametrize("depth", [100_000])
def test_a_file_without_a_bottom_is_no_error(depth: int, tmp_path: Path) -> None:
    path = tmp_path / "sessions.json"
    path.write_text("[" * depth)
    assert SessionRecords(path).take_over() == []


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_a_pipe_or_a_folder_in_its_place_is_neither_waited_for_nor_an_error(make: Any, tmp_path: Path) -> None:
    path = tmp_path / "sessions.json"
    make(path)
    kept = SessionRecords(path)
    assert kept.take_over() == []
    kept.keep(make_session(Credentials()))


def test_a_session_of_another_machine_with_the_same_home_is_left_to_it(tmp_path: Path) -> None:
    elsewhere = Owner("another-machine", 1, 1, "another-boot/pid:[1]")
    assert elsewhere.lives
    container = replace(OURS, scope=f"{(OURS.scope or '').partition('/')[0]}/pid:[1]", start=1)
    assert container.lives or OURS.scope is None


@pytest.mark.skipif(OURS.scope is None, reason="needs the id of a boot")
def test_a_session_of_before_this_machine_was_started_anew_is_taken_back() -> None:
    assert not replace(OURS, scope="another-boot/pid:[4026531836]").lives


def test_setting_the_clock_makes_no_living_owner_a_dead_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """A start in unix seconds is counted from the boot time, which is moved with the clock."""
    real = psutil.boot_time()
    monkeypatch.setattr(psutil, "boot_time", lambda: real + 1.0)
    monkeypatch.setattr("psutil._pslinux.boot_time", lambda: real + 1.0, raising=False)
    assert OURS.lives
    assert Owner.this_process() == OURS


def test_a_login_that_took_what_somebody_typed_needs_a_person_again():
    session = make_session(Credentials())
    assert records.to_record(session, OURS)["needs_person"] is False
    session.typed = True
    assert records.to_record(session, OURS)["needs_person"] is True


def taken_back(record: dict[str, Any]) -> Session:
    async def again() -> Session:
        return records.from_record(json.loads(json.dumps(record)))

    assert records.is_record(record)
    return asyncio.run(again())


def test_how_a_host_was_read_is_remembered_and_was_a_viewer_before_there_was_a_choice() -> None:
    record = record_of()
    for mode, remote in (
        ("viewer", {}),
        ("agent", {"port": 0}),
        ("sftp", {"port": 0, "pid": 0}),
    ):
        changed = {**record, "mode": mode, "asked_mode": "auto", "remote": {**record["remote"], **remote}}
        assert taken_back(changed).mode is Mode(mode)
    older = {name: value for name, value in record.items() if name not in NEWER}
    assert (taken_back(older).mode, taken_back(older).request.mode) == (Mode.VIEWER, Mode.AUTO)
    assert taken_back(older).request.inside is None


def test_a_session_on_the_node_of_a_job_is_taken_back_to_it() -> None:
    record = record_of()
    assert taken_back({**record, "inside": ["gpu2", "12_3"]}).request.inside == Place("gpu2", "12_3")
    for odd in (["gpu2"], ["gpu2", "12; id"], ["-w", "12"], ["gpu2", "12", "x"], "gpu2", {}):
        assert not records.is_record({**record, "inside": odd})


@pytest.mark.parametrize(
    ("mode", "remote"),
    [("viewer", {"port": 0}), ("agent", {}), ("sftp", {"port": 0, "pid": -1}), ("teleport", {}), (1, {})],
)
def test_a_record_whose_mode_and_process_do_not_go_together_is_refused(mode: Any, remote: dict[str, int]) -> None:
    record = record_of()
    assert not records.is_record({**record, "mode": mode, "remote": {**record["remote"], **remote}})
