"""What an agent tells of its host's clock, also one that tells nonsense."""

from __future__ import annotations

import time
from typing import Any

import pytest

from runicorn.remote.server.agent.client import Agent


class Told(Agent):
    """Is told something without any host."""

    def __init__(self) -> None:
        self.clock_offset_secs = None
        self.told: Any = None

    def _one(self, request: dict[str, Any], timeout_secs: float = 1.0) -> Any:
        return self.told


def test_a_clock_that_is_set_is_taken_over() -> None:
    agent = Told()
    for ahead_secs in (0.0, 7200.0, -86_400.0):
        agent.told = {"time": time.time() + ahead_secs}
        assert agent.answers(1.0) < 1000
        assert agent.clock_offset_secs == pytest.approx(ahead_secs, abs=1.0)


@pytest.mark.parametrize(
    "told", [None, [], {}, {"time": None}, {"time": "now"}, {"time": float("nan")}, {"time": float("inf")},
             {"time": 10**400}]
)  # fmt: skip
def test_a_time_that_is_none_is_an_error_and_changes_nothing(told: Any) -> None:
    agent = Told()
    agent.clock_offset_secs, agent.told = 5.0, told
    with pytest.raises(OSError, match="The host's answer"):
        agent.answers(1.0)
    assert agent.clock_offset_secs == 5.0
