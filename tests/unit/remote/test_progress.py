"""Stages and log, and who else shows them."""

from __future__ import annotations

import pytest

from runicorn.errors import AuthFailedError
from runicorn.remote.telling.progress import Progress, StageState


class Clock:
    """Seconds that a test moves on."""

    def __init__(self) -> None:
        self.secs = 100.0

    def __call__(self) -> float:
        return self.secs


def texts(progress: Progress) -> list[str]:
    return [line.text for line in progress.lines.lines]


def state(progress: Progress, name: str) -> StageState:
    return next(stage.state for stage in progress.stages if stage.name == name)


def test_a_stage_tells_how_long_it_took_and_what_it_found() -> None:
    clock = Clock()
    progress = Progress(clock=clock)
    with progress.stage("resolve") as tell:
        clock.secs += 0.25
        assert progress.stages[0].secs == 0.25
        tell("127.0.0.1")
    clock.secs += 5
    stage = progress.stages[0]
    assert (stage.state, stage.secs, stage.detail) == (StageState.DONE, 0.25, "127.0.0.1")
    assert texts(progress) == ["resolve done in 250 ms: 127.0.0.1"]


def test_a_stage_that_fails_is_told_with_its_error_once() -> None:
    progress = Progress()
    error = AuthFailedError("The server did not accept this login.")
    with pytest.raises(AuthFailedError), progress.stage("login"):
        raise error
    progress.fail(error)
    assert state(progress, "login") is StageState.FAILED
    assert progress.error is not None
    assert (type(progress.error), progress.error.detail) == (AuthFailedError, error.detail)
    assert progress.error.__traceback__ is None  # whose frames would hold what was given to log in with
    assert texts(progress)[1:] == ["AUTH_FAILED: The server did not accept this login."]


def test_what_a_session_does_is_shown_by_its_target_and_a_connect_by_every_session() -> None:
    clock = Clock()
    first, second = Progress(clock=clock), Progress(clock=clock)
    target = Progress(clock=clock, also=lambda: [first, second])
    for session in (first, second):
        session.also = lambda: [target]
    with target.stage("tcp"):
        assert [state(each, "tcp") for each in (target, first, second)] == [StageState.RUNNING] * 3
    with first.stage("start"):
        pass
    first.note("its own")
    assert [state(each, "start") for each in (target, first, second)] == [
        StageState.DONE,
        StageState.DONE,
        StageState.PENDING,
    ]
    tcp, start = "tcp done in 0 ms", "start done in 0 ms"
    assert (texts(target), texts(first), texts(second)) == ([tcp, start], [tcp, start, "its own"], [tcp])


def test_a_session_on_a_connection_that_is_there_begins_with_how_that_came_about() -> None:
    clock = Clock()
    target, session = Progress(clock=clock), Progress(clock=clock)
    with target.stage("resolve"):
        pass
    with target.stage("login") as tell:
        tell("agent key")
    with target.stage("environments"):  # of another session
        pass
    session.begin_with_connect(target)
    assert texts(session) == ["resolve done in 0 ms", "login done in 0 ms: agent key"]
    assert session.lines.lines == target.lines.lines[:2]
    assert (state(session, "login"), state(session, "environments")) == (StageState.DONE, StageState.PENDING)


def test_another_attempt_forgets_the_later_stages_and_keeps_the_log() -> None:
    progress = Progress()
    for name in ("login", "start"):
        with progress.stage(name):
            pass
    progress.restart("environments")
    assert (state(progress, "login"), state(progress, "start")) == (StageState.DONE, StageState.PENDING)
    assert len(texts(progress)) == 2
