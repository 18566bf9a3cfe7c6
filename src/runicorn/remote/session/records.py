"""What is remembered of running sessions, so that a viewer that comes after one that died can take them back.

No secret of a login is among it: one that needed any waits for a person. What the session proves itself with to its
own viewer is, and ends with that one; so nobody else may read the file.
"""

from __future__ import annotations

import json
import logging
import platform
import re
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import filelock

from runicorn import processes
from runicorn.errors import InvalidTargetError
from runicorn.files import replace_file
from runicorn.loopback.proof import is_proof
from runicorn.processes import Presence, ProcessId
from runicorn.regular_files import read_regular
from runicorn.remote.server.launch import Started
from runicorn.remote.server.machine.jobs import Place
from runicorn.remote.session.session import Mode, Session, StartRequest
from runicorn.remote.trust.target import Credentials, Target

logger = logging.getLogger(__name__)

LOCK_TIMEOUT_SECS = 5.0
MAX_BYTES = 1024 * 1024
MAX_RECORDS = 500
MAX_CHARS = 4096
_UNUSABLE = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")  # control characters, and halves of others
MAX_PID = 2**31 - 1
MAX_TIME = 2**40  # unix seconds, some 35,000 years on


@dataclass(frozen=True)
class Owner:
    """The viewer process that has a session. host: the machine's name; pid, start and scope: as in ProcessId."""

    host: str
    pid: int
    start: int | None
    scope: str | None

    @classmethod
    def this_process(cls) -> Owner:
        mine = processes.this_process()
        return cls(platform.node(), mine.pid, mine.start, mine.scope)

    @property
    def lives(self) -> bool:
        """Whether it may live. What cannot be told, as on another machine with the same home, keeps its sessions."""
        if self.host != platform.node():
            return True
        if _boot(self.scope) != _boot(processes.scope()):
            return False  # this machine was started anew since
        return ProcessId(self.pid, self.start, self.scope).presence is not Presence.GONE


class SessionRecords:
    """The file of sessions, shared by all viewers of one Runicorn home. Blocking; called from worker threads.

    A file that cannot be read or written costs the taking back and nothing else, so no error leaves this class.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._owner = Owner.this_process()

    def keep(self, session: Session) -> None:
        """Remember a running session as this process's own."""
        record = to_record(session, self._owner)
        self._change(lambda records: [*_without(records, session.session_id), record])

    def forget(self, session_id: str) -> None:
        if self._path.exists():
            self._change(lambda records: _without(records, session_id))

    def take_over(self) -> list[dict[str, Any]]:
        """Return the records whose owner is no more, which are this process's own from now on."""
        taken: list[dict[str, Any]] = []

        def change(records: list[Any]) -> list[Any]:
            changed = []
            for record in records:
                if is_record(record) and not Owner(**record["owner"]).lives:
                    record = {**record, "owner": asdict(self._owner)}  # noqa: PLW2901
                    taken.append(record)
                changed.append(record)
            return changed

        if self._path.exists():
            self._change(change)
        return taken

    def _change(self, change: Callable[[list[Any]], list[Any]]) -> None:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with filelock.FileLock(self._path.with_suffix(".lock"), timeout=LOCK_TIMEOUT_SECS):
                before = self._read()
                after = change(before)
                if after != before:
                    replace_file(self._path, json.dumps(after[-MAX_RECORDS:], indent=2).encode())
        except (OSError, filelock.Timeout, ValueError, RecursionError) as error:
            logger.warning("the sessions could not be remembered in %s: %s", self._path, error)

    def _read(self) -> list[Any]:
        """Return all that the file holds. What makes no sense to this version may to another one, and is left alone."""
        try:
            content = json.loads(read_regular(self._path, MAX_BYTES))
        except FileNotFoundError:
            return []
        except (ValueError, RecursionError):
            content = None
        if isinstance(content, list):
            return content
        # Kept for whoever wants to know what happened: the next change would write over it.
        self._path.replace(self._path.with_suffix(".damaged"))
        return []


def to_record(session: Session, owner: Owner) -> dict[str, Any]:
    """Return all that is needed to find the session again, and no secret."""
    request, credentials = session.request, session.request.credentials
    assert session.remote is not None
    assert session.door is not None
    return {
        "session_id": session.session_id,
        "host": request.target.host,
        "port": request.target.port,
        "username": request.target.username,
        "remote_root": request.root,
        "environment": request.environment,
        "local_port": session.door.local_port,
        "asked_remote_port": request.remote_port,
        "private_key_path": credentials.private_key_path,
        "use_agent": credentials.use_agent,
        "jumps": None if credentials.jumps is None else list(credentials.jumps),
        "needs_person": bool(
            credentials.password or credentials.private_key or credentials.passphrase or session.typed
        ),
        "started_at": session.started_at,
        "asked_mode": session.request.mode.value,
        "mode": session.mode.value,
        "inside": None if request.inside is None else list(request.inside),
        "remote": asdict(session.remote),
        "owner": asdict(owner),
    }


