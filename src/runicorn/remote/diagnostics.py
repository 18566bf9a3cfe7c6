"""One text with all that is needed to find out why a session does not work. Pure; nothing in it is a secret."""

from __future__ import annotations

import datetime
import textwrap
from collections.abc import Iterable
from dataclasses import dataclass

from runicorn.remote.session.session import Session
from runicorn.remote.telling.progress import Stage
from runicorn.remote.telling.redact import redact

LABEL_CHARS = 15


@dataclass(frozen=True)
class Machine:
    """This side. ssh: the program and its version, or why there is none."""

    runicorn: str
    platform: str
    python: str
    ssh: str


def describe(session: Session, machine: Machine, homes: Iterable[str], now: float) -> str:
    """Return the text. homes: the home folders on both sides, shown as `~`. now: unix seconds."""
    parts = [
        f"Runicorn diagnostics, {utc(now)}",
        _table([("runicorn", machine.runicorn), *_local(machine)]),
        _table(_facts(session)),
        *([_table(_error(session))] if session.error else []),
        "stages\n" + "\n".join(f"  {_stage(stage)}" for stage in session.progress.stages),
        "log\n" + "\n".join(f"  {utc(line.at)}  {line.text}" for line in session.progress.lines.lines),
    ]
    return redact("\n\n".join(parts) + "\n", homes)


def utc(secs: float) -> str:
    """Return unix seconds as `2026-01-31T12:00:00.123Z`."""
    moment = datetime.datetime.fromtimestamp(secs, datetime.timezone.utc)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03}Z"


def _local(machine: Machine) -> list[tuple[str, str]]:
    return [("platform", machine.platform), ("Python", machine.python), ("ssh", machine.ssh)]


def _facts(session: Session) -> list[tuple[str, str]]:
    request, environment, remote = session.request, session.environment, session.remote
    chosen = request.environment or "the first with runicorn"
    if environment is not None:
        chosen = f"{environment.name}, {environment.kind}, Python {environment.python_version}, {environment.path}"
    facts = [
        ("session", session.session_id),
        ("target", request.target.connection_id),
        ("environment", chosen),
        ("root", request.root),
    ]
    if remote is not None:
        facts.append(("remote viewer", f"runicorn {remote.version}, process {remote.pid}, port {remote.port}"))
    reason = f": {session.connector_reason}" if session.connector_reason else ""
    facts.append(("connected by", f"{session.connector or 'nothing'}{reason}"))
    facts.append(("tunnel", session.tunnel.name if session.tunnel else "none"))
    facts += [("passed over", f"{each.backend}: {each.reason}") for each in session.fallbacks]
    facts += [("state", session.state.value), ("started", utc(session.started_at))]
    if session.reconnects:
        facts.append(("reconnects", str(session.reconnects)))
    if session.link_lost_at is not None:
        facts.append(("link lost", utc(session.link_lost_at)))
    return facts


def _error(session: Session) -> list[tuple[str, str]]:
    assert session.error is not None
    return [("error", session.error.code), ("", session.error.detail), ("next step", session.error.hint)]


def _stage(stage: Stage) -> str:
    secs = "" if stage.secs is None else f"{stage.secs * 1000:.0f} ms"
    return f"{stage.name:13} {stage.state.value:8} {secs:>9}  {stage.detail}".rstrip()


def _table(rows: Iterable[tuple[str, str]]) -> str:
    return "\n".join(
        f"{label:{LABEL_CHARS}}{textwrap.indent(value, ' ' * LABEL_CHARS).lstrip()}".rstrip() for label, value in rows
    )
