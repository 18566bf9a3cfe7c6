"""Artifacts: list, look at, and the files of their versions. Nothing here changes them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import PurePosixPath
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query, Response

from runicorn.viewer.answers import NOT_FOUND, json_answer
from runicorn.viewer.schemas import ArtifactAnswer, ArtifactFilesAnswer, ArtifactListAnswer
from runicorn.viewer.sending import FILE_RESPONSES, send
from runicorn.viewer.state import ViewerState, viewer_state

router = APIRouter(tags=["artifacts"])
State = Annotated[ViewerState, Depends(viewer_state)]


@router.get("/api/artifacts", response_model=ArtifactListAnswer)
async def list_artifacts(state: State) -> Response:
    """Return all artifacts, each with its latest version."""
    place = state.local
    return json_answer({"artifacts": await place.workers.run(place.source.artifacts)})


@router.get("/api/artifacts/{name}", response_model=ArtifactAnswer, responses=NOT_FOUND)
async def read_artifact(state: State, name: str) -> Response:
    """Return one artifact with all of its versions, the newest first."""
    place = state.local
    return json_answer(await place.workers.run(place.source.artifact, name))


@router.get("/api/artifacts/{name}/{version}", response_model=ArtifactFilesAnswer, responses=NOT_FOUND)
async def read_artifact_version(
    state: State,
    name: str,
    version: str,
    offset: Annotated[int, Query(ge=0, le=10_000_000)] = 0,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 1000,
) -> Response:
    """Return a version with its files. version: `v3` or an alias; offset, limit: of the files, sorted by path."""
    place = state.local
    return json_answer(await place.workers.run(place.source.artifact_files, name, version, offset, limit))


@router.head("/api/artifacts/{name}/{version}/files/{path:path}", include_in_schema=False)
@router.get("/api/artifacts/{name}/{version}/files/{path:path}", response_class=Response, responses=FILE_RESPONSES)
async def read_artifact_file(
    state: State,
    name: str,
    version: str,
    path: str,
    range_header: Annotated[str | None, Header(alias="Range")] = None,
) -> Response:
    """Return a file of a version. Text is text/plain, pictures and sound are themselves, all else is a download."""
    place = state.local
    content = await place.workers.run(place.source.artifact_content, name, version, path)
    return send(replace(content, name=PurePosixPath(path).name), range_header)
