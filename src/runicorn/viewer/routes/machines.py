"""GET /api/machines: what this machine and those that are connected have to offer."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Response

from runicorn.model import Run
from runicorn.viewer.all_runs import with_runs
from runicorn.viewer.answers import json_answer
from runicorn.viewer.machine_schemas import MachinesAnswer
from runicorn.viewer.machine_wire import RunsOnMachine, machine_answer
from runicorn.viewer.source_state import LOCAL, SourceState
from runicorn.viewer.state import ViewerState, viewer_state

router = APIRouter(tags=["machines"])


@router.get("/api/machines", response_model=MachinesAnswer)
async def list_machines(state: Annotated[ViewerState, Depends(viewer_state)]) -> Response:
    """Return this machine and those that are connected, those with the most free GPUs first: GPUs and who is on them,
    the room on the disks of the roots that are open, memory, load, and the person's Slurm jobs.

    They are read every 5 s for as long as somebody asks here, and not at all otherwise.
    """
    if state.remote is None:
        return json_answer({"machines": []})
    looks = await state.remote.machines()
    runs = await with_runs(state, None, lambda found: [item.run for item in found.items])
    places = list(state.sources.values())
    answers = [
        machine_answer(
            look,
            _host_of(look.through or look.id, places),
            RunsOnMachine(_runs_on(look.through or look.id, runs, places)),
        )
        for look in looks
    ]
    answers.sort(key=lambda each: (-each.free_gpus, -each.free_parts, each.state == "away", each.host, each.node or ""))
    return json_answer(MachinesAnswer(machines=answers).model_dump())


def _runs_on(machine_id: str, runs: list[Run], places: list[SourceState]) -> list[Run]:
    there = {place.id for place in places if _machine_of(place) == machine_id}
    return [run for run in runs if (run.source or LOCAL) in there]


def _host_of(machine_id: str, places: list[SourceState]) -> str:
    """Return what a person calls a machine."""
    if machine_id == LOCAL:
        return ""
    called = next((place.host for place in places if _machine_of(place) == machine_id), "")
    return called or machine_id.rpartition("@")[2].removesuffix(":22")


def _machine_of(place: SourceState) -> str:
    return place.reached_by or LOCAL
