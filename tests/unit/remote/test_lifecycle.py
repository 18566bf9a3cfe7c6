"""The table of a session's life."""

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from tests.support.scripts import load_script

from runicorn.remote.session import lifecycle
from runicorn.remote.session.lifecycle import ENDED, INITIAL, LIVE, TABLE, Effect, Event, State


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


class Life(RuleBasedStateMachine):
    """A session with what it holds, driven by any events in any order, as Sessions drives it."""

    @initialize(state=st.sampled_from(sorted(INITIAL, key=str)))
    def begin(self, state: State) -> None:
        self.state = state
        self.holds = True  # what was started for it, here and on the server
        self.watched = self.restored = False
        self.ended_as: State | None = None

    @rule(event=st.sampled_from(Event))
    def happens(self, event: Event) -> None:
        step = lifecycle.step(self.state, event)
        if step.state is not self.state:
            self.watched = self.restored = False  # each belongs to one state
        self.state = step.state
        for effect in step.effects:
            assert self.holds, "an effect after everything was released"
            if effect is Effect.WATCH:
                self.watched = True
            elif effect is Effect.RECONNECT:
                self.restored = True
            else:
                self.holds = False
        if self.state in ENDED and self.ended_as is None:
            self.ended_as = self.state

    @invariant()
    def what_ended_was_released_and_stays_ended(self) -> None:
        if not hasattr(self, "state"):
            return
        if self.state in ENDED:
            assert not self.holds
        if self.ended_as is not None:
            assert self.state is self.ended_as

    @invariant()
    def a_running_session_is_watched(self) -> None:
        if hasattr(self, "state"):
            assert self.watched == (self.state is State.RUNNING)

    @invariant()
    def it_can_always_be_stopped(self) -> None:
        if hasattr(self, "state") and self.state in LIVE:
            state = lifecycle.step(self.state, Event.STOP).state
            assert lifecycle.step(state, Event.RELEASED).state is State.STOPPED


TestLife = Life.TestCase


def test_what_is_written_from_the_table_is_up_to_date() -> None:
    module = load_script("lifecycle_reference")
    for path, text in ((module.DOCS, module.docs()), (module.PAGE, module.page())):
        assert path.read_text(encoding="utf-8") == text, "run: python scripts/lifecycle_reference.py"
