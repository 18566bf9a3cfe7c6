"""A folder of a host by SFTP alone, where no command runs: many questions under way at once over one channel.

Version 3 of the protocol (draft-ietf-secsh-filexfer-02), which all servers speak: times in whole seconds, and nothing
that tells one file from another in its place.
"""

from __future__ import annotations

import errno
import itertools
import queue
import stat
import struct
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Sequence
from typing import Any, NamedTuple

from runicorn.errors import ConnectionClosedError, SftpUnavailableError
from runicorn.remote.server.reading import Hello, gone, no_answer, os_error
from runicorn.remote.ssh.interface import Connection, RemoteProcess

START_TIMEOUT_SECS = 15.0
ANSWER_TIMEOUT_SECS = 20.0
# So many questions of one call may be under way, and so many bytes of answers: what fills a link of 200 ms.
_IN_FLIGHT = 256
READ_BYTES = 32 * 1024  # what every server gives at once
_WINDOW_BYTES = _IN_FLIGHT * READ_BYTES
_MAX_PACKET_BYTES = 4 * 2**20
# A file that was changed in this second can be changed once more in it: until so long after it was first seen like
# this, it counts as changed whenever it is looked at. One that is older than any clock is wrong by does not.
_YOUNG_SECS = 2.5
_OLD_SECS = 24 * 3600.0
_MAX_SEEN = 100_000

_INIT, _VERSION = 1, 2
_OPEN, _CLOSE, _READ, _OPENDIR, _READDIR, _REALPATH, _STAT = 3, 4, 5, 11, 12, 16, 17
_STATUS, _HANDLE, _DATA, _NAME, _ATTRS = 101, 102, 103, 104, 105
_EOF, _NO_SUCH_FILE = 1, 2
_ERRORS = {2: "ENOENT", 3: "EACCES", 6: "ENOTCONN", 7: "ECONNRESET", 8: "EOPNOTSUPP"}
_ATTR_SIZE, _ATTR_OWNER, _ATTR_MODE, _ATTR_TIMES, _ATTR_MORE = 1, 2, 4, 8, 1 << 31


class _Attrs(NamedTuple):
    size: int
    mode: int
    mtime: int


class _Question(NamedTuple):
    kind: int
    body: bytes


# Yields questions that may be under way together, and is sent their answers: kind and fields.
_Steps = Generator[list[_Question], list[tuple[int, "_Fields"]], Any]


