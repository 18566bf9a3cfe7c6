"""The near end of an agent: asks, and hands each answer to whoever asked. For any number of threads."""

from __future__ import annotations

import contextlib
import json
import math
import secrets
import threading
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from runicorn.errors import (
    ConnectionClosedError,
    LoginShellRefusedError,
    NoPythonError,
    StartError,
    StartTimeoutError,
)
from runicorn.remote.server.agent import command
from runicorn.remote.server.agent.parts import (
    ANSWER_TIMEOUT_SECS,
    MAX_FRAME_BYTES,
    Asked,
    Opening,
    Part,
    condensed_of,
    errors_of,
    from_json,
    joined,
    or_raise,
    unpacked,
)
from runicorn.remote.server.agent.program import DONE, HEAD, PACKED
from runicorn.remote.server.agent.watching import Watching
from runicorn.remote.server.inbox import Answers, Inbox, Outbox
from runicorn.remote.server.reading import Hello, error_of
from runicorn.remote.ssh.interface import Connection, RemoteProcess
from runicorn.remote.telling.words import Words

LEASE_SECS = 30
# So often it is told that it is still wanted.
_WORD_EVERY_SECS = 8.0
START_TIMEOUT_SECS = 20.0
_NOISE_BYTES = 1024 * 1024
_WHO = "The host's agent"


