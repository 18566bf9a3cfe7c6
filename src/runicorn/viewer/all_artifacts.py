"""The artifacts of all sources as one list: asked at the same time, and who does not tell in time is named."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from runicorn.viewer.all_runs import chosen_places, shown_by
from runicorn.viewer.source_state import DEADLINE_SECS, LOCAL, SourceState
from runicorn.viewer.state import ViewerState


@dataclass(frozen=True)
class _Told:
    """What a source tells of its artifacts, as they are shown. late: it has not answered yet, and this is of before."""

    place: SourceState
    artifacts: Sequence[dict[str, Any]] = ()
    error: str | None = None
    late: bool = False

    @property
    def answers(self) -> bool:
        return not self.late and self.error is None


async def all_artifacts(state: ViewerState, only: str | None) -> dict[str, Any]:
    """Return the answer that lists the artifacts of all sources. only: a single source's, by its id.

    Of a host that is not connected nothing is known, and nothing said. Raises UsageError where there is no such source;
    RunUnreadableError where this machine's are all there could be.
    """
    places = [place for place in chosen_places(state, only) if place.is_open]
    if [place.id for place in places] == [LOCAL]:
        return {"artifacts": await places[0].artifacts.answer(), "unread": []}
    asked = [asyncio.ensure_future(place.artifacts.answer()) for place in places]
    if asked:
        await asyncio.wait(asked, timeout=DEADLINE_SECS)
    told = [_told(place, task) for place, task in zip(places, asked, strict=True)]
    still_there = set(map(id, state.sources.values()))
    return _together([each for each in told if id(each.place) in still_there])


def _told(place: SourceState, asked: asyncio.Task[list[dict[str, Any]]]) -> _Told:
    if not asked.done() or asked.cancelled():
        asked.cancel()  # only who waits: the source goes on, and has it for the next question
        return _Told(place, place.artifacts.known or (), late=True)
    error = asked.exception()
    if error is None:
        return _Told(place, asked.result())
    if not isinstance(error, Exception):
        raise error
    return _Told(place, error=str(error))


def _together(told: Sequence[_Told]) -> dict[str, Any]:
    by = shown_by([(each.place, each.answers) for each in told])
    telling = {each.place.id for each in told if each.answers}
    return {
        "artifacts": [artifact for each in told if by[each.place.id] == each.place.id for artifact in each.artifacts],
        # Of a root that another machine shows as it is now, nothing is missing.
        "unread": [
            {"source": each.place.id, "host": each.place.host, "error": each.error}
            for each in told
            if not each.answers and by[each.place.id] not in telling
        ],
    }
