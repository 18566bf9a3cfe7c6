"""One run: look at it, change it, bin it, restore it."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Response

from runicorn.storage.layout import iso
from runicorn.viewer.answers import NOT_FOUND, json_answer
from runicorn.viewer.schemas import RunAnswer, RunChanges, RunDetailsAnswer, details_to_wire, run_to_wire
from runicorn.viewer.state import Address, ViewerState, viewer_state

router = APIRouter(tags=["runs"])
State = Annotated[ViewerState, Depends(viewer_state)]


@router.get("/api/runs/{run_id}", response_model=RunDetailsAnswer, responses=NOT_FOUND)
async def read_run(state: State, run_id: str) -> Response:
    """Return one run with its metrics and files; the metrics are counted from the points themselves."""
    address = state.find(run_id)
    return json_answer(await address.place.workers.run(_details, state, address))


@router.patch("/api/runs/{run_id}", response_model=RunAnswer, responses=NOT_FOUND)
async def change_run(state: State, run_id: str, changes: RunChanges) -> Response:
    """Change name, tags, note or archived; what the script wrote stays as it is on disk."""
    return await _changed(state, run_id, changes.model_dump(exclude_none=True))


@router.delete("/api/runs/{run_id}", response_model=RunAnswer, responses=NOT_FOUND)
async def delete_run(state: State, run_id: str) -> Response:
    """Move a run to the bin; nothing is removed from disk."""
    return await _changed(state, run_id, {"deleted_at": iso(state.now())})


@router.post("/api/runs/{run_id}/restore", response_model=RunAnswer, responses=NOT_FOUND)
async def restore_run(state: State, run_id: str) -> Response:
    """Bring a run back from the bin."""
    return await _changed(state, run_id, {"deleted_at": None})


async def _changed(state: ViewerState, run_id: str, changes: dict[str, Any]) -> Response:
    address = state.find(run_id)
    return json_answer(await address.place.workers.run(_change, state, address, changes))


def _details(state: ViewerState, address: Address) -> dict[str, Any]:
    details, files = address.place.source.details(address.run_id)
    shown = replace(details, run=address.place.shown_run(details.run))
    return details_to_wire(shown, files, state.now())


def _change(state: ViewerState, address: Address, changes: dict[str, Any]) -> dict[str, Any]:
    changed = address.place.source.change(address.run_id, changes).run
    return run_to_wire(address.place.shown_run(changed), state.now())
