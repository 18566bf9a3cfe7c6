"""Many runs: pages of their list, their groups, the ids and values among them; changes of many at once."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Response

from runicorn.errors import RunicornError, UsageError
from runicorn.storage.query_times import Moment
from runicorn.viewer.all_runs import AllRuns, with_runs
from runicorn.viewer.answers import json_answer, raw_json_answer
from runicorn.viewer.bulk import Change, changes_of, undo_of
from runicorn.viewer.field_values import frequent_values
from runicorn.viewer.list_schemas import (
    BulkAnswer,
    BulkChanges,
    FieldValuesAnswer,
    ListErrorAnswer,
    RunGroupsAnswer,
    RunIdsAnswer,
)
from runicorn.viewer.run_filter import RunFilter, RunOrder
from runicorn.viewer.run_groups import MAX_LEVELS, Grouping, find_group
from runicorn.viewer.run_list import Wanted
from runicorn.viewer.schemas import RunListAnswer, run_to_wire
from runicorn.viewer.source_state import SourceState
from runicorn.viewer.state import ViewerState, viewer_state

WRONG: dict[int | str, dict[str, Any]] = {
    400: {"model": ListErrorAnswer, "description": "A value that cannot be used."}
}
router = APIRouter(tags=["runs"], responses=WRONG)
State = Annotated[ViewerState, Depends(viewer_state)]

Key = Annotated[str, Query(min_length=1, max_length=500)]
Sorts = Annotated[list[Key], Query(alias="sort", description="Fields to sort by, the first one first.", max_length=8)]
Orders = Annotated[list[Literal["asc", "desc"]], Query(alias="order", description="For each of them.", max_length=8)]
Columns = Annotated[
    list[Key], Query(alias="column", description="Values of metrics to send, such as min.loss.", max_length=100)
]


def run_filter(
    state: State,
    project: Annotated[str | None, Query(description="This project and those below it.")] = None,
    run_state: Annotated[str | None, Query(alias="state", description="One or more states, by commas.")] = None,
    q: Annotated[str, Query(max_length=4000, description="Words and comparisons such as config.lr < 0.01.")] = "",
    archived: Annotated[bool | None, Query(description="Only archived runs, or only others; all by default.")] = None,
    deleted: Annotated[bool, Query(description="The runs in the bin instead of those outside.")] = False,
    utc_offset: Annotated[
        int, Query(ge=-1439, le=1439, description="Minutes by which clocks are ahead of UTC, for dates in q.")
    ] = 0,
) -> RunFilter:
    """Return which runs a request is about; for FastAPI's Depends."""
    moment = Moment(state.now(), utc_offset * 60)
    return RunFilter.parse(project=project, state=run_state, q=q, archived=archived, deleted=deleted, moment=moment)


Filter = Annotated[RunFilter, Depends(run_filter)]
Source = Annotated[str | None, Query(max_length=200, description="Only the runs of this source, such as local.")]


@router.get("/api/runs", response_model=RunListAnswer)
async def list_runs(
    *,
    state: State,
    chosen: Filter,
    source: Source = None,
    sort: Sorts = ["created_at"],  # noqa: B006 - FastAPI copies it
    order: Orders = ["desc"],  # noqa: B006
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    cursor: Annotated[str | None, Query(max_length=4000)] = None,
    columns: Columns = [],  # noqa: B006
) -> Response:
    """Return a page of runs. `next_cursor` asks for the next one and stays right while runs come and go."""
    wanted = Wanted.parse(chosen, sort=sort, order=order, limit=limit, cursor=cursor, columns=columns)

    def write(found: AllRuns) -> bytes:
        return state.local.run_list.write(found.items, wanted, state.now(), found.standing)

    return raw_json_answer(await with_runs(state, source, write))


@router.get("/api/run-groups", response_model=RunGroupsAnswer)
async def list_groups(
    *,
    state: State,
    chosen: Filter,
    source: Source = None,
    by: Annotated[list[Key], Query(min_length=1, max_length=MAX_LEVELS, description="config.KEY, tags, project ...")],
    sort: Sorts = ["created_at"],  # noqa: B006
    order: Orders = ["desc"],  # noqa: B006
    stat: Annotated[list[Key], Query(max_length=100, description="Columns to give mean and spread of.")] = [],  # noqa: B006
    ranges: Annotated[
        list[str], Query(alias="range", max_length=50, description="Which runs to send, such as 0-50.")
    ] = [],  # noqa: B006
    columns: Columns = [],  # noqa: B006
    whole: Annotated[int, Query(ge=0, le=1000, description="Give the ids of first groups, up to so many runs.")] = 0,
) -> Response:
    """Return runs in groups, with count, mean and spread of each, and of the runs those that are asked for."""
    grouping = Grouping.parse(by=by, sort=sort, order=order, stat=stat, ranges=ranges, columns=columns, whole=whole)

    def write(found: AllRuns) -> bytes:
        return state.local.run_list.write_groups(found.items, chosen, grouping, state.now(), found.standing)

    return raw_json_answer(await with_runs(state, source, write))


