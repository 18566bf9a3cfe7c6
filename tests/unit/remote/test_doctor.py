"""The doctor's order: what failed takes what needs it along, and nothing waits without a limit."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from runicorn.errors import HostKeyConfirmationError, RunicornError
from runicorn.remote.doctor import doctor
from runicorn.remote.doctor.doctor import Asking, Finding, Step, StepState
from runicorn.remote.doctor.examination import Examination, Found
from runicorn.remote.link.workers import Workers
from runicorn.remote.names.way import direct
from runicorn.remote.trust.host_keys import HostKeyFile
from runicorn.remote.trust.target import Credentials, Target
from runicorn.settings import Settings


@pytest.fixture
def examination(tmp_path: Path) -> Iterator[Examination]:
    settings = Settings(root=tmp_path, home=tmp_path)
    target = Target.make("gpu", 22, "me")
    yield Examination(
        settings, HostKeyFile(tmp_path / "known_hosts"), tmp_path, target, direct(target), Credentials(), None, None
    )


async def refuse(error: Any) -> Any:
    raise error


def examine(examination: Examination) -> list[Finding]:
    async def collect() -> list[Finding]:
        return [each async for each in doctor.examine(examination, Workers(), Asking(refuse, refuse))]

    return asyncio.run(collect())


def test_every_step_needs_one_that_comes_before_it() -> None:
    seen: set[str] = set()
    for step in doctor.STEPS:
        assert step.needs is None or step.needs in seen
        assert step.limit_secs > 0
        seen.add(step.name)


def test_a_step_that_hangs_is_given_up_and_what_needs_it_is_skipped(
    examination: Examination, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = threading.Event()
    steps = (Step("name", None, 0.05), Step("port", "name", 5), Step("server", "port", 5), Step("clock", None, 5))
    monkeypatch.setattr(doctor, "STEPS", steps)
    monkeypatch.setattr(examination, "name", release.wait)
    findings = {each.name: each for each in examine(examination)}
    release.set()
    assert [each.state for each in findings.values()] == [
        StepState.FAILED,
        StepState.SKIPPED,
        StepState.SKIPPED,
        StepState.OK,
    ]
    assert findings["name"].code == "START_TIMEOUT"
    assert "took longer than" in findings["name"].detail


def test_whatever_a_step_runs_into_is_a_finding_with_a_next_step(
    examination: Examination, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> Found:
        raise ZeroDivisionError("oh")

    monkeypatch.setattr(doctor, "STEPS", (Step("clock", None, 5),))
    monkeypatch.setattr(examination, "clock", broken)
    (finding,) = examine(examination)
    assert (finding.state, finding.code) == (StepState.FAILED, "START_FAILED")
    assert "ZeroDivisionError" in finding.detail
    assert finding.hint


def test_a_person_who_accepts_the_key_is_taken_on(examination: Examination, monkeypatch: pytest.MonkeyPatch) -> None:
    accepted: list[RunicornError] = []

    def meet() -> Found:
        if not accepted:
            raise HostKeyConfirmationError({"key_type": "x", "fingerprint_sha256": "y", "reason": "unknown"})
        return Found("known")

    async def accept(error: HostKeyConfirmationError) -> None:
        accepted.append(error)

    async def collect() -> list[Finding]:
        return [each async for each in doctor.examine(examination, Workers(), Asking(accept, refuse))]

    monkeypatch.setattr(doctor, "STEPS", (Step("host_key", None, 5),))
    monkeypatch.setattr(examination, "host_key", meet)
    (finding,) = asyncio.run(collect())
    assert (finding.state, finding.detail, len(accepted)) == (StepState.OK, "known", 1)