class Sftp:
    """See reading.Reader. channel: of the subsystem, which is closed with this."""

    def __init__(self, channel: RemoteProcess) -> None:
        self._channel = channel
        self._root = "/"
        self._inbox = _Inbox()
        self._sending = threading.Lock()
        self._numbers = itertools.count(1)
        self._seen: dict[str, tuple[_Attrs, float, int]] = {}
        channel.follow(self._inbox, _Unheard(), self._inbox.finish)

    def begin(self) -> None:
        """Agree on the version. Raises OSError, ValueError where something else than SFTP answers."""
        answer: _Answers = queue.SimpleQueue()
        self._inbox.expect(None, answer)
        self._write(struct.pack(">IBI", 5, _INIT, 3))
        kind, fields = self._next(answer, START_TIMEOUT_SECS)
        if kind != _VERSION or fields.u32() < 3:
            raise ValueError("it speaks another version of SFTP")

    @property
    def alive(self) -> bool:
        return not self._inbox.is_over

    def hello(self, root: str) -> Hello:
        # The server knows the home as the folder that it begins in, and no variable.
        for home in ("~", "$HOME", "${HOME}"):
            if root == home or root.startswith(f"{home}/"):
                root = f".{root[len(home) :]}"
        (real,) = self._run([_real(root)])
        if isinstance(real, OSError):
            return Hello("SFTP", root, real)
        self._root = real
        return Hello("SFTP", real, self._folder_error())

    def answers(self, timeout_secs: float) -> float:
        began = time.monotonic()
        try:
            self._run([_real(".")], timeout_secs)
        except TimeoutError:
            # It answers in order: on a slow link, what was asked before fills it, and comes.
            if self._inbox.heard_at < began:
                raise
        return (time.monotonic() - began) * 1000

    def names(self, path: str, urgency: int = 0) -> list[str]:
        (found,) = self._run([_listed(self._path(path))])
        if isinstance(found, OSError):
            raise found
        return [name for name, _ in found]

    def look(self, folders: Sequence[str], urgency: int = 0) -> list[Any]:
        lists = self._run([_listed(self._path(folder)) for folder in folders])
        links = [
            (folder, name)
            for folder, entries in zip(folders, lists, strict=True)
            if not isinstance(entries, OSError)
            for name, attrs in entries
            if stat.S_ISLNK(attrs.mode)
        ]
        targets = dict(zip(links, self._run([_stat(self._path(_join(*link))) for link in links]), strict=True))
        found: list[Any] = []
        for folder, entries in zip(folders, lists, strict=True):
            if isinstance(entries, OSError):
                found.append(_told(entries))
                continue
            shown: list[Any] = []
            for name, attrs in entries:
                is_link = stat.S_ISLNK(attrs.mode)
                meant = targets[folder, name] if is_link else attrs
                if isinstance(meant, _Attrs):  # a link to nowhere is not there
                    shown.append(self._entry(_join(folder, name), name, meant, is_link))
            found.append(shown)
        return found

    def stats(self, paths: Sequence[str], urgency: int = 0) -> list[Any]:
        found = self._run([_stat(self._path(path)) for path in paths])
        return [
            _told(each)
            if isinstance(each, OSError)
            else None
            if each is None
            else self._entry(path, path.rsplit("/", 1)[-1], each, False)
            for path, each in zip(paths, found, strict=True)
        ]

    def inside(self, folder: str, path: str) -> bool:
        whole = self._path(_join(folder, path))
        home, real, attrs = self._run([_real(self._path(folder)), _real(whole), _stat(whole)])
        if not isinstance(attrs, _Attrs) or isinstance(home, OSError) or isinstance(real, OSError):
            return False
        return str(real).startswith(f"{str(home).rstrip('/')}/") and stat.S_ISREG(attrs.mode)

    def fetch(
        self, ranges: Sequence[tuple[str, int, int | None]], urgency: int = 0
    ) -> tuple[list[bytes], dict[int, OSError]]:
        found = self._run([_fetched(self._path(path), start, length) for path, start, length in ranges])
        errors = {place: each for place, each in enumerate(found) if isinstance(each, OSError)}
        return [b"" if isinstance(each, OSError) else each for each in found], errors

    def close(self) -> None:
        self._channel.close()
        self._inbox.finish()

    def _folder_error(self) -> OSError | None:
        attrs, listed = self._run([_stat(self._root), _listed(self._root)])
        if attrs is None:
            return os_error("ENOENT", "No such file or directory")
        if isinstance(attrs, _Attrs) and not stat.S_ISDIR(attrs.mode):
            return os_error("ENOTDIR", "Not a directory")
        return next((each for each in (attrs, listed) if isinstance(each, OSError)), None)

    def _path(self, path: str) -> str:
        return f"{self._root.rstrip('/')}/{path}" if path else self._root

    def _entry(self, path: str, name: str, attrs: _Attrs, is_link: bool) -> list[Any]:
        return [name, int(stat.S_ISDIR(attrs.mode)), attrs.size, self._time_of(path, attrs), 0, int(is_link)]

    def _time_of(self, path: str, attrs: _Attrs) -> int:
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

    def _run(self, all_steps: Sequence[_Steps], timeout_secs: float = ANSWER_TIMEOUT_SECS) -> list[Any]:
        """Take each of them to its end, as many at once as may be under way; return what they return, or raise."""
        results: list[Any] = [None] * len(all_steps)
        answers: _Answers = queue.SimpleQueue()
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
                kind, fields = self._next(answers, timeout_secs)
                place, which = asked.pop(fields.number)
                missing[place][which] = kind, fields
                if None not in missing[place].values():
                    waiting.append((place, list(missing.pop(place).values())))
        finally:
            for number in asked:
                self._inbox.forget(number)
        return results

    def _ask(self, questions: Sequence[_Question], place: int, answers: _Answers) -> dict[int, tuple[int, int]]:
        asked, packets = {}, []
        for which, (kind, body) in enumerate(questions):
            number = next(self._numbers) & 0xFFFFFFFF
            self._inbox.expect(number, answers)
            asked[number] = place, which
            packets.append(struct.pack(">IBI", 5 + len(body), kind, number) + body)
        self._write(b"".join(packets))
        return asked

    def _write(self, data: bytes) -> None:
        with self._sending:
            if not self.alive:
                raise gone("SFTP")
            try:
                self._channel.write(data)
            except ConnectionClosedError as error:
                raise gone("SFTP") from error

    def _next(self, answers: _Answers, timeout_secs: float) -> tuple[int, _Fields]:
        try:
            answer = answers.get(timeout=timeout_secs)
        except queue.Empty:
            raise no_answer(timeout_secs) from None
        if answer is None:
            raise gone("SFTP")
        return answer


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


