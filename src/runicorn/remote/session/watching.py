"""A session's link while it runs: watched, missed within seconds, and brought back for as long as it takes."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import random
import time
from collections.abc import Callable

from runicorn.errors import JobEndedError, NoCredentialsError, RunicornError, StartError
from runicorn.remote.server import orders
from runicorn.remote.session import session_log
from runicorn.remote.session.health import UnhealthyError
from runicorn.remote.session.opening import Opening, is_persons_matter
from runicorn.remote.session.session import Session
from runicorn.remote.ssh.interface import Connection

# A dead peer is noticed within the pause and two questions: 12 s, or 14 where an answer takes 2 s.
HEALTH_EVERY_SECS = 4.0
HEALTH_TIMEOUT_SECS = 4.0
HEALTH_TIMEOUT_RTTS = 2.5
HEALTH_MISSES = 2
WAKE_TIMEOUT_SECS = 2.0
LOOK_EVERY_SECS = 0.1
BACKOFF_SECS = (0.2, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0)
BETWEEN_ATTEMPTS_SECS = 1.0
PERSON_LOOK_SECS = 1.0


class GoneError(Exception):
    """The remote viewer of a session that was to be taken back is no more."""


class Watching:
    """Watches links and restores them. changed: called whenever there is news."""

    def __init__(self, opening: Opening, changed: Callable[[], None]) -> None:
        self._opening = opening
        self._changed = changed

    async def until_lost(self, session: Session) -> None:
        """Ask for health every few seconds and tell the remote page; return when the link is lost."""
        misses, woken = 0, False
        missed: UnhealthyError | None = None
        while misses < HEALTH_MISSES:
            if misses == 0:
                woken = await self._pause(session)
            if not self._up(session):
                break
            assert session.line is not None
            usual = HEALTH_TIMEOUT_RTTS * (session.rtt_ms or 0.0) / 1000
            limit = max(WAKE_TIMEOUT_SECS if woken else HEALTH_TIMEOUT_SECS, usual)
            first_limit = max(limit, 2 * usual)
            try:
                answer = await self._opening.run_blocking(session.line.ask, limit, first_limit)
            except UnhealthyError as error:
                misses += 1
                missed = error
                continue
            misses = 0
            session.rtt_ms = answer.rtt_ms
            await self._opening.tell(session)
            self._changed()
        connected = self._opening.connections.find(session.request.target) is not None
        self._opening.progress(session).log(session_log.loss(session, connected, missed))

    async def restore(self, session: Session) -> None:
        """Bring the link back on the same local port, for ever until stopped. Raises GoneError, JobEndedError.

        What only a person can settle, such as a rejected login, is waited for: whoever only looks must not repeat it,
        and it may settle itself, as when the server's homes are mounted late. The address stays, and so does the remote
        viewer for its grace period.
        """
        attempt = 0
        asked_for = False  # by a person, who may be there to answer what the server asks
        lost_at = time.monotonic()
        await self._opening.drop_tunnel(session)
        while True:
            wait_secs = BACKOFF_SECS[min(attempt, len(BACKOFF_SECS) - 1)] * random.uniform(0.8, 1.2)
            attempt += 1
            self._opening.progress(session).log(f"attempt {attempt} follows in {wait_secs:.1f} s at the latest")
            await nudged_within(session, wait_secs)
            if self._lacks_person(session, asked_for):
                self._note(session, _login_needed(session))
                await self._until_a_person_acts(session)
                asked_for = True
            began_at = time.monotonic()
            try:
                await self._attempt(session, interactive=asked_for and session.answered)
            except NoCredentialsError as error:
                # Nothing was offered, so nothing was rejected: the agent may be unlocked at any moment.
                self._note(session, error)
                await self._rest(began_at)
            except (GoneError, JobEndedError):
                raise
            except RunicornError as error:
                self._note(session, error)
                asked_for = is_persons_matter(error)
                if asked_for:
                    await self._until_a_person_acts(session)
                else:
                    await self._rest(began_at)
            except Exception as error:  # noqa: BLE001  the rim of a background task: a fault of ours ends no session
                self._note(session, StartError(f"The link could not be restored: {error!r}."))
                await self._rest(began_at)
            else:
                break
        self._opening.progress(session).log(session_log.back(session, attempt, time.monotonic() - lost_at))

    def _lacks_person(self, session: Session, asked_for: bool) -> bool:
        """Whether its login takes what is not here: a secret that was written nowhere, or a person with a new code."""
        connections, target = self._opening.connections, session.request.target
        lacks = session.lacks_secret or (not asked_for and connections.needs_person(target))
        return lacks and connections.find(target) is None

    async def _rest(self, began_at: float) -> None:
        """Whoever looks at the page makes it try at once, but not more often than this."""
        await asyncio.sleep(max(0.0, began_at + BETWEEN_ATTEMPTS_SECS - time.monotonic()))

    async def _until_a_person_acts(self, session: Session) -> None:
        """Wait until somebody connects to that host, or asks for the login to be repeated."""
        find = functools.partial(self._opening.connections.find, session.request.target)
        # A tunnel's own login may have been rejected beside a connection that lives: that one is no person's act.
        before = find()
        session.needs_person, session.answered = True, False
        session.nudged.clear()
        self._changed()
        while session.needs_person and find() in (None, before):
            await nudged_within(session, PERSON_LOOK_SECS)
        session.needs_person = False

    def _note(self, session: Session, error: RunicornError) -> None:
        self._opening.progress(session).fail(error)
        session.error = error.kept()
        self._changed()

    async def _attempt(self, session: Session, *, interactive: bool) -> None:
        """Connect again; adopt the remote viewer if it still lives, else start it again."""
        opening, target = self._opening, session.request.target
        opening.door(session)
        before = opening.connections.find(target)
        connection = await opening.connections.reconnect(
            target, session.request.credentials, session.session_id, interactive=interactive
        )
        if session.process is not None and not session.process.open:
            await opening.drop_process(session)
        assert session.remote is not None
        if session.is_served_here:
            await self._with_a_reader(session, connection)
            return
        pid = session.remote.pid
        lives = session.process is not None and connection is before
        if not lives:
            lives = await opening.run_blocking(orders.lives, connection, session.session_id, pid)
        if lives:
            try:
                await opening.tunnel(session, connection)
                return
            except StartError:
                # It may have ended in this moment; whether it did decides if it is started anew or asked again.
                if await opening.run_blocking(orders.lives, connection, session.session_id, pid):
                    raise
        if session.found_again:
            raise GoneError("The remote viewer has ended meanwhile.")
        opening.progress(session).log("the remote viewer has ended; it is started again")
        await opening.drop_process(session)
        await opening.reader(session, connection)
        await opening.link(session, connection)

    async def _with_a_reader(self, session: Session, connection: Connection) -> None:
        """Go on with what answers still, or with a new one: nothing of an old one is missed."""
        opening = self._opening
        if session.reader is not None and session.process is not None:
            with contextlib.suppress(OSError):
                await opening.run_blocking(session.reader.answers, HEALTH_TIMEOUT_SECS)
                await opening.link(session, connection)
                return
            await opening.run_blocking(session.holder.drop, session.reader)
            session.reader = None
        await opening.drop_process(session)
        await opening.reader(session, connection)
        await opening.link(session, connection)

    async def _pause(self, session: Session) -> bool:
        """Wait until the next question is due, or until it is worth asking at once; return whether that is so."""
        until = time.monotonic() + HEALTH_EVERY_SECS
        while (left := until - time.monotonic()) > 0:
            if await nudged_within(session, min(left, LOOK_EVERY_SECS)) or not self._up(session):
                return True
        return False

    def _up(self, session: Session) -> bool:
        """Whether nothing that carries the session is known to have ended."""
        return (
            session.tunnel is not None
            and session.tunnel.alive
            and (session.process is None or session.process.open)
            and self._opening.connections.find(session.request.target) is not None
        )


def _login_needed(session: Session) -> NoCredentialsError:
    host = session.request.target.host
    if session.found_again:
        return NoCredentialsError(
            f"The session on {host} was left by a viewer that ended; its login needs you.",
            hint="Connect to that host again; the session then comes back by itself.",
        )
    return NoCredentialsError(
        f"The link to {host} is lost, and its login takes what only you have, such as a code.",
        hint="Log in again when you are ready for what the server asks; the session then comes back on its address.",
    )


async def nudged_within(session: Session, secs: float) -> bool:
    """Wait for a nudge, at most so long; return whether there was one, and take it.

    Not by asyncio.wait_for: before Python 3.12 it loses a cancellation that comes together with the event, and the
    session could then not be stopped.
    """
    waiter = asyncio.ensure_future(session.nudged.wait())
    try:
        await asyncio.wait([waiter], timeout=secs)
        nudged = session.nudged.is_set()
        session.nudged.clear()
        return nudged
    finally:
        waiter.cancel()
