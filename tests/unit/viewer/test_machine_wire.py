"""What machines tell, as it goes over the wire: whatever one of them tells, the others are told."""

from __future__ import annotations

from typing import Any

import pytest

from runicorn.remote.machines import MachineLook
from runicorn.remote.server.machine.history import GpuHistory
from runicorn.viewer.machine_wire import RunsOnMachine, machine_answer

GPU = {
    "index": 0, "id": "GPU-0", "name": "Test GPU", "busy_percent": 0, "memory_used": 0, "memory_total": 100,
    "temperature_c": 30, "power_w": 50, "parts": None, "processes": [],
}  # fmt: skip


def part(value: Any) -> dict[str, Any]:
    return {"value": value, "error": None, "age_secs": 0.0, "waits_secs": 0.0}


def told(**change: Any) -> dict[str, Any]:
    gpus = {"by": "nvml", "gpus": [GPU]}
    return {"host": "gpu-7", "gpus": part(gpus), "disks": part({}), "jobs": part(None), "load": [0.0] * 3, **change}


def look(answer: Any, age_secs: float | None = 1.0, error: str | None = None) -> MachineLook:
    return MachineLook("me@gpu-7:22", answer, age_secs, error, 0.0, GpuHistory())


def test_a_machine_is_told_as_it_is() -> None:
    answer = machine_answer(look(told()), "gpu-7", RunsOnMachine([]))
    assert (answer.state, answer.error, answer.free_gpus, len(answer.gpus)) == ("ready", None, 0, 1)


@pytest.mark.parametrize(
    ("seen", "state"),
    [
        (look(told(), 20.0), "ready"),
        (look(told(), 20.0, "It does not answer."), "ready"),
        (look(told(), 300.0), "waiting"),
        (look(told(), 300.0, "It does not answer."), "away"),
        (look(None, None), "waiting"),
        (look(None, None, "It does not answer."), "away"),
    ],
)
def test_what_is_not_told_yet_is_awaited_and_only_what_fails_is_away(seen: MachineLook, state: str) -> None:
    answer = machine_answer(seen, "gpu-7", RunsOnMachine([]))
    assert (answer.state, answer.age_secs, answer.error) == (state, seen.age_secs, seen.error)
    assert len(answer.gpus) == (seen.told is not None)


@pytest.mark.parametrize(
    "odd",
    [
        told(gpus=part({"by": "nvml", "gpus": [{"index": 0}]})),
        told(gpus=part({"by": "nvml", "gpus": [{**GPU, "busy_percent": "much"}]})),
        told(gpus=part({"by": "nvml", "gpus": [{**GPU, "parts": [{}]}]})),
        told(gpus=part({"by": "nvml", "gpus": [{**GPU, "processes": [{"pid": 1}]}]})),
        told(gpus=part({"by": "nvml", "gpus": 3})),
        told(gpus=part([1])),
        told(gpus=3),
        told(disks=part([1])),
        told(jobs=part([{"id": "1"}])),
        told(memory=3),
        told(load="high"),
    ],
)
def test_what_makes_no_sense_is_said_at_that_machine(odd: Any) -> None:
    answer = machine_answer(look(odd), "gpu-7", RunsOnMachine([]))
    assert (answer.id, answer.host, answer.state) == ("me@gpu-7:22", "gpu-7", "away")
    assert answer.error == "What it tells of itself makes no sense."
    assert (answer.gpus, answer.free_gpus) == ([], 0)
