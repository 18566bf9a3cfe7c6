"""The table of a session's life."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runicorn.remote import lifecycle
from runicorn.remote.lifecycle import ENDED, LIVE, TABLE, Effect, Event, State


def reachable(start: State) -> set[State]:
    found, waiting = {start}, [start]
    while waiting:
        state = waiting.pop()
        for (source, _), following in TABLE.items():
            if source is state and following.state not in found:
                found.add(following.state)
                waiting.append(following.state)
    return found


def test_every_state_is_reached_from_the_start_and_every_live_one_can_end() -> None:
    assert reachable(State.STARTING) == set(State)
    assert all(State.STOPPED in reachable(state) for state in LIVE)
    assert set(State) == LIVE | ENDED


@pytest.mark.parametrize("state", sorted(LIVE - {State.STOPPING}, key=str))
def test_stop_is_possible_in_every_live_state_and_releases(state: State) -> None:
    step = lifecycle.step(state, Event.STOP)
    assert (step.state, step.effects) == (State.STOPPING, (Effect.RELEASE,))


@given(st.lists(st.sampled_from(Event)))
def test_whatever_happens_a_session_that_ended_was_released_and_stays_ended(events: list[Event]) -> None:
    state, released = State.STARTING, False
    for event in events:
        before = state
        step = lifecycle.step(state, event)
        state = step.state
        released = released or Effect.RELEASE in step.effects
        if before in ENDED:
            assert state is before
            assert not step.effects
    assert released == (state in ENDED or state is State.STOPPING)
