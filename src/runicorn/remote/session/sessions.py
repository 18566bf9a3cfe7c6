"""Sessions: which there are, and what happens to each, by the table in lifecycle."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from collections.abc import Callable

from runicorn.errors import JobEndedError, RunicornError, SessionNotFoundError, StartCancelledError, StartError
from runicorn.remote.link.connections import Connections, RunBlocking
from runicorn.remote.server import probing
from runicorn.remote.session import lifecycle, records, session_log
from runicorn.remote.session.beside import Beside
from runicorn.remote.session.host_page import HostPages, HostPlaces
from runicorn.remote.session.lifecycle import Effect, Event, State
from runicorn.remote.session.opening import Opening
from runicorn.remote.session.records import SessionRecords
from runicorn.remote.session.session import Session, StartRequest
from runicorn.remote.session.watching import GoneError, Watching
from runicorn.remote.telling.progress import Progress
from runicorn.remote.trust.host_keys import HostKeyFile
from runicorn.remote.trust.target import Target
from runicorn.settings import Settings

ENDED_KEPT = 20
TAKE_BACK_SECS = 15.0
END_TIMEOUT_SECS = 8.0  # four round trips of a second, and the second that a viewer has to end by itself


class Sessions:
    """All sessions of this viewer. Belongs to the event loop's thread. changed: called whenever there is news.

    places: shows the roots of hosts that have a viewer, too; None where they are not shown.
    """

    def __init__(
        self,
        settings: Settings,
        connections: Connections,
        host_keys: HostKeyFile,
        run_blocking: RunBlocking,
        changed: Callable[[], None],
        manage_url: str | None,
        pages: HostPages | None = None,
        places: HostPlaces | None = None,
    ) -> None:
        self.probes = probing.Probes(run_blocking)
        self._opening = Opening(settings, connections, host_keys, run_blocking, self.probes, manage_url, pages)
        self._watching = Watching(self._opening, changed)
        self._beside = Beside(connections, run_blocking, places) if places is not None else None
        self._records = SessionRecords(settings.home / "sessions.json")
        self._run_blocking = run_blocking
        self._changed = changed
        self._sessions: dict[str, Session] = {}
        connections.connected = self.nudge
        connections.followers = self._logs_on

    def all(self) -> list[Session]:
        return list(self._sessions.values())

    def get(self, session_id: str) -> Session:
        """Raises SessionNotFoundError."""
        session = self._sessions.get(session_id)
        if session is None:
            raise SessionNotFoundError(f"There is no session {session_id[:64]!r}.")
        return session

    async def start(self, request: StartRequest) -> Session:
        """Return a running session for this request: a live one that serves it, or a new one.

        A caller that is cancelled leaves; a start that nobody waits for any more is stopped.
        Raises the errors of connecting and of StartError; then nothing of the session is left on either side.
        """
        session = next((each for each in self._sessions.values() if each.serves(request)), None)
        if (
            session is not None
            and session.state is State.RECONNECTING
            and (session.found_again or session.needs_person)
        ):
            await self._opening.connections.connect(
                request.target, request.credentials, session.session_id, interactive=request.interactive
            )
            session.needs_person = False
            session.nudge()
            await asyncio.wait([session.task] if session.task else [], timeout=TAKE_BACK_SECS)
            if not session.live:
                session = None
        if session is None:
            session = self._new_session(request)
        await self._started(session)
        if session.state is State.RUNNING or session.error is None:
            if session.state in lifecycle.ENDED or session.state is State.STOPPING:
                raise StartCancelledError("The session was stopped while it was starting.")
            return session
        raise session.error.kept()

    async def _started(self, session: Session) -> None:
        """Wait until the session has started, or has not. Whoever leaves last stops it."""
        task = session.task
        if session.state is not State.STARTING or task is None:
            return
        session.waiters += 1
        try:
            await asyncio.wait([task])
        finally:
            session.waiters -= 1
            if not session.waiters and session.state is State.STARTING:
                await self.stop(session.session_id)

    async def stop(self, session_id: str) -> Session:
        """End the session on both sides; returns when it is gone. Raises SessionNotFoundError."""
        session = self.get(session_id)
        if session.state is State.STOPPING:
            await session.ended.wait()
        elif session.live:
            await self._advance(session, Event.STOP)
        return session

    def on(self, target: Target | None) -> list[Session]:
        """Return the live sessions on this target; None for all."""
        return [each for each in self._sessions.values() if each.live and target in (None, each.request.target)]

    async def stop_all(self, target: Target | None = None) -> None:
        """Stop every live session, or those on one target."""
        await asyncio.gather(*(self.stop(each.session_id) for each in self.on(target)))

    async def take_back(self) -> None:
        """Find the sessions again that were left by a viewer that died, and bring them back on their addresses."""
        for record in await self._run_blocking(self._records.take_over):
            session = records.from_record(record)
            session.link_lost_at = time.time()
            session.state = State.RECONNECTING
            self._add(session)
            # Who opens its address is shown a page that waits. A port that is taken is tried again with the link: it
            # may be free by then, and is no reason to end what runs on the server.
            with contextlib.suppress(RunicornError):
                self._opening.door(session)
            session.task = asyncio.create_task(self._restoring(session))
        self._changed()

    def nudge(self, target: Target | None = None) -> None:
        """Have the link of every session, or of those on one target, looked at now."""
        for session in self.on(target):
            session.nudge()

    def _new_session(self, request: StartRequest) -> Session:
        over = [each for each in self.all() if each.state in lifecycle.ENDED]
        # What ended on this host has been seen; the new one takes its place. Of the others the newest are kept.
        place = (request.target, request.inside)
        seen = [each for each in over if (each.request.target, each.request.inside) == place]
        for each in {*seen, *over[:-ENDED_KEPT]}:
            del self._sessions[each.session_id]
        session = Session(secrets.token_hex(4), request, time.time())
        self._add(session)
        session.task = asyncio.create_task(self._starting(session))
        self._changed()
        return session

    def _add(self, session: Session) -> None:
        session_log.begin(session, self._changed, self._opening.connections)
        self._sessions[session.session_id] = session

    def _logs_on(self, target: Target) -> list[Progress]:
        return [each.progress for each in self.on(target)]

    async def _advance(self, session: Session, event: Event) -> None:
        """Move the session by the table and carry the effects out."""
        step = lifecycle.step(session.state, event)
        session_log.tell_state(session, step.state)
        session.state = step.state
        if session.state in lifecycle.ENDED and not step.effects:
            session.ended.set()
        self._changed()
        for effect in step.effects:
            if effect is Effect.WATCH:
                session.link_lost_at = None
                session.nudged.clear()
                session.task = asyncio.create_task(self._while_running(session))
            elif effect is Effect.RECONNECT:
                session.link_lost_at = time.time()
                session.task = asyncio.create_task(self._restoring(session))
            elif effect is Effect.RELEASE:
                await self._release(session)
                if session.state is State.STOPPING:
                    await self._advance(session, Event.RELEASED)
                else:
                    session.ended.set()

    async def _starting(self, session: Session) -> None:
        opening = self._opening
        try:
            connection = await opening.connection(session)
            await opening.reader(session, connection)
            await opening.link(session, connection)
        except RunicornError as error:
            await self._failed(session, error)
        except Exception as error:  # noqa: BLE001  the rim of a background task: it must end with a name, not vanish
            await self._failed(session, StartError(f"The start failed: {error!r}."))
        else:
            await self._running(session)

    async def _running(self, session: Session) -> None:
        session.typed = self._opening.connections.took_typing(session.request.target)
        await self._run_blocking(self._records.keep, session)
        await self._advance(session, Event.READY)

    async def _while_running(self, session: Session) -> None:
        if self._beside is not None and not session.is_served_here:
            session.besides = asyncio.create_task(self._beside.read(session))
        try:
            await self._watching.until_lost(session)
        except Exception as error:  # noqa: BLE001  the rim of a background task: the way back is the same
            self._opening.progress(session).log(f"the watch over the link ended: {error!r}")
        finally:
            if session.besides is not None:  # it need not have ended for the link to come back
                session.besides.cancel()
        await self._advance(session, Event.LINK_LOST)

    async def _restoring(self, session: Session) -> None:
        try:
            await self._watching.restore(session)
        except GoneError:  # nothing is left to take back
            await self._advance(session, Event.STOP)
            del self._sessions[session.session_id]
        except JobEndedError as error:
            await self._failed(session, error)
        else:
            session.reconnects += 1
            session.error = None
            session.found_again = session.needs_person = session.lacks_secret = False
            await self._running(session)

    async def _failed(self, session: Session, error: RunicornError) -> None:
        session.error = error.kept()
        self._opening.progress(session).fail(error)
        await self._advance(session, Event.FAILED)

    async def _release(self, session: Session) -> None:
        """Free everything of the session, on the server first."""
        task, current = session.task, asyncio.current_task()
        while task is not None and task is not current and not task.done():
            task.cancel()
            await asyncio.wait([task], timeout=1.0)
        if session.besides is not None and not session.besides.done():
            await asyncio.wait([session.besides], timeout=1.0)
        if session.remote is not None or session.launched:
            try:
                ended = await asyncio.wait_for(self._opening.end_viewer(session), END_TIMEOUT_SECS)
            except asyncio.TimeoutError:
                ended = False
            if not ended:
                session.progress.note("there is no way to the server; its viewer ends by itself after the grace period")
        session.hang_up()
        await self._run_blocking(session.holder.release)
        await self._run_blocking(self._records.forget, session.session_id)
        session.process = None
        session.tunnel = None
        session.task = session.besides = session.place = None
        session.forget_secrets()
        self._opening.connections.leave(session.session_id)