@router.get("/api/run-ids", response_model=RunIdsAnswer)
async def list_ids(
    *,
    state: State,
    chosen: Filter,
    source: Source = None,
    sort: Sorts = ["created_at"],  # noqa: B006
    order: Orders = ["desc"],  # noqa: B006
    by: Annotated[list[Key], Query(max_length=MAX_LEVELS, description="Only a group's: its levels.")] = [],  # noqa: B006
    path: Annotated[str, Query(max_length=20_000, description="And its values on them, as a JSON list.")] = "[]",
) -> Response:
    """Return the ids of all runs that match."""
    values = _path(path, len(by))
    ordering = RunOrder.parse(sort, order)

    def ids(found: AllRuns) -> dict[str, Any]:
        group = find_group(chosen.choose(found.items), by, values)
        return {"ids": [item.run.id for item in ordering.sorted(group)]}

    return json_answer(await with_runs(state, source, ids))


@router.get("/api/run-values", response_model=FieldValuesAnswer)
async def list_values(
    *,
    state: State,
    chosen: Filter,
    source: Source = None,
    field: Annotated[str, Query(min_length=1, max_length=500)],
    typed: Annotated[str, Query(max_length=500)] = "",
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
) -> Response:
    """Return the values of a field among the runs that match, for whoever types a query."""

    def values(found: AllRuns) -> dict[str, Any]:
        return {"values": frequent_values(chosen.choose(found.items), field, typed, limit)}

    return json_answer(await with_runs(state, source, values))


@router.patch("/api/runs", response_model=BulkAnswer)
async def change_runs(state: State, wanted: BulkChanges) -> Response:
    """Change tags, archive and bin of many runs; one that cannot be changed holds up none of the others."""
    changes = changes_of(wanted.changes)
    failed: list[dict[str, str]] = []
    places: dict[str, tuple[SourceState, dict[str, str]]] = {}
    for address in changes:
        try:
            place, run_id = state.find(address)
        except RunicornError as error:
            failed.append(_failure(address, error))
        else:
            places.setdefault(place.id, (place, {}))[1][run_id] = address
    changed: list[dict[str, Any]] = []
    backs: dict[str, Change] = {}
    for place, addresses in places.values():
        of_place = {run_id: changes[address] for run_id, address in addresses.items()}
        outcome = await place.workers.run(_change_each, place, of_place, state.now)
        for run_id, (run, back) in outcome.items():
            if isinstance(run, RunicornError):
                failed.append(_failure(addresses[run_id], run))
            else:
                changed.append(run)
            if back is not None:
                backs[addresses[run_id]] = back
    return json_answer({"changed": changed, "failed": failed, "undo": undo_of(backs)})


def _change_each(
    place: SourceState, changes: dict[str, Change], now: Callable[[], float]
) -> dict[str, tuple[dict[str, Any] | RunicornError, Change | None]]:
    """Return, by run, what it is now or what kept it from being changed; and what takes back what was done to it."""
    backs: dict[str, Change] = {}

    def notes_of(run: Any) -> dict[str, Any]:
        notes = changes[run.id].notes(run, now())
        backs[run.id] = changes[run.id].back(run)
        return notes

    outcome = place.source.change_each(list(changes), notes_of)
    return {
        run_id: (item, None)
        if isinstance(item, RunicornError)
        else (run_to_wire(place.shown_run(item.run), now()), backs.get(run_id))
        for run_id, item in outcome.items()
    }


def _failure(run_id: str, error: RunicornError) -> dict[str, str]:
    return {"run": run_id, "code": error.code, "detail": error.detail}


def _path(text: str, length: int) -> list[Any]:
    try:
        path = json.loads(text)
    except (ValueError, RecursionError):
        path = None
    if not isinstance(path, list) or len(path) > length:
        raise UsageError("The path of a group is a JSON list with at most a value for each level.")
    return path
