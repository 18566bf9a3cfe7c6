"""The client: a folder of a host by SFTP alone, many questions under way at once over one channel."""

from __future__ import annotations

import errno
import itertools
import secrets
import stat
import struct
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from runicorn.errors import ConnectionClosedError, SftpUnavailableError
from runicorn.remote.server.inbox import Answers, Outbox
from runicorn.remote.server.reading import Hello, os_error
from runicorn.remote.server.sftp import steps
from runicorn.remote.server.sftp.packets import FIRST, INIT, VERSION, Attrs, Heard, Packets, packet
from runicorn.remote.server.sftp.steps import Question, Steps
from runicorn.remote.ssh.interface import Connection, RemoteProcess

START_TIMEOUT_SECS = 15.0
ANSWER_TIMEOUT_SECS = 20.0
# So many questions of one call may be under way: what fills a link of 200 ms.
_IN_FLIGHT = 256
# A file that was changed in this second can be changed once more in it: until so long after it was first seen like
# this, it counts as changed whenever it is looked at. One that is older than any clock is wrong by does not.
_YOUNG_SECS = 2.5
_OLD_SECS = 24 * 3600.0
_MAX_SEEN = 100_000


class Sftp:
    """See reading.Reader. channel: of the subsystem, which is closed with this."""

    def __init__(self, channel: RemoteProcess) -> None:
        self._channel = channel
        self._root = "/"
        self._inbox = Packets()
        self._outbox = Outbox(channel, self._inbox, "SFTP")
        self._numbers = itertools.count(1)
        self._seen: dict[str, tuple[Attrs, float, int]] = {}
        channel.follow(self._inbox, _Unheard(), self._inbox.finish)

    def begin(self) -> None:
        """Agree on the version. Raises OSError, ValueError where something else than SFTP answers."""
        answers: Answers[Heard] = Answers("SFTP")
        self._inbox.expect(FIRST, answers)
        self._outbox.send(packet(INIT, 3, b""))
        kind, fields = answers.next(START_TIMEOUT_SECS)
        if kind != VERSION or fields.u32() < 3:
            raise ValueError("it speaks another version of SFTP")

    @property
    def alive(self) -> bool:
        return not self._inbox.is_over

    def hello(self, root: str) -> Hello:
        # The server knows the home as the folder that it begins in, and no variable.
        for home in ("~", "$HOME", "${HOME}"):
            if root == home or root.startswith(f"{home}/"):
                root = f".{root[len(home) :]}"
        (real,) = self._run([steps.real(root)])
        if isinstance(real, OSError):
            return Hello("SFTP", root, real)
        self._root = real
        return Hello("SFTP", real, self._folder_error())

    def answers(self, timeout_secs: float) -> float:
        began = time.monotonic()
        try:
            self._run([steps.real(".")], timeout_secs)
        except TimeoutError:
            # It answers in order: on a slow link, what was asked before fills it, and comes.
            if self._inbox.heard_at < began:
                raise
        return (time.monotonic() - began) * 1000

    def names(self, path: str, urgency: int = 0) -> list[str]:
        (found,) = self._run([steps.listed(self._path(path))])
        if isinstance(found, OSError):
            raise found
        return [name for name, _ in found]

    def look(self, folders: Sequence[str], urgency: int = 0) -> list[Any]:
        lists = self._run([steps.listed(self._path(folder)) for folder in folders])
        links = [
            (folder, name)
            for folder, entries in zip(folders, lists, strict=True)
            if not isinstance(entries, OSError)
            for name, attrs in entries
            if stat.S_ISLNK(attrs.mode)
        ]
        targets = dict(zip(links, self._run([steps.status(self._path(_join(*link))) for link in links]), strict=True))
        found: list[Any] = []
        for folder, entries in zip(folders, lists, strict=True):
            if isinstance(entries, OSError):
                found.append(_told(entries))
                continue
            shown: list[Any] = []
            for name, attrs in entries:
                is_link = stat.S_ISLNK(attrs.mode)
                meant = targets[folder, name] if is_link else attrs
                if isinstance(meant, Attrs):  # a link to nowhere is not there
                    shown.append(self._entry(_join(folder, name), name, meant, is_link))
            found.append(shown)
        return found

    def stats(self, paths: Sequence[str], urgency: int = 0) -> list[Any]:
        found = self._run([steps.status(self._path(path)) for path in paths])
        return [
            _told(each)
            if isinstance(each, OSError)
            else None
            if each is None
            else self._entry(path, path.rsplit("/", 1)[-1], each, False)
            for path, each in zip(paths, found, strict=True)
        ]

    def scan(self, folders: Sequence[str], marks: Sequence[str], urgency: int = 0) -> list[Any]:
        return self.look(folders, urgency)  # a server tells everything of all that a folder holds

    def real(self, path: str) -> str:
        (found,) = self._run([steps.real(self._path(path))])
        if isinstance(found, OSError):
            raise found
        return str(found)

    def replace(self, path: str, content: bytes) -> None:
        folder, _, name = self._path(path).rpartition("/")
        draft = f"{folder}/.{name}.{secrets.token_hex(8)}.tmp"
        (error,) = self._run([steps.replaced(self._path(path), draft, content)])
        if error is not None:
            raise error

    def inside(self, folder: str, path: str) -> bool:
        whole = self._path(_join(folder, path))
        home, real, attrs = self._run([steps.real(self._path(folder)), steps.real(whole), steps.status(whole)])
        if not isinstance(attrs, Attrs) or isinstance(home, OSError) or isinstance(real, OSError):
            return False
        return str(real).startswith(f"{str(home).rstrip('/')}/") and stat.S_ISREG(attrs.mode)

    def fetch(
        self, ranges: Sequence[tuple[str, int, int | None]], urgency: int = 0
    ) -> tuple[list[bytes], dict[int, OSError]]:
        found = self._run([steps.fetched(self._path(path), start, length) for path, start, length in ranges])
        errors = {place: each for place, each in enumerate(found) if isinstance(each, OSError)}
        return [b"" if isinstance(each, OSError) else each for each in found], errors

    def close(self) -> None:
        self._channel.close()
        self._inbox.finish()

    def _folder_error(self) -> OSError | None:
        attrs, listed = self._run([steps.status(self._root), steps.listed(self._root)])
        if attrs is None:
            return os_error("ENOENT", "No such file or directory")
        if isinstance(attrs, Attrs) and not stat.S_ISDIR(attrs.mode):
            return os_error("ENOTDIR", "Not a directory")
        return next((each for each in (attrs, listed) if isinstance(each, OSError)), None)

    def _path(self, path: str) -> str:
        return f"{self._root.rstrip('/')}/{path}" if path else self._root

    def _entry(self, path: str, name: str, attrs: Attrs, is_link: bool) -> list[Any]:
        return [name, int(stat.S_ISDIR(attrs.mode)), attrs.size, self._time_of(path, attrs), 0, int(is_link)]

    def _time_of(self, path: str, attrs: Attrs) -> int:
        """Return when a file was changed, in ns: another moment each time, as long as it can be changed unseen."""
        time_ns = attrs.mtime * 10**9
        if stat.S_ISDIR(attrs.mode) or time.time() - attrs.mtime > _OLD_SECS:
            return time_ns
        now = time.monotonic()
        if len(self._seen) > _MAX_SEEN:
            self._seen.clear()
        before = self._seen.get(path)
        if before is None or before[0] != attrs:
            self._seen[path] = before = attrs, now, 0
        seen, since, looks = before
        if now - since >= _YOUNG_SECS:
            return time_ns
        self._seen[path] = seen, since, looks + 1
        return time_ns + looks + 1

    def _run(self, all_steps: Sequence[Steps], timeout_secs: float = ANSWER_TIMEOUT_SECS) -> list[Any]:
        """Take each of them to its end, as many at once as may be under way; return what they return, or raise."""
        results: list[Any] = [None] * len(all_steps)
        answers: Answers[Heard] = Answers("SFTP")
        waiting: deque[tuple[int, Any]] = deque((place, None) for place in range(len(all_steps)))
        asked: dict[int, tuple[int, int]] = {}  # by number: whose question, and which of its questions
        missing: dict[int, dict[int, Any]] = {}
        try:
            while waiting or asked:
                while waiting and len(asked) < _IN_FLIGHT:
                    place, heard = waiting.popleft()
                    try:
                        questions = all_steps[place].send(heard)  # None begins
                    except StopIteration as end:
                        results[place] = end.value
                        continue
                    missing[place] = dict.fromkeys(range(len(questions)))
                    asked.update(self._ask(questions, place, answers))
                if not asked:
                    continue
                heard_now = answers.next(timeout_secs)
                place, which = asked.pop(heard_now.fields.number)
                missing[place][which] = heard_now
                if None not in missing[place].values():
                    waiting.append((place, list(missing.pop(place).values())))
        finally:
            for number in asked:
                self._inbox.forget(number)
        return results

    def _ask(self, questions: Sequence[Question], place: int, answers: Answers[Heard]) -> dict[int, tuple[int, int]]:
        asked, packets = {}, []
        for which, (kind, body) in enumerate(questions):
            number = next(self._numbers) & 0xFFFFFFFF
            self._inbox.expect(number, answers)
            asked[number] = place, which
            packets.append(packet(kind, number, body))
        self._outbox.send(b"".join(packets))
        return asked


def start(connection: Connection, own: Callable[[Any], Any], log: Callable[[str], None]) -> Sftp:
    """Return a reader over a connection. Raises SftpUnavailableError, SessionLimitError, ConnectionClosedError."""
    channel = connection.start_subsystem("sftp")
    own(channel)
    sftp = Sftp(channel)
    try:
        sftp.begin()
    except (OSError, ValueError, struct.error) as error:
        sftp.close()
        if not connection.alive:
            raise ConnectionClosedError("The connection closed while SFTP was started.") from error
        raise SftpUnavailableError(
            f"{connection.target.host} offers no file access (SFTP): {getattr(error, 'strerror', None) or error}."
        ) from error
    return sftp


class _Unheard:
    """What the subsystem prints beside its answers."""

    def deliver(self, data: bytes) -> None: ...

    def finish(self) -> None: ...


def _join(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name


def _told(error: OSError) -> dict[str, Any]:
    return {"error": [errno.errorcode.get(error.errno or errno.EIO, "EIO"), error.strerror or str(error)]}
