"""A session's life as one table: state x event -> state and effects. Pure.

docs/reference/sessions.md and the page's type are written from it (scripts/lifecycle_reference.py). A session begins as
`starting`, or as `reconnecting` where it is taken back from a viewer that died.

Every state has a way out, `stop` is possible in every live state, and whatever was started is released on the way to
`stopped` or `failed`. An event that a state does not know leaves it as it is, with no effect: late news of a session
that has ended is no error.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass


class State(enum.Enum):
    STARTING = "starting"
    RUNNING = "running"
    RECONNECTING = "reconnecting"
    STOPPING = "stopping"
    STOPPED = "stopped"
    FAILED = "failed"


class Event(enum.Enum):
    """ready: a health answer of this very session came through the tunnel. released: nothing of it is left here."""

    READY = "ready"
    FAILED = "failed"
    LINK_LOST = "link_lost"
    STOP = "stop"
    RELEASED = "released"


class Effect(enum.Enum):
    WATCH = "watch"
    RECONNECT = "reconnect"
    RELEASE = "release"


@dataclass(frozen=True)
class Step:
    state: State
    effects: tuple[Effect, ...] = ()


TABLE: dict[tuple[State, Event], Step] = {
    (State.STARTING, Event.READY): Step(State.RUNNING, (Effect.WATCH,)),
    (State.STARTING, Event.FAILED): Step(State.FAILED, (Effect.RELEASE,)),
    (State.STARTING, Event.STOP): Step(State.STOPPING, (Effect.RELEASE,)),
    (State.RUNNING, Event.LINK_LOST): Step(State.RECONNECTING, (Effect.RECONNECT,)),
    (State.RUNNING, Event.STOP): Step(State.STOPPING, (Effect.RELEASE,)),
    (State.RUNNING, Event.FAILED): Step(State.FAILED, (Effect.RELEASE,)),
    (State.RECONNECTING, Event.READY): Step(State.RUNNING, (Effect.WATCH,)),
    (State.RECONNECTING, Event.STOP): Step(State.STOPPING, (Effect.RELEASE,)),
    (State.RECONNECTING, Event.FAILED): Step(State.FAILED, (Effect.RELEASE,)),
    (State.STOPPING, Event.RELEASED): Step(State.STOPPED),
    (State.STOPPING, Event.FAILED): Step(State.STOPPED),
}

INITIAL = frozenset({State.STARTING, State.RECONNECTING})
LIVE = frozenset({State.STARTING, State.RUNNING, State.RECONNECTING, State.STOPPING})
ENDED = frozenset({State.STOPPED, State.FAILED})


def step(state: State, event: Event) -> Step:
    """Return what follows when `event` happens in `state`."""
    return TABLE.get((state, event), Step(state))
