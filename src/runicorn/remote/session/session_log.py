"""What a session's log says, from its first line to what came of it, in words."""

from __future__ import annotations

from collections.abc import Callable

from runicorn.remote.link.connections import Connections
from runicorn.remote.session import lifecycle
from runicorn.remote.session.health import UnhealthyError
from runicorn.remote.session.lifecycle import State
from runicorn.remote.session.session import Session
from runicorn.remote.telling.words import Words

LOST = "the link to the server is lost"


def begin(session: Session, changed: Callable[[], None], connections: Connections) -> None:
    """Write the first lines, and let the session's target show what the session does."""
    request, target = session.request, session.request.target
    session.progress.changed = changed
    session.progress.also = lambda: connections.shown(target)
    if connections.find(target) is not None:
        session.progress.begin_with_connect(connections.progress(target))
    environment = request.environment or "the first with runicorn"
    session.progress.note(
        f"session {session.session_id} on {request.reached_by}: root {request.root}, environment {environment}"
    )
    if session.found_again and session.remote is not None:
        session.progress.note(
            f"it was left by a viewer that ended; its own is process {session.remote.pid} on the server, "
            f"port {session.remote.port}"
        )


def follow_words(session: Session) -> None:
    """Log what the remote viewer prints from now on, for as long as its channel is there."""
    process = session.process
    if process is None:
        return

    def say(line: str) -> None:
        session.progress.note(f"server: {line}")

    def end() -> None:
        status = process.wait(0)
        told = "closed" if status in (None, -1) else f"closed; the viewer ended with status {status}"
        session.progress.note(f"the remote viewer's channel is {told}")

    process.follow(Words(say), Words(say), end)


def tell_state(session: Session, state: State) -> None:
    """Log the state that the session is about to have, if it is another one."""
    if state is session.state:
        return
    again = f" again, after reconnect {session.reconnects}" if state is State.RUNNING and session.reconnects else ""
    session.progress.note(f"the session {'has' if state is State.FAILED else 'is'} {state.value}{again}")
    if state in lifecycle.ENDED and session.error is not None:
        session.progress.note(session.error.hint)


def back(session: Session, attempts: int, secs: float) -> str:
    """Return what came back, in words."""
    assert session.remote is not None
    tunnel = f"{session.tunnel.name} tunnel, " if session.tunnel else ""
    return (
        f"the link is back at attempt {attempts} after {secs:.1f} s: {tunnel}"
        f"remote viewer process {session.remote.pid}, port {session.remote.port}"
    )


def loss(session: Session, connected: bool, answer: UnhealthyError | None) -> str:
    """Return what was lost, in words. connected: whether the SSH connection is up. answer: of the last question."""
    if not connected:
        what = "the SSH connection ended"
    elif session.tunnel is not None and not session.tunnel.alive:
        what = f"the {session.tunnel.name} tunnel ended"
    elif session.process is not None and not session.process.open:
        what = "the remote viewer's channel was closed"
    elif answer is not None:
        what = f"the remote viewer gave no answer: {answer}"
    else:
        what = "the tunnel is gone"
    return f"{LOST}: {what}"


def last_loss(session: Session) -> str:
    """Return what the log says of the last time that the link was lost."""
    told = [line.text for line in session.progress.lines.lines if line.text.startswith(LOST)]
    return told[-1] if told else LOST
