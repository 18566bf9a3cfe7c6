"""What is remembered of running sessions, so that a viewer that comes after one that died can take them back.

No secret is among it: a login that needed one waits for a person.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import filelock
import psutil

from runicorn.errors import InvalidTargetError
from runicorn.files import replace_file
from runicorn.remote.launch import Started
from runicorn.remote.session import Session, StartRequest
from runicorn.remote.target import Credentials, Target

logger = logging.getLogger(__name__)

LOCK_TIMEOUT_SECS = 5.0
MAX_BYTES = 1024 * 1024


@dataclass(frozen=True)
class Owner:
    """The viewer process that has a session. started_at: unix seconds, with pid its identity."""

    pid: int
    started_at: float

    @classmethod
    def this_process(cls) -> Owner:
        return cls(os.getpid(), psutil.Process().create_time())

    @property
    def lives(self) -> bool:
        try:
            process = psutil.Process(self.pid)
            return process.create_time() == self.started_at and process.status() != psutil.STATUS_ZOMBIE
        except psutil.Error:
            return False


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

        def change(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
            taken.extend(record for record in records if not Owner(**record["owner"]).lives)
            return [{**record, "owner": asdict(self._owner)} if record in taken else record for record in records]

        if self._path.exists():
            self._change(change)
        return taken

    def _change(self, change: Callable[[list[dict[str, Any]]], list[dict[str, Any]]]) -> None:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with filelock.FileLock(self._path.with_suffix(".lock"), timeout=LOCK_TIMEOUT_SECS):
                before = self._read()
                after = change(before)
                if after != before:
                    replace_file(self._path, json.dumps(after, indent=2).encode())
        except (OSError, filelock.Timeout) as error:
            logger.warning("the sessions could not be remembered in %s: %s", self._path, error)

    def _read(self) -> list[dict[str, Any]]:
        try:
            content = json.loads(self._path.read_bytes()[:MAX_BYTES])
        except (FileNotFoundError, ValueError):
            return []
        return [record for record in content if is_record(record)] if isinstance(content, list) else []


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
        "needs_person": bool(credentials.password or credentials.private_key or credentials.passphrase),
        "started_at": session.started_at,
        "remote": asdict(session.remote),
        "owner": asdict(owner),
    }


def from_record(record: dict[str, Any]) -> Session:
    """Return the session as it was left. Call it in the event loop."""
    target = Target.make(record["host"], record["port"], record["username"])
    credentials = Credentials(private_key_path=record["private_key_path"], use_agent=record["use_agent"])
    request = StartRequest(
        target,
        credentials,
        record["remote_root"],
        record["environment"],
        record["local_port"],
        record["asked_remote_port"],
    )
    return Session(
        record["session_id"],
        request,
        record["started_at"],
        remote=Started(**record["remote"]),
        found_again=True,
        needs_person=record["needs_person"],
    )


def is_record(value: Any) -> bool:
    """Whether this is a whole record: the file may be from another version, or edited."""
    kinds: dict[str, Any] = {
        "session_id": str,
        "host": str,
        "port": int,
        "username": str,
        "remote_root": str,
        "environment": (str, type(None)),
        "local_port": int,
        "asked_remote_port": (int, type(None)),
        "private_key_path": (str, type(None)),
        "use_agent": bool,
        "needs_person": bool,
        "started_at": (int, float),
    }
    if not isinstance(value, dict) or not all(isinstance(value.get(key), kind) for key, kind in kinds.items()):
        return False
    if not all(key in value for key in kinds):
        return False
    try:
        Target.make(value["host"], value["port"], value["username"])
        owner, remote = Owner(**value["owner"]), Started(**value["remote"])
    except (InvalidTargetError, TypeError, KeyError):
        return False
    numbers = (owner.pid, owner.started_at, remote.port, remote.pid, remote.started_at)
    return str(value["session_id"]).isalnum() and all(isinstance(number, (int, float)) for number in numbers)


def _without(records: list[dict[str, Any]], session_id: str) -> list[dict[str, Any]]:
    return [record for record in records if record["session_id"] != session_id]
