"""Waits for what comes a moment later, and says what was there instead when it does not."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any


def eventually(check: Any, timeout_secs: float = 10.0, what: str = "") -> Any:
    """Return check()'s first true answer. Raises AssertionError with its last one after the timeout."""
    deadline = time.monotonic() + timeout_secs
    while True:
        answer = check()
        if answer or time.monotonic() > deadline:
            assert answer, f"{what or check} was still {answer!r} after {timeout_secs:.0f} s"
            return answer
        time.sleep(0.05)


def eventually_nothing(look: Callable[[], Any], timeout_secs: float) -> None:
    """Wait until look() finds nothing. Raises AssertionError with what it still finds after the timeout."""
    deadline = time.monotonic() + timeout_secs
    while (found := look()) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not found
