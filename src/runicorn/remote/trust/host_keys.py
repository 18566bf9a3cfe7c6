"""The managed known_hosts file: read, lock, replace atomically. Only a person's answer ever writes to it."""

from __future__ import annotations

import contextlib
import hmac
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import filelock

from runicorn.errors import InvalidHostKeyError, InvalidTargetError, KnownHostsFileError
from runicorn.files import replace_file, sweep_temporaries
from runicorn.regular_files import read_regular
from runicorn.remote.trust import known_hosts
from runicorn.remote.trust.known_hosts import Entry, HostKey
from runicorn.remote.trust.target import Target

LOCK_TIMEOUT_SECS = 10.0
MAX_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True)
class KnownHost:
    """An accepted key as it is listed: host and port apart, and the field that the file holds."""

    host: str
    port: int
    known_hosts_host: str
    key: HostKey


class HostKeyFile:
    """The known_hosts file in Runicorn's own folder. Safe under many processes; each change is all or nothing."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def entries(self) -> list[Entry]:
        """Return what the file holds now. Raises KnownHostsFileError if it cannot be read."""
        return known_hosts.parse(self._read())

    def listed(self) -> list[KnownHost]:
        """Return the plain entries that name one host each."""
        hosts = []
        for entry in self.entries():
            if entry.marker or any(char in entry.names for char in "|*?!,"):
                continue
            host, port = _split_name(entry.names)
            hosts.append(KnownHost(host, port, entry.names, entry.key))
        return hosts

    def accept(self, host: str, port: int, key_type: str, public_key: str, fingerprint_sha256: str) -> None:
        """Write a key that a person compared and accepted, in place of the host's old one of the same type.

        Raises InvalidHostKeyError, and writes nothing, if the parts do not belong together.
        """
        name = _valid_name(host, port)
        key = known_hosts.parse_public_key(public_key)
        if key.key_type != key_type or key_type not in known_hosts.KEY_TYPE_ORDER:
            raise InvalidHostKeyError(f"The key is {key.key_type}, not {key_type[:64]!r}.")
        if not hmac.compare_digest(key.fingerprint_sha256.encode(), fingerprint_sha256.encode()):
            raise InvalidHostKeyError("The fingerprint does not belong to the key.")
        with self._locked():
            self._write(known_hosts.add(self._read(), name, key))

    def remove(self, host: str, port: int, key_type: str) -> bool:
        """Take out the host's key of this type. Returns whether there was one."""
        name = _valid_name(host, port)
        with self._locked():
            text, changed = known_hosts.remove(self._read(), name, key_type)
            if changed:
                self._write(text)
        return changed

    def _read(self) -> str:
        try:
            return read_regular(self.path, MAX_BYTES).decode("utf-8", "replace")
        except FileNotFoundError:
            return ""
        except OSError as error:
            raise KnownHostsFileError(f"{self.path} cannot be read: {error.strerror}.") from error

    def _write(self, text: str) -> None:
        """Call it with the lock held: then whatever temporary file is there belongs to nobody any more."""
        with contextlib.suppress(OSError):
            sweep_temporaries(self.path)
        try:
            replace_file(self.path, text.encode(), mode=0o600)
        except OSError as error:
            raise KnownHostsFileError(f"{self.path} cannot be written: {error.strerror}.") from error

    def _locked(self) -> Any:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise KnownHostsFileError(f"{self.path.parent} cannot be made: {error.strerror}.") from error
        return _Lock(self.path.with_suffix(".lock"))


class _Lock:
    """filelock's lock, with our errors. The operating system releases it when its owner is killed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = filelock.FileLock(path, timeout=LOCK_TIMEOUT_SECS)

    def __enter__(self) -> None:
        try:
            self._lock.acquire()
        except filelock.Timeout as error:
            raise KnownHostsFileError(
                f"{self._path} was held by another process for {LOCK_TIMEOUT_SECS:.0f} s."
            ) from error
        except OSError as error:
            raise KnownHostsFileError(f"{self._path} cannot be locked: {error.strerror}.") from error

    def __exit__(self, *exc_info: object) -> None:
        self._lock.release()


def _valid_name(host: str, port: int) -> str:
    try:
        return Target.make(host, port, "user").known_hosts_host
    except InvalidTargetError as error:
        raise InvalidHostKeyError(error.detail) from None


def _split_name(name: str) -> tuple[str, int]:
    if name.startswith("[") and "]:" in name:
        host, _, port = name[1:].rpartition("]:")
        if port.isdigit():
            return host, int(port)
    return name, 22
