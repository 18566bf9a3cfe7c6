"""Since when a GPU is free, and how busy it was: by looks that come every few seconds, or do not."""

from __future__ import annotations

from typing import Any

import pytest

from runicorn.remote.server.machine.history import GpuHistory, is_idle


def gpu(**more: Any) -> dict[str, Any]:
    return {
        "id": "GPU-0",
        "index": 0,
        "busy_percent": 0,
        "memory_used": 0,
        "memory_total": 100,
        "processes": [],
        "parts": None,
        **more,
    }


BUSY = gpu(processes=[{"pid": 1}], busy_percent=90, memory_used=50)


@pytest.mark.parametrize(
    ("told", "idle"),
    [
        (gpu(), True),
        (gpu(memory_used=4), True),
        (gpu(memory_used=5), False),
        (BUSY, False),
        (gpu(processes=None), True),
        (gpu(processes=None, memory_used=50), False),
        (gpu(processes=None, memory_used=None), False),
        (gpu(memory_total=None), True),
    ],
)
def test_idle_is_what_nobody_is_on(told: dict[str, Any], idle: bool) -> None:
    assert is_idle(told) is idle


def test_free_is_what_was_idle_for_a_minute() -> None:
    history = GpuHistory()
    for moment in range(0, 60, 5):
        history.note([gpu()], moment)
        assert not history.is_free(gpu(), moment)
    history.note([gpu()], 60)
    assert history.is_free(gpu(), 60)
    assert history.idle_secs(gpu(), 62) == 62
    history.note([BUSY], 65)
    assert history.idle_secs(BUSY, 66) is None
    history.note([gpu()], 70)
    assert history.idle_secs(gpu(), 71) == 1


def test_what_was_between_two_looks_that_lie_apart_is_not_known() -> None:
    history = GpuHistory()
    history.note([gpu()], 0)
    history.note([gpu()], 46)
    assert history.idle_secs(gpu(), 46) == 0


def test_what_does_not_tell_any_more_is_not_free() -> None:
    """A driver that hangs leaves what was told before, and nobody knows what goes on meanwhile."""
    history = GpuHistory()
    for moment in range(0, 100, 5):
        history.note([gpu()], moment)
    assert history.is_free(gpu(), 95 + 45)
    assert history.idle_secs(gpu(), 95 + 46) is None
    assert not history.is_free(gpu(), 95 + 46)


def test_an_hour_is_shown_in_120_looks_of_which_each_is_the_greatest() -> None:
    history = GpuHistory()
    for moment in range(0, 2 * 3600, 5):
        history.note([gpu(busy_percent=moment % 100, memory_used=moment % 50)], moment)
    shown = history.shown(gpu(), 7195)
    assert len(shown) <= 120
    assert [ago for ago, _, _ in shown] == sorted((ago for ago, _, _ in shown), reverse=True)
    assert shown[0][0] <= 3600
    assert all(busy is not None and busy >= 25 for _, busy, _ in shown[1:-1])
    assert history.shown(gpu(id="another"), 7195) == []


def test_what_is_not_told_is_not_made_up() -> None:
    history = GpuHistory()
    history.note([gpu(busy_percent=None, memory_total=None)], 0)
    assert history.shown(gpu(), 0) == [(0.0, None, None)]


def test_each_part_of_a_gpu_is_free_by_itself() -> None:
    def part(number: int, count: int | None, used: int = 0, name: str = "") -> dict[str, Any]:
        memory = {"memory_used": used, "memory_total": 100}
        return {"index": number, "id": name, "name": "1g.10gb", "process_count": count, **memory}

    told = gpu(parts=[part(0, 0), part(1, 1), part(2, None, 50), part(3, None), part(4, 0, name="MIG-4")])
    history = GpuHistory()
    for moment in range(0, 65, 5):
        history.note([told], moment)
    parts = history.parts(told)
    assert parts is not None
    assert [history.is_free(each, 60) for each in parts] == [True, False, False, True, True]
    assert [each["id"] for each in parts] == ["GPU-0/0", "GPU-0/1", "GPU-0/2", "GPU-0/3", "MIG-4"]
    # They lie elsewhere after the machine was parted anew, and nothing is known of those.
    history.note([gpu(parts=[part(7, 0)])], 65)
    (other,) = history.parts(gpu(parts=[part(7, 0)])) or ()
    assert (history.is_free(other, 65), history.idle_secs(other, 65)) == (False, 0)
    assert history.parts(gpu()) is None