# --- the steps of each question: generators, see _Steps ---------------------------------------------------------------


def _real(path: str) -> _Steps:
    """Return a path without links, or the error."""
    (answer,) = yield [_Question(_REALPATH, _text(path))]
    kind, fields = answer
    if kind != _NAME:
        return _error(fields) or _odd(kind)
    fields.u32()
    return fields.text()


def _stat(path: str) -> _Steps:
    """Return what is at a path, None where nothing is, or the error."""
    (answer,) = yield [_Question(_STAT, _text(path))]
    kind, fields = answer
    if kind == _ATTRS:
        return fields.attrs()
    return None if fields.peek_status() == _NO_SUCH_FILE else _error(fields) or _odd(kind)


def _listed(path: str) -> _Steps:
    """Return names and attributes in a folder; none where it is missing; or the error."""
    (answer,) = yield [_Question(_OPENDIR, _text(path))]
    kind, fields = answer
    if kind != _HANDLE:
        return [] if fields.peek_status() == _NO_SUCH_FILE else _error(fields) or _odd(kind)
    handle = fields.string()
    found: list[tuple[str, _Attrs]] = []
    error: OSError | None = None
    while True:
        (answer,) = yield [_Question(_READDIR, _blob(handle))]
        kind, fields = answer
        if kind != _NAME:
            error = None if fields.peek_status() == _EOF else _error(fields)
            break
        for _ in range(fields.u32()):
            name = fields.text()
            fields.string()  # as `ls -l` shows it
            attrs = fields.attrs()
            if name not in (".", ".."):
                found.append((name, attrs))
    yield [_Question(_CLOSE, _blob(handle))]
    return error or found


def _fetched(path: str, start: int, length: int | None) -> _Steps:
    """Return bytes of a file, or the error. A pipe is not opened: the server would wait, and answer nothing more."""
    (answer,) = yield [_Question(_STAT, _text(path))]
    kind, fields = answer
    if kind != _ATTRS:
        return _error(fields) or _odd(kind)
    attrs = fields.attrs()
    if not stat.S_ISREG(attrs.mode):
        return os_error("EISDIR", "Is a directory") if stat.S_ISDIR(attrs.mode) else os_error("EINVAL", "is no file")
    end = attrs.size if length is None else min(attrs.size, start + length)
    if end <= start:
        return b""
    (answer,) = yield [_Question(_OPEN, _text(path) + struct.pack(">II", 1, 0))]
    kind, fields = answer
    if kind != _HANDLE:
        return _error(fields) or _odd(kind)
    handle = fields.string()
    pieces: list[bytes] = []
    at, error = start, None
    while at < end and error is None:
        places = range(at, min(end, at + _WINDOW_BYTES), READ_BYTES)
        wanted = [(place, min(READ_BYTES, end - place)) for place in places]
        heard = yield [_Question(_READ, _blob(handle) + struct.pack(">QI", *each)) for each in wanted]
        for (place, size), (kind, fields) in zip(wanted, heard, strict=True):
            if kind != _DATA:
                if fields.peek_status() != _EOF:
                    error = _error(fields) or _odd(kind)
                end = place
                break
            data = fields.string()[:size]
            pieces.append(data)
            at = place + len(data)
            if len(data) < size:  # not all at once: the rest is asked for again
                end = end if data else place
                break
    yield [_Question(_CLOSE, _blob(handle))]
    return error or b"".join(pieces)


