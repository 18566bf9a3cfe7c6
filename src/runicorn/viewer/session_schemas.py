"""The wire format of remote sessions: what starts, runs and ended, and their logs."""

from __future__ import annotations

import time
from typing import Literal

from runicorn.remote.session.lifecycle import State
from runicorn.remote.session.session import Mode, Session
from runicorn.viewer.question_schemas import QuestionAnswer
from runicorn.viewer.remote_schemas import ConnectionAnswer, MessageAnswer, ProgressAnswer, text
from runicorn.viewer.schemas import AnswerModel


class ErrorAnswer(AnswerModel):
    code: str
    message: str
    hint: str


class FallbackAnswer(AnswerModel):
    backend: str
    reason: str


class SessionAnswer(AnswerModel):
    """connector: what carries it, "paramiko" or "ssh". connectorReason: why it is "ssh", null for Paramiko.

    node, nodeJob: the node of a job, behind the host, on which the root lies; null where it lies on the host.
    mode: what reads over there; null until that is known. fallbacks: which modes and tunnels were passed over, and why.
    """

    sessionId: str
    localPort: int | None
    remotePort: int | None
    remoteRoot: str
    status: Literal["starting", "running", "reconnecting", "stopping", "stopped", "failed"]
    url: str | None
    host: str
    sshPort: int
    username: str
    connectionId: str
    node: str | None
    nodeJob: str | None
    condaEnv: str | None
    remotePid: int | None
    startedAt: int
    uptimeSeconds: float
    isActive: bool
    connector: str | None
    connectorReason: str | None
    mode: Literal["viewer", "agent", "sftp"] | None
    tunnelBackend: str | None
    fallbacks: list[FallbackAnswer]
    runicornVersion: str | None
    error: ErrorAnswer | None
    needsPerson: bool
    reconnects: int
    rttMs: float | None
    linkLostAt: int | None
    logNext: int


class LogLineAnswer(AnswerModel):
    """at: ms since 1970."""

    at: int
    text: str


class LogAnswer(AnswerModel):
    """next: what to ask for as `after` the next time."""

    session_id: str
    lines: list[LogLineAnswer]
    next: int


class StartAnswer(MessageAnswer):
    session: SessionAnswer


class SessionsAnswer(AnswerModel):
    sessions: list[SessionAnswer]


class StatusAnswer(AnswerModel):
    connections: list[ConnectionAnswer]
    viewer_sessions: list[SessionAnswer]
    ended_sessions: list[SessionAnswer]
    connection_count: int
    viewer_session_count: int
    progress: list[ProgressAnswer]
    questions: list[QuestionAnswer]


def session_answer(session: Session) -> SessionAnswer:
    target = session.request.target
    port = session.door.local_port if session.door else session.request.local_port
    return SessionAnswer(
        sessionId=session.session_id,
        localPort=port,
        remotePort=session.remote.port if session.remote else session.request.remote_port,
        remoteRoot=session.request.root,
        status=session.state.value,
        url=f"http://localhost:{port}" if port else None,
        host=target.host,
        sshPort=target.port,
        username=target.username,
        connectionId=target.connection_id,
        node=session.request.inside.node if session.request.inside else None,
        nodeJob=session.request.inside.job if session.request.inside else None,
        condaEnv=session.environment.name if session.environment else session.request.environment,
        remotePid=session.remote.pid if session.remote else None,
        startedAt=int(session.started_at * 1000),
        uptimeSeconds=max(0.0, round(time.time() - session.started_at, 3)),
        isActive=session.state is State.RUNNING,
        connector=session.connector,
        connectorReason=session.connector_reason,
        mode=None if session.mode is Mode.AUTO else session.mode.value,
        tunnelBackend=session.tunnel.name if session.tunnel and session.mode is Mode.VIEWER else None,
        fallbacks=[
            FallbackAnswer(backend=each.backend, reason=each.reason)
            for each in [*session.passed_over, *session.fallbacks]
        ],
        runicornVersion=session.remote.version if session.remote else None,
        error=_error(session),
        needsPerson=session.needs_person,
        reconnects=session.reconnects,
        rttMs=session.rtt_ms,
        linkLostAt=int(session.link_lost_at * 1000) if session.link_lost_at else None,
        logNext=session.progress.lines.next,
    )


def log_answer(session: Session, after: int) -> LogAnswer:
    lines, following = session.progress.lines.after(after)
    return LogAnswer(
        session_id=session.session_id,
        lines=[LogLineAnswer(at=int(line.at * 1000), text=text(line.text)) for line in lines],
        next=following,
    )


def _error(session: Session) -> ErrorAnswer | None:
    error = session.error
    return ErrorAnswer(code=error.code, message=error.detail, hint=error.hint) if error else None
