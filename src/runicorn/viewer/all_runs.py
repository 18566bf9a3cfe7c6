"""The runs of all sources as one list: asked at the same time, and what is known of those that take too long.

A host that does not answer costs its own rows their freshness, and nobody else anything. Every list is in the memory of
this process, so that putting them together is one more sort; see docs/decisions/many-places-in-one-list.md.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from runicorn.errors import UsageError
from runicorn.storage.index import Progress
from runicorn.storage.indexed_run import IndexedRun
from runicorn.storage.layout import iso
from runicorn.viewer.run_list import Standing
from runicorn.viewer.shared_question import kept
from runicorn.viewer.source_state import DEADLINE_SECS, LOCAL, PATIENCE_SECS, SourceLook, SourceState
from runicorn.viewer.state import ViewerState

T = TypeVar("T")


@dataclass(frozen=True)
class AllRuns:
    """Runs of several sources, in no order, and how these stand."""

    items: Sequence[IndexedRun]
    standing: Standing


async def with_runs(state: ViewerState, only: str | None, work: Callable[[AllRuns], T]) -> T:
    """Return what `work` makes of the runs of all sources, called on a thread. only: a single source's, by its id.

    Raises UsageError where there is no such source.
    """
    places = chosen_places(state, only)
    sessions = sessions_by_id(state)

    def work_on(looks: Sequence[tuple[SourceState, SourceLook]]) -> T:
        found = _together(looks, sessions)
        if only is None:
            state.collector.settle((place for place, _ in looks), len(found.items))
        return work(found)

    if len(places) == 1 and places[0].id == LOCAL:
        (place,) = places
        return await place.workers.run(lambda: work_on([(place, place.look())]))
    asked: dict[str, asyncio.Future[SourceLook]] = {}
    can_do_without: set[str] = set()
    for place in places:
        if place.is_slow:
            place.look_meanwhile()
            continue
        asked[place.id] = kept(asyncio.ensure_future(place.workers.run(place.look, identify=True)))
        if place.was_just_seen:
            can_do_without.add(place.id)
    await _wait_for(asked, PATIENCE_SECS)
    needed = {place_id: task for place_id, task in asked.items() if place_id not in can_do_without}
    await _wait_for(needed, DEADLINE_SECS - PATIENCE_SECS)
    # What a source gave; of the others, what was known before.
    looks: list[tuple[SourceState, SourceLook | BaseException | Callable[[], SourceLook]]] = []
    still_there = set(map(id, state.sources.values()))
    for place in places:
        task = asked.get(place.id)
        if id(place) not in still_there:  # it went while it was asked
            if task is not None:
                task.cancel()
            continue
        if task is None:
            looks.append((place, place.recent))
        elif task.done():
            looks.append((place, task.exception() or task.result()))
        else:
            place.has_kept_waiting()
            looks.append((place, place.recent if place.id in can_do_without else place.known))
    return await state.local.workers.run(lambda: work_on([(place, _known(place, look)) for place, look in looks]))


async def _wait_for(asked: Mapping[str, asyncio.Future[SourceLook]], secs: float) -> None:
    if any(not task.done() for task in asked.values()):
        await asyncio.wait(asked.values(), timeout=secs)


def chosen_places(state: ViewerState, only: str | None) -> list[SourceState]:
    """Return all sources, or the one that is asked for. Raises UsageError."""
    if only is None:
        return list(state.sources.values())
    place = state.sources.get(only)
    if place is None:
        raise UsageError(f"There is no source {only[:100]!r}.", hint=f"Use {', '.join(state.sources)}.")
    return [place]


def sessions_by_id(state: ViewerState) -> dict[str, dict[str, Any]]:
    """Return how the sessions stand, as their answers tell."""
    if state.remote is None or not any(place.session_id for place in state.remote.guests.places.values()):
        return {}
    return {session["sessionId"]: session for session in state.remote.snapshot()["viewer_sessions"]}


def shown_by(places: Sequence[tuple[SourceState, bool]]) -> dict[str, str]:
    """Return, by source, which one shows its root: of those that see the same one, the first that answers.

    places: each with whether it answers.
    """
    roots = [(place.id, place.root_id, answers) for place, answers in places]
    first: dict[str, str] = {}
    for place_id, root_id, _ in sorted(roots, key=lambda each: not each[2]):
        if root_id:
            first.setdefault(root_id, place_id)
    return {place_id: first[root_id] if root_id else place_id for place_id, root_id, _ in roots}


def _known(place: SourceState, look: SourceLook | BaseException | Callable[[], SourceLook]) -> SourceLook:
    """Return what was found, or what was known before."""
    if isinstance(look, SourceLook):
        return look
    if not isinstance(look, BaseException):
        return look()
    if not isinstance(look, Exception):
        raise look
    known = place.known()
    return SourceLook(known.items, known.progress, str(look))


def _together(
    place_looks: Sequence[tuple[SourceState, SourceLook]], sessions: Mapping[str, Mapping[str, Any]]
) -> AllRuns:
    items: list[IndexedRun] = []
    wire: list[dict[str, Any]] = []
    by = shown_by([(place, not look.late and look.problem is None) for place, look in place_looks])
    for place, look in place_looks:
        same_as = by[place.id]
        if same_as == place.id:
            items += look.items
        session = sessions.get(place.session_id or "")
        wire.append(_to_wire(place, look, session, None if same_as == place.id else same_as))
    counted = [look.progress for _, look in place_looks if look.progress is not None]
    progress = Progress(sum(each.done for each in counted), sum(each.total for each in counted)) if counted else None
    problem = next((look.problem for place, look in place_looks if place.id == LOCAL), None)
    if len(place_looks) == 1:
        problem = place_looks[0][1].problem
    return AllRuns(items, Standing(progress, problem, tuple(wire)))


def _to_wire(
    place: SourceState, look: SourceLook, session: Mapping[str, Any] | None, same_as: str | None
) -> dict[str, Any]:
    """Return how a source stands. state: `ready`; `late`, where these are the runs that were known at `as_of`; `away`,
    where nothing can be read now, which `error` tells as far as it is known.
    """
    status = session["status"] if session else "running" if place.id == LOCAL else "stopped"
    away = look.problem is not None or status != "running"
    error = look.problem
    if error is None and session is not None and session.get("error"):
        error = session["error"].get("message")
    return {
        "id": place.id,
        "host": place.host,
        "connection_id": place.reached_by or None,
        "root": place.source.root,
        "mode": session["mode"] if session else None,
        "session_id": place.session_id,
        "state": "away" if away else "late" if look.late else "ready",
        "as_of": None if place.as_of is None or not (look.late or away) else iso(place.as_of),
        "error": error,
        "runs": len(look.items),
        "same_as": same_as,
        "clock_ahead_secs": None if place.source.clock_offset_secs is None else round(place.source.clock_offset_secs),
    }
