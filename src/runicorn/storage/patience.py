"""Files that may never answer, as on a dead network disk: asked by threads that can be left behind.

A call into the system that hangs cannot be broken off, only be waited for no longer. So each of them is made by a
thread of its own; one that does not come back within its time is left where it is, whoever asked goes on with an error
in that place, and nobody else is sent to the same run until it has come back. What it brings then is kept for a moment,
for whoever asks the same again: a disk that is slow is not a dead one, and its answers are not to be lost.
"""

from __future__ import annotations

import errno
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Generic, TypeVar

from runicorn.storage import layout
from runicorn.storage.files import Files, FileStat, Range, found_or_raise

T = TypeVar("T")
Item = TypeVar("Item")

PATIENCE_SECS = 2.0
# Of one call, all that hangs together may take so long; what it had not come to by then is not asked for.
_PATIENCE_PER_CALL_SECS = 3.0
# A range is read in pieces, so that a slow disk is not taken for a dead one; in larger ones where a piece has just come
# within a tenth of the time that it may take, for what comes in one piece is not copied once more.
_PIECE_BYTES = 2 * 2**20
_LARGE_PIECE_BYTES = 4 * 2**20
_QUICK_PART = 0.1
_MAX_STUCK = 100
# So many threads at once ask for what lies in one run: were it to hang, no more would.
_MOST_IN_ONE_PLACE = 4
_FEW_ITEMS = 8
_IDLE_SECS = 20.0
_LATE_SECS = 30.0
_MAX_LATE, _MAX_LATE_BYTES = 24, 2 * 2**20


class UnansweredError(OSError):
    """A file or folder did not answer in time."""

    def __init__(self, path: str) -> None:
        super().__init__(errno.ETIMEDOUT, "its disk does not answer", path)


class PatientFiles(Files):
    """Files in front of others that may hang: every call comes back within seconds.

    patience_secs: how long one file is waited for.
    """

    def __init__(self, files: Files, *, patience_secs: float = PATIENCE_SECS) -> None:
        self.batch_bytes, self.pours = files.batch_bytes, files.pours
        self._files = files
        self._patience_secs = patience_secs
        self._crew = _Crew()
        self._piece_bytes = _PIECE_BYTES

    @property
    def is_metered(self) -> bool:
        return self._files.is_metered

    def names(self, path: str) -> list[str]:
        return found_or_raise(self._each("names", [path], str, self._files.names)[0])

    def look(self, folders: Sequence[str]) -> list[list[FileStat] | OSError]:
        return self._each("look", folders, _looked_into, self._files.list)

    def stats(self, paths: Sequence[str]) -> list[FileStat | OSError | None]:
        return self._each("stat", paths, str, self._files.stat)

    def fetch(self, ranges: Sequence[Range]) -> list[bytes | OSError]:
        size = self._piece_bytes
        pieces = [_pieces(each, size) for each in ranges]
        flat = [piece for each in pieces for piece in each]
        found = self._each("read", flat, lambda piece: piece.path, self._read)
        if any(isinstance(each, UnansweredError) for each in found):
            self._piece_bytes = _PIECE_BYTES
        came = iter(found)
        return [_together([next(came) for _ in each], size) for each in pieces]

    def pour(self, path: str, sizes: Iterable[int], take: Callable[[memoryview], bool]) -> None:
        """See Files. Each piece is waited for by itself; once one was waited for in vain, `take` is asked no more."""

        def taking(data: memoryview) -> bool:
            return errand.beat() and take(data)

        def ask(path: str) -> None:
            self._files.pour(path, sizes, taking)

        errand = _Errand(None, [path], str, ask, self._crew)
        found_or_raise(self._done(errand)[0])

    def inside(self, folder: str, path: str) -> str | None:
        return self._one(folder, lambda: self._files.inside(folder, path))

    def arriving(self) -> int:
        return self._files.arriving()

    def do(self, path: str, work: Callable[[], T]) -> T:
        """Return what `work` returns, which touches the files at a path in its own way. Raises OSError."""
        return self._one(path, work)

    @property
    def stuck(self) -> int:
        """How many threads are waiting for what does not answer."""
        return self._crew.stuck

    def close(self) -> None:
        """Wait for nothing any more: all who wait, and all who come, get an error."""
        self._crew.close()

    def _read(self, piece: Range) -> bytes:
        began = time.monotonic()
        data = self._files.read(*piece)
        if len(data) >= _PIECE_BYTES:
            is_quick = time.monotonic() - began < _QUICK_PART * self._patience_secs
            self._piece_bytes = _LARGE_PIECE_BYTES if is_quick else _PIECE_BYTES
        return data

    def _one(self, path: str, work: Callable[[], T]) -> T:
        return found_or_raise(self._each(None, [path], str, lambda _: work())[0])

    def _each(
        self, kind: str | None, items: Sequence[Item], path_of: Callable[[Item], str], ask: Callable[[Item], T]
    ) -> list[T | OSError]:
        """Return what `ask` gives for each. kind: of the question, for answers that come late; None to take none."""
        return self._done(_Errand(kind, items, path_of, ask, self._crew))

    def _done(self, errand: _Errand[Item, T]) -> list[T | OSError]:
        place = errand.only_place
        if place is not None and not self._crew.enter(place, self._patience_secs):
            errand.give_up()
            return errand.found
        try:
            self._run(errand)
        finally:
            if place is not None:
                self._crew.leave(place)
        if errand.raised is not None:
            raise errand.raised
        return errand.found

    def _run(self, errand: _Errand[Item, T]) -> None:
        left = _PATIENCE_PER_CALL_SECS
        while not errand.complete:
            if left <= 0 or not self._crew.send(errand):
                errand.give_up()
                return
            began = time.monotonic()
            if not errand.wait(min(self._patience_secs, left)):
                left -= time.monotonic() - began