def from_record(record: dict[str, Any]) -> Session:
    """Return the session as it was left. Call it in the event loop."""
    target = Target.make(record["host"], record["port"], record["username"])
    jumps = record.get("jumps")
    credentials = Credentials(
        private_key_path=record["private_key_path"],
        use_agent=record["use_agent"],
        jumps=None if jumps is None else tuple(jumps),
    )
    request = StartRequest(
        target,
        credentials,
        record["remote_root"],
        record["environment"],
        record["local_port"],
        record["asked_remote_port"],
        mode=Mode(record.get("asked_mode") or Mode.AUTO.value),
        inside=None if record.get("inside") is None else Place(*record["inside"]),
    )
    return Session(
        record["session_id"],
        request,
        record["started_at"],
        remote=Started(**record["remote"]),
        mode=Mode(record.get("mode") or Mode.VIEWER.value),
        found_again=True,
        lacks_secret=record["needs_person"],
    )


def is_record(value: Any) -> bool:
    """Whether this is a whole record that can be gone by: the file may be from another version, damaged or edited."""
    if not isinstance(value, dict):
        return False
    try:
        Target.make(value["host"], value["port"], value["username"])
        owner, remote = Owner(**value["owner"]), Started(**value["remote"])
    except (InvalidTargetError, TypeError, KeyError, AttributeError, ValueError):
        return False
    return (
        all(check(value.get(name)) for name, check in _FIELDS.items())
        and all(name in value for name in _FIELDS)
        and _is_none_or(_is_texts)(value.get("jumps"))  # which older records do not have
        and _is_none_or(_is_place)(value.get("inside"))
        and all(_is_none_or(_is_mode)(value.get(name)) for name in ("asked_mode", "mode"))  # nor these
        and _is_text(owner.host)
        and _is_pid(owner.pid)
        and _is_none_or(_is_whole)(owner.start)
        and _is_none_or(_is_text)(owner.scope)
        and _is_process(remote, value.get("mode"))
        and _is_text(remote.version)
        and _is_time(remote.started_at)
        and _is_none_or(is_proof)(remote.proof)
    )


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_port(value: Any) -> bool:
    return _is_whole(value) and 1 <= value <= 65535


def _is_process(remote: Started, mode: Any) -> bool:
    """Tell whether this is a viewer that listens; or what only reads, which does not, and of SFTP is not even known."""
    if mode not in (Mode.AGENT.value, Mode.SFTP.value):
        return _is_port(remote.port) and _is_pid(remote.pid)
    return _is_whole(remote.port) and remote.port == 0 and _is_whole(remote.pid) and 0 <= remote.pid <= MAX_PID


def _is_pid(value: Any) -> bool:
    return _is_whole(value) and 1 <= value <= MAX_PID


def _is_time(value: Any) -> bool:
    return (_is_whole(value) or isinstance(value, float)) and 0 <= value <= MAX_TIME


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= MAX_CHARS and not _UNUSABLE.search(value)


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(_is_text(each) for each in value)


def _is_place(value: Any) -> bool:
    return _is_texts(value) and len(value) == 2 and Place(*value).is_sound


def _is_mode(value: Any) -> bool:
    return value in [mode.value for mode in Mode]


def _is_none_or(check: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: value is None or check(value)


def _is_session_id(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch("[0-9a-zA-Z]{1,64}", value) is not None


_FIELDS: dict[str, Callable[[Any], bool]] = {
    "session_id": _is_session_id,
    "host": _is_text,
    "port": _is_port,
    "username": _is_text,
    "remote_root": _is_text,
    "environment": _is_none_or(_is_text),
    "local_port": _is_port,
    "asked_remote_port": _is_none_or(_is_port),
    "private_key_path": _is_none_or(_is_text),
    "use_agent": lambda value: isinstance(value, bool),
    "needs_person": lambda value: isinstance(value, bool),
    "started_at": _is_time,
}


def _boot(scope: str | None) -> str | None:
    """Return the id of the boot that a scope names."""
    return None if scope is None else scope.partition("/")[0]


def _without(records: list[Any], session_id: str) -> list[Any]:
    return [record for record in records if not isinstance(record, dict) or record.get("session_id") != session_id]
