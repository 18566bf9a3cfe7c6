"""Artifacts: list, look at, and the files of their versions. Nothing here changes them."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Query, Response

from runicorn.errors import ArtifactDamagedError, ArtifactNotFoundError
from runicorn.storage.artifacts import names
from runicorn.storage.tensorboard.overlay import FileRange
from runicorn.viewer.answers import NOT_FOUND, json_answer
from runicorn.viewer.artifact_list import files_to_wire
from runicorn.viewer.schemas import ArtifactAnswer, ArtifactFilesAnswer, ArtifactListAnswer
from runicorn.viewer.sending import FILE_RESPONSES, send
from runicorn.viewer.state import ViewerState, viewer_state

router = APIRouter(tags=["artifacts"])
State = Annotated[ViewerState, Depends(viewer_state)]


@router.get("/api/artifacts", response_model=ArtifactListAnswer)
async def list_artifacts(state: State) -> Response:
    """Return all artifacts, each with its latest version."""
    return json_answer({"artifacts": await state.workers.run(lambda: state.artifacts.overview(_run_names(state)))})


@router.get("/api/artifacts/{name}", response_model=ArtifactAnswer, responses=NOT_FOUND)
async def read_artifact(state: State, name: str) -> Response:
    """Return one artifact with all of its versions, the newest first."""
    return json_answer(await state.workers.run(lambda: state.artifacts.artifact(name, _run_names(state))))


@router.get("/api/artifacts/{name}/{version}", response_model=ArtifactFilesAnswer, responses=NOT_FOUND)
async def read_artifact_version(
    state: State,
    name: str,
    version: str,
    offset: Annotated[int, Query(ge=0, le=10_000_000)] = 0,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 1000,
) -> Response:
    """Return a version with its files. version: `v3` or an alias; offset, limit: of the files, sorted by path."""
    return json_answer(await state.workers.run(_version, state, name, version, offset, limit))


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
    file = await state.workers.run(_find, state, name, version, path)
    return send(file, PurePosixPath(path).name, range_header)


def _run_names(state: ViewerState) -> dict[str, str]:
    return {item.run.id: item.run.name for item in state.index.runs()}


def _version(state: ViewerState, name: str, version: str, offset: int, limit: int) -> dict[str, Any]:
    return files_to_wire(state.artifacts.manifest(name, version), offset, limit, _run_names(state))


def _find(state: ViewerState, name: str, version: str, path: str) -> FileRange:
    """Return where the content lies: in the root's blobs, even if links are followed.

    Raises ArtifactNotFoundError, ArtifactDamagedError.
    """
    manifest = state.artifacts.manifest(name, version)
    entry = manifest.entry(path)
    if entry is None:
        raise ArtifactNotFoundError(f"{name}:{version} has no file {path[:500]!r}.")
    blobs = state.files.path(f"{names.ARTIFACTS}/{names.BLOBS}")
    try:
        file = state.files.path(names.blob_path(entry.sha256)).resolve(strict=True)
        if file.is_relative_to(blobs.resolve(strict=True)) and file.is_file():
            return FileRange(file, 0, file.stat().st_size)
    except (OSError, RuntimeError):  # lost, or a loop of links
        pass
    raise ArtifactDamagedError(f"The content of {path[:500]!r} in {name}:{version} is lost.")