def _pieces(wanted: Range, size: int) -> list[Range]:
    if wanted.length is None or wanted.length <= size:
        return [wanted]
    return [
        Range(wanted.path, wanted.start + at, min(size, wanted.length - at)) for at in range(0, wanted.length, size)
    ]


def _together(pieces: list[bytes | OSError], size: int) -> bytes | OSError:
    """Return one range out of its pieces; what comes after one that is short is not part of it."""
    whole: list[bytes] = []
    for piece in pieces:
        if isinstance(piece, OSError):
            return piece
        whole.append(piece)
        if len(piece) < size:
            break
    return whole[0] if len(whole) == 1 else b"".join(whole)


class _Errand(Generic[Item, T]):
    """A list of things to ask for, one after the other, by one thread at a time."""

    def __init__(
        self,
        kind: str | None,
        items: Sequence[Item],
        path_of: Callable[[Item], str],
        ask: Callable[[Item], T],
        crew: _Crew,
    ) -> None:
        self._kind = kind
        self._items = items
        self._path_of = path_of
        self._ask = ask
        self._crew = crew
        self._beats = 0
        self._turn = 0  # grows when a thread is left behind: it has no say any more
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self.found: list[T | OSError] = []
        self.raised: BaseException | None = None  # something that is no answer, such as a path with a zero byte

    @property
    def complete(self) -> bool:
        return len(self.found) == len(self._items)

    @property
    def only_place(self) -> str | None:
        """Where all of a few items lie; None where they are many, or lie in several places."""
        if not 0 < len(self._items) <= _FEW_ITEMS:
            return None
        places = {_place(self._path_of(item)) for item in self._items}
        return places.pop() if len(places) == 1 else None

    def beat(self) -> bool:
        """Tell, on its thread, that what is asked for comes in parts, of which one is here; return whether to go on."""
        self._beats += 1
        return not self.complete

    def run(self) -> str | None:
        """Ask for all that is left, on a thread of the crew. Return the place at which it was left behind."""
        # Ten thousand times in a listing: hence no property and no call that is not needed.
        items, found, lock, crew, ask = self._items, self.found, self._lock, self._crew, self._ask
        turn = self._turn
        answer: T | OSError
        while len(found) < len(items):
            item = items[len(found)]
            if crew.has_late and (late := crew.take_late((self._kind, item))) is not None:
                answer = late
            elif crew.has_stuck and crew.is_stuck_at(_place(self._path_of(item))):
                answer = UnansweredError(self._path_of(item))
            else:
                try:
                    answer = ask(item)
                except OSError as error:
                    answer = error
                except BaseException as error:  # noqa: BLE001 - handed over to who asked
                    self.raised = error
                    answer = OSError(errno.EINVAL, str(error), self._path_of(item))
            with lock:
                if self._turn == turn:
                    found.append(answer)
                    continue
            crew.keep_late((self._kind, item), answer)
            return _place(self._path_of(item))
        self.wake()
        return None

    def wait(self, patience_secs: float) -> bool:
        """Wait until all is found; False where the next thing did not come in time, which is an error then."""
        with self._changed:
            count, beats, since = len(self.found), self._beats, time.monotonic()
            while not self.complete:
                self._changed.wait(patience_secs / 4)
                now = time.monotonic()
                if self._crew.closed:
                    self._turn += 1
                    self._fill()
                elif (len(self.found), self._beats) != (count, beats):
                    count, beats, since = len(self.found), self._beats, now
                elif now - since >= patience_secs:
                    self._turn += 1
                    path = self._path_of(self._items[count])
                    self._crew.left_behind(_place(path))
                    self.found.append(UnansweredError(path))
                    return False
        return True

    def give_up(self) -> None:
        with self._changed:
            self._turn += 1
            self._fill()

    def wake(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def _fill(self) -> None:
        for item in self._items[len(self.found) :]:
            self.found.append(UnansweredError(self._path_of(item)))


class _Crew:
    """The threads that ask: as many as are needed, kept for a while, and those that were left behind."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._idle: list[_Member] = []
        self._stuck: dict[str, int] = {}
        self._errands: set[_Errand] = set()  # type: ignore[type-arg]
        self._asking: dict[str, int] = {}  # callers by place
        self._late: dict[Any, tuple[Any, float]] = {}
        self._left = threading.Condition(self._lock)
        self.closed = False

    def enter(self, place: str, patience_secs: float) -> bool:
        """Wait until few others ask for the same place; False where that takes too long."""
        ends_at = time.monotonic() + patience_secs
        with self._left:
            while self._asking.get(place, 0) >= _MOST_IN_ONE_PLACE:
                if self.closed or not self._left.wait(ends_at - time.monotonic()):
                    return False
            self._asking[place] = self._asking.get(place, 0) + 1
        return True

    def leave(self, place: str) -> None:
        with self._left:
            self._asking[place] -= 1
            if not self._asking[place]:
                del self._asking[place]
            self._left.notify_all()

    @property
    def stuck(self) -> int:
        with self._lock:
            return sum(self._stuck.values())

    @property
    def has_stuck(self) -> bool:
        return bool(self._stuck)

    def is_stuck_at(self, place: str) -> bool:
        return place in self._stuck

    @property
    def has_late(self) -> bool:
        return bool(self._late)

    def keep_late(self, question: tuple[str | None, Any], answer: Any) -> None:
        """Keep an answer that nobody waits for any more, if it is none of an error or of a lot of memory."""
        if question[0] is None or isinstance(answer, OSError):
            return
        if isinstance(answer, bytes) and len(answer) > _MAX_LATE_BYTES:
            return
        with self._lock:
            self._late[question] = (answer, time.monotonic())
            while len(self._late) > _MAX_LATE or time.monotonic() - next(iter(self._late.values()))[1] > _LATE_SECS:
                del self._late[next(iter(self._late))]

    def take_late(self, question: tuple[str | None, Any]) -> Any:
        """Return what came late of an answer to this question; None where nothing did, or it is too old."""
        with self._lock:
            answer, came_at = self._late.pop(question, (None, 0.0))
        return answer if time.monotonic() - came_at <= _LATE_SECS else None

    def left_behind(self, place: str) -> None:
        with self._lock:
            self._stuck[place] = self._stuck.get(place, 0) + 1

    def came_back(self, place: str) -> None:
        with self._lock:
            left = self._stuck.pop(place, 1) - 1  # at the end, nobody is left behind by name
            if left:
                self._stuck[place] = left

    def send(self, errand: _Errand) -> bool:  # type: ignore[type-arg]
        """Let a thread run the errand; False where too many wait for what does not answer."""
        with self._lock:
            if self.closed or sum(self._stuck.values()) >= _MAX_STUCK:
                return False
            self._errands.add(errand)
            member = self._idle.pop() if self._idle else None
        if member is None:
            member = _Member(self)
        member.give(errand)
        return True

    def done(self, member: _Member, errand: _Errand, place: str | None) -> None:  # type: ignore[type-arg]
        with self._lock:
            self._errands.discard(errand)
            self._idle.append(member)
        if place is not None:
            self.came_back(place)

    def leaves(self, member: _Member) -> bool:
        """Let an idle thread go; False where it was given something in this moment."""
        with self._lock:
            if member not in self._idle:
                return False
            self._idle.remove(member)
            return True

    def close(self) -> None:
        with self._lock:
            self.closed = True
            self._left.notify_all()
            errands, idle = list(self._errands), list(self._idle)
        for errand in errands:
            errand.wake()
        for member in idle:
            member.wake()


class _Member:
    """One thread. Daemonic, as nothing can end it while it hangs."""

    def __init__(self, crew: _Crew) -> None:
        self._crew = crew
        self._given = threading.Event()
        self._errand: _Errand | None = None  # type: ignore[type-arg]
        threading.Thread(target=self._work, name="runicorn-files", daemon=True).start()

    def give(self, errand: _Errand) -> None:  # type: ignore[type-arg]
        self._errand = errand
        self._given.set()

    def wake(self) -> None:
        self._given.set()

    def _work(self) -> None:
        while True:
            came = self._given.wait(_IDLE_SECS)
            self._given.clear()  # before the look at what was given, or it could be overlooked
            errand, self._errand = self._errand, None
            if errand is not None:
                place = errand.run()
                self._crew.done(self, errand, place)
                del errand
            elif (not came or self._crew.closed) and self._crew.leaves(self):
                return


def _looked_into(folder: str) -> str:
    """Return a path for looking into a folder: into that of all runs, it hangs where one of them does."""
    return f"{folder}/*" if folder == layout.RUNS else folder


def _place(path: str) -> str:
    """Return what hangs together: a run's folder with all in it, or the first part of a path."""
    first, _, rest = path.partition("/")
    return f"{first}/{rest.partition('/')[0]}" if first == layout.RUNS and rest else first
