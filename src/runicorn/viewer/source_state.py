"""A source and its share of the viewer: its threads, how its runs are called here, and how it stands."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from runicorn.model import Run
from runicorn.sources.folder import FolderSource
from runicorn.storage.index import Progress
from runicorn.storage.indexed_run import IndexedRun
from runicorn.viewer.artifact_schemas import artifact_to_wire
from runicorn.viewer.run_list import RunListWriter
from runicorn.viewer.shared_question import SharedQuestion, kept
from runicorn.viewer.workers import Workers

LOCAL = "local"
# What takes longer comes with the stream, or with the next question.
DEADLINE_SECS = 1.5
# Of a source that was just seen, so long is waited for what is newer.
PATIENCE_SECS = 0.25
# Whoever asks does not wait at all for a source whose looks take longer, or that has kept somebody waiting so short a
# while ago: it gets what was known at the last look, and has the source looked at meanwhile. Far away, an agent mostly
# knows its answer, but not always.
_SLOW_SECS, _SLOW_FOR_SECS = 0.5, 10.0
# Up to so old, what was known counts as new.
_NEW_SECS = 10.0


@dataclass(frozen=True)
class SourceLook:
    """What a source has, as it was just seen. problem: what keeps runs from being shown, in one sentence.

    late: whether its files have not answered in time, so that this is what was known before.
    """

    items: Sequence[IndexedRun]
    progress: Progress | None = None
    problem: str | None = None
    late: bool = False


class SourceState:
    """A source, as this viewer shows it. Nobody waits for the threads of another one. artifacts: its list of them.

    id: what its runs are asked for by, `ID:RUN`; those of LOCAL by their id alone. host: what a person calls the
    machine, empty for this one; reached_by: how that is reached; called: what a person has named it. session_id: of the
    session that it comes and goes with; None for this machine's, and where only what was seen before is shown.

    as_of: when all of it was last seen without trouble, in unix seconds. root_id: what tells its root from all others;
    once that was asked for, None where it says nothing. seen_first: called in a worker thread, once it was seen.
    """

    def __init__(
        self,
        source: FolderSource,
        *,
        id: str = LOCAL,
        host: str = "",
        reached_by: str = "",
        session_id: str | None = None,
        called: str = "",
        as_of: float | None = None,
        root_id: str | None = None,
        seen_first: Callable[[SourceState], None] | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.source = source
        self.id = id
        self.host = host
        self.reached_by = reached_by
        self.session_id = session_id
        self.workers = Workers()
        self.run_list = RunListWriter()
        self.artifacts = SharedQuestion(self._artifacts, self.workers)
        self.called = called
        self._missed = False
        self._slow_until = float("-inf")
        self._background: asyncio.Future[SourceLook] | None = None
        self.as_of = as_of
        self.root_id = root_id
        self._seen_first = seen_first
        self._is_identified = False
        self._now = now
        self._shown: dict[str, tuple[IndexedRun, IndexedRun]] = {}

    @property
    def is_open(self) -> bool:
        """Whether there is somebody to read it; of others, only the list of runs is known."""
        return self.id == LOCAL or self.session_id is not None

    def address(self, own_id: str) -> str:
        """Return what a run, or an artifact by its name, is asked for by, from here."""
        return own_id if self.id == LOCAL else f"{self.id}:{own_id}"

    def shown_artifact(self, artifact: Mapping[str, Any]) -> dict[str, Any]:
        """Return an artifact of the source, or one of its versions, as it is shown here: see shown_run()."""
        return artifact_to_wire(artifact, source=self.id, place=self.host, address=self.address)

    def shown_run(self, run: Run) -> Run:
        """Return a run of the source as it is shown here: by its address, with the machine that it is seen on."""
        return run if self.id == LOCAL else replace(run, id=self.address(run.id), source=self.id, place=self.host)

    def shown(self, items: Iterable[IndexedRun]) -> list[IndexedRun]:
        """Return runs of the source as they are shown here; one that has not changed is the same as last time."""
        if self.id == LOCAL:
            return list(items)
        shown = [self._one_shown(item) for item in items]
        if len(self._shown) > 2 * len(shown) + 100:  # most of them are gone
            self._shown.clear()
        return shown

    def look(self, *, identify: bool = False) -> SourceLook:
        """Look at all runs. Blocks. identify: find out which root it is, too."""
        before = self.source.progress()
        try:
            items = self.source.runs()
        finally:
            self._missed = False
            if self.source.look_secs > _SLOW_SECS and before is None:
                self._slow_until = time.monotonic() + _SLOW_FOR_SECS
        if identify:
            self._identify()
        problem = self.source.problem
        late = self.is_silent
        if problem is None and not late:
            self.as_of = self._now()
            tell, self._seen_first = self._seen_first, None
            if tell is not None:
                tell(self)
        # What came in between is not among these runs: the page asks once more.
        return SourceLook(self.shown(items), self.source.progress() or before, problem, late)

    @property
    def is_slow(self) -> bool:
        """Whether nobody should wait for it: who asks can have what was known a moment ago, or it has kept somebody
        waiting already and has not answered since.
        """
        if self._missed:
            return True
        is_slow = self.source.waits_secs > _SLOW_SECS or time.monotonic() < self._slow_until
        return self.as_of is not None and is_slow

    @property
    def was_just_seen(self) -> bool:
        """Whether what is known of it counts as new, and nothing there is changed from here."""
        return self.id != LOCAL and self._is_new

    @property
    def _is_new(self) -> bool:
        return self.as_of is not None and 0 <= self._now() - self.as_of < _NEW_SECS

    @property
    def is_silent(self) -> bool:
        """Whether its files have not answered by now, and usually do. For any thread."""
        return self.source.is_overdue(DEADLINE_SECS)

    def has_kept_waiting(self) -> None:
        """Somebody has waited for it in vain: nobody else is to, until it answers and for a while after that."""
        self._missed = True
        self._slow_until = time.monotonic() + _SLOW_FOR_SECS

    def look_meanwhile(self) -> None:
        """Have it looked at without waiting for that; called in the event loop. recent() is what is known till then."""
        if self._background is None or self._background.done():
            self._background = kept(asyncio.ensure_future(self.workers.run(self.look, identify=True)))

    def recent(self) -> SourceLook:
        """Return what was known at the last look, which counts as new for a while."""
        return replace(self.known(), late=not self._is_new or self.is_silent)

    def known(self) -> SourceLook:
        """Return what was known at the last look."""
        items = self.shown(self.source.known_runs())
        return SourceLook(items, self.source.progress(), self.source.problem, late=True)

    def _artifacts(self) -> list[dict[str, Any]]:
        """Return all artifacts, as they are shown here. Blocks."""
        found = [self.shown_artifact(each) for each in self.source.artifacts()]
        self._identify()
        return found

    def _identify(self) -> None:
        """Find out which root it is, once. Blocks."""
        if not self._is_identified:
            with contextlib.suppress(OSError):  # the next look finds it out
                self.root_id, self._is_identified = self.source.root_id(), True

    def _one_shown(self, item: IndexedRun) -> IndexedRun:
        run_id = item.run.id
        kept = self._shown.get(run_id)
        if kept is not None and kept[0] is item:
            return kept[1]
        shown = IndexedRun(self.shown_run(item.run), item.version, item.now)
        self._shown[run_id] = item, shown
        return shown
