"""The link to a root on a host: one login, and what reads over it; made again when it broke and somebody asks."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from runicorn import locks
from runicorn.errors import (
    ConnectError,
    LinkDownError,
    NotConnectedError,
    RemoteUnavailableError,
    RunicornError,
    StartError,
)
from runicorn.exchange.client import LineMaker
from runicorn.progress_line import Unit
from runicorn.remote.asking.question import Asker
from runicorn.remote.link.connections import with_typed
from runicorn.remote.link.holder import Holder
from runicorn.remote.link.resolving import Meant, Resolver
from runicorn.remote.server import readers
from runicorn.remote.server.reading import Hello, Reader
from runicorn.remote.telling.progress import Progress
from runicorn.remote.trust.host_keys import HostKeyFile
from runicorn.remote.trust.target import Credentials
from runicorn.roots.questions import Desk, Person
from runicorn.roots.threads import in_thread
from runicorn.settings import Settings
from runicorn.sources.host_files import HostFiles

T = TypeVar("T")

HOST, HOSTS = Unit("host"), Unit("hosts")
# A link of which nothing was heard for so long is asked whether it is there, before anything is asked over it.
_QUIET_SECS = 10.0
_ANSWER_SECS = 4.0
# While something is read, the other end is asked so often whether it is there, and has so long to say so.
_LOOK_EVERY_SECS = 4.0
_LOOK_SECS = 8.0
_END_SECS = 3.0


@dataclass(frozen=True)
class _Line:
    """What was made: a login, what reads over it, and all that these hold."""

    reader: Reader
    hello: Hello
    holder: Holder
    ended: _Ended


class Attempt:
    """A line that is being made, in a thread of its own. See HostLink.attempt."""

    def __init__(self, dial: Callable[[Holder], _Line]) -> None:
        self._holder = Holder()
        self.work: Future[_Line] = in_thread(lambda: dial(self._holder), "runicorn-connect")

    def give_up(self) -> None:
        """End it, without waiting for that."""
        in_thread(self._holder.release, "runicorn-end")


class HostLink:
    """See client.Way. files: what is read, through all links that there will be. For any number of threads.

    server: as a person types it. root: likewise, from the first answer on as an absolute path. person: who is asked
    what a server asks while logging in. line: makes what shows how far it is.

    Raises InvalidTargetError, SshConfigError.
    """

    def __init__(
        self,
        settings: Settings,
        user_home: Path,
        server: str,
        root: str,
        key: str | None,
        person: Person | None,
        line: LineMaker,
    ) -> None:
        self._settings = settings
        self._user_home = user_home
        self._resolver = Resolver(user_home, settings.ssh_path)
        self.meant: Meant = self._resolver.meant(server)
        self._credentials: Credentials = self.meant.credentials(key)
        self._person = person
        self._make_line = line
        self.host_keys = HostKeyFile(settings.home / "known_hosts")
        self.files = HostFiles()
        self.root = root
        self._made: _Line | None = None
        self._turn = threading.RLock()  # of whoever looks whether the link is there, and makes another one
        self._heard_at = float("-inf")
        self._breaks = 0
        self._under_way = _UnderWay()
        self._refused: RunicornError | None = None
        self._closed = False
        self._pid = os.getpid()

    @property
    def alive(self) -> bool:
        return self._made is not None and self._made.reader.alive and self.files.breaks == self._breaks

    def ensure(self) -> None:
        """Have it answer: connect where it does not. What only a person can settle is not tried a second time.

        Raises RemoteError.
        """
        with self._turn:
            self._usable()
            if self._answers():
                return
            self._let_go()
            desk = Desk(self._person)
            attempt = self.attempt(desk)
            try:
                with self._make_line(f"connecting to {self.meant.target.host}", HOST) as line:
                    line.total = 1

                    def tick() -> None:
                        self._usable()  # it may be closed meanwhile
                        line.update(0)

                    desk.wait([attempt.work], tick, hush=line.clear)
            except BaseException:
                attempt.give_up()
                raise
            self.take(attempt)

    def attempt(self, desk: Desk) -> Attempt:
        """Begin to connect. Whoever waits for its work, and answers at the desk, gives it to take(), or gives it up."""
        return Attempt(lambda holder: self._dial(desk.asker, holder))

    def _dial(self, asker: Asker | None, holder: Holder) -> _Line:
        """Connect, and have the root opened. Raises RemoteError."""
        progress = Progress()
        try:
            # Loaded with the first connection: 16 MB and 0.1 s that whoever reads folders does without.
            with locks.LOADING:
                from runicorn.remote.ssh import connectors

            way = self._resolver.way(self.meant.target, self._credentials.jumps)
            connection = holder.own(
                connectors.connect(
                    self.meant.target,
                    way,
                    self._credentials,
                    self.host_keys,
                    progress,
                    self._user_home,
                    holder.own,
                    asker,
                    choice=self._settings.connector,
                    ssh_path=self._settings.ssh_path,
                )
            )
            reader = holder.own(readers.start_best(connection, holder.own, progress.log))
            hello = readers.readable_or_raise(readers.ask_for_root(reader, self.root))
            made = _Line(reader, hello, holder, holder.own(_Ended()))
        except ImportError as error:
            holder.release()
            raise RemoteUnavailableError(f"The packages for SSH cannot be loaded: {error}.") from error
        except BaseException:
            holder.release()
            raise
        self._credentials = with_typed(self._credentials, connection.login)
        return made

    def take(self, attempt: Attempt) -> None:
        """Read by what was made from now on. Raises RemoteError where that failed."""
        try:
            made = attempt.work.result()
        except RunicornError as error:
            # A login that was refused, repeated by itself, could lock the account.
            if not isinstance(error, (ConnectError, StartError)):
                self._refused = error.kept()
            raise
        with self._turn:
            if self._closed:
                attempt.give_up()
                self._usable()
            self._made, self.root = made, made.hello.root
            self._heard_at, self._breaks = time.monotonic(), self.files.breaks
            self.files.read_by(made.reader)
        threading.Thread(target=_watch, args=(made, self._under_way), name="runicorn-link", daemon=True).start()

    def may_try_again(self) -> None:
        """A person has settled what was in the way."""
        self._refused = None

    def read(self, work: Callable[[], T]) -> T:
        """Return what `work` makes of the files; once more over a new link where this one broke meanwhile.

        Raises RemoteError, LinkDownError where that breaks as well, and what `work` raises.
        """
        for _ in range(2):
            self.ensure()
            before = self.files.breaks
            failed: Exception | None = None
            with self._under_way.one():
                try:
                    result = work()
                except Exception as error:  # noqa: BLE001 - of a link that broke, anything may come of what was read
                    failed = error
            if self.alive and self.files.breaks == before:
                if failed is not None:
                    raise failed
                self._heard_at = time.monotonic()
                return result
        host = self.meant.target.host
        raise LinkDownError(
            f"The link to {host} broke while it was read.", hint="Call it again: it connects anew."
        ) from failed

    def close(self) -> None:
        self._closed = True
        with self._turn:
            self._let_go()

    def end_soon(self) -> None:
        if os.getpid() != self._pid:  # a fork has what belongs to its parent
            return
        self._closed = True
        made = self._made
        if made is None:
            return
        try:
            ending = threading.Thread(target=made.holder.release, name="runicorn-end", daemon=True)
            ending.start()
        except RuntimeError:  # too late for threads
            made.holder.release()
            return
        if not threading.main_thread().is_alive():  # the program ends, and its threads with it
            ending.join(_END_SECS)

    def _usable(self) -> None:
        again, host = "Open it again with rn.open_root().", self.meant.target.host
        if os.getpid() != self._pid:
            host = self.meant.target.host
            raise NotConnectedError(
                f"The connection to {host} belongs to the process that this one began in.", hint=again
            )
        if self._closed:
            raise NotConnectedError(f"The root on {host} was closed.", hint=again)
        if self._refused is not None:
            raise self._refused.kept()

    def _answers(self) -> bool:
        made = self._made
        if made is None or not made.reader.alive:
            return False
        if self.files.breaks == self._breaks and time.monotonic() - self._heard_at < _QUIET_SECS:
            return True
        breaks = self.files.breaks
        try:
            made.reader.answers(_ANSWER_SECS)
        except OSError:
            return False
        self._heard_at, self._breaks = time.monotonic(), breaks
        return True

    def _let_go(self) -> None:
        """End the link that there was, without waiting for what does not answer."""
        made, self._made = self._made, None
        if made is not None:
            wait([in_thread(made.holder.release, "runicorn-end")], _END_SECS)


class _Ended(threading.Event):
    """Is set when a line is let go of."""

    def close(self) -> None:
        self.set()


class _UnderWay:
    """How many read right now."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.count = 0

    @contextlib.contextmanager
    def one(self) -> Iterator[None]:
        with self._lock:
            self.count += 1
        try:
            yield
        finally:
            with self._lock:
                self.count -= 1


def _watch(made: _Line, under_way: _UnderWay) -> None:
    """End a link that has gone silent, so that whoever reads over it waits no longer."""
    # Not a method: a root that is forgotten without close() is not kept alive by its own thread.
    while not made.ended.wait(_LOOK_EVERY_SECS):
        if under_way.count and made.reader.alive:
            try:
                made.reader.answers(_LOOK_SECS)
            except OSError:
                made.holder.release()
                return
