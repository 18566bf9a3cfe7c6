"""Runs: list, look at, change, bin, restore."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Response

from runicorn.storage.layout import iso
from runicorn.viewer.answers import NOT_FOUND, json_answer, raw_json_answer
from runicorn.viewer.run_list import Wanted
from runicorn.viewer.schemas import RunAnswer, RunChanges, RunDetailsAnswer, RunListAnswer, details_to_wire, run_to_wire
from runicorn.viewer.state import Address, ViewerState, viewer_state

router = APIRouter(tags=["runs"])
State = Annotated[ViewerState, Depends(viewer_state)]


@router.get("/api/runs", response_model=RunListAnswer)
async def list_runs(
    *,
    state: State,
    project: Annotated[str | None, Query(description="This project and those below it.")] = None,
    run_state: Annotated[str | None, Query(alias="state", description="One or more states, by commas.")] = None,
    q: Annotated[str, Query(max_length=2000, description="Words and comparisons such as config.lr < 0.01.")] = "",
    sort: Annotated[str, Query(max_length=500)] = "created_at",
    order: Literal["asc", "desc"] = "desc",
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    cursor: Annotated[str | None, Query(max_length=1000)] = None,
    archived: Annotated[bool | None, Query(description="Only archived runs, or only others; all by default.")] = None,
    deleted: Annotated[bool, Query(description="The runs in the bin instead of those outside.")] = False,
) -> Response:
    """Return a page of runs. `next_cursor` asks for the next one and stays right while runs come and go."""
    wanted = Wanted.parse(
        project=project,
        state=run_state,
        q=q,
        sort=sort,
        order=order,
        limit=limit,
        cursor=cursor,
        archived=archived,
        deleted=deleted,
    )
    return raw_json_answer(await state.local.workers.run(_list, state, wanted))


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


def _list(state: ViewerState, wanted: Wanted) -> bytes:
    source = state.local.source
    before = source.progress()
    runs = source.runs()
    # What came in between is not among these runs: the page asks once more.
    return state.local.run_list.write(runs, wanted, state.now(), source.progress() or before, source.problem)


def _details(state: ViewerState, address: Address) -> dict[str, Any]:
    details, files = address.place.source.details(address.run_id)
    return details_to_wire(details, files, state.now())


def _change(state: ViewerState, address: Address, changes: dict[str, Any]) -> dict[str, Any]:
    return run_to_wire(address.place.source.change(address.run_id, changes).run, state.now())
