"""What is remembered of sessions: whole, without secrets, and never trusted blindly."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runicorn.remote import records
from runicorn.remote.launch import Started
from runicorn.remote.records import Owner, SessionRecords
from runicorn.remote.session import Session, StartRequest
from runicorn.remote.target import Credentials, Secret, Target

OURS = Owner.this_process()
GONE = Owner(OURS.pid, OURS.started_at - 1000)  # the number of a process that ended is another's by now


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
    assert session.needs_person


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


@given(field=st.sampled_from(sorted(record_of())))
def test_a_record_without_a_field_is_refused(field: str) -> None:
    record = record_of()
    del record[field]
    assert not records.is_record(record)