class _Fields:
    """The fields of a packet, one after the other. number: of the question. Raises struct.error at its end."""

    def __init__(self, body: bytes, number: int = 0) -> None:
        self._body = body
        self._at = 0
        self.number = number

    def u32(self) -> int:
        (found,) = struct.unpack_from(">I", self._body, self._at)
        self._at += 4
        return int(found)

    def string(self) -> bytes:
        length = self.u32()
        self._at += length
        if self._at > len(self._body):
            raise struct.error("a field ends too late")
        return self._body[self._at - length : self._at]

    def text(self) -> str:
        return self.string().decode("utf-8", "surrogateescape")

    def peek_status(self) -> int:
        """Return the code of a status."""
        return int.from_bytes(self._body[:4], "big")

    def attrs(self) -> _Attrs:
        flags, size, mode, mtime = self.u32(), 0, 0, 0
        if flags & _ATTR_SIZE:
            size = (self.u32() << 32) + self.u32()
        if flags & _ATTR_OWNER:
            self._at += 8
        if flags & _ATTR_MODE:
            mode = self.u32()
        if flags & _ATTR_TIMES:
            self._at += 4
            mtime = self.u32()
        if flags & _ATTR_MORE:
            for _ in range(2 * self.u32()):
                self.string()
        return _Attrs(size, mode, mtime)


_Answers = queue.SimpleQueue["tuple[int, _Fields] | None"]


class _Inbox:
    """Where the server's packets go: to who asked. See interface.Sink: called by the connection's own thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._received = bytearray()
        self._waiting: dict[int | None, _Answers] = {}
        self.heard_at = float("-inf")
        self.is_over = False

    def expect(self, number: int | None, answers: _Answers) -> None:
        """Have the answer to a question put there; None for the first packet, which has no number."""
        with self._lock:
            self._waiting[number] = answers
            if self.is_over:
                answers.put(None)

    def forget(self, number: int) -> None:
        with self._lock:
            self._waiting.pop(number, None)

    def deliver(self, data: bytes) -> None:
        with self._lock:
            self.heard_at = time.monotonic()
            self._received += data
            while len(self._received) >= 5 and not self.is_over:
                (size,) = struct.unpack_from(">I", self._received)
                if not 1 <= size <= _MAX_PACKET_BYTES:  # a shell's start file printed into it
                    self._end()
                elif len(self._received) < 4 + size:
                    return
                else:
                    kind, body = self._received[4], bytes(self._received[5 : 4 + size])
                    del self._received[: 4 + size]
                    self._hand_on(kind, body)

    def finish(self) -> None:
        with self._lock:
            self._end()

    def _hand_on(self, kind: int, body: bytes) -> None:
        if kind == _VERSION:
            number, fields = None, _Fields(body)
        else:
            number = int.from_bytes(body[:4], "big")
            fields = _Fields(body[4:], number)
        answers = self._waiting.pop(number, None)
        if answers is not None:
            answers.put((kind, fields))

    def _end(self) -> None:
        self.is_over = True
        for answers in self._waiting.values():
            answers.put(None)


class _Unheard:
    """What the subsystem prints beside its answers."""

    def deliver(self, data: bytes) -> None: ...

    def finish(self) -> None: ...


def _text(path: str) -> bytes:
    return _blob(path.encode("utf-8", "surrogateescape"))


def _blob(data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + data


def _join(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name


def _error(fields: _Fields) -> OSError | None:
    code = fields.u32()
    said = fields.text() if code > _EOF else ""
    return os_error(_ERRORS.get(code, "EIO"), said) if code > _EOF else None


def _told(error: OSError) -> dict[str, Any]:
    return {"error": [errno.errorcode.get(error.errno or errno.EIO, "EIO"), error.strerror or str(error)]}


def _odd(kind: int) -> OSError:
    return os_error("EIO", f"an answer of kind {kind}, which makes no sense")
