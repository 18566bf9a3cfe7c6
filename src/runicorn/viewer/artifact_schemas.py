"""The wire of artifacts. Names and shapes only; see schemas.py."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from runicorn.viewer.schemas import AnswerModel


class ArtifactVersionAnswer(AnswerModel):
    """A version. version: such as v3; size: of all files, in bytes; run: by which the run that logged it first is asked
    for here, `SOURCE:ID` on another machine.

    run_name: what that run is called, or null where it is not in this storage root.
    """

    version: str
    type: str
    description: str
    metadata: dict[str, Any]
    digest: str
    size: int
    file_count: int
    created_at: str
    run: str | None
    run_name: str | None
    step: int | None


class ArtifactPlaceAnswer(AnswerModel):
    """Which artifact it is. id: by which it is asked for here, its name, and `SOURCE:NAME` on another machine.

    source: where it is read; place: what that machine is called, empty for this one.
    """

    id: str
    source: str
    place: str
    name: str


class ArtifactOverview(ArtifactPlaceAnswer):
    """An artifact. versions: how many there are. aliases: which version each means, `latest` among them."""

    versions: int
    latest: ArtifactVersionAnswer
    aliases: dict[str, str]


class UnreadSourceAnswer(AnswerModel):
    """A source whose artifacts could not be told. host: what its machine is called; empty for this one.

    error: one sentence; null where it only has not answered yet, and what was told of it before, if anything, is shown.
    """

    source: str
    host: str
    error: str | None


class ArtifactListAnswer(AnswerModel):
    """The artifacts of all sources; with `?source=` of that one."""

    artifacts: list[ArtifactOverview]
    unread: list[UnreadSourceAnswer]


class ArtifactAnswer(ArtifactPlaceAnswer):
    """An artifact with all of its versions, the newest first."""

    versions: list[ArtifactVersionAnswer]
    aliases: dict[str, str]


class ArtifactFileAnswer(AnswerModel):
    path: str
    size: int
    sha256: str


class ArtifactFilesAnswer(ArtifactVersionAnswer, ArtifactPlaceAnswer):
    """A version with some of its files, sorted by path; file_count says how many there are in all."""

    files: list[ArtifactFileAnswer]


def artifact_to_wire(
    artifact: Mapping[str, Any], *, source: str, place: str, address: Callable[[str], str]
) -> dict[str, Any]:
    """Return an artifact, or a version with its files, as it is shown here.

    artifact: as its source tells it. address: returns what something of that source is asked for by, by its name there.
    """

    def version(told: Mapping[str, Any]) -> dict[str, Any]:
        return {**told, "run": None if told["run"] is None else address(told["run"])}

    shown = {**artifact, "id": address(artifact["name"]), "source": source, "place": place}
    if "run" in shown:
        return version(shown)
    if "latest" in shown:
        return {**shown, "latest": version(shown["latest"])}
    return {**shown, "versions": [version(each) for each in shown["versions"]]}