class Agent:
    """An agent that runs, and its channel: see reading.Reader. close() ends it."""

    tells_changes = True

    def __init__(self, process: RemoteProcess, inbox: _Frames, words: Words) -> None:
        self._process = process
        self._inbox = inbox
        self._words = words
        self._outbox = Outbox(process, inbox, _WHO)
        self._numbers = iter(range(1, 2**32))
        self._ended = threading.Event()
        self.clock_offset_secs: float | None = None
        self._keeper = threading.Thread(target=self._keep, name="agent-lease", daemon=True)
        self._keeper.start()

    @property
    def alive(self) -> bool:
        return not self._inbox.is_over and not self._ended.is_set()

    def hello(self, root: str, lease_secs: int = LEASE_SECS) -> Hello:
        """Open a root, as a person types it."""
        told, took_secs = self._timed({"do": "hello", "root": root, "lease_secs": lease_secs}, ANSWER_TIMEOUT_SECS)
        return Hello(
            what=f"agent on Python {told['python']}",
            root=told["root"],
            error=error_of(told),
            pid=told["pid"],
            round_trip_secs=took_secs,
        )

    def answers(self, timeout_secs: float) -> float:
        """Return how many ms it takes to answer, before everything else. Raises OSError."""
        return self._timed({"do": "here"}, timeout_secs)[1] * 1000

    def names(self, path: str, urgency: int = 0) -> list[str]:
        """Return the names in a folder. Raises OSError."""
        found: list[str] = or_raise(self._one({"do": "names", "path": path, "urgency": urgency}))
        return found

    def look(self, folders: Sequence[str], urgency: int = 0) -> list[Any]:
        """Return what each folder holds: lists of entries, see folders.entry_of; or what error_of() reads."""
        return self._listed({"do": "look", "folders": list(folders), "urgency": urgency})

    def stats(self, paths: Sequence[str], urgency: int = 0) -> list[Any]:
        """Return what is at each path: an entry, None, or what error_of() reads."""
        return self._listed({"do": "stats", "paths": list(paths), "urgency": urgency})

    def scan(self, folders: Sequence[str], marks: Sequence[str], urgency: int = 0) -> list[Any]:
        """Return the folders in each folder, and the files whose names hold one of the marks."""
        return self._listed({"do": "scan", "folders": list(folders), "marks": list(marks), "urgency": urgency})

    def real(self, path: str) -> str:
        """Return the absolute path of what is there if links are followed. Raises OSError."""
        return str(or_raise(self._one({"do": "real", "path": path})))

    def replace(self, path: str, content: bytes) -> None:
        """Write a small file anew. Raises OSError."""
        or_raise(self._one({"do": "replace", "path": path, "text": content.decode("utf-8", "surrogateescape")}))

    def inside(self, folder: str, path: str) -> bool:
        """Tell whether a path below a folder is that of a file there, also if links are followed. Raises OSError."""
        return bool(or_raise(self._one({"do": "inside", "folder": folder, "path": path})))

    def fetch(
        self, ranges: Sequence[tuple[str, int, int | None]], urgency: int = 0, *, pack: bool = True
    ) -> tuple[list[bytes], dict[int, OSError]]:
        """Return the bytes of each range, and the errors of those that could not be read, by their places."""
        request = {"do": "fetch", "ranges": [list(each) for each in ranges], "urgency": urgency, "pack": pack}
        end, found = joined(self._ask(request), len(ranges))
        return [found.get(number, b"") for number in range(len(ranges))], errors_of(end)

    def condense(
        self, files: Sequence[tuple[str, int, int, int, int]], ranges: Sequence[tuple[str, int, int | None]],
        urgency: int = 0
    ) -> tuple[list[Any], list[bytes], dict[int, OSError]]:  # fmt: skip
        """Return of each record file how far it was condensed, its first bytes, those before that place, both in hex,
        how many points make a bucket, rows of buckets, and other points; or what error_of() reads. Then what fetch()
        does, read behind that. files: see program.do_condense.
        """
        question = {"files": [list(each) for each in files], "ranges": [list(each) for each in ranges]}
        end, found = joined(self._ask({"do": "condense", **question, "urgency": urgency}), len(ranges))
        read = [found.get(number, b"") for number in range(len(ranges))]
        return condensed_of(end, found, len(ranges)), read, errors_of(end)

    def open(self, folder: str, rule: Sequence[Any] | None) -> Opening:
        """Have all told that is going to be asked for of a run's folder. rule: see program.do_open. Raises OSError."""
        return Opening(self._begin({"do": "open", "folder": folder, "rule": rule}))

    def watch(self, folders: Sequence[str], paths: Sequence[str]) -> Watching:
        """Have changes of folders, and of what is at paths, told as they happen. Raises OSError."""
        answers: Answers[Part] = Answers(_WHO)
        number = next(self._numbers)
        self._inbox.expect(number, answers)

        def parts() -> list[bytes] | None:
            found: list[bytes] = []
            while answers.waiting:
                try:
                    kind, packed, body = answers.next(0)
                except OSError:
                    return None
                if kind == DONE:
                    self._inbox.forget(number)
                    return None
                found.append(unpacked(packed, body))
            return found

        def say(what: str) -> None:
            with contextlib.suppress(OSError):
                self._send(next(self._numbers), {"do": what, "number": number})

        def stop() -> None:
            self._inbox.forget(number)
            say("forget")

        self._send(number, {"do": "watch", "folders": list(folders), "paths": list(paths)})
        return Watching(folders, paths, parts, lambda: say("watch_on"), stop)

    def close(self) -> None:
        """End it: its input ends, and it with that. May be called twice."""
        self._ended.set()
        self._process.end_input()
        self._process.close()
        self._inbox.finish()
        self._words.finish()
        if threading.current_thread() is not self._keeper:
            self._keeper.join()

    def _listed(self, request: dict[str, Any]) -> list[Any]:
        found: list[Any] = []
        for kind, packed, body in self._ask(request):
            part = from_json(packed, body)
            if kind == DONE:
                or_raise(part)
            else:
                found += part
        return found

    def _timed(self, request: dict[str, Any], timeout_secs: float) -> tuple[dict[str, Any], float]:
        """Return an answer that tells the time over there, and how many seconds it took. Raises OSError."""
        began, began_at = time.monotonic(), time.time()
        told: dict[str, Any] = self._one(request, timeout_secs)
        took_secs = time.monotonic() - began
        try:
            offset_secs = float(told["time"]) - (began_at + took_secs / 2)
        except (TypeError, KeyError, ValueError, OverflowError) as error:
            raise OSError(f"The host's answer cannot be read: {error}") from error
        if not math.isfinite(offset_secs):
            raise OSError("The host's answer tells a time that is none")
        # A difference that the way there and back explains is none.
        if self.clock_offset_secs is None or abs(offset_secs - self.clock_offset_secs) > took_secs:
            self.clock_offset_secs = offset_secs
        return told, took_secs

    def _one(self, request: dict[str, Any], timeout_secs: float = ANSWER_TIMEOUT_SECS) -> Any:
        (answer,) = self._ask(request, timeout_secs)
        return from_json(*answer[1:])

    def _ask(self, request: dict[str, Any], timeout_secs: float = ANSWER_TIMEOUT_SECS) -> Iterator[Part]:
        """Yield the parts of an answer."""
        with contextlib.closing(self._begin(request)) as asked:
            yield from asked.parts(timeout_secs)

    def _begin(self, request: dict[str, Any]) -> Asked:
        """Ask, and wait for nothing. Raises OSError."""
        answers: Answers[Part] = Answers(_WHO)
        number = next(self._numbers)

        def forget(*, is_whole: bool) -> None:
            self._inbox.forget(number)
            if not is_whole and self.alive:
                with contextlib.suppress(OSError):
                    self._send(next(self._numbers), {"do": "forget", "number": number})

        self._inbox.expect(number, answers)
        asked = Asked(answers, forget)
        try:
            self._send(number, request)
        except OSError:
            asked.close()
            raise
        return asked

    def _send(self, number: int, request: dict[str, Any]) -> None:
        body = json.dumps(request, separators=(",", ":")).encode("ascii")
        packed = zlib.compress(body, 1) if len(body) > 512 else body
        self._outbox.send(HEAD.pack(len(packed), number, 0, PACKED if packed is not body else 0) + packed)

    def _keep(self) -> None:
        """Say that it is still wanted, until it is not."""
        while not self._ended.wait(_WORD_EVERY_SECS) and self.alive:
            with contextlib.suppress(OSError):
                self._send(next(self._numbers), {"do": "here"})


