"""When passed time means that this machine slept."""

import pytest

from runicorn.remote.wake import Clocks, slept


@pytest.mark.parametrize(
    ("wall", "steady", "expected"),
    [
        (1.0, 1.0, False),
        (4.9, 4.9, False),  # a loaded machine is late
        (3600.0, 1.0, True),  # Linux and macOS: the steady clock stands still while they sleep
        (3600.0, 3600.0, True),  # Windows, and a process that was stopped
        (1.0, 3600.0, True),
        (-3600.0, 1.0, False),  # somebody set the clock back
        (0.0, 0.0, False),
    ],
)
def test_a_jump_of_either_clock_is_a_sleep(wall: float, steady: float, expected: bool) -> None:
    assert slept(Clocks(1000.0, 50.0), Clocks(1000.0 + wall, 50.0 + steady), 1.0) is expected
