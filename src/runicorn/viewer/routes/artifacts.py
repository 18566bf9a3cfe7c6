"""Artifacts of all sources: list, look at, and the files of their versions. Nothing here changes them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Query, Response

from runicorn.sources.folder import FolderSource
from runicorn.viewer.all_artifacts import all_artifacts
from runicorn.viewer.answers import NOT_FOUND, json_answer
from runicorn.viewer.artifact_schemas import ArtifactAnswer, ArtifactFilesAnswer, ArtifactListAnswer
from runicorn.viewer.sending import FILE_RESPONSES, send
from runicorn.viewer.state import ViewerState, viewer_state

router = APIRouter(tags=["artifacts"])
State = Annotated[ViewerState, Depends(viewer_state)]
Source = Annotated[str | None, Query(max_length=200, description="Only the artifacts of this source, such as local.")]


@router.get("/api/artifacts", response_model=ArtifactListAnswer)
async def list_artifacts(state: State, source: Source = None) -> Response:
    """Return the artifacts of all sources, each with its latest version, and the sources that could not tell theirs."""
    return json_answer(await all_artifacts(state, source))


@router.get("/api/artifacts/{address}", response_model=ArtifactAnswer, responses=NOT_FOUND)
async def read_artifact(state: State, address: str) -> Response:
    """Return one artifact with all of its versions, the newest first. address: `NAME`, or `SOURCE:NAME`."""
    return await _shown(state, address, lambda source, name: source.artifact(name))


@router.get("/api/artifacts/{address}/{version}", response_model=ArtifactFilesAnswer, responses=NOT_FOUND)
async def read_artifact_version(
    state: State,
    address: str,
    version: str,
    offset: Annotated[int, Query(ge=0, le=10_000_000)] = 0,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 1000,
) -> Response:
    """Return a version with its files. version: `v3` or an alias; offset, limit: of the files, sorted by path."""
    return await _shown(state, address, lambda source, name: source.artifact_files(name, version, offset, limit))


@router.head("/api/artifacts/{address}/{version}/files/{path:path}", include_in_schema=False)
@router.get("/api/artifacts/{address}/{version}/files/{path:path}", response_class=Response, responses=FILE_RESPONSES)
async def read_artifact_file(
    state: State,
    address: str,
    version: str,
    path: str,
    range_header: Annotated[str | None, Header(alias="Range")] = None,
) -> Response:
    """Return a file of a version. Text is text/plain, pictures and sound are themselves, all else is a download."""
    place, name = state.find_artifact(address)
    content = await place.workers.run(place.source.artifact_content, name, version, path)
    return send(replace(content, name=PurePosixPath(path).name), range_header)


async def _shown(state: ViewerState, address: str, ask: Callable[[FolderSource, str], Mapping[str, Any]]) -> Response:
    place, name = state.find_artifact(address)
    return json_answer(await place.workers.run(lambda: place.shown_artifact(ask(place.source, name))))
