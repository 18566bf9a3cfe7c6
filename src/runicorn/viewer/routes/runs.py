"""Runs: list, look at, change, bin, restore."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Response

from runicorn.storage import reader
from runicorn.storage.files import walk
from runicorn.storage.layout import RUN_FILE, STATUS_FILE, iso, run_path
from runicorn.storage.writer import update_notes
from runicorn.viewer.answers import NOT_FOUND, json_answer, raw_json_answer
from runicorn.viewer.run_list import Wanted
from runicorn.viewer.schemas import RunAnswer, RunChanges, RunDetailsAnswer, RunListAnswer, details_to_wire, run_to_wire
from runicorn.viewer.state import ViewerState, viewer_state

router = APIRouter(tags=["runs"])
State = Annotated[ViewerState, Depends(viewer_state)]
_MAX_FILES = 1000


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
    return raw_json_answer(await state.workers.run(_list, state, wanted))


@router.get("/api/runs/{run_id}", response_model=RunDetailsAnswer, responses=NOT_FOUND)
async def read_run(state: State, run_id: str) -> Response:
    """Return one run with its metrics and files; the metrics are counted from the points themselves."""
    return json_answer(await state.workers.run(_details, state, run_id))


@router.patch("/api/runs/{run_id}", response_model=RunAnswer, responses=NOT_FOUND)
async def change_run(state: State, run_id: str, changes: RunChanges) -> Response:
    """Change name, tags, note or archived; what the script wrote stays as it is on disk."""
    return json_answer(await state.workers.run(_note, state, run_id, changes.model_dump(exclude_none=True)))


@router.delete("/api/runs/{run_id}", response_model=RunAnswer, responses=NOT_FOUND)
async def delete_run(state: State, run_id: str) -> Response:
    """Move a run to the bin; nothing is removed from disk."""
    return json_answer(await state.workers.run(_note, state, run_id, {"deleted_at": iso(state.now())}))


@router.post("/api/runs/{run_id}/restore", response_model=RunAnswer, responses=NOT_FOUND)
async def restore_run(state: State, run_id: str) -> Response:
    """Bring a run back from the bin."""
    return json_answer(await state.workers.run(_note, state, run_id, {"deleted_at": None}))


def _list(state: ViewerState, wanted: Wanted) -> bytes:
    before = state.index.progress()
    runs = state.index.runs()
    # What came in between is not among these runs: the page asks once more.
    return state.run_list.write(runs, wanted, state.now(), state.index.progress() or before, state.files.mirror.problem)


def _details(state: ViewerState, run_id: str) -> dict[str, Any]:
    run = state.index.find(run_id).run
    info, status = (reader.read_object(state.files, run_path(run_id, name)) or {} for name in (RUN_FILE, STATUS_FILE))
    stats = state.points.stats(run_id)
    details = reader.build_details(run, info, status, stats.metrics, stats.skipped)
    files = walk(state.files, run_path(run_id), limit=_MAX_FILES)
    return details_to_wire(details, files, state.now())


def _note(state: ViewerState, run_id: str, changes: dict[str, Any]) -> dict[str, Any]:
    state.index.find(run_id)
    with state.notes_lock:
        update_notes(state.files.root_of(run_id), run_id, changes)
    return run_to_wire(state.index.find(run_id).run, state.now())
