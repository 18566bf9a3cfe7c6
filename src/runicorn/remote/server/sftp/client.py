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
from typing import Any, NamedTuple

from runicorn.errors import ConnectionClosedError, SftpUnavailableError
from runicorn.remote.server.inbox import Answers, Outbox
from runicorn.remote.server.reading import Hello, os_error
from runicorn.remote.server.sftp import steps
from runicorn.remote.server.sftp.packets import FIRST, INIT, VERSION, Attrs, Heard, Packets, packet
from runicorn.remote.server.sftp.steps import Question, Steps
from runicorn.remote.ssh.interface import Connection, RemoteProcess

START_TIMEOUT_SECS = 15.0
ANSWER_TIMEOUT_SECS = 20.0
# So many files and folders may be open at once for one call: a process may have 1,024 where nobody changed that.
_OPEN_AT_ONCE = 400
# So many questions may be under way that open nothing, and so many bytes of answers: what fills a link of 200 ms.
_AT_ONCE = 2048
_IN_FLIGHT_BYTES = 8 * 2**20
# From so many names on, their number is remembered.
_LARGE_FOLDER = 100
# For so long, what was seen at a path is known to whoever reads it.
_LATELY_SECS = 10.0
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
        self._sizes: dict[str, int] = {}  # of large folders
        self._lately: dict[str, tuple[Attrs, float]] = {}
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
        began = time.monotonic()
        real, attrs, error = self._run([steps.real(root), steps.status(root), steps.opens(root)])
        if isinstance(real, OSError):
            return Hello("SFTP", root, real)
        self._root = real
        return Hello("SFTP", real, _root_error(attrs, error), round_trip_secs=time.monotonic() - began)

    def answers(self, timeout_secs: float) -> float:
        began = time.monotonic()
        try:
            self._run([steps.real(".")], timeout_secs=timeout_secs)
        except TimeoutError:
            # It answers in order: on a slow link, what was asked before fills it, and comes.
            if self._inbox.heard_at < began:
                raise
        return (time.monotonic() - began) * 1000

    def names(self, path: str, urgency: int = 0) -> list[str]:
        (found,) = self._listed([path])
        if isinstance(found, OSError):
            raise found
        return [name for name, _ in found]

    def look(self, folders: Sequence[str], urgency: int = 0) -> list[Any]:
        lists = self._listed(folders)
        links = [
            (folder, name)
            for folder, entries in zip(folders, lists, strict=True)
            if not isinstance(entries, OSError)
            for name, attrs in entries
            if stat.S_ISLNK(attrs.mode)
        ]
        targets = dict(
            zip(links, self._run([steps.status(self._path(_join(*link))) for link in links], _AT_ONCE), strict=True)
        )
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
        found = self._run([steps.status(self._path(path)) for path in paths], _AT_ONCE)
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

    def condense(self, files: Sequence[Any], ranges: Sequence[Any], urgency: int = 0) -> None:
        """Nothing over there makes anything of files."""

    def watch(self, folders: Sequence[str], paths: Sequence[str]) -> None:
        """Nothing over there tells of changes."""

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
        found = self._run(
            [steps.fetched(self._path(path), start, length, self._known(path)) for path, start, length in ranges]
        )
        errors = {place: each for place, each in enumerate(found) if isinstance(each, OSError)}
        return [b"" if isinstance(each, OSError) else each for each in found], errors

    def close(self) -> None:
        self._channel.close()
        self._inbox.finish()

    def _listed(self, folders: Sequence[str]) -> list[Any]:
        found = self._run([steps.listed(self._path(folder), self._sizes.get(folder, 0)) for folder in folders])
        for folder, entries in zip(folders, found, strict=True):
            if not isinstance(entries, OSError) and len(entries) >= _LARGE_FOLDER:
                self._sizes[folder] = len(entries)
        return found

    def _path(self, path: str) -> str:
        return f"{self._root.rstrip('/')}/{path}" if path else self._root

    def _entry(self, path: str, name: str, attrs: Attrs, is_link: bool) -> list[Any]:
        if len(self._lately) > _MAX_SEEN:
            self._lately.clear()
        self._lately[path] = attrs, time.monotonic()
        return [name, int(stat.S_ISDIR(attrs.mode)), attrs.size, self._time_of(path, attrs), 0, int(is_link)]

    def _known(self, path: str) -> Attrs | None:
        """Return what was at a path when it was looked at a moment ago."""
        attrs, seen_at = self._lately.get(path, (None, 0.0))
        return attrs if time.monotonic() - seen_at < _LATELY_SECS else None

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

    def _run(
        self, all_steps: Sequence[Steps], at_once: int = _OPEN_AT_ONCE, timeout_secs: float = ANSWER_TIMEOUT_SECS
    ) -> list[Any]:
        """Take each of them to its end, so many at once; return what they return, or raise."""
        results: list[Any] = [None] * len(all_steps)
        answers: Answers[Heard] = Answers("SFTP")
        ready: deque[tuple[int, Any]] = deque()
        asked: dict[int, _Place] = {}  # by number
        missing: dict[int, dict[int, Any]] = {}
        begun = ended = bytes_in_flight = 0
        try:
            while ended < len(all_steps):
                packets: list[bytes] = []
                while bytes_in_flight < _IN_FLIGHT_BYTES:
                    if not ready:
                        if begun == len(all_steps) or begun - ended >= at_once:
                            break
                        ready.append((begun, None))  # None begins
                        begun += 1
                    number, heard = ready.popleft()
                    try:
                        questions = all_steps[number].send(heard)
                    except StopIteration as end:
                        results[number] = end.value
                        ended += 1
                        continue
                    new = self._expect(questions, number, answers, packets)
                    asked.update(new)
                    bytes_in_flight += sum(each.answer_bytes for each in new.values())
                    missing[number] = dict.fromkeys(each.which for each in new.values())
                    if not new:
                        ready.append((number, []))
                if packets:
                    self._outbox.send(b"".join(packets))
                while asked:
                    answer = answers.next(timeout_secs)
                    place = asked.pop(answer.fields.number)
                    bytes_in_flight -= place.answer_bytes
                    mine = missing[place.steps]
                    mine[place.which] = answer
                    if None not in mine.values():
                        ready.append((place.steps, list(mine.values())))
                    if not answers.waiting:
                        break
        finally:
            for number in asked:
                self._inbox.forget(number)
        return results

    def _expect(
        self, questions: Sequence[Question], steps_number: int, answers: Answers[Heard], packets: list[bytes]
    ) -> dict[int, _Place]:
        """Add questions to what is sent; return those whose answers are awaited, by number."""
        asked = {}
        for which, question in enumerate(questions):
            number = next(self._numbers) & 0xFFFFFFFF
            packets.append(packet(question.kind, number, question.body))
            if question.awaited:
                self._inbox.expect(number, answers)
                asked[number] = _Place(steps_number, which, question.answer_bytes)
        return asked


class _Place(NamedTuple):
    """Whose question it is, which of them, and about how many bytes its answer has."""

    steps: int
    which: int
    answer_bytes: int


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


def _root_error(attrs: Attrs | OSError | None, error: OSError | None) -> OSError | None:
    if attrs is None:
        return os_error("ENOENT", "No such file or directory")
    if isinstance(attrs, Attrs) and not stat.S_ISDIR(attrs.mode):
        return os_error("ENOTDIR", "Not a directory")
    return attrs if isinstance(attrs, OSError) else error


def _join(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name


def _told(error: OSError) -> dict[str, Any]:
    return {"error": [errno.errorcode.get(error.errno or errno.EIO, "EIO"), error.strerror or str(error)]}