def start(connection: Connection, own: Callable[[Any], Any], log: Callable[[str], None], within: str = "") -> Agent:
    """Start an agent on a host and return it once it runs.

    own: is given the process as soon as there is one, and closes it if the start is given up. log: is told what it
    complains of, as "server: ...". within: see command.command. Raises NoPythonError,
    LoginShellRefusedError, StartTimeoutError, SessionLimitError and ConnectionClosedError.
    """
    marker = secrets.token_hex(8)
    process = connection.start(command.command(marker, within=within), stdin=command.packed_program())
    own(process)
    words = Words(lambda line: log(f"server: {line}"))
    inbox = _Frames(f"{marker}\n".encode())
    process.follow(inbox, words, inbox.finish)
    if not inbox.begun.wait(START_TIMEOUT_SECS):
        process.close()
        raise StartTimeoutError(f"No Python answered within {START_TIMEOUT_SECS:.0f} s.")
    if inbox.is_over:
        status = process.wait(2.0)
        process.close()
        words.finish()
        if not connection.alive:
            raise ConnectionClosedError("The connection closed while the agent was started.")
        raise _no_agent(status, inbox.noise)
    return Agent(process, inbox, words)


def _no_agent(status: int | None, noise: bytes) -> StartError:
    if status == command.NO_PYTHON:
        return NoPythonError("No Python of version 3.6 or newer was found on the server.")
    said = noise.decode("utf-8", "replace").strip().splitlines()
    return LoginShellRefusedError(f"The login shell ran no command and said: {said[-1][:200] if said else 'nothing'}.")


class _Frames(Inbox[Part]):
    """Sorts an agent's frames. begun: set with the marker, or at the end if there is none. noise: what was printed
    before the marker.
    """

    def __init__(self, marker: bytes) -> None:
        super().__init__()
        self._marker: bytes | None = marker
        self.begun = threading.Event()
        self.noise = b""

    def _sort(self) -> None:
        if self._marker is not None and not self._past_noise(self._marker):
            return
        while len(self._received) >= HEAD.size:
            size, number, kind, packed = HEAD.unpack_from(self._received)
            if size > MAX_FRAME_BYTES:
                self._end()
                return
            end = HEAD.size + size
            if len(self._received) < end:
                return
            answers = self._waiting.get(number)
            if answers is not None:
                answers.put((kind, packed, bytes(self._received[HEAD.size : end])))
            del self._received[:end]

    def _past_noise(self, marker: bytes) -> bool:
        found = self._received.find(marker)
        if found < 0:
            del self._received[:-_NOISE_BYTES]
            return False
        del self._received[: found + len(marker)]
        self._marker = None
        self.begun.set()
        return True

    def _end(self) -> None:
        if self._marker is not None:
            self.noise = bytes(self._received)
        super()._end()
        self.begun.set()
