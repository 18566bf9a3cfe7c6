"""The whole way to a server, looked at step by step: what was found, how long it took, and what to do.

    name ─ port ─ server ─ host key ─ login ┬─ SFTP
                                            ├─ exec ┬─ agent
                                            │       ├─ python ┬─ environments ─ runicorn
                                            │       │         └─ root ─ disk
                                            │       └─ clock
                                            ├─ forwarding by each tunnel
                                            └─ reading: what of all this will be used

A step whose requirement failed is skipped. Knows no terminal; nothing is left on the server.
"""

from __future__ import annotations

import asyncio
import enum
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass
from functools import partial

from runicorn.errors import (
    AuthFailedError,
    ForwardingForbiddenError,
    HostKeyConfirmationError,
    RunicornError,
    SftpUnavailableError,
    StartTimeoutError,
)
from runicorn.remote.doctor.examination import Examination, Found, error_found
from runicorn.remote.link.connections import RunBlocking
from runicorn.settings import TunnelChoice

BACKENDS = (TunnelChoice.OPENSSH, TunnelChoice.ASYNCSSH, TunnelChoice.PARAMIKO)
CLOSE_TIMEOUT_SECS = 5.0


class StepState(enum.Enum):
    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Step:
    """limit_secs: longer than every limit within it, so that the better error comes first."""

    name: str
    needs: str | None
    limit_secs: float


STEPS = (
    Step("name", None, 15),
    Step("port", "name", 15),
    Step("server", "port", 20),
    Step("host_key", "server", 60),
    Step("login", "host_key", 600),  # with what a person types
    Step("sftp", "login", 35),
    Step("exec", "login", 35),
    Step("agent", "exec", 45),
    *(Step(f"forwarding_{backend.value}", "login", 60) for backend in BACKENDS),
    Step("python", "exec", 40),
    Step("environments", "python", 5),
    Step("runicorn", "environments", 5),
    Step("root", "python", 35),
    Step("disk", "root", 5),
    Step("clock", "exec", 5),
    Step("reading", "login", 35),
)


@dataclass(frozen=True)
class Finding:
    """What became of a step. secs: None where it was skipped. code: of the error, "" where there is none."""

    name: str
    state: StepState
    secs: float | None
    detail: str
    code: str = ""
    hint: str = ""

    @property
    def failed(self) -> bool:
        return self.state is StepState.FAILED


@dataclass(frozen=True)
class Asking:
    """What only a person can answer. Each raises the error again where there is nobody, or the answer is no."""

    about_host_key: Callable[[HostKeyConfirmationError], Awaitable[None]]
    about_refusal: Callable[[AuthFailedError], Awaitable[None]]


async def examine(examination: Examination, run_blocking: RunBlocking, asking: Asking) -> AsyncGenerator[Finding, None]:
    """Yield each step's finding as it comes; close the iterator, or the examination's holder, to end it early."""
    missing: set[str] = set()
    try:
        for step in STEPS:
            if step.needs in missing:
                finding = Finding(step.name, StepState.SKIPPED, None, f"needs: {step.needs}")
            else:
                finding = await _take(step, examination, run_blocking, asking)
            # What failed is not there, also where something else does the same.
            if finding.code or finding.state is StepState.SKIPPED:
                missing.add(step.name)
            yield finding
    finally:
        await asyncio.wait_for(run_blocking(examination.holder.release), CLOSE_TIMEOUT_SECS)


async def _take(step: Step, examination: Examination, run_blocking: RunBlocking, asking: Asking) -> Finding:
    """Take one step, asking a person where that is what it takes; the time that takes is not counted."""
    while True:
        began_at = time.monotonic()
        try:
            found: Found = await asyncio.wait_for(run_blocking(_work(step, examination)), step.limit_secs)
        except asyncio.TimeoutError:
            return _failed(step, StartTimeoutError(f"It took longer than {step.limit_secs:.0f} s."), began_at)
        except HostKeyConfirmationError as error:
            finding = _failed(step, error, began_at)
            try:
                await asking.about_host_key(error)
            except HostKeyConfirmationError:
                return finding
        except AuthFailedError as error:
            finding = _failed(step, error, began_at)
            try:
                await asking.about_refusal(error)
            except AuthFailedError:
                return finding
        except Exception as error:  # noqa: BLE001  the rim of a step: whatever it ran into is what it found
            return _judged(_failed(step, error_found(error), began_at), examination, error)
        else:
            state = StepState.WARNING if found.warning else StepState.OK
            return Finding(step.name, state, time.monotonic() - began_at, found.detail, hint=found.hint)


def _work(step: Step, examination: Examination) -> Callable[[], Found]:
    kind, _, backend = step.name.partition("forwarding_")
    if not kind:
        return partial(examination.forwarding, TunnelChoice(backend))
    work: Callable[[], Found] = getattr(examination, {"root": "storage"}.get(step.name, step.name))
    return work


def _failed(step: Step, error: RunicornError, began_at: float) -> Finding:
    detail = error.detail
    if isinstance(error, HostKeyConfirmationError):
        payload = error.payload
        detail = f"{payload['reason']}: {payload['key_type']} {payload['fingerprint_sha256']}"
        if "expected_fingerprint_sha256" in payload:
            detail += f" instead of {payload['expected_fingerprint_sha256']}"
    return Finding(step.name, StepState.FAILED, time.monotonic() - began_at, detail, error.code, error.hint)


def _judged(finding: Finding, examination: Examination, error: BaseException) -> Finding:
    """Return a failure as a warning where something else does the same."""
    harmless = isinstance(error, SftpUnavailableError)
    if finding.name == "exec":
        harmless = examination.ways.sftp
    elif finding.name == "agent":
        harmless = True
    elif isinstance(error, ForwardingForbiddenError):
        harmless = examination.environment is None and examination.ways.needs_no_tunnel
    elif finding.name.startswith("forwarding_"):
        backend, choice = finding.name.removeprefix("forwarding_"), examination.settings.tunnel
        last = backend == BACKENDS[-1].value
        harmless = (not last or bool(examination.carried)) if choice is TunnelChoice.AUTO else choice.value != backend
    if not harmless:
        return finding
    return Finding(finding.name, StepState.WARNING, finding.secs, finding.detail, finding.code, finding.hint)
